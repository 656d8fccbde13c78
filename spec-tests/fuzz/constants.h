// Numbers at which engines go wrong.
#pragma once

#include "base/types.h"
#include "spec-tests/fuzz/choices.h"

namespace lr::fuzz {

u64 pick_i32(Choices& choices);  // Zero-extended.
u64 pick_i64(Choices& choices);
u64 pick_f32(Choices& choices);  // Bits.
u64 pick_f64(Choices& choices);

// The argument number `n` of type i32, i64, f32 or f64 (0 to 3) that exported functions are called
// with. v8.mjs has the same table.
inline constexpr u32 kArguments = 16;
u64 argument(u32 kind, u32 n);

}  // namespace lr::fuzz
