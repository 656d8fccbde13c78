// WebAssembly binary to WebAssembly text that parse_wat() turns into the same module again:
// identifiers come from the name section, custom sections and branch hints become annotations.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "frontend/features.h"

namespace lr {

// The module need not be valid, only well-formed as far as its text depends on it. A module whose
// bytes come from parse_wat() prints to text that parses to the same bytes.
Result<std::string> print_wat(std::span<const u8> binary,
                              const FeatureSet& features = FeatureSet::all());

}  // namespace lr
