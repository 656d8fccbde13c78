// WebAssembly text to WebAssembly binary: the one way in which text enters the engine. What comes
// out is what the decoder reads like any other module; whether it is valid is the validator's
// question, not asked here.
//
//   std::vector<u8> binary = TRY(parse_wat("(module (func (export \"f\")))"));
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "frontend/text_lexer.h"

namespace lr {

struct WatOptions {
  TextPosition start;  // Where the text begins in its file, for the positions in errors.
  bool names = true;   // Write a name section from the identifiers.
  // Limits have 32 bits, as they had before 64-bit memories: more is a malformed constant.
  bool narrow_limits = false;
  // Of a module whose text is only its fields; empty for none.
  std::string_view module_name;
};

// `text` is one (module ...) or the fields of one. Everything of WebAssembly 3.0 and of the
// proposals in opcodes.def; @custom, @name and @metadata.code.branch_hint annotations become
// custom sections. Errors say line and column.
Result<std::vector<u8>> parse_wat(std::string_view text, const WatOptions& options = {});

}  // namespace lr
