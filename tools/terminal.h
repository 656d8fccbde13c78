// Colours on standard output and standard error, only where a person sees them.
#pragma once

#include <string>
#include <string_view>

#include "base/types.h"

namespace lr::cli {

enum class Stream : u8 { Out = 1, Err = 2 };
enum class Colour : u8 {
  None = 0,
  Bold = 1,
  Red = 31,
  Green = 32,
  Yellow = 33,
  Grey = 90,
  BrightRed = 91,
  BrightGreen = 92,
  BrightYellow = 93
};

// What --color asked for: "auto", "always" or "never". Auto is a terminal, unless the variable
// NO_COLOR is set or TERM is dumb.
void set_colours(std::string_view choice);

// `text` in that colour if `stream` shows colours, else as it is.
std::string paint(Stream stream, Colour colour, std::string_view text);

}  // namespace lr::cli
