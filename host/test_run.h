// Functions of a module as tests: each is a process of its own, in an environment and with names of
// its own; all run at once. What is a test, what it should do and what is printed about it is the
// command line's matter.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "host/run.h"
#include "host/runtime.h"

namespace lr {

// How a test ended.
struct TestEnd {
  usize index = 0;  // In the list that was given to run().
  Outcome outcome;
  // What it printed, then what each process that it spawned did, in the order of their spawning.
  std::vector<std::string> streams;

  // It returned, or ended itself with status 0.
  bool is_normal() const;
};

class TestRun {
 public:
  // `options` as for run_program(), of which `invoke`, `argv0`, `timeout_ns` and `capture` say
  // nothing here: a guest sees `arguments` alone.
  static Result<std::unique_ptr<TestRun>> load(RunOptions options);
  // Ends all processes.
  ~TestRun();

  // The names of the exported functions, in order.
  std::vector<std::string_view> functions() const;

  // Runs the exports of these names and tells of each when it has ended, on this thread. With
  // `echoes`, what they print is printed too.
  Status run(std::span<const std::string_view> names, bool echoes,
             const std::function<void(const TestEnd&)>& ended);

 private:
  struct Test;

  explicit TestRun(RunOptions options);
  Status compile();
  Status start(Test& test, std::string_view name, bool echoes);

  RunOptions options_;
  std::unique_ptr<Tracer> tracer_;
  ProcessConfig config_;          // Of each test, but for its capture.
  sched::Completion some_ended_;  // Signalled by each process; outlives all of them.
  std::unique_ptr<Runtime> runtime_;
  ModuleRef module_;
  std::vector<std::unique_ptr<Test>> tests_;
};

}  // namespace lr
