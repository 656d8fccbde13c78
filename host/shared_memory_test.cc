// Several processes, one shared memory: atomics on all workers, and waits that park the process.
#include <gtest/gtest.h>

#include "frontend/wat_parser.h"
#include "host/runtime.h"

namespace lr {
namespace {

constexpr std::string_view kOwner = R"((module (memory (export "memory") 1 4 shared)))";

constexpr std::string_view kUser = R"((module
  (import "owner" "memory" (memory 1 4 shared))
  ;; Adds 1 so often to the word at 0, and to a plain one under a lock at 4.
  (func (export "count") (param $n i32)
    (loop $again
      (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
      (call $lock)
      (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
      (call $unlock)
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  ;; 0 free, 1 taken, 2 taken and wanted.
  (func $lock (local $seen i32)
    (if (i32.eqz (local.tee $seen
          (i32.atomic.rmw.cmpxchg (i32.const 4) (i32.const 0) (i32.const 1))))
      (then (return)))
    (loop $again
      (if (i32.ne (local.get $seen) (i32.const 2))
        (then (local.set $seen (i32.atomic.rmw.xchg (i32.const 4) (i32.const 2)))))
      (if (local.get $seen) (then
        (drop (memory.atomic.wait32 (i32.const 4) (i32.const 2) (i64.const -1)))
        (local.set $seen (i32.atomic.rmw.xchg (i32.const 4) (i32.const 2)))
        (br_if $again (local.get $seen))))))
  (func $unlock
    (if (i32.ne (i32.atomic.rmw.sub (i32.const 4) (i32.const 1)) (i32.const 1)) (then
      (i32.atomic.store (i32.const 4) (i32.const 0))
      (drop (memory.atomic.notify (i32.const 4) (i32.const 1))))))
  (func (export "wait") (param $expected i64) (param $timeout i64) (result i32)
    (memory.atomic.wait64 offset=16 (i32.const 0) (local.get $expected) (local.get $timeout)))
  (func (export "notify") (param $count i32) (result i32)
    (memory.atomic.notify (i32.const 16) (local.get $count)))
  (func (export "grow") (result i32) (memory.grow (i32.const 1)))
  (func (export "size") (result i32) (memory.size))
  (func (export "last") (result i32)
    (i32.store8 (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 1)) (i32.const 77))
    (i32.load8_u (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 1)))))
)";

struct Mode {
  u32 workers = 1;
  jit::MemoryClass memory_class = jit::MemoryClass::Guarded;
  bool move_always = false;
};

struct SharedMemory : testing::TestWithParam<Mode> {
  // A process with an instance of its own that uses the one memory.
  struct Thread {
    std::unique_ptr<ProcessHandle> process;
    jit::Instance* instance = nullptr;
    std::vector<u64> values;
    Outcome outcome;
    GuestCall call;
    sched::Completion done;

    void start(const char* function, std::vector<u64> arguments) {
      values = std::move(arguments);
      values.resize(std::max<usize>(values.size(), 1));
      call.function = instance->find_export(function)->func;
      call.values = values.data();
      call.outcome = &outcome;
      call.done = &done;
      process->post(call);
    }
    u64 run(const char* function, std::vector<u64> words = {}) {
      const Outcome ended = process->call(*instance, function, words);
      EXPECT_TRUE(ended.returned()) << ended.message;
      return words.empty() ? 0 : words[0];
    }
    void join(Runtime& in) { in.scheduler().drive(done); }
  };

  SharedMemory() {
    RuntimeOptions options;
    options.scheduler.workers = GetParam().workers;
    runtime = std::move(Runtime::create(options).value());
    user = load(kUser);
    owner = new_process();
    const auto instance = owner->instantiate(load(kOwner));
    EXPECT_TRUE(instance.ok()) << instance.error().message();
    memory = owner->store().shared_memories()[0];
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
    config.memory_class = GetParam().memory_class;
    config.move_always = config.exact_extent = GetParam().move_always;
    return std::move(runtime->create_process(config).value());
  }
  std::unique_ptr<Thread> new_thread() {
    auto thread = std::make_unique<Thread>();
    thread->process = new_process();
    thread->process->store().add_shared(memory);
    InstanceLinker names;
    names.add("owner", "memory", jit::Extern::of(memory.get()));
    jit::Resolver* const others[] = {&names};
    auto instance = thread->process->instantiate(user, others);
    EXPECT_TRUE(instance.ok()) << instance.error().message();
    thread->instance = instance.value();
    return thread;
  }
  u32 word(u64 offset) const { return *reinterpret_cast<const u32*>(memory->view.base + offset); }

