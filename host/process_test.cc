// Processes as a program that embeds the runtime sees them: calls, several instances, host
// functions that wait and call back, kills.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

#include "frontend/wat_parser.h"
#include "host/runtime.h"

namespace lr {
namespace {

Done note(Caller&, u32 value);
Step<u32> sleep_ms(Caller& caller, u32 ms);
Task<TrapOr<u32>> call_twice(Caller& caller, u32 value);
Task<u32> pass(Caller& caller, u32 value);
TrapOr<u32> refuse(Caller& caller, u32 value);
Task<u32> block(Caller& caller, u32 value);

std::vector<u32> noted;
std::atomic<u32> frames_alive{0};

struct Frame {
  Frame() { ++frames_alive; }
  ~Frame() { --frames_alive; }
};

Done note(Caller& /*caller*/, u32 value) {
  noted.push_back(value);
  return {};
}

Step<u32> sleep_ms(Caller& caller, u32 ms) {
  if (!caller.repeated()) return caller.again_at(sched::now_ns() + u64{ms} * 1'000'000);
  if (sched::now_ns() < caller.wait.deadline_ns) return caller.again_at(caller.wait.deadline_ns);
  return ms;
}

// Calls the guest's export "back" two times.
Task<TrapOr<u32>> call_twice(Caller& caller, u32 value) {
  const Frame frame;
  jit::Instance& instance = *caller.process()->store().first_instance();
  jit::FuncRef* back = instance.find_export("back")->func;
  CallGuest first(caller, back, {value});
  TrapOr<std::vector<u64>> once = co_await first;
  std::vector<u64> values = CO_TRY(std::move(once));
  CallGuest second(caller, back, {values[0]});
  TrapOr<std::vector<u64>> twice = co_await second;
  values = CO_TRY(std::move(twice));
  co_return static_cast<u32>(values[0]);
}

// By way of the helper pool and of another turn.
Task<u32> pass(Caller& caller, u32 value) {
  const Frame frame;
  auto work = off_worker(caller, [value] { return value + 1; });
  const u32 more = co_await work;
  WaitAwaiter turn = caller.turn();
  co_await turn;
  co_return more;
}

TrapOr<u32> refuse(Caller& caller, u32 value) {
  if (value == 0) return u32{7};
  return caller.trap(jit::Trap::Host, "refused");
}

// Blocks a helper thread until `may_go_on` is set.
std::atomic<bool> may_go_on;
Task<u32> block(Caller& caller, u32 value) {
  const Frame frame;
  auto work = off_worker(caller, [value] {
    may_go_on.wait(false);
    return value;
  });
  co_return co_await work;
}

constexpr HostFunction kFunctions[] = {
    host_function<&note>("t", "note", "value", 1, Permission::None),
    host_function<&sleep_ms>("t", "sleep_ms", "ms", 1, Permission::None),
    host_function<&call_twice>("t", "call_twice", "value", 1, Permission::None),
    host_function<&pass>("t", "pass", "value", 1, Permission::None),
    host_function<&block>("t", "block", "value", 1, Permission::None),
    host_function<&refuse>("t", "refuse", "value", 1, Permission::None),
    host_function<&refuse>("t", "clock", "value", 1, Permission::Clocks),
};

struct Mode {
  u32 workers = 1;
  bool move_always = false;
  jit::MemoryClass memory_class = jit::MemoryClass::Guarded;
};

struct ProcessTest : testing::TestWithParam<Mode> {
  ProcessTest() {
    noted.clear();
    frames_alive = 0;
    RuntimeOptions options;
    options.scheduler.workers = GetParam().workers;
    runtime = std::move(Runtime::create(options).value());
    EXPECT_TRUE(runtime->linker().add(kFunctions).ok());
  }
  std::shared_ptr<jit::CompiledModule> load(std::string_view wat) {
    Result<std::vector<u8>> bytes = parse_wat(wat);
    EXPECT_TRUE(bytes.ok()) << bytes.error().message();
    auto module = runtime->load(std::move(bytes.value()), "test");
    EXPECT_TRUE(module.ok()) << module.error().message();
    return module.value();
  }
  std::unique_ptr<ProcessHandle> new_process() {
    ProcessConfig config;
    config.move_always = config.exact_extent = GetParam().move_always;
    config.memory_class = GetParam().memory_class;
    return std::move(runtime->create_process(config).value());
  }
  static jit::Instance& instantiate(ProcessHandle& process,
                                    const std::shared_ptr<jit::CompiledModule>& module,
                                    std::span<jit::Resolver* const> others = {}) {
    auto instance = process.instantiate(module, others);
    EXPECT_TRUE(instance.ok()) << instance.error().message();
    return *instance.value();
  }

