// The type section: recursion groups, checked and entered into the engine's registry.
#pragma once

#include "frontend/module.h"
#include "frontend/reader.h"

namespace lr {

inline constexpr u32 kTypesMax = 1'000'000;
inline constexpr u32 kParamsMax = 1'000;
inline constexpr u32 kResultsMax = 1'000;
inline constexpr u32 kFieldsMax = 10'000;

// Reads the section's payload into module.types. Errors are the reader's.
void decode_type_section(Reader& reader, Module& module);

}  // namespace lr
