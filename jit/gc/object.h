// Objects as machine code, helpers and the collector see them. An object lies at a multiple of 16
// and never moves:
//
//   structure   u32 type word | fields, each at DefinedType::offsets
//   array       u32 type word | u32 length | elements
//   exception   u32 type word | u32 words that follow | tag, payload
//
// The type word says which of the engine's types it is: the offset of its row in the TypeTable. It
// is never 0, so that what follows the newest object is known to be none.
//
// A reference is 8 bytes: 0 (null), an object's address, an i31 (bit 0 set) or a value of the host
// (bits 10). Function references are addresses too, but nothing that may be an object is one.
#pragma once

#include <bit>

#include "base/types.h"
#include "frontend/types.h"

namespace lr::jit::gc {

inline constexpr u64 kGranule = 16;
inline constexpr i32 kTypeWordOffset = 0;
inline constexpr i32 kLengthOffset = 4;
inline constexpr i32 kElementsOffset = 8;

inline constexpr u64 kTagMask = 3;
inline constexpr u64 kI31Tag = 1;  // In bit 0 alone.
inline constexpr u64 kHostTag = 2;

constexpr u64 host_reference(u64 number) { return number << 2 | kHostTag; }
constexpr u64 i31_reference(u32 value) { return static_cast<u32>(value << 1 | 1); }
constexpr bool is_i31(u64 ref) { return (ref & kI31Tag) != 0; }
constexpr bool is_host(u64 ref) { return (ref & kTagMask) == kHostTag; }
// `ref` is of the hierarchy of `any`, or external.
constexpr bool is_object(u64 ref) { return ref != 0 && (ref & kTagMask) == 0; }

inline constexpr u32 kTypeWordShift = 6;
constexpr u32 type_word(TypeId id) { return (id + 1) << kTypeWordShift; }
constexpr TypeId type_of_word(u32 word) { return (word >> kTypeWordShift) - 1; }

// Of exceptions (jit/exception.h), which have no type: arrays of words that may be anything.
inline constexpr u32 kExceptionTypeWord = type_word(kNoType);

constexpr u64 round_up(u64 bytes) { return (bytes + kGranule - 1) & ~(kGranule - 1); }

struct Object {
  u32 type;
  u32 length;  // Array

  u8* bytes() { return reinterpret_cast<u8*>(this); }
  u8* elements() { return bytes() + kElementsOffset; }
};

inline Object* object_of(u64 ref) { return reinterpret_cast<Object*>(ref); }
inline u64 ref_of(const Object* object) { return reinterpret_cast<u64>(object); }

constexpr u32 element_log2(Kind kind) {
  return static_cast<u32>(std::countr_zero(storage_bytes(kind)));
}
constexpr u64 array_bytes(u64 length, u32 log2) {
  return round_up(static_cast<u64>(kElementsOffset) + (length << log2));
}

}  // namespace lr::jit::gc
