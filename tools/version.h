// What this binary was built from. version.cc is written when the project is configured, which
// happens anew after every commit.
#pragma once

#include <string_view>

namespace lr::cli {

extern const std::string_view kVersion;  // "0.1.0"
extern const std::string_view kCommit;   // "1635e81cafe1", with "+" behind it if files differed.

}  // namespace lr::cli
