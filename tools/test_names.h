// What a test executable and its runner say to each other: exported names that mark tests, and the
// message of a panic in what a test has printed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/types.h"

namespace lr::cli {

struct TestName {
  std::string_view entry;  // The whole export.
  std::string name;        // "module::function"
  bool is_ignored = false;
  std::optional<std::string> panic;  // It shall panic, with a message that contains this.
};

// "#lunatic_test_" [ "#ignore_" ] [ "#panic_" TEXT "#" ] NAME, where "\#" in TEXT is "#"; nothing
// for any other export.
std::optional<TestName> parse_test_name(std::string_view entry);

// The message of the first panic in the output, as Rust's standard library prints it:
//
//   thread 'NAME' panicked at 'MESSAGE', FILE:LINE:COLUMN         before 1.73
//   thread 'NAME' panicked at FILE:LINE:COLUMN:                   from 1.73 on, and with the
//   MESSAGE                                                       thread's number behind its name
//   note: run with `RUST_BACKTRACE=1` ...                         in the newest
//
// A message may have several lines. In the new form nothing says where it ends: it is taken to end
// before a line that begins with "note: " or "stack backtrace:", or with the output.
std::optional<std::string> find_panic(std::string_view output);

}  // namespace lr::cli
