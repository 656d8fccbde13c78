// The types of WebAssembly 3.0 (specification section 2.3 "Types") as the engine keeps them:
// defined types are canonical for the whole engine, so that equality is one integer compare.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace lr {

// Index of a defined type in the engine-wide registry: two types are the same iff their ids are.
// Ids are dense, start at 0, and are never reused while any module that uses them is alive.
using TypeId = u32;
inline constexpr TypeId kNoType = 0xff'ffff;  // Ids fit 24 bits.

enum class Kind : u8 { I32, I64, F32, F64, V128, Ref, I8, I16, Bottom };

// Abstract heap types, and `Defined` for a TypeId.
enum class Heap : u8 {
  Func,
  NoFunc,
  Extern,
  NoExtern,
  Any,
  Eq,
  I31,
  Struct,
  Array,
  None,
  Exn,
  NoExn,
  Bottom,
  Defined
};

// A value type (or a packed storage type) in 8 bytes that compare as one integer.
struct ValType {
  Kind kind = Kind::Bottom;
  Heap heap = Heap::Bottom;  // Meaningful for Ref only.
  bool nullable = false;     // Meaningful for Ref only.
  bool exact = false;        // Meaningful for Ref to a Defined type (custom descriptors).
  TypeId type = 0;           // Meaningful when heap is Defined.

  constexpr bool operator==(const ValType&) const = default;
  constexpr bool is_ref() const { return kind == Kind::Ref; }
  constexpr bool is_float() const { return kind == Kind::F32 || kind == Kind::F64; }
  constexpr bool is_int() const { return kind == Kind::I32 || kind == Kind::I64; }
  // Lives in a vector register: floats and v128.
  constexpr bool is_vector_class() const { return is_float() || kind == Kind::V128; }
  constexpr bool is_64_bit() const {
    return kind == Kind::I64 || kind == Kind::F64 || kind == Kind::Ref;
  }
};
static_assert(sizeof(ValType) == 8);

inline constexpr ValType kI32{Kind::I32};
inline constexpr ValType kI64{Kind::I64};
inline constexpr ValType kF32{Kind::F32};
inline constexpr ValType kF64{Kind::F64};
inline constexpr ValType kV128{Kind::V128};
inline constexpr ValType kBottom{Kind::Bottom};
constexpr ValType ref_to(Heap heap, bool nullable) { return {Kind::Ref, heap, nullable}; }
constexpr ValType ref_to(TypeId type, bool nullable) {
  return {Kind::Ref, Heap::Defined, nullable, false, type};
}
inline constexpr ValType kFuncRef = ref_to(Heap::Func, true);
inline constexpr ValType kExternRef = ref_to(Heap::Extern, true);

// "i32", "(ref null func)", "funcref", ...
std::string name_of(ValType type);
// "func", "i31", ...; "type" for Defined.
std::string_view name_of(Heap heap);

struct FieldType {
  ValType type;
  bool is_mutable = false;
  constexpr bool operator==(const FieldType&) const = default;
};

enum class Composite : u8 { Func, Struct, Array };

// A defined type, seen through the registry. Spans stay valid as long as the type does.
struct DefinedType {
  Composite composite = Composite::Func;
  bool is_final = true;
  TypeId supertype = kNoType;
  TypeId descriptor = kNoType;        // custom-descriptors: (descriptor $t)
  TypeId describes = kNoType;         // custom-descriptors: (describes $t)
  u32 depth = 0;                      // Number of supertypes; the length of the display minus one.
  std::span<const ValType> params;    // Func
  std::span<const ValType> results;   // Func
  std::span<const FieldType> fields;  // Struct; Array has exactly one
  std::span<const TypeId> display;    // display[i] = the supertype at depth i; last is itself.
  // Struct: where each field is in an object, as offset from its start, and the object's size, a
  // multiple of 16. The fields of a supertype are where it has them.
  std::span<const u32> offsets;
  u32 size_bytes = 0;
  u32 descriptor_offset = 0;  // Of the reference to its descriptor, if it has one.
};

// An object begins with its type; an array's length and a structure's first fields follow.
inline constexpr u32 kObjectTypeBytes = 4;

// Bytes of a value, or of a packed one, in an object.
constexpr u32 storage_bytes(Kind kind) {
  switch (kind) {
    case Kind::I8:
      return 1;
    case Kind::I16:
      return 2;
    case Kind::I32:
    case Kind::F32:
      return 4;
    case Kind::V128:
      return 16;
    default:
      return 8;
  }
}

}  // namespace lr
