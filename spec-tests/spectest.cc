#include "spec-tests/spectest.h"

#include <bit>

namespace lr::spec {

namespace {

HostStatus print_nothing(Caller&, const HostFunction&, u64*) { return HostStatus::Done; }

constexpr HostFunction printer(std::span<const ValType> types, std::string_view name,
                               std::string_view words, std::span<const WordKind> kinds) {
  HostFunction function;
  function.module = "spectest";
  function.name = name;
  function.words = words;
  function.permission = Permission::None;
  function.params = types;
  function.kinds = kinds;
  function.body = &print_nothing;
  return function;
}

constexpr std::array kInt = {kI32};
constexpr std::array kLong = {kI64};
constexpr std::array kFloat = {kF32};
constexpr std::array kDouble = {kF64};
constexpr std::array kIntFloat = {kI32, kF32};
constexpr std::array kDoubles = {kF64, kF64};

constexpr std::array kIntWord = {WordKind::I32};
constexpr std::array kLongWord = {WordKind::I64};
constexpr std::array kFloatWord = {WordKind::F32};
constexpr std::array kDoubleWord = {WordKind::F64};
constexpr std::array kIntFloatWords = {WordKind::I32, WordKind::F32};
constexpr std::array kDoubleWords = {WordKind::F64, WordKind::F64};

const HostFunction kFunctions[] = {
    printer({}, "print", "", {}),
    printer(kInt, "print_i32", "value", kIntWord),
    printer(kLong, "print_i64", "value", kLongWord),
    printer(kFloat, "print_f32", "value", kFloatWord),
    printer(kDouble, "print_f64", "value", kDoubleWord),
    printer(kIntFloat, "print_i32_f32", "i f", kIntFloatWords),
    printer(kDoubles, "print_f64_f64", "a b", kDoubleWords),
};

}  // namespace

Status add_spectest_functions(HostLinker& linker) { return linker.add(kFunctions); }

Status add_spectest_things(jit::ProcessStore& store, InstanceLinker& linker) {
  const auto add_global = [&](const char* name, ValType type, u64 bits) {
    jit::Cell cell;
    cell.bits = bits;
    linker.add("spectest", name, jit::Extern::of(store.add_global({type, false}, cell)));
  };
  add_global("global_i32", kI32, 666);
  add_global("global_i64", kI64, 666);
  add_global("global_f32", kF32, std::bit_cast<u32>(666.6f));
  add_global("global_f64", kF64, std::bit_cast<u64>(666.6));

  for (const bool is_64 : {false, true}) {
    Limits limits;
    limits.min = 10;
    limits.max = 20;
    limits.is_64 = is_64;
    jit::Table* const table = TRY(store.add_table({kFuncRef, limits}, 0));
    linker.add("spectest", is_64 ? "table64" : "table", jit::Extern::of(table));
  }
  MemoryType memory;
  memory.limits.min = 1;
  memory.limits.max = 2;
  linker.add("spectest", "memory", jit::Extern::of(TRY(store.add_memory(memory))));
  memory.limits.is_shared = true;
  linker.add("spectest", "shared_memory", jit::Extern::of(TRY(store.add_memory(memory))));
  return ok_status();
}

}  // namespace lr::spec
