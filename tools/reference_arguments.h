// What stands behind the program on a command line that was written for the command `lunatic`: its
// `run`, and the tests that cargo runs with it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lr::cli {

// [--dir DIR]... [--bench] [ARG]... [-- [ARG]...]
struct ReferenceRunArguments {
  std::vector<std::string> directories;
  std::vector<std::string> guest;  // With "--bench" at its end, if that was given.
};

Result<ReferenceRunArguments> parse_reference_run(std::span<const std::string> words);

// [FILTER] [ARG]... and the options of a test executable, in any order; ARGs that look like options
// stand behind "--".
struct TestArguments {
  std::string filter;  // Empty: all.
  std::vector<std::string> guest;
  std::vector<std::string> directories;
  bool ignored = false;      // Those that are marked as ignored, and no others.
  bool exact = false;        // The filter is a whole name.
  bool nocapture = false;    // What tests print is printed at once.
  bool show_output = false;  // Also of those that succeed.
  bool list = false;
};

Result<TestArguments> parse_test_arguments(std::span<const std::string> words);

// True for a test executable where cargo builds it, .../target/wasm32-wasi/debug/deps/NAME.wasm, in
// any of the targets and profiles.
bool is_test_executable(std::string_view path);

}  // namespace lr::cli