  std::unique_ptr<Runtime> runtime;
};

INSTANTIATE_TEST_SUITE_P(Modes, ProcessTest,
                         testing::Values(Mode{1}, Mode{2}, Mode{4},
                                         Mode{2, false, jit::MemoryClass::Dense},
                                         Mode{1, true, jit::MemoryClass::Dense}));

TEST_P(ProcessTest, CallsAnExport) {
  const auto module = load(R"((module (func (export "add") (param i32 i32) (result i32)
      (i32.add (local.get 0) (local.get 1)))))");
  const auto process = new_process();
  jit::Instance& instance = instantiate(*process, module);
  for (u64 i = 0; i < 100; ++i) {
    std::vector<u64> values = {i, 5};
    const Outcome outcome = process->call(instance, "add", values);
    ASSERT_TRUE(outcome.returned()) << outcome.message;
    EXPECT_EQ(values[0], i + 5);
  }
  std::vector<u64> none;
  EXPECT_EQ(process->call(instance, "no", none).message, "no exported function no");
}

TEST_P(ProcessTest, ATrapLeavesTheProcessUsable) {
  const auto module = load(R"((module
      (func $bad unreachable)
      (func (export "bad") (call $bad))
      (func (export "good") (result i32) (i32.const 4))))");
  const auto process = new_process();
  jit::Instance& instance = instantiate(*process, module);
  for (int i = 0; i < 10; ++i) {
    std::vector<u64> values;
    const Outcome outcome = process->call(instance, "bad", values);
    EXPECT_EQ(outcome.trap, jit::Trap::Unreachable);
    EXPECT_EQ(outcome.message, "unreachable");
    EXPECT_NE(outcome.backtrace.find("bad"), std::string::npos);
    EXPECT_TRUE(process->call(instance, "good", values).returned());
    EXPECT_EQ(values[0], 4u);
  }
}

TEST_P(ProcessTest, InstancesOfOneProcessSeeEachOther) {
  const auto first = load(R"((module
      (memory (export "memory") 1)
      (global (export "counter") (mut i32) (i32.const 0))
      (func (export "peek") (param i32) (result i32) (i32.load (local.get 0)))))");
  const auto second = load(R"((module
      (import "first" "memory" (memory 1))
      (import "first" "counter" (global $counter (mut i32)))
      (import "first" "peek" (func $peek (param i32) (result i32)))
      (func (export "poke") (param i32 i32) (result i32)
        (i32.store (local.get 0) (local.get 1))
        (global.set $counter (i32.const 9))
        (call $peek (local.get 0)))))");
  const auto process = new_process();
  InstanceLinker names;
  names.add("first", instantiate(*process, first));
  jit::Resolver* const others[] = {&names};
  jit::Instance& poking = instantiate(*process, second, others);
  std::vector<u64> values = {100, 42};
  const Outcome outcome = process->call(poking, "poke", values);
  ASSERT_TRUE(outcome.returned()) << outcome.message;
  EXPECT_EQ(values[0], 42u);
  EXPECT_EQ(names.find("first")->find_export("counter")->global->cell->bits, 9u);
}

TEST_P(ProcessTest, StartFunctions) {
  const auto module = load(R"((module (import "t" "note" (func $note (param i32)))
      (func $start (call $note (i32.const 5))) (start $start)))");
  const auto process = new_process();
  instantiate(*process, module);
  EXPECT_EQ(noted, std::vector<u32>{5});
  const auto bad = load("(module (func $start unreachable) (start $start))");
  EXPECT_EQ(process->instantiate(bad).error().phase(), ErrPhase::Trap);
}

