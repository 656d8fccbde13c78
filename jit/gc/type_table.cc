#include "jit/gc/type_table.h"

#include <sys/mman.h>

#include <cstring>
#include <mutex>

#include "frontend/type_registry.h"

namespace lr::jit::gc {

namespace {

constexpr u64 kTableBytes = u64{kNoType + 2} << kTypeWordShift;
constexpr u32 kNoDeepWords[kDepthMax] = {};

std::mutex rows_mutex;

void describe_struct(const DefinedType& type, TypeRow& row) {
  row.shape = Shape::Struct;
  row.size_bytes = type.size_bytes;
  const auto add = [&](u32 offset) {
    const u32 word = offset / 8;
    if (word < 64) {
      row.references |= u64{1} << word;
    } else {
      row.is_large = true;
    }
  };
  for (usize i = 0; i < type.fields.size(); i++) {
    if (may_refer(type.fields[i].type)) add(type.offsets[i]);
  }
  if (type.descriptor != kNoType) add(type.descriptor_offset);
}

}  // namespace

bool may_refer(ValType type) { return type.is_ref() && top_of(type) != Heap::Func; }

TypeTable* TypeTable::get() {
  static TypeTable* const table = []() -> TypeTable* {
    void* memory = mmap(nullptr, kTableBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    auto* made = new TypeTable;
    made->rows_ = static_cast<TypeRow*>(memory);
    TypeRow& exceptions = made->rows_[kExceptionTypeWord >> kTypeWordShift];
    exceptions.deep = kNoDeepWords;
    exceptions.shape = Shape::Exception;
    exceptions.element_log2 = 3;
    return made;
  }();
  return table;
}

void TypeTable::add(const Module& module) {
  const std::lock_guard lock(rows_mutex);
  for (const TypeId id : module.types) add(id);
}

void TypeTable::add(TypeId id) {
  const DefinedType& type = defined_type(id);
  TypeRow row{};
  row.deep = kNoDeepWords;
  for (u32 depth = 0; depth <= type.depth && depth < kShallowDepth; depth++) {
    row.display[depth] = type_word(type.display[depth]);
  }
  switch (type.composite) {
    case Composite::Func:
      row.shape = Shape::Func;
      break;
    case Composite::Struct:
      describe_struct(type, row);
      break;
    case Composite::Array:
      row.shape = Shape::Array;
      row.element_log2 = static_cast<u8>(element_log2(type.fields[0].type.kind));
      row.references = may_refer(type.fields[0].type) ? 1 : 0;
      break;
  }
  TypeRow& old = rows_[id + 1];
  if (type.depth >= kShallowDepth) {
    u32 words[kDepthMax] = {};
    for (u32 depth = 0; depth <= type.depth; depth++) words[depth] = type_word(type.display[depth]);
    std::unique_ptr<u32[]>& deep = deep_[id];
    if (deep == nullptr || std::memcmp(deep.get(), words, sizeof words) != 0) {
      // The type that had this id before is gone, and with it everybody who could read its words.
      deep = std::make_unique<u32[]>(kDepthMax);
      std::memcpy(deep.get(), words, sizeof words);
    }
    row.deep = deep.get();
  } else {
    deep_.erase(id);
  }
  if (std::memcmp(&old, &row, sizeof row) != 0) old = row;
}

}  // namespace lr::jit::gc
