// Every way to interrupt code, from the command line's word to a worker that goes on with another
// process.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "frontend/wat_parser.h"
#include "host/runtime.h"
#include "sched/fiber.h"

namespace lr {
namespace {

constexpr const char* kModule = R"((module
  (memory 1)
  (func (export "hog") (loop $again (br $again)))
  (func (export "count") (result i64) (local $i i64)
    (loop $again
      (i64.store (i32.const 8) (local.tee $i (i64.add (local.get $i) (i64.const 1))))
      (br_if $again (i64.lt_u (local.get $i) (i64.const 3000000))))
    (i64.load (i32.const 8)))))";

struct Way {
  jit::Preempt preempt;
  u32 workers;
  bool always;
};

class Preemption : public testing::TestWithParam<Way> {
 protected:
  Preemption() {
    RuntimeOptions options;
    options.scheduler.workers = GetParam().workers;
    options.scheduler.ring_always = GetParam().always && GetParam().preempt == jit::Preempt::Signal;
    options.engine.preempt = GetParam().preempt;
    runtime_ = std::move(Runtime::create(options).value());
    module_ = runtime_->load(parse_wat(kModule).value(), "test").value();
  }

  struct Guest {
    std::unique_ptr<ProcessHandle> process;
    jit::Instance* instance = nullptr;
    GuestCall call;
    Outcome outcome;
    u64 preemptions() const { return process->process().account().preemptions.get(); }
  };

  Guest guest() {
    ProcessConfig config;
    config.yields_always = GetParam().always && GetParam().preempt != jit::Preempt::Signal;
    Guest made;
    made.process = std::move(runtime_->create_process(config).value());
    made.instance = made.process->instantiate(module_).value();
    return made;
  }

  static u64 count(Guest& guest) {
    std::vector<u64> values;
    const Outcome outcome = guest.process->call(*guest.instance, "count", values);
    EXPECT_TRUE(outcome.returned()) << outcome.message;
    return values.empty() ? 0 : values[0];
  }

  std::unique_ptr<Runtime> runtime_;
  std::shared_ptr<jit::CompiledModule> module_;
};

std::vector<Way> ways() {
  std::vector<Way> all;
  for (const jit::Preempt preempt : jit::kPreempts) {
    if (preempt == jit::Preempt::None) continue;
    for (const u32 workers : {1, 2}) {
      all.push_back({preempt, workers, false});
      all.push_back({preempt, workers, true});
    }
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(Host, Preemption, testing::ValuesIn(ways()), [](const auto& way) {
  return fmt::format("{}{}{}", name_of(way.param.preempt), way.param.workers,
                     way.param.always ? "Always" : "");
});

TEST_P(Preemption, HogsShareWorkersAndCanBeKilled) {
#ifdef LR_TSAN_FIBERS
  if (GetParam().preempt == jit::Preempt::Signal) GTEST_SKIP() << "signals are kept back";
#endif
  Guest hogs[] = {guest(), guest(), guest()};
  for (Guest& hog : hogs) {
    hog.call.function = hog.instance->find_export("hog")->func;
    hog.call.outcome = &hog.outcome;
    hog.process->post(hog.call);
  }
  Guest other = guest();
  while (hogs[0].preemptions() == 0 || hogs[1].preemptions() == 0 || hogs[2].preemptions() == 0) {
    ASSERT_EQ(count(other), 3'000'000u);
  }
  for (Guest& hog : hogs) hog.process->kill();
  for (Guest& hog : hogs) {
    hog.process->join();
    EXPECT_EQ(hog.outcome.kind, Outcome::Kind::Killed);
  }
}

TEST_P(Preemption, ALimitOfFuelMakesCodeCount) {
  ProcessConfig config;
  config.fuel_max = 2;
  const auto process = std::move(runtime_->create_process(config).value());
  jit::Instance& instance = *process->instantiate(module_).value();
  std::vector<u64> values;
  const Outcome outcome = process->call(instance, "hog", values);
  EXPECT_EQ(outcome.kind, Outcome::Kind::Trapped);
  EXPECT_EQ(outcome.message, "all fuel consumed");
  EXPECT_GE(process->store().fuel_used(), 2 * jit::kFuelSlice);
  // Others are not limited by it.
  Guest other = guest();
  EXPECT_EQ(count(other), 3'000'000u);
}

}  // namespace
}  // namespace lr