TEST_P(ProcessTest, HostCallsThatWait) {
  const auto module = load(R"((module
      (import "t" "sleep_ms" (func $sleep (param i32) (result i32)))
      (import "t" "pass" (func $pass (param i32) (result i32)))
      (func (export "f") (param i32) (result i32)
        (i32.add (call $sleep (local.get 0)) (call $pass (local.get 0))))))");
  const auto process = new_process();
  jit::Instance& instance = instantiate(*process, module);
  std::vector<u64> values = {5};
  const u64 before = sched::now_ns();
  const Outcome outcome = process->call(instance, "f", values);
  ASSERT_TRUE(outcome.returned()) << outcome.message;
  EXPECT_EQ(values[0], 11u);
  EXPECT_GE(sched::now_ns() - before, 5'000'000u);
  EXPECT_EQ(frames_alive, 0u);
}

constexpr std::string_view kCallsBack = R"((module
      (import "t" "call_twice" (func $twice (param i32) (result i32)))
      (import "t" "sleep_ms" (func $sleep (param i32) (result i32)))
      (func (export "back") (param i32) (result i32)
        (if (i32.eq (local.get 0) (i32.const 1000)) (then unreachable))
        (if (i32.eq (local.get 0) (i32.const 2000)) (then
          (drop (call $sleep (i32.const 1000000)))))
        (if (i32.eq (local.get 0) (i32.const 20)) (then
          (return (call $twice (i32.const 3)))))
        (i32.mul (local.get 0) (i32.const 2)))
      (func (export "f") (param i32) (result i32) (call $twice (local.get 0)))))";

TEST_P(ProcessTest, HostCallsThatCallBack) {
  const auto module = load(kCallsBack);
  const auto process = new_process();
  jit::Instance& instance = instantiate(*process, module);
  for (int i = 0; i < 3; ++i) {
    std::vector<u64> values = {3};
    Outcome outcome = process->call(instance, "f", values);
    ASSERT_TRUE(outcome.returned()) << outcome.message;
    EXPECT_EQ(values[0], 12u);
    values = {20};  // back(20) calls the host again, which calls back twice: 12; back(12) is 24.
    outcome = process->call(instance, "f", values);
    ASSERT_TRUE(outcome.returned()) << outcome.message;
    EXPECT_EQ(values[0], 24u);
    values = {1000};
    outcome = process->call(instance, "f", values);
    EXPECT_EQ(outcome.trap, jit::Trap::Unreachable);
    values = {500};  // The first call gives 1000, the second traps.
    outcome = process->call(instance, "f", values);
    EXPECT_EQ(outcome.message, "unreachable");
    EXPECT_EQ(frames_alive, 0u);
  }
}

// Deep recursion with host calls on the way, so that a large stack moves while they wait.
TEST_P(ProcessTest, DeepStacksKeepWhatTheyHold) {
  const auto module = load(R"((module
      (import "t" "pass" (func $pass (param i32) (result i32)))
      (memory 1)
      (func $down (export "down") (param $n i32) (result i32)
        (local $kept i32)
        (if (i32.eqz (local.get $n)) (then (return (i32.const 0))))
        (local.set $kept (i32.mul (local.get $n) (i32.const 3)))
        (i32.store (i32.shl (local.get $n) (i32.const 2)) (local.get $kept))
        (if (i32.eqz (i32.rem_u (local.get $n) (i32.const 50)))
          (then (drop (call $pass (local.get $n)))))
        (i32.add
          (i32.sub (local.get $kept) (i32.load (i32.shl (local.get $n) (i32.const 2))))
          (i32.add (i32.const 1) (call $down (i32.sub (local.get $n) (i32.const 1))))))))");
  const auto process = new_process();
  jit::Instance& instance = instantiate(*process, module);
  std::vector<u64> values = {5000};
  const Outcome outcome = process->call(instance, "down", values);
  ASSERT_TRUE(outcome.returned()) << outcome.message;
  EXPECT_EQ(values[0], 5000u);
}

TEST_P(ProcessTest, TrapsAndPermissionsOfHostFunctions) {
  const auto module = load(R"((module
      (import "t" "refuse" (func $refuse (param i32) (result i32)))
      (import "t" "clock" (func $clock (param i32) (result i32)))
      (func (export "f") (param i32) (result i32) (call $refuse (local.get 0)))
      (func (export "g") (result i32) (call $clock (i32.const 0)))))");
  const auto process = new_process();
  jit::Instance& instance = instantiate(*process, module);
  std::vector<u64> values = {0};
  EXPECT_TRUE(process->call(instance, "f", values).returned());
  EXPECT_EQ(values[0], 7u);
  values = {1};
  EXPECT_EQ(process->call(instance, "f", values).message, "refused");
  EXPECT_EQ(process->call(instance, "g", values).message, "clock needs the permission Clocks");
}

