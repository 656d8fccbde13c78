// Numbers of the text format (specification section 6.3.1): from their text to their bits. Every
// function expects the text of a token that the lexer took for a number.
#pragma once

#include <optional>
#include <string_view>

#include "base/types.h"

namespace lr {

enum class NumberShape : u8 { None, Nat, Int, Float };

// What the text is in the lexical grammar.
NumberShape number_shape(std::string_view text);

// Nat: the value, or nothing if it exceeds `max`.
std::optional<u64> parse_nat(std::string_view text, u64 max);

// Nat or Int: the value in two's complement, or nothing if it is neither a signed nor an unsigned
// integer of `bits` bits.
std::optional<u64> parse_int(std::string_view text, u32 bits);

// Nat, Int or Float: the bits of the nearest float (ties to even), or nothing if that is infinite
// or the payload of a NaN does not fit.
std::optional<u32> parse_f32(std::string_view text);
std::optional<u64> parse_f64(std::string_view text);

}  // namespace lr
