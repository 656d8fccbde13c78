// Functions that are too large to be compiled while a worker waits.
#include <gtest/gtest.h>

#include <string>

#include "frontend/wat_parser.h"
#include "host/runtime.h"
#include "jit/compiled_module.h"

namespace lr {
namespace {

constexpr u32 kSteps = 20'000;  // Of 7 bytes each: kSmallBytesMax many times over.

struct Mode {
  u32 workers = 1;
  bool move_always = false;
};

class LargeFunctions : public testing::TestWithParam<Mode> {
 protected:
  LargeFunctions() {
    RuntimeOptions options;
    options.scheduler.workers = GetParam().workers;
    runtime_ = std::move(Runtime::create(options).value());
  }

  // "count" adds up its parameter as often as there are steps.
  std::shared_ptr<jit::CompiledModule> load() {
    std::string wat =
        "(module (func $count (export \"count\") (param i32) (result i32) (local i32)";
    for (u32 i = 0; i < kSteps; ++i) {
      wat += "(local.set 1 (i32.add (local.get 1) (local.get 0)))";
    }
    wat += "(local.get 1)) (func (export \"twice\") (param i32) (result i32)";
    wat += "(i32.add (call $count (local.get 0)) (call $count (local.get 0)))))";
    return runtime_->load(parse_wat(wat).value(), "large").value();
  }

  std::unique_ptr<ProcessHandle> new_process() {
    ProcessConfig config;
    config.move_always = GetParam().move_always;
    config.memory_class = jit::MemoryClass::Dense;
    return std::move(runtime_->create_process(config).value());
  }

  std::unique_ptr<Runtime> runtime_;
};

INSTANTIATE_TEST_SUITE_P(Modes, LargeFunctions, testing::Values(Mode{1}, Mode{2}, Mode{1, true}));

// A call that nobody waits for yet.
struct Posted {
  explicit Posted(ProcessHandle& process, jit::Instance& instance, const char* name) {
    call.function = instance.find_export(name)->func;
    call.values = &value;
    call.outcome = &outcome;
    call.done = &done;
    process.post(call);
  }
  u64 value = 3;
  Outcome outcome;
  sched::Completion done;
  GuestCall call;
};

TEST_P(LargeFunctions, AreCompiledOnceForAllWhoCallThem) {
  const auto module = load();
  std::vector<std::unique_ptr<ProcessHandle>> processes;
  std::vector<std::unique_ptr<Posted>> calls;
  for (u32 i = 0; i < 8; ++i) {
    processes.push_back(new_process());
    jit::Instance* const instance = processes.back()->instantiate(module).value();
    calls.push_back(std::make_unique<Posted>(*processes.back(), *instance, "twice"));
  }
  for (const auto& posted : calls) {
    runtime_->scheduler().drive(posted->done);
    EXPECT_TRUE(posted->outcome.returned()) << posted->outcome.message;
    EXPECT_EQ(posted->value, 2 * 3 * kSteps);
  }
  const jit::ModuleCode* const code = module->code(jit::MemoryClass::Guarded).value();
  EXPECT_EQ(code->stats().functions_ready, 2u);
}

TEST_P(LargeFunctions, MayBeKilledOver) {
  for (u32 round = 0; round < 5; ++round) {
    const auto module = load();
    const auto process = new_process();
    jit::Instance* const instance = process->instantiate(module).value();
    Posted posted(*process, *instance, "count");
    // Somebody has to drive for it to begin at all.
    const auto other = new_process();
    std::vector<u64> values = {1};
    if (round % 2 == 0) {
      jit::Instance* const also = other->instantiate(module).value();
      EXPECT_TRUE(other->call(*also, "count", values).returned());
    }
    process->kill();
    process->join();
    EXPECT_TRUE(posted.done.done());
  }
}

}  // namespace
}  // namespace lr
