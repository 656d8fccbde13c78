// One instruction as text, as it stands in the binary: indices are numbers.
#pragma once

#include <string>

#include "frontend/instr_reader.h"
#include "frontend/module.h"

namespace lr::cli {

// "i32.load offset=8", "br 1", "call $fib": call targets carry their names.
std::string instr_text(const Module& module, const Instr& instr);

}  // namespace lr::cli
