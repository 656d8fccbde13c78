// Programs for the Lunatic ABI, for tests: text without imports in, what they note out. All
// functions of the ABI are there as $module.name, memory 0 has four pages, and these:
//
//   (call $note (i64)), (call $n (i32))      add a number to what the test sees
//   (call $spawn (i32 name, i32 length, i64 link, i32 argument)) -> i64      with the own module
//   and
//                                configuration and one i32, or none if it is -1: the pid, or -1
//   (call $tag (i64))            receives with this tag, without timeout: the kind
//   (call $any (i64))            receives anything, with a timeout: the kind or 9027
//   (call $send (i64 pid, i64 tag, i64 value))     8 bytes
//   (call $value)                the 8 bytes that were received -> i64
//
// Memory below 1024 is theirs.
#pragma once

#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <vector>

#include "frontend/wat_parser.h"
#include "host/lunatic/lunatic.h"
#include "host/runtime.h"
#include "host/wasi/wasi.h"

namespace lr::lunatic {

// "(import ... (func $name ...))"
std::string import_text(const HostFunction& function, std::string_view name = "f");

class TestProgram {
 public:
  explicit TestProgram(u32 workers = 1);

  // Of the root; set before run().
  ProcessConfig config;
  // Further options of the runtime.
  RuntimeOptions options;

  // A program, what it notes, and the trap that it ends with (none if empty).
  struct Case {
    const char* name;
    std::string body;
    std::vector<i64> notes;
    std::string trap = {};
  };
  static void check(const Case& test_case, u32 workers);

  // Runs "_start" of (module <imports> <body>); how that ended.
  Outcome run(std::string_view body);
  // The same for a whole module.
  Outcome run_module(std::string_view module);
  // What was noted, in order, until the root ended.
  std::vector<i64> notes();

  // "(import ...)" for every function of the ABI, with the helpers above.
  static std::string prelude();
  static std::vector<u8> assemble(std::string_view module);

 private:
  std::vector<i64> notes_;
};

// A suite of such cases, each with one worker and with two.
#define LUNATIC_CASES(suite, cases)                                                             \
  struct suite : testing::TestWithParam<std::tuple<TestProgram::Case, u32>> {};                 \
  TEST_P(suite, Runs) { TestProgram::check(std::get<0>(GetParam()), std::get<1>(GetParam())); } \
  INSTANTIATE_TEST_SUITE_P(Programs, suite,                                                     \
                           testing::Combine(testing::ValuesIn(cases), testing::Values(1u, 2u)), \
                           [](const auto& param) {                                              \
                             return std::string(std::get<0>(param.param).name) +                \
                                    std::to_string(std::get<1>(param.param));                   \
                           })

inline void PrintTo(const TestProgram::Case& test_case, std::ostream* out) {
  *out << test_case.name;
}

}  // namespace lr::lunatic
