// Programs from text to exit status.
#include "host/run.h"

#include <gtest/gtest.h>

#include "frontend/wat_parser.h"

namespace lr {
namespace {

struct RunTest : testing::Test {
  RunOptions options;
  std::vector<std::string> trace;

  Result<RunOutcome> run(std::string_view wat) {
    Result<std::vector<u8>> module = parse_wat(wat);
    EXPECT_TRUE(module.ok()) << module.error().message();
    options.module = std::move(module.value());
    options.name = "test";
    options.trace = [this](std::string_view line) { trace.emplace_back(line); };
    options.scheduler.workers = 1;
    return run_program(options);
  }
  int status_of(std::string_view wat) {
    Result<RunOutcome> outcome = run(wat);
    EXPECT_TRUE(outcome.ok()) << outcome.error().message();
    return outcome.ok() ? outcome->exit_status() : -1;
  }
};

TEST_F(RunTest, HelloWorld) {
  EXPECT_EQ(status_of(R"((module
    (import "wasi_snapshot_preview1" "fd_write"
      (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "hello, world\n")
    (func (export "_start")
      (i32.store (i32.const 0) (i32.const 8))
      (i32.store (i32.const 4) (i32.const 13))
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))
  )"),
            0);
  ASSERT_EQ(trace.size(), 1u);
  EXPECT_EQ(trace[0], "fd_write(fd=1, iovs=0, iovs_len=1, nwritten=32) -> success");
}

TEST_F(RunTest, ExitStatus) {
  EXPECT_EQ(status_of(R"((module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (func (export "_start") (call $exit (i32.const 3)) unreachable)))"),
            3);
  ASSERT_EQ(trace.size(), 1u);
  EXPECT_EQ(trace[0], "proc_exit(rval=3)");
}

TEST_F(RunTest, TrapsHaveABacktrace) {
  Result<RunOutcome> outcome = run(R"((module
    (func $inner unreachable)
    (func $outer (call $inner))
    (func (export "_start") (call $outer))))");
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->exit_status(), 134);
  EXPECT_EQ(outcome->guest.message, "unreachable");
  EXPECT_NE(outcome->guest.backtrace.find("inner"), std::string::npos) << outcome->guest.backtrace;
  EXPECT_NE(outcome->guest.backtrace.find("outer"), std::string::npos) << outcome->guest.backtrace;
}

TEST_F(RunTest, ATrapInTheStartFunction) {
  EXPECT_EQ(status_of(R"((module (func $s unreachable) (start $s) (func (export "_start"))))"),
            134);
}

TEST_F(RunTest, InvokeTakesAndGivesValues) {
  options.invoke = "add";
  options.arguments = {"-5", "0x10"};
  Result<RunOutcome> outcome = run(R"((module
    (func (export "add") (param i32 i64) (result i64 i32)
      (i64.add (i64.extend_i32_s (local.get 0)) (local.get 1)) (i32.const -1))))");
  ASSERT_TRUE(outcome.ok()) << outcome.error().message();
  ASSERT_EQ(outcome->results.size(), 2u);
  EXPECT_EQ(format_value(outcome->results[0]), "11");
  EXPECT_EQ(format_value(outcome->results[1]), "-1");
}

TEST_F(RunTest, InvokeRefusesWhatDoesNotFit) {
  constexpr std::string_view kModule = "(module (func (export \"f\") (param i32)))";
  options.invoke = "f";
  EXPECT_EQ(run(kModule).error().message(), "bad argument: f takes 1 arguments, 0 given");
  options.arguments = {"x"};
  EXPECT_EQ(run(kModule).error().message(), "bad argument: 'x' is no i32");
  options.arguments = {"4294967296"};
  EXPECT_EQ(run(kModule).error().message(), "bad argument: '4294967296' is no i32");
  options.invoke = "g";
  EXPECT_EQ(run(kModule).error().code, Err::NothingToRun);
}

TEST_F(RunTest, AModuleWithoutAStart) {
  EXPECT_EQ(run("(module)").error().code, Err::NothingToRun);
}

TEST_F(RunTest, AnEndlessLoopEndsWithTheTime) {
  options.timeout_ns = 50'000'000;
  EXPECT_EQ(status_of("(module (func (export \"_start\") (loop (br 0))))"), 124);
}

TEST_F(RunTest, ASleepIsInterruptedByTheTime) {
  options.timeout_ns = 50'000'000;
  EXPECT_EQ(status_of(R"((module
    (import "wasi_snapshot_preview1" "poll_oneoff"
      (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (i32.store (i32.const 16) (i32.const 1))
      (i64.store (i32.const 24) (i64.const 100000000000))
      (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128))))))"),
            124);
}

constexpr std::string_view kRecursion = R"((module
    (func $down (param i32) (result i32)
      (if (result i32) (i32.eqz (local.get 0))
        (then (i32.const 0))
        (else (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)))))))
    (func (export "down") (param i32) (result i32) (call $down (local.get 0)))))";

TEST_F(RunTest, StacksGrowToTheirLimit) {
  options.invoke = "down";
  options.arguments = {"20000"};
  Result<RunOutcome> outcome = run(kRecursion);
  ASSERT_TRUE(outcome.ok());
  ASSERT_EQ(outcome->results.size(), 1u) << outcome->guest.message;
  EXPECT_EQ(outcome->results[0].bits, 20000u);
  options.arguments = {"2000000000"};
  outcome = run(kRecursion);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->exit_status(), 134);
  EXPECT_EQ(outcome->guest.message, "call stack exhausted");
}

TEST_F(RunTest, DenseMemory) {
  options.memory_class = RunOptions::MemoryClass::Dense;
  options.invoke = "sum";
  constexpr std::string_view kModule = R"((module
    (memory 1 4)
    (data (i32.const 65528) "\01\02\03\04")
    (func (export "sum") (param i32) (result i32)
      (drop (memory.grow (i32.const 1)))
      (i32.store (i32.const 131000) (i32.const 5))
      (i32.add (i32.load (local.get 0)) (i32.load (i32.const 131000))))))";
  options.arguments = {"65528"};
  Result<RunOutcome> outcome = run(kModule);
  ASSERT_TRUE(outcome.ok()) << outcome.error().message();
  ASSERT_EQ(outcome->results.size(), 1u) << outcome->guest.message;
  EXPECT_EQ(outcome->results[0].bits, 0x04030206u);
  options.arguments = {"131069"};
  outcome = run(kModule);
  EXPECT_EQ(outcome->guest.message, "out of bounds memory access");
}

TEST_F(RunTest, GuardedMemoryTrapsToo) {
  options.invoke = "f";
  Result<RunOutcome> outcome = run(R"((module (memory 1)
    (func (export "f") (result i32) (i32.load (i32.const 65533)))))");
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->guest.message, "out of bounds memory access");
}

TEST_F(RunTest, MissingImportsAreToldTogether) {
  Result<RunOutcome> outcome = run(R"((module
    (import "env" "emscripten_resize_heap" (func (param i32) (result i32)))
    (import "env" "x" (memory 1 2))
    (import "wasi_unstable" "fd_write" (func))
    (func (export "_start"))))");
  ASSERT_FALSE(outcome.ok());
  const std::string text = outcome.error().message();
  for (const char* part : {"3 imports are missing", "env.emscripten_resize_heap", "env.x",
                           "wasi_unstable.fd_write", "Emscripten", "WASI of 2019"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
  }
}

}  // namespace
}  // namespace lr
