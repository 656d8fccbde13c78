// What the scheduler's parts cost: the context switch, the run queue, a process's life, waking.
// Bodies are C++ on process stacks, so that nothing of the compiler is measured.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "sched/native_process.h"
#include "sched/scheduler.h"
#include "sched/switch.h"

namespace lr::sched {
namespace {

std::unique_ptr<Scheduler> make_scheduler(u32 workers) {
  SchedulerOptions options;
  options.workers = workers;
  return std::move(Scheduler::create(options)).value();
}

// Runs `body` as a process on `scheduler` until it has ended.
void run(Scheduler& scheduler, NativeProcess::Body body) {
  Completion ended;
  auto process = std::make_unique<NativeProcess>(std::move(body));
  process->ended = &ended;
  CHECK(scheduler.spawn(std::move(process)).ok());
  scheduler.drive(ended);
}

// How much the workers had to do with each other.
void show_stats(benchmark::State& state, const Scheduler& scheduler) {
  const SchedulerStats stats = scheduler.stats();
  const f64 iterations = static_cast<f64>(state.iterations());
  state.counters["steals"] = static_cast<f64>(stats.steals) / iterations;
  state.counters["stolen"] = static_cast<f64>(stats.stolen) / iterations;
  state.counters["sleeps"] = static_cast<f64>(stats.sleeps) / iterations;
  state.counters["rings"] = static_cast<f64>(stats.rings) / iterations;
}

// Per iteration: into the process and out again, by the scheduler's own switch. The time shown is
// of both; halve it for one way.
void context_switch_both_ways(benchmark::State& state) {
  std::vector<u8> stack(64 * kKiB);
  RunState run;
  run.stack_limit = reinterpret_cast<u64>(stack.data());
  run.stack_top = run.stack_limit + stack.size();
  prepare_native(
      run,
      [](RunState* self, void*) {
        while (true) lr_leave(self, Leave::Yield);
      },
      nullptr);
  for (auto _ : state) benchmark::DoNotOptimize(lr_resume(&run));
  state.counters["one_way"] =
      benchmark::Counter(2 * static_cast<f64>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(context_switch_both_ways);

void ring_push_and_pop(benchmark::State& state) {
  Ring<int> ring(256);
  int item = 0;
  for (auto _ : state) {
    ring.push(&item);
    benchmark::DoNotOptimize(ring.pop());
  }
}
BENCHMARK(ring_push_and_pop);

void timer_arm_and_cancel(benchmark::State& state) {
  TimerWheel wheel(0);
  Timer timer([](Timer&, Worker&) {});
  for (auto _ : state) {
    wheel.arm(timer, 5'000'000);
    timer.cancel();
  }
}
BENCHMARK(timer_arm_and_cancel);

// A million timers, armed and then cancelled in the same order: one of both.
void a_million_timers_armed_and_cancelled(benchmark::State& state) {
  constexpr u64 kTimers = 1'000'000;
  struct Idle : Timer {
    Idle() : Timer([](Timer&, Worker&) {}) {}
  };
  TimerWheel wheel(0);
  std::vector<Idle> timers(kTimers);
  for (auto _ : state) {
    for (u64 i = 0; i < kTimers; ++i) wheel.arm(timers[i], i * 7919 % kTimers * 10'000);
    for (Idle& timer : timers) timer.cancel();
  }
  state.counters["each"] =
      benchmark::Counter(static_cast<f64>(state.iterations() * kTimers),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(a_million_timers_armed_and_cancelled)->Unit(benchmark::kMillisecond);

void slot_allocate_and_release(benchmark::State& state) {
  SlotAllocator slots;
  for (auto _ : state) {
    const Slot slot = slots.allocate(8 * kKiB, 64 * kKiB).value();
    slot.memory()[0] = 1;
    slots.release(slot, {4 * kKiB, 4 * kKiB});
  }
}
BENCHMARK(slot_allocate_and_release);

// A process that does nothing yields to itself: one dispatch.
void dispatch(benchmark::State& state) {
  const auto scheduler = make_scheduler(1);
  run(*scheduler, [&](NativeProcess& self) {
    for (auto _ : state) self.yield();
  });
}
BENCHMARK(dispatch);

// A process that only ends. Argument: workers.
void spawn_and_exit(benchmark::State& state) {
  const auto scheduler = make_scheduler(static_cast<u32>(state.range(0)));
  run(*scheduler, [&](NativeProcess& self) {
    const ProcessRef parent(self);
    std::atomic<bool> ended = false;
    for (auto _ : state) {
      ended.store(false, std::memory_order_relaxed);
      auto child = std::make_unique<NativeProcess>([&](NativeProcess& me) {
        ended.store(true, std::memory_order_release);
        me.worker().wake_next(*parent);
      });
      CHECK(self.worker().spawn(std::move(child)).ok());
      self.wait_for([&] { return ended.load(std::memory_order_acquire); });
    }
  });
}
BENCHMARK(spawn_and_exit)->Arg(1)->Arg(2)->UseRealTime();

// A block that is used for one process after another, and whose process only ends: what the
// scheduler's part of a process's life costs. Arguments: workers; how many the spawner starts
// before it lets them run.
class alignas(64) Brief final : public Process {
 public:
  Next on_dispatch(Worker&, u32) override { return Next::Done; }
  Next on_leave(Worker&, Leave) override { return Next::Done; }
  void on_done(Worker&) override {}
  void dispose(Worker*) override { free.store(true, std::memory_order_release); }
  std::atomic<bool> free{true};
};

void spawn_and_exit_of_used_blocks(benchmark::State& state) {
  const u32 workers = static_cast<u32>(state.range(0));
  const u32 batch = static_cast<u32>(state.range(1));
  const auto scheduler = make_scheduler(workers);
  std::atomic<u32> spawners = 0;
  std::atomic<bool> go = false;
  const auto spawner = [&](NativeProcess& self, u64 rounds) {
    std::vector<Brief> blocks(batch);
    spawners.fetch_add(1);
    while (!go.load()) self.yield();
    for (u64 round = 0; round < rounds; ++round) {
      for (Brief& block : blocks) {
        while (!block.free.load(std::memory_order_acquire)) self.yield();
        block.free.store(false, std::memory_order_relaxed);
        CHECK(self.worker().spawn(block).ok());
      }
      self.yield();
    }
    for (Brief& block : blocks) {
      while (!block.free.load(std::memory_order_acquire)) self.yield();
    }
    spawners.fetch_sub(1);
  };
  const u64 kRounds = 1'000'000 / batch;
  for (auto _ : state) {
    go.store(false);
    run(*scheduler, [&](NativeProcess& self) {
      for (u32 i = 0; i < workers; ++i) {
        CHECK(self.worker()
                  .spawn(std::make_unique<NativeProcess>(
                      [&](NativeProcess& me) { spawner(me, kRounds); }))
                  .ok());
      }
      while (spawners.load() != workers) self.sleep_until(now_ns() + 1'000'000);
      const u64 start = now_ns();
      go.store(true);
      while (spawners.load() != 0) self.sleep_until(now_ns() + 50'000);
      state.SetIterationTime(static_cast<f64>(now_ns() - start) * 1e-9);
    });
  }
  show_stats(state, *scheduler);
  // Per process, of both spawners together.
  state.counters["each"] =
      benchmark::Counter(static_cast<f64>(state.iterations() * kRounds * batch * workers),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(spawn_and_exit_of_used_blocks)
    ->Args({1, 1})
    ->Args({1, 100})
    ->Args({2, 1})
    ->Args({2, 100})
    ->UseManualTime();

// Two processes wake each other and park: a round trip of the scheduler alone. Argument: workers.
void wake_next_and_park(benchmark::State& state) {
  const auto scheduler = make_scheduler(static_cast<u32>(state.range(0)));
  run(*scheduler, [&](NativeProcess& self) {
    const ProcessRef parent(self);
    std::atomic<bool> stop = false;
    std::atomic<bool> stopped = false;
    auto child = std::make_unique<NativeProcess>([&](NativeProcess& me) {
      while (!stop.load(std::memory_order_relaxed)) {
        me.worker().wake_next(*parent);
        me.park();
      }
      stopped.store(true);
      me.worker().wake(*parent);
    });
    const ProcessRef other = self.worker().spawn(std::move(child)).value();
    for (auto _ : state) {
      self.worker().wake_next(*other);
      self.park();
    }
    stop.store(true);
    while (!stopped.load()) {
      self.worker().wake(*other);
      self.yield();
    }
  });
}
BENCHMARK(wake_next_and_park)->Arg(1)->Arg(2)->UseRealTime();

// A token goes round a ring of processes: one hop. Arguments: workers, processes.
void token_ring(benchmark::State& state) {
  const auto scheduler = make_scheduler(static_cast<u32>(state.range(0)));
  const u32 size = static_cast<u32>(state.range(1));
  run(*scheduler, [&](NativeProcess& self) {
    const ProcessRef parent(self);
    std::vector<ProcessRef> members(size);
    std::vector<u32> tokens(size);  // Written by the one before, who then wakes.
    std::atomic<bool> stop = false;
    std::atomic<u32> left = size;
    for (u32 i = 0; i < size; ++i) {
      auto member = std::make_unique<NativeProcess>([&, i](NativeProcess& me) {
        u32 seen = 0;
        while (true) {
          me.wait_for([&] { return std::atomic_ref(tokens[i]).load() != seen; });
          ++seen;
          if (stop.load(std::memory_order_relaxed)) break;
          if (i + 1 == size) {
            me.worker().wake_next(*parent);
            continue;
          }
          std::atomic_ref(tokens[i + 1]).store(seen, std::memory_order_release);
          me.worker().wake_next(*members[i + 1]);
        }
        if (left.fetch_sub(1) == 1) me.worker().wake(*parent);
      });
      members[i] = self.worker().spawn(std::move(member)).value();
    }
    while (self.worker().scheduler().stats().parks < size) self.sleep_until(now_ns() + 1'000'000);
    u32 round = 0;
    for (auto _ : state) {
      std::atomic_ref(tokens[0]).store(++round, std::memory_order_release);
      self.worker().wake_next(*members[0]);
      self.wait_for([&] { return std::atomic_ref(tokens[size - 1]).load() == round; });
    }
    stop.store(true);
    for (u32 i = 0; i < size; ++i) {
      std::atomic_ref(tokens[i]).fetch_add(1);
      self.worker().wake(*members[i]);
    }
    self.wait_for([&] { return left.load() == 0; });
    while (self.worker().scheduler().stats().live > 1) self.sleep_until(now_ns() + 1'000'000);
  });
  show_stats(state, *scheduler);
  state.counters["hop"] =
      benchmark::Counter(static_cast<f64>(state.iterations()) * size,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(token_ring)->Args({1, 1000})->Args({2, 1000})->UseRealTime();

// Two processes with something to say wake each other: a round trip. Argument: workers.
void ping_pong(benchmark::State& state) {
  const auto scheduler = make_scheduler(static_cast<u32>(state.range(0)));
  run(*scheduler, [&](NativeProcess& self) {
    const ProcessRef parent(self);
    std::atomic<u64> pings = 0;
    std::atomic<u64> pongs = 0;
    std::atomic<bool> stop = false;
    auto child = std::make_unique<NativeProcess>([&](NativeProcess& me) {
      for (u64 seen = 0; !stop.load(); ++seen) {
        me.wait_for([&] { return pings.load() > seen; });
        pongs.store(seen + 1);
        me.worker().wake_next(*parent);
      }
    });
    const ProcessRef other = self.worker().spawn(std::move(child)).value();
    for (auto _ : state) {
      const u64 sent = pings.fetch_add(1) + 1;
      self.worker().wake_next(*other);
      self.wait_for([&] { return pongs.load() == sent; });
    }
    stop.store(true);
    pings.fetch_add(1);
    self.worker().wake(*other);
    self.wait_for([&] { return other->state() == Process::kDone; });
  });
}
BENCHMARK(ping_pong)->Arg(1)->Arg(2)->UseRealTime();

// From another thread's wake to the process on an idle worker. Argument: how long the worker has
// been idle before, in microseconds (under 20 it still spins).
void wake_latency(benchmark::State& state) {
  const auto scheduler = make_scheduler(1);
  CHECK(scheduler->start_all().ok());
  std::atomic<u64> sent = 0;
  std::atomic<u64> seen = 0;
  std::atomic<bool> stop = false;
  Completion ended;
  auto process = std::make_unique<NativeProcess>([&](NativeProcess& me) {
    while (!stop.load()) {
      me.wait_for([&] { return sent.load() > seen.load(); });
      seen.fetch_add(1);
    }
  });
  process->ended = &ended;
  const ProcessRef ref = scheduler->spawn(std::move(process)).value();
  for (auto _ : state) {
    const u64 idle_until = now_ns() + static_cast<u64>(state.range(0)) * 1000;
    while (now_ns() < idle_until) cpu_relax();
    const u64 start = now_ns();
    const u64 number = sent.fetch_add(1) + 1;
    scheduler->wake(*ref);
    while (seen.load() != number) cpu_relax();
    state.SetIterationTime(static_cast<f64>(now_ns() - start) * 1e-9);
  }
  stop.store(true);
  sent.fetch_add(1);
  scheduler->wake(*ref);
  ended.wait();
}
BENCHMARK(wake_latency)->Arg(0)->Arg(200)->UseManualTime();

// How late a 5 ms sleep ends among hogs that poll. Arguments: workers, hogs.
void sleeper_among_hogs(benchmark::State& state) {
  const auto scheduler = make_scheduler(static_cast<u32>(state.range(0)));
  std::atomic<bool> stop = false;
  std::vector<u64> lates;
  for (i64 i = 0; i < state.range(1); ++i) {
    CHECK(scheduler
              ->spawn(std::make_unique<NativeProcess>([&](NativeProcess& me) {
                while (!stop.load(std::memory_order_relaxed)) me.poll();
              }))
              .ok());
  }
  run(*scheduler, [&](NativeProcess& self) {
    for (auto _ : state) {
      const u64 deadline = now_ns() + 5'000'000;
      self.sleep_until(deadline);
      const u64 late = now_ns() - deadline;
      lates.push_back(late);
      state.SetIterationTime(static_cast<f64>(late) * 1e-9);
    }
    stop.store(true);
    while (self.worker().scheduler().stats().live > 1) self.sleep_until(now_ns() + 1'000'000);
  });
  std::sort(lates.begin(), lates.end());
  const auto late_ms = [&](f64 share) {
    const f64 index = share * static_cast<f64>(lates.size() - 1);
    return static_cast<f64>(lates[static_cast<usize>(index)]) * 1e-6;
  };
  state.counters["p50_ms"] = late_ms(0.5);
  state.counters["p99_ms"] = late_ms(0.99);
  state.counters["worst_ms"] = late_ms(1);
}
BENCHMARK(sleeper_among_hogs)->Args({1, 100})->Args({2, 100})->UseManualTime()->Iterations(200);

// How late one process's sleeps of 5 ms end while a million timers of others fall due at one
// instant, each of which wakes a process that parks again. Argument: workers.
void sleeper_among_a_million_timers(benchmark::State& state) {
  constexpr u32 kTimers = 1'000'000;
  constexpr u32 kSleepers = 1000;
  const auto scheduler = make_scheduler(static_cast<u32>(state.range(0)));
  struct Alarm : Timer {
    Alarm() : Timer(&Alarm::fire) {}
    static void fire(Timer& timer, Worker& worker) {
      worker.wake(*static_cast<Alarm&>(timer).process);
    }
    Process* process = nullptr;
  };
  std::atomic<bool> stop = false;
  std::vector<ProcessRef> sleepers;
  for (u32 i = 0; i < kSleepers; ++i) {
    auto process = std::make_unique<NativeProcess>([&](NativeProcess& me) {
      while (!stop.load(std::memory_order_relaxed)) me.park();
    });
    sleepers.push_back(scheduler->spawn(std::move(process)).value());
  }
  std::vector<Alarm> alarms(kTimers);
  for (u32 i = 0; i < kTimers; ++i) alarms[i].process = sleepers[i % kSleepers].get();
  u64 worst = 0;
  run(*scheduler, [&](NativeProcess& self) {
    for (auto _ : state) {
      const u64 instant = now_ns() + 1'000'000'000;
      for (Alarm& alarm : alarms) {
        self.worker().arm(alarm, instant);
        self.poll();
      }
      while (self.worker().scheduler().stats().timers_fired < kTimers) {
        const u64 deadline = now_ns() + 5'000'000;
        self.sleep_until(deadline);
        const u64 late = now_ns() - deadline;
        worst = std::max(worst, late);
        state.SetIterationTime(static_cast<f64>(late) * 1e-9);
        if (now_ns() > instant + 2'000'000'000) break;
      }
    }
    stop.store(true);
    for (const ProcessRef& sleeper : sleepers) self.worker().wake(*sleeper);
    while (self.worker().scheduler().stats().live > 1) self.sleep_until(now_ns() + 1'000'000);
  });
  state.counters["worst_ms"] = static_cast<f64>(worst) * 1e-6;
  state.counters["fired"] = static_cast<f64>(scheduler->stats().timers_fired);
}
BENCHMARK(sleeper_among_a_million_timers)->Arg(1)->Arg(2)->UseManualTime()->Iterations(1);

}  // namespace
}  // namespace lr::sched

BENCHMARK_MAIN();
