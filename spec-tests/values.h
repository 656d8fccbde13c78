// Values of a script and words of a call (jit/invoke.h).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/types.h"
#include "frontend/types.h"
#include "frontend/wast_script.h"
#include "spec-tests/engine.h"

namespace lr::spec {

// False if the values do not fit the types. `words` has room for the arguments only.
bool to_words(std::span<const WastValue> values, std::span<const ValType> types,
              std::vector<u64>& words);

// What differs between the expected values and the words of a result; empty if nothing.
std::string compare(const ScriptEngine& engine, std::span<const WastValue> expected,
                    std::span<const ValType> types, std::span<const u64> words);

}  // namespace lr::spec
