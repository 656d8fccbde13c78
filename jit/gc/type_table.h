// TypeTable: what machine code and the collector ask of a type, one row of 64 bytes for each type
// of the engine, at the offset that an object's type word is. A cast to a type at depth d loads the
// object's type word and compares display[d] of that row: no bound to check, since a row's display
// is longer than any type's or filled with zeros, which are no type's word.
//
// One table for the whole program, as the types are. Rows are written before any code that could
// read them runs; equal rows are not written again. Reserved at first use.
#pragma once

#include <memory>
#include <unordered_map>

#include "frontend/module.h"
#include "jit/gc/object.h"

namespace lr::jit::gc {

inline constexpr u32 kShallowDepth = 8;  // Supertypes that stand in the row itself.
inline constexpr u32 kDepthMax = 64;

enum class Shape : u8 { None, Struct, Array, Func, Exception };

struct TypeRow {
  u32 display[kShallowDepth];  // Type words of the supertypes and the type itself, by depth.
  const u32* deep;             // The same with room for kDepthMax; never null in a used row.
  // Structure: bit i is set if the word at 8 * i may refer to an object. Array: not 0 if elements
  // may.
  u64 references;
  u32 size_bytes;   // Structure: of an object.
  u8 element_log2;  // Array.
  Shape shape;
  bool is_large;  // Structure: there are more references beyond bit 63.
  u8 unused;
  u64 reserved;
};
static_assert(sizeof(TypeRow) == 1 << kTypeWordShift);

class TypeTable {
 public:
  // Null when the system refuses the addresses.
  static TypeTable* get();

  // Writes the rows of the module's types, which it keeps alive.
  void add(const Module& module);

  const TypeRow* rows() const { return rows_; }
  const TypeRow& row(u32 type_word) const {
    return *reinterpret_cast<const TypeRow*>(reinterpret_cast<const u8*>(rows_) + type_word);
  }

  // Bytes of an object, a multiple of 16.
  u64 size_of(const Object& object) const {
    const TypeRow& type = row(object.type);
    return type.shape == Shape::Struct ? type.size_bytes
                                       : array_bytes(object.length, type.element_log2);
  }

 private:
  TypeTable() = default;
  void add(TypeId id);

  TypeRow* rows_ = nullptr;
  std::unordered_map<TypeId, std::unique_ptr<u32[]>> deep_;  // What the rows lead to.
};

// May a value of the type be the address of an object?
bool may_refer(ValType type);

}  // namespace lr::jit::gc