TEST_P(ProcessTest, ALoopDoesNotStopItsNeighbour) {
  const auto loop = load("(module (func (export \"f\") (loop (br 0))))");
  const auto work = load(R"((module (import "t" "sleep_ms" (func $sleep (param i32) (result i32)))
      (func (export "f") (result i32) (call $sleep (i32.const 3)))))");
  const auto hog = new_process();
  const auto worker = new_process();
  jit::Instance& hogging = instantiate(*hog, loop);
  jit::Instance& working = instantiate(*worker, work);
  GuestCall endless;
  sched::Completion ended;
  endless.function = hogging.find_export("f")->func;
  Outcome endless_outcome;
  endless.outcome = &endless_outcome;
  endless.done = &ended;
  hog->post(endless);
  for (int i = 0; i < 5; ++i) {
    std::vector<u64> values;
    EXPECT_TRUE(worker->call(working, "f", values).returned());
    EXPECT_EQ(values[0], 3u);
  }
  EXPECT_FALSE(ended.done());
  hog->kill();
  hog->join();
  EXPECT_TRUE(ended.done());
  EXPECT_EQ(endless_outcome.kind, Outcome::Kind::Killed);
}

TEST_P(ProcessTest, KillsDestroyWhatWaits) {
  const auto module = load(kCallsBack);
  for (const bool starts : {false, true}) {
    const auto process = new_process();
    jit::Instance& instance = instantiate(*process, module);
    GuestCall call;
    sched::Completion ended;
    call.function = instance.find_export("f")->func;
    Outcome outcome;
    u64 word = 2000;
    call.outcome = &outcome;
    call.values = &word;  // Sleeps in the callback: two activations, one coroutine.
    call.done = &ended;
    process->post(call);
    if (starts) {
      // Another process works while this one gets to its sleep.
      const auto other = new_process();
      std::vector<u64> values = {3};
      EXPECT_TRUE(other->call(instantiate(*other, module), "f", values).returned());
    }
    process->kill();
    process->join();
    EXPECT_TRUE(ended.done());
    EXPECT_EQ(outcome.kind, Outcome::Kind::Killed);
    EXPECT_EQ(frames_alive, 0u);
  }
}

// A call of a process that has ended, or ends meanwhile, is answered.
TEST_P(ProcessTest, TheDeadAnswerCalls) {
  const auto module = load(R"((module (func (export "f"))))");
  for (int i = 0; i < 200; ++i) {
    const auto process = new_process();
    jit::FuncRef* const function = instantiate(*process, module).find_export("f")->func;
    process->kill();
    if (i % 2 == 0) process->join();
    std::vector<u64> values;
    EXPECT_EQ(process->call(function, values).kind, Outcome::Kind::Killed);
  }
}

// The work goes on while its process, and at the end everything else, is taken down.
TEST_P(ProcessTest, KillsDoNotWaitForHelpers) {
  const auto module = load(R"((module
      (import "t" "block" (func $block (param i32) (result i32)))
      (import "t" "pass" (func $pass (param i32) (result i32)))
      (func (export "f") (result i32) (call $block (i32.const 1)))
      (func (export "g") (result i32) (call $pass (i32.const 1)))))");
  const auto other = new_process();
  jit::Instance& second = instantiate(*other, module);
  for (int i = 0; i < 3; ++i) {
    may_go_on = false;
    const auto process = new_process();
    jit::Instance& instance = instantiate(*process, module);
    GuestCall call;
    sched::Completion ended;
    call.function = instance.find_export("f")->func;
    Outcome outcome;
    u64 word = 0;
    call.outcome = &outcome;
    call.values = &word;
    call.done = &ended;
    process->post(call);
    std::vector<u64> values;
    EXPECT_TRUE(other->call(second, "g", values).returned());
    EXPECT_EQ(values[0], 2u);
    process->kill();
    process->join();
    EXPECT_EQ(outcome.kind, Outcome::Kind::Killed);
    EXPECT_EQ(frames_alive, 0u);
    may_go_on = true;
    may_go_on.notify_all();
  }
}

}  // namespace
}  // namespace lr
