#include "spec-tests/fuzz/reference.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/type_registry.h"
#include "spec-tests/fuzz/constants.h"
#include "spec-tests/fuzz/module_plan.h"
#include "spec-tests/interpreter/store.h"

namespace lr::fuzz {

namespace {

using interp::Value;

constexpr u64 kInstructionsMax = 20'000'000;
constexpr u64 kHeapBytesMax = 64 * kMiB;
constexpr const char* kNoOpinion = "no opinion";
constexpr const char* kTooLarge = "too much memory";

// The functions of the module "host".
struct Host {
  u64 log = 0;
};

interp::Trap host_mix(void* state, std::span<const Value> args, std::span<Value> results) {
  Host& host = *static_cast<Host*>(state);
  u64 hash = (args[0].low & 0xffff'ffff) * 31 + args[1].low;
  hash ^= canonical_bits(Kind::F64, args[2].low);
  hash += canonical_bits(Kind::F32, args[3].low) << 7;
  host.log = host.log * 1'000'003 + hash;
  results[0] = Value::of(hash);
  return interp::Trap::None;
}

interp::Trap host_tick(void* state, std::span<const Value>, std::span<Value>) {
  Host& host = *static_cast<Host*>(state);
  host.log = host.log * 1'000'003 + 1;
  return interp::Trap::None;
}

class Run {
 public:
  explicit Run(const std::shared_ptr<const Module>& module)
      : module_(module),
        store_({.fuel = kInstructionsMax, .calls_max = 5'000, .heap_bytes_max = kHeapBytesMax}) {}

  Outcome run() {
    std::vector<interp::Extern> imports;
    for (const Import& import : module_->imports) {
      if (import.kind != ExternKind::Func) {
        no_opinion_ = kNoOpinion;
        return no_opinion();
      }
      interp::HostFunction host;
      host.type = module_->functions[import.index].type;
      host.body = import.name == "mix" ? host_mix : host_tick;
      host.state = &host_;
      imports.push_back({.kind = ExternKind::Func, .func = store_.add_func(host)});
    }
    auto made = store_.instantiate(module_, imports);
    if (!made.ok()) {
      outcome_.refused = made.error().message();
      return outcome_;
    }
    if (!made->outcome.returned()) {
      CallOutcome start;
      end(made->outcome, start);
      if (no_opinion_ != nullptr) return no_opinion();
      outcome_.refused = start.trap;
      return outcome_;
    }
    instance_ = made->instance;
    call_exports();
    if (no_opinion_ != nullptr) return no_opinion();
    look_at_globals();
    look_at_tables();
    look_at_memories();
    outcome_.host_log = host_.log;
    return outcome_;
  }

 private:
  Outcome no_opinion() const {
    Outcome outcome;
    outcome.refused = no_opinion_;
    return outcome;
  }

  void call_exports() {
    const auto fuel = instance_->find_export("fuel");
    for (u32 f = 0; const Export& each : module_->exports) {
      if (!is_called(*module_, each)) continue;
      const auto found = instance_->find_export(each.name);
      const DefinedType& type = defined_type(found->func->type);
      for (u32 round = 0; round < kRounds; round++) {
        if (fuel) fuel->global->value = Value::of(kFuel);
        std::vector<Value> args;
        for (u32 i = 0; i < type.params.size(); i++) {
          args.push_back(
              Value::of(argument(static_cast<u32>(type.params[i].kind), round * 5 + i + f)));
        }
        call(*found->func, type, args);
      }
      f++;
    }
  }

  void call(interp::FuncInst& func, const DefinedType& type, std::span<const Value> args) {
    std::vector<Value> results;
    const interp::Outcome ended = store_.invoke(func, args, results);
    CallOutcome& call = outcome_.calls.emplace_back();
    end(ended, call);
    if (!ended.returned()) return;
    for (usize i = 0; i < results.size(); i++) {
      call.values.push_back(canonical_bits(type.results[i].kind, results[i].low));
    }
  }

  void end(const interp::Outcome& ended, CallOutcome& call) {
    switch (ended.kind) {
      case interp::Outcome::Kind::Returned:
        break;
      case interp::Outcome::Kind::Trapped:
        call.trap = interp::text_of(ended.trap);
        if (ended.trap == interp::Trap::OutOfMemory) no_opinion_ = kTooLarge;
        break;
      case interp::Outcome::Kind::Thrown:
        call.trap = "unhandled exception";
        break;
      case interp::Outcome::Kind::OutOfFuel:
        no_opinion_ = kNoOpinion;
        break;
    }
  }

  u64 plain_reference(const ValType& type, interp::Ref ref) const {
    if (ref == interp::kNull) return 0;
    const bool is_function = top_of(type) == Heap::Func;
    if (!is_function) return interp::is_i31(ref) ? ref : 2;
    const interp::FuncInst& func = interp::func_of(ref);
    return func.module == instance_ ? 0x100 + func.index : 4;
  }

  void look_at_globals() {
    for (const interp::GlobalInst* global : instance_->globals) {
      const ValType& type = global->type.type;
      outcome_.globals.push_back(type.is_ref() ? plain_reference(type, global->value.low)
                                               : canonical_bits(type.kind, global->value.low));
      outcome_.globals.push_back(type.kind == Kind::V128 ? global->value.high : 0);
    }
  }

  void look_at_tables() {
    for (const interp::TableInst* table : instance_->tables) {
      std::vector<u64>& elements = outcome_.tables.emplace_back();
      for (const interp::Ref ref : table->elements) {
        elements.push_back(plain_reference(table->type.element, ref));
      }
    }
  }

  void look_at_memories() {
    for (const interp::MemInst* memory : instance_->memories) {
      MemoryOutcome& made = outcome_.memories.emplace_back();
      made.pages = memory->size_pages();
      made.bytes.assign(memory->data(), memory->data() + memory->size_bytes());
    }
  }

  std::shared_ptr<const Module> module_;
  interp::Store store_;
  Host host_;
  interp::ModuleInst* instance_ = nullptr;
  Outcome outcome_;
  const char* no_opinion_ = nullptr;  // Why.
};

}  // namespace

Outcome run_reference(const std::shared_ptr<const Module>& module) { return Run(module).run(); }

bool is_too_large(const Outcome& reference) { return reference.refused == kTooLarge; }

std::string difference_from_reference(Outcome reference, const Outcome& actual) {
  if (reference.refused == kNoOpinion) return "";
  for (usize i = 0; i < reference.calls.size() && i < actual.calls.size(); i++) {
    std::string& trap = reference.calls[i].trap;
    if (trap.starts_with("null") && actual.calls[i].trap.starts_with("null")) {
      trap = actual.calls[i].trap;
    }
  }
  // What comes behind is a detail.
  if (!reference.refused.empty() && actual.refused.starts_with(reference.refused)) return "";
  std::string differs = difference(reference, actual);
  for (usize i = 0; i < reference.memories.size() && differs.empty(); i++) {
    const MemoryOutcome& expected = reference.memories[i];
    const MemoryOutcome& found = actual.memories[i];
    if (expected.pages != found.pages) {
      return fmt::format("memory {} has {} pages, not {}", i, found.pages, expected.pages);
    }
    if (std::ranges::equal(expected.bytes, found.bytes)) continue;
    const auto [in_expected, in_found] = std::ranges::mismatch(expected.bytes, found.bytes);
    return fmt::format("memory {} at {:#x}: {:#x}, not {:#x}", i, in_found - found.bytes.begin(),
                       *in_found, *in_expected);
  }
  return differs;
}

}  // namespace lr::fuzz