  std::unique_ptr<Runtime> runtime;
  std::shared_ptr<jit::CompiledModule> user;
  std::unique_ptr<ProcessHandle> owner;
  std::shared_ptr<jit::Memory> memory;
};

INSTANTIATE_TEST_SUITE_P(Modes, SharedMemory,
                         testing::Values(Mode{1}, Mode{2}, Mode{4},
                                         Mode{2, jit::MemoryClass::Dense},
                                         Mode{4, jit::MemoryClass::Dense, true}));

TEST_P(SharedMemory, CountsAndLocks) {
  constexpr u32 kThreads = 8, kTimes = 5000;
  std::vector<std::unique_ptr<Thread>> threads;
  for (u32 i = 0; i < kThreads; i++) threads.push_back(new_thread());
  for (auto& thread : threads) thread->start("count", {kTimes});
  for (auto& thread : threads) {
    thread->join(*runtime);
    EXPECT_TRUE(thread->outcome.returned()) << thread->outcome.message;
  }
  EXPECT_EQ(word(0), kThreads * kTimes);
  EXPECT_EQ(word(8), kThreads * kTimes);
  EXPECT_EQ(word(4), 0u);
}

TEST_P(SharedMemory, WaitsEndByNotificationOrTime) {
  const auto first = new_thread(), second = new_thread(), third = new_thread();
  EXPECT_EQ(first->run("wait", {5, ~u64{0}}), 1u);  // Not equal.
  EXPECT_EQ(first->run("wait", {0, 0}), 2u);
  const u64 before = sched::now_ns();
  EXPECT_EQ(first->run("wait", {0, 3'000'000}), 2u);
  EXPECT_GE(sched::now_ns() - before, 3'000'000u);

  first->start("wait", {0, ~u64{0}});
  second->start("wait", {0, u64{1} << 62});
  // All others run while these wait, though there may be one worker only.
  u64 woken = 0;
  while (woken < 2) woken += third->run("notify", {1});
  EXPECT_EQ(woken, 2u);
  first->join(*runtime);
  second->join(*runtime);
  EXPECT_TRUE(first->outcome.returned() && second->outcome.returned());
  EXPECT_EQ(first->values[0], 0u);
  EXPECT_EQ(second->values[0], 0u);
  EXPECT_EQ(third->run("notify", {~u64{0} >> 32}), 0u);
}

TEST_P(SharedMemory, AProcessThatWaitsCanBeKilled) {
  const auto other = new_thread();
  for (int i = 0; i < 20; i++) {
    const auto thread = new_thread();
    thread->start("wait", {0, ~u64{0}});
    if (i % 2 == 0) other->run("size", {0});
    thread->process->kill();
    thread->process->join();
    EXPECT_EQ(thread->outcome.kind, Outcome::Kind::Killed);
  }
  EXPECT_EQ(other->run("notify", {100}), 0u);
}

TEST_P(SharedMemory, GrowsForAllAndNeverMoves) {
  const auto first = new_thread(), second = new_thread();
  const u8* const base = memory->view.base;
  EXPECT_EQ(first->run("last", {0}), 77u);
  for (u64 pages = 2; pages <= 4; pages++) {
    EXPECT_EQ(first->run("grow", {0}), pages - 1);
    EXPECT_EQ(second->run("size", {0}), pages);
    EXPECT_EQ(second->run("last", {0}), 77u);
  }
  EXPECT_EQ(second->run("grow", {0}), 0xffff'ffffu);
  EXPECT_EQ(memory->view.base, base);
}

TEST_P(SharedMemory, OutlivesItsOwner) {
  const auto thread = new_thread();
  owner->kill();
  owner->join();
  owner.reset();
  EXPECT_EQ(thread->run("grow", {0}), 1u);
  EXPECT_EQ(thread->run("last", {0}), 77u);
}

}  // namespace
}  // namespace lr
