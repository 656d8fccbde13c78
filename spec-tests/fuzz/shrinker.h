// shrink(): a smaller module of which the same thing can be said.
#pragma once

#include <functional>
#include <vector>

#include "base/types.h"
#include "frontend/opcode.h"

namespace lr::fuzz {

// Says whether a module still shows what is looked for; false for one that is not valid.
using IsInteresting = std::function<bool(const std::vector<u8>&)>;

// Drops functions, instructions and blocks, and puts constants in place of what made a value, as
// long as `is_interesting` holds. The bytes must be a module that decodes.
std::vector<u8> shrink(const std::vector<u8>& bytes, const IsInteresting& is_interesting);

// All instructions of a module's bodies, in order.
std::vector<Op> ops_of(const std::vector<u8>& bytes);

}  // namespace lr::fuzz
