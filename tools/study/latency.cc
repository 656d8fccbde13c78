#include "tools/study/latency.h"

#include <time.h>

#include <algorithm>
#include <mutex>
#include <thread>

namespace lr::study {

namespace {

constexpr u64 kPauseMinNs = 20'000;
constexpr u64 kPauseMaxNs = 200'000;
constexpr u64 kGiveUpNs = 1'000'000'000;  // A request that nobody answers: the program is over.
constexpr u64 kHogCheckNs = 2'000'000;    // How often hogs that have returned are started again.

void sleep_ns(u64 ns) {
  const timespec time{static_cast<time_t>(ns / 1'000'000'000),
                      static_cast<long>(ns % 1'000'000'000)};
  ::nanosleep(&time, nullptr);
}

// Of an idle machine: stamps the answer to the request that is out.
class AnswerProbe final : public sched::YieldProbe {
 public:
  void yielded(sched::Process&, Asked) override {
    const u64 now = sched::now_ns();
    const u64 displaced = times_displaced();
    disturbed_.store(displaced != displaced_, std::memory_order_relaxed);
    displaced_ = displaced;
    answered_ns_.store(now, std::memory_order_release);
  }

  void ask() { answered_ns_.store(0, std::memory_order_relaxed); }
  // When the answer came, or 0.
  u64 answered_ns() const { return answered_ns_.load(std::memory_order_acquire); }
  // Did the worker's thread lose its processor between the last two answers?
  bool disturbed() const { return disturbed_.load(std::memory_order_relaxed); }

 private:
  std::atomic<u64> answered_ns_{0};
  std::atomic<bool> disturbed_{false};
  u64 displaced_ = 0;  // The worker's.
};

// Runs the program again and again on a thread of its own.
class Runner {
 public:
  explicit Runner(Rig& rig) : rig_(rig), thread_([this] { work(); }) {}
  ~Runner() { join(); }

  // How it went.
  Status stop() {
    join();
    return status_;
  }
  bool over() const { return over_.load(std::memory_order_acquire); }

  // The process that runs, or nothing yet.
  sched::ProcessRef current() {
    std::lock_guard lock(mutex_);
    return current_;
  }

 private:
  void join() {
    stopping_.store(true, std::memory_order_relaxed);
    if (thread_.joinable()) thread_.join();
  }

  void work() {
    const Pinned pinned(0);
    status_ = run();
    over_.store(true, std::memory_order_release);
  }

  Status run() {
    std::unique_ptr<Guest> guest;
    while (!stopping_.load(std::memory_order_relaxed)) {
      if (guest == nullptr || rig_.program().is_command) {
        publish(sched::ProcessRef());
        guest.reset();
        guest = TRY(Guest::create(rig_));
        if (!rig_.program().is_command) TRY(guest->call());
        publish(sched::ProcessRef(guest->process()));
      }
      TRY(guest->call());
    }
    publish(sched::ProcessRef());
    return ok_status();
  }

  void publish(sched::ProcessRef process) {
    std::lock_guard lock(mutex_);
    current_ = std::move(process);
  }

  Rig& rig_;
  std::mutex mutex_;
  sched::ProcessRef current_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> over_{false};
  Status status_ = ok_status();
  std::thread thread_;  // Last: it uses the others.
};

// Makes one request. Nothing comes of one that met the process while it did not run, which is
// answered without an interruption.
void take_sample(Runner& runner, sched::Scheduler& scheduler, AnswerProbe& probe,
                 Latency& latency) {
  const sched::ProcessRef process = runner.current();
  if (!process) return;
  const u64 displaced = times_displaced();
  probe.ask();
  const u64 asked = sched::now_ns();
  scheduler.interrupt(*process);
  const bool delayed = times_displaced() != displaced;
  const auto answered = [&] {
    return process->run.request.load(std::memory_order_acquire) == 0 || runner.over();
  };
  // Asleep, since a thread that spins is in the way where there is one processor.
  while (!answered() && sched::now_ns() - asked < kGiveUpNs) sleep_ns(kPauseMinNs);
  const u64 answer = probe.answered_ns();
  if (answer <= asked) return;
  if (delayed || probe.disturbed()) {
    latency.disturbed++;
  } else {
    latency.ns.push_back(answer - asked);
  }
}

// Of hogs: what the tick asked for.
class SliceProbe final : public sched::YieldProbe {
 public:
  explicit SliceProbe(u32 workers) : by_worker_(workers) {}
  void yielded(sched::Process& process, Asked asked) override {
    const u64 now = sched::now_ns();
    Lane& lane = by_worker_[process.worker().index()];
    // What was asked before the last yield was asked of another process.
    const u64 last = std::exchange(lane.last_ns, now);
    const u64 since = asked.rung_ns > last ? asked.rung_ns : asked.epoch_ns;
    if (since > last && since < now) lane.ns.push_back(now - since);
  }
  // When no worker runs any more.
  Latency take() const {
    Latency latency;
    for (const Lane& lane : by_worker_) {
      latency.ns.insert(latency.ns.end(), lane.ns.begin(), lane.ns.end());
    }
    std::sort(latency.ns.begin(), latency.ns.end());
    return latency;
  }

 private:
  struct alignas(64) Lane {
    std::vector<u64> ns;
    u64 last_ns = 0;
  };
  std::vector<Lane> by_worker_;
};

Status run_hogs(Rig& rig, u32 hogs, u64 duration_ns) {
  TRY(rig.runtime().scheduler().start_all());
  std::vector<std::unique_ptr<Guest>> guests(hogs);
  for (auto& guest : guests) {
    guest = TRY(Guest::create(rig));
    guest->start();
  }
  const u64 end = sched::now_ns() + duration_ns;
  while (sched::now_ns() < end) {
    sleep_ns(kHogCheckNs);
    for (auto& guest : guests) {
      if (!guest->done()) continue;
      TRY(guest->finish());
      if (rig.program().is_command) {
        guest.reset();
        guest = TRY(Guest::create(rig));
      }
      guest->start();
    }
  }
  return ok_status();
}

}  // namespace

Result<Latency> idle_latency(const Program& program, const Setup& setup, jit::Preempt preempt,
                             u64 duration_ns, Random& random) {
  AnswerProbe probe;
  const auto rig = TRY(Rig::create(program, setup, preempt, 1, &probe));
  Latency latency;
  {
    Runner runner(*rig);
    const Pinned pinned(1);
    while (!runner.current() && !runner.over()) sleep_ns(kPauseMinNs);
    const u64 end = sched::now_ns() + duration_ns;
    while (sched::now_ns() < end && !runner.over()) {
      sleep_ns(kPauseMinNs + random.below(kPauseMaxNs - kPauseMinNs));
      take_sample(runner, rig->runtime().scheduler(), probe, latency);
    }
    TRY(runner.stop());
  }
  std::sort(latency.ns.begin(), latency.ns.end());
  return latency;
}

Result<Latency> hogs_latency(const Program& program, const Setup& setup, jit::Preempt preempt,
                             u32 workers, u32 hogs, u64 duration_ns) {
  SliceProbe probe(workers);
  {
    const auto rig = TRY(Rig::create(program, setup, preempt, workers, &probe));
    TRY(run_hogs(*rig, hogs, duration_ns));
  }
  return probe.take();
}

}  // namespace lr::study
