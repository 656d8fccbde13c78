// Programs for the Lunatic ABI, for tests: text without imports in, what they note out. All
// functions of the ABI are there as $module.name, memory 0 has four pages, and these:
//
//   (call $note (i64))           adds a number to what the test sees
//   (call $spawn (i32 name, i32 length, i64 link, i32 argument)) -> i64      with the own module
//   and
//                                configuration and one i32, or none if it is -1: the pid, or -1
//   (call $tag (i64))            receives with this tag, without timeout: the kind
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

class TestProgram {
 public:
  explicit TestProgram(u32 workers = 1);

  // Of the root; set before run().
  ProcessConfig config;
  // Further options of the runtime.
  RuntimeOptions options;

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

}  // namespace lr::lunatic
