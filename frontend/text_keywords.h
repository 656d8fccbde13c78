// The words of the text format: from a word to its number, and from a misspelt word to the nearest
// right one. The table is made from text_keywords.def and opcodes.def while compiling.
#pragma once

#include <string_view>

#include "base/types.h"
#include "frontend/opcode.h"

namespace lr {

// A word's number. Below kOpCount it is that `Op`: the first of its text in opcodes.def. A text
// that stands in both tables is a keyword.
enum class Word : u16 {
  LastInstruction = kOpCount - 1,
#define KEYWORD(name, text) name,
#include "frontend/text_keywords.def"
  Unknown = 0xffff,
};

// Word::Unknown if there is none. `offset=` and `align=` are found only without their number.
Word find_word(std::string_view text);

constexpr bool is_instruction(Word word) { return static_cast<u32>(word) < kOpCount; }
constexpr Op op_of(Word word) { return static_cast<Op>(word); }

std::string_view text_of(Word word);

// The instruction or keyword that a person most likely meant, or "" if none is near.
std::string_view nearest_word(std::string_view text);

}  // namespace lr
