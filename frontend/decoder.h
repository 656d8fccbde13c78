// From bytes to a Module: everything is decoded and checked but the function bodies, which
// validator.h checks one by one, in parallel or when they are first called.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "frontend/features.h"
#include "frontend/module.h"

namespace lr {

inline constexpr u64 kModuleSizeMax = u64{1} << 30;
inline constexpr u32 kFunctionsMax = 1'000'000;
inline constexpr u32 kImportsMax = 1'000'000;
inline constexpr u32 kExportsMax = 1'000'000;
inline constexpr u32 kGlobalsMax = 1'000'000;
inline constexpr u32 kTagsMax = 1'000'000;
inline constexpr u32 kSegmentsMax = 1'000'000;
inline constexpr u32 kTablesMax = 100'000;
inline constexpr u32 kMemoriesMax = 100'000;
inline constexpr u32 kTableSizeMax = 10'000'000;  // Refused when an instance is made.
inline constexpr u32 kBodySizeMax = 7'654'321;

Result<std::shared_ptr<const Module>> decode_module(std::vector<u8> bytes,
                                                    const FeatureSet& features);

class Executor;

// decode_module(), then all bodies; also finds out which tables are private.
Result<std::shared_ptr<const Module>> load_module(std::vector<u8> bytes, const FeatureSet& features,
                                                  Executor& executor);

}  // namespace lr
