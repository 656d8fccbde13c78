#include "sched/scheduler.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "sched/native_process.h"

namespace lr::sched {
namespace {

constexpr u64 kMs = 1'000'000;

// Workers 1, 2, 4 and 8, with rings of 4 so that everything overflows.
class SchedulerTest : public testing::TestWithParam<u32> {
 protected:
  void SetUp() override {
    SchedulerOptions options;
    options.workers = GetParam();
    options.ring_capacity = 4;
    Result<std::unique_ptr<Scheduler>> scheduler = Scheduler::create(options);
    ASSERT_TRUE(scheduler.ok());
    scheduler_ = std::move(*scheduler);
  }

  ProcessRef spawn(NativeProcess::Body body) {
    Result<ProcessRef> ref = scheduler_->spawn(std::make_unique<NativeProcess>(std::move(body)));
    EXPECT_TRUE(ref.ok());
    return std::move(*ref);
  }

  // Runs `body` as a process and drives until it has ended.
  void run(NativeProcess::Body body) {
    Completion ended;
    auto process = std::make_unique<NativeProcess>(std::move(body));
    process->ended = &ended;
    ASSERT_TRUE(scheduler_->spawn(std::move(process)).ok());
    scheduler_->drive(ended);
  }

  // Until no process but this one is left, so that a test's variables may go.
  static void outlive_others(NativeProcess& self) {
    while (self.worker().scheduler().stats().live > 1) self.sleep_until(now_ns() + kMs);
  }

  std::unique_ptr<Scheduler> scheduler_;
};

INSTANTIATE_TEST_SUITE_P(Workers, SchedulerTest, testing::Values(1, 2, 4, 8));

TEST_P(SchedulerTest, RunsOneProcessWhichIsTheRoot) {
  Pid pid = 0;
  run([&](NativeProcess& self) { pid = self.pid(); });
  EXPECT_EQ(pid, 1u);
  EXPECT_EQ(scheduler_->stats().live, 0u);
  EXPECT_FALSE(scheduler_->find(1));
}

TEST_P(SchedulerTest, SpawnsManyAndLosesNone) {
  constexpr u32 kCount = 2000;
  std::vector<std::atomic<u32>> runs(kCount);
  std::atomic<u32> left = kCount;
  run([&](NativeProcess& self) {
    const ProcessRef parent(self);  // Whoever wakes it may do so when it has ended.
    for (u32 i = 0; i < kCount; ++i) {
      auto child = std::make_unique<NativeProcess>([&, i, parent](NativeProcess& me) {
        for (u32 turn = 0; turn < i % 5; ++turn) me.yield();
        runs[i].fetch_add(1);
        if (left.fetch_sub(1) == 1) me.worker().wake(*parent);
      });
      CHECK(self.worker().spawn(std::move(child)).ok());
      self.poll();
    }
    self.wait_for([&] { return left.load() == 0; });
  });
  for (const auto& count : runs) EXPECT_EQ(count.load(), 1u);
}

TEST_P(SchedulerTest, PassesATokenRoundARing) {
  constexpr u32 kSize = 100;
  constexpr u32 kRounds = 200;
  std::vector<ProcessRef> ring(kSize);
  std::vector<std::atomic<u32>> tokens(kSize);
  std::atomic<u32> hops = 0;
  std::atomic<u32> ready = 0;
  std::atomic<u32> left = kSize;
  Completion all_left;
  for (u32 i = 0; i < kSize; ++i) {
    ring[i] = spawn([&, i](NativeProcess& me) {
      ready.fetch_add(1);
      for (u32 round = 0; round < kRounds; ++round) {
        me.wait_for([&] { return tokens[i].load() > round; });
        hops.fetch_add(1);
        const u32 next = (i + 1) % kSize;
        tokens[next].fetch_add(1);
        if (i % 2 == 0) {
          me.worker().wake(*ring[next]);
        } else {
          me.worker().wake_next(*ring[next]);
        }
      }
      if (left.fetch_sub(1) == 1) all_left.signal();
    });
  }
  tokens[0].store(1);
  scheduler_->wake(*ring[0]);
  scheduler_->drive(all_left);
  EXPECT_EQ(hops.load(), kSize * kRounds);
}

TEST_P(SchedulerTest, AHogThatPollsDoesNotStopOthers) {
  std::atomic<bool> stop = false;
  std::vector<ProcessRef> hogs;
  for (u32 i = 0; i < GetParam() + 1; ++i) {
    hogs.push_back(spawn([&](NativeProcess& me) {
      while (!stop.load(std::memory_order_relaxed)) me.poll();
    }));
  }
  u64 late = 0;
  run([&](NativeProcess& self) {
    for (u32 i = 0; i < 5; ++i) {
      const u64 deadline = now_ns() + 2 * kMs;
      self.sleep_until(deadline);
      late = std::max(late, now_ns() - deadline);
    }
    stop.store(true);
    outlive_others(self);
  });
  // A generous bound: the machine may be busy with other things.
  EXPECT_LT(late, 1000 * kMs);
  EXPECT_GT(scheduler_->stats().preemptions, 0u);
}

// It would not end if one of them starved.
TEST_P(SchedulerTest, HogsShareEvenly) {
  constexpr u32 kHogs = 5;
  std::atomic<bool> stop = false;
  std::vector<ProcessRef> hogs;
  std::vector<std::atomic<u64>> turns(kHogs);
  for (u32 i = 0; i < kHogs; ++i) {
    hogs.push_back(spawn([&, i](NativeProcess& me) {
      while (!stop.load(std::memory_order_relaxed)) {
        turns[i].fetch_add(1, std::memory_order_relaxed);
        me.poll();
      }
    }));
  }
  run([&](NativeProcess& self) {
    // A worker's thread may have to wait long for a processor, but everyone has a turn.
    const auto had_none = [](const std::atomic<u64>& count) { return count.load() == 0; };
    while (std::any_of(turns.begin(), turns.end(), had_none)) self.sleep_until(now_ns() + kMs);
    stop.store(true);
    outlive_others(self);
  });
}

TEST_P(SchedulerTest, KillsWhatParksRunsOrNeverStarted) {
  std::vector<ProcessRef> victims;
  for (u32 i = 0; i < 50; ++i) {
    victims.push_back(spawn([i](NativeProcess& me) {
      while (true) {
        if (i % 2 == 0) {
          me.park();
        } else {
          me.poll();
        }
      }
    }));
  }
  run([&](NativeProcess& self) {
    self.sleep_until(now_ns() + 5 * kMs);
    for (const ProcessRef& victim : victims)
      self.worker().scheduler().request(*victim, kRequestKill);
    outlive_others(self);
  });
  for (const ProcessRef& victim : victims) {
    EXPECT_EQ(victim->state(), Process::kDone);
    EXPECT_TRUE(static_cast<NativeProcess&>(*victim).was_killed());
    EXPECT_FALSE(scheduler_->find(victim->pid()));
  }
}

TEST_P(SchedulerTest, EndsWithProcessesStillThere) {
  for (u32 i = 0; i < 20; ++i) {
    spawn([i](NativeProcess& me) {
      while (true) {
        if (i % 2 == 0) {
          me.sleep_until(now_ns() + 1000 * kMs);
        } else {
          me.poll();
        }
      }
    });
  }
  run([](NativeProcess& self) { self.sleep_until(now_ns() + 3 * kMs); });
  scheduler_.reset();
}

TEST_P(SchedulerTest, WakesFromOtherThreads) {
  constexpr u32 kWakes = 1000;
  std::atomic<u32> sent = 0;
  std::atomic<u32> seen = 0;
  Completion ended;
  ASSERT_TRUE(scheduler_->start_all().ok());
  auto owned = std::make_unique<NativeProcess>([&](NativeProcess& me) {
    while (seen.load() < kWakes) {
      me.wait_for([&] { return sent.load() > seen.load(); });
      seen.fetch_add(1);
    }
  });
  owned->ended = &ended;
  Result<ProcessRef> process = scheduler_->spawn(std::move(owned));
  ASSERT_TRUE(process.ok());
  for (u32 i = 0; i < kWakes; ++i) {
    sent.fetch_add(1);
    scheduler_->wake(**process);
    if (i % 50 == 0) usleep(100);  // Let it go to sleep now and then.
  }
  ended.wait();
  EXPECT_EQ(seen.load(), kWakes);
}

TEST_P(SchedulerTest, SleepersWakeInTheirOrderAndNotEarly) {
  std::atomic<u32> woken = 0;
  std::atomic<bool> early = false;
  run([&](NativeProcess& self) {
    constexpr u32 kSleepers = 200;
    const ProcessRef parent(self);
    const u64 base = now_ns() + 5 * kMs;
    for (u32 i = 0; i < kSleepers; ++i) {
      auto sleeper = std::make_unique<NativeProcess>([&, i, base, parent](NativeProcess& me) {
        const u64 deadline = base + (i * 7919 % kSleepers) * 50'000;
        me.sleep_until(deadline);
        if (now_ns() < deadline) early.store(true);
        woken.fetch_add(1);
        me.worker().wake(*parent);
      });
      CHECK(self.worker().spawn(std::move(sleeper)).ok());
    }
    self.wait_for([&] { return woken.load() == kSleepers; });
  });
  EXPECT_FALSE(early.load());
}

TEST_P(SchedulerTest, WaitsForDescriptors) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::string got;
  run([&](NativeProcess& self) {
    auto writer = std::make_unique<NativeProcess>([&](NativeProcess& w) {
      for (const char* c = "hello"; *c != 0; ++c) {
        w.sleep_until(now_ns() + kMs);
        CHECK(write(ends[1], c, 1) == 1);
      }
    });
    CHECK(self.worker().spawn(std::move(writer)).ok());
    while (got.size() < 5) {
      FdWait wait;
      CHECK(self.worker().scheduler().wait_fd(wait, ends[0], kReadable, self).ok());
      self.wait_for([&] { return wait.ready() != 0; });
      self.worker().scheduler().cancel_fd(wait);
      char c;
      CHECK(read(ends[0], &c, 1) == 1);
      got += c;
    }
  });
  EXPECT_EQ(got, "hello");
  close(ends[0]);
  close(ends[1]);
}

TEST_P(SchedulerTest, HelpersDoWhatBlocks) {
  struct Job : HelperJob {
    Job() : HelperJob([](HelperJob& job) { static_cast<Job&>(job).work(); }) {}
    void work() {
      Scheduler& its = *scheduler;
      usleep(1000);
      const ProcessRef waiter = std::move(keep);
      done.store(true);  // From here on the job may be gone.
      its.wake(*waiter);
    }
    Scheduler* scheduler = nullptr;
    std::atomic<bool> done = false;
  };
  u32 finished = 0;
  run([&](NativeProcess& self) {
    for (u32 i = 0; i < 10; ++i) {
      Job job;
      job.keep = ProcessRef(self);
      job.scheduler = &self.worker().scheduler();
      self.worker().scheduler().helpers().submit(job);
      self.wait_for([&] { return job.done.load(); });
      ++finished;
    }
  });
  EXPECT_EQ(finished, 10u);
}

TEST_P(SchedulerTest, DrivesAgainAndAgain) {
  for (u32 i = 0; i < 100; ++i) {
    u32 ran = 0;
    run([&](NativeProcess&) { ++ran; });
    EXPECT_EQ(ran, 1u);
  }
  EXPECT_EQ(scheduler_->stats().spawned, 100u);
}

// Processes that wake each other for ever leave turns to one that uses up its slices, and the
// other way round.
TEST_P(SchedulerTest, NeitherWokenNorPreemptedWorkStarves) {
  std::atomic<bool> stop = false;
  std::atomic<u64> hog_turns = 0;
  std::atomic<u64> chatter = 0;
  const u32 pairs = 2 * GetParam();
  std::vector<ProcessRef> talkers(2 * pairs);
  std::atomic<bool> begin = false;
  for (u32 i = 0; i < talkers.size(); ++i) {
    talkers[i] = spawn([&, i](NativeProcess& me) {
      me.wait_for([&] { return begin.load(); });
      while (!stop.load()) {
        chatter.fetch_add(1, std::memory_order_relaxed);
        if (i % 4 < 2) {
          me.worker().wake(*talkers[i ^ 1]);
        } else {
          me.worker().wake_next(*talkers[i ^ 1]);
        }
        me.park();
      }
      me.worker().wake(*talkers[i ^ 1]);
    });
  }
  begin.store(true);
  for (const ProcessRef& talker : talkers) scheduler_->wake(*talker);
  for (u32 i = 0; i < GetParam(); ++i) {
    spawn([&](NativeProcess& me) {
      while (!stop.load(std::memory_order_relaxed)) {
        hog_turns.fetch_add(1, std::memory_order_relaxed);
        me.poll();
      }
    });
  }
  u64 chatter_late = 0;
  u64 turns_late = 0;
  run([&](NativeProcess& self) {
    self.sleep_until(now_ns() + 50 * kMs);
    const u64 chatter_before = chatter.load();
    const u64 turns_before = hog_turns.load();
    self.sleep_until(now_ns() + 100 * kMs);
    chatter_late = chatter.load() - chatter_before;
    turns_late = hog_turns.load() - turns_before;
    stop.store(true);
    outlive_others(self);
  });
  EXPECT_GT(chatter_late, 0u);
  EXPECT_GT(turns_late, 0u);
}

// Everything at once, driven by seeds: what is sent arrives once, whoever is spawned ends, whoever
// waits with a deadline wakes.
class Storm {
 public:
  Storm(Scheduler& scheduler, u32 size) : scheduler_(scheduler), members_(size) {}

  void start() {
    for (u32 i = 0; i < members_.size(); ++i) {
      auto process = std::make_unique<NativeProcess>([this, i](NativeProcess& me) { live(me, i); });
      // All exist before any of them runs: they look each other up.
      members_[i].process = scheduler_.spawn(std::move(process)).value();
    }
    begin_.store(true);
    for (const Member& member : members_) scheduler_.wake(*member.process);
  }

  void wait_for_end(NativeProcess& self) const {
    while (ended_.load() != members_.size()) self.sleep_until(now_ns() + kMs);
  }

  u64 sent() const { return sent_.load(); }
  u64 received() const {
    u64 sum = 0;
    for (const Member& member : members_) sum += member.received + member.inbox.load();
    return sum;
  }
  u32 children() const { return children_.load(); }
  u32 children_ended() const { return children_ended_.load(); }

 private:
  struct Member {
    ProcessRef process;
    std::atomic<u64> inbox{0};
    u64 received = 0;
  };

  void live(NativeProcess& me, u32 index) {
    me.wait_for([&] { return begin_.load(); });
    u32 random = index * 2654435761u + 1;
    for (u32 step = 0; step < 300; ++step) {
      random = random * 1664525 + 1013904223;
      act(me, members_[index], random >> 8);
    }
    ended_.fetch_add(1);
  }

  void act(NativeProcess& me, Member& mine, u32 random) {
    Member& other = members_[random / 8 % members_.size()];
    switch (random % 8) {
      case 0:
      case 1:
        sent_.fetch_add(1);
        other.inbox.fetch_add(1);
        if (random % 2 == 0) return me.worker().wake(*other.process);
        return me.worker().wake_next(*other.process);
      case 2:
      case 3: {
        const u64 deadline = now_ns() + random % 100'000;
        me.wake_at(deadline);
        me.wait_for([&] { return mine.inbox.load() != 0 || now_ns() >= deadline; });
        mine.received += mine.inbox.exchange(0);
        return;
      }
      case 4:
        return me.sleep_until(now_ns() + random % 50'000);
      case 5: {
        children_.fetch_add(1);
        auto child = std::make_unique<NativeProcess>([this](NativeProcess& self) {
          self.yield();
          children_ended_.fetch_add(1);
        });
        CHECK(me.worker().spawn(std::move(child)).ok());
        return;
      }
      case 6:
        return me.yield();
      default:
        return me.poll();
    }
  }

  Scheduler& scheduler_;
  std::vector<Member> members_;
  std::atomic<bool> begin_{false};
  std::atomic<u64> sent_{0};
  std::atomic<u32> ended_{0};
  std::atomic<u32> children_{0};
  std::atomic<u32> children_ended_{0};
};

TEST_P(SchedulerTest, AStormLosesNothing) {
  Storm storm(*scheduler_, 100);
  storm.start();
  run([&](NativeProcess& self) {
    storm.wait_for_end(self);
    while (storm.children() != storm.children_ended()) self.sleep_until(now_ns() + kMs);
  });
  EXPECT_EQ(storm.sent(), storm.received());
}

// However many begin: what was woken goes before them.
TEST(Order, WokenBeforeNew) {
  SchedulerOptions options;
  options.workers = 1;
  options.ring_capacity = 4;
  options.preempt = false;
  Result<std::unique_ptr<Scheduler>> scheduler = Scheduler::create(options);
  ASSERT_TRUE(scheduler.ok());
  std::string order;
  bool may_go = false;
  Result<ProcessRef> sleeper =
      (*scheduler)->spawn(std::make_unique<NativeProcess>([&](NativeProcess& self) {
        self.wait_for([&] { return may_go; });
        order += 'w';
      }));
  ASSERT_TRUE(sleeper.ok());
  Completion ended;
  auto root = std::make_unique<NativeProcess>([&](NativeProcess& self) {
    while ((*sleeper)->state() != Process::kParked) self.yield();
    for (u32 i = 0; i < 20; ++i) {
      auto child = std::make_unique<NativeProcess>([&](NativeProcess&) { order += 'n'; });
      CHECK(self.worker().spawn(std::move(child)).ok());
    }
    may_go = true;
    self.worker().wake(**sleeper);
    while (order.size() < 21) self.yield();
  });
  root->ended = &ended;
  ASSERT_TRUE((*scheduler)->spawn(std::move(root)).ok());
  (*scheduler)->drive(ended);
  EXPECT_EQ(order.front(), 'w') << order;
}

TEST(YieldProbe, IsToldOfEveryInterruptionAndWhenItWasAskedFor) {
  struct Probe final : YieldProbe {
    void yielded(Process&, Asked asked) override {
      calls++;
      if (asked.rung_ns == 0) return;
      rung++;
      EXPECT_LE(asked.rung_ns, now_ns());
    }
    u32 calls = 0, rung = 0;
  } probe;
  SchedulerOptions options;
  options.workers = 1;
  options.yield_probe = &probe;
  Result<std::unique_ptr<Scheduler>> scheduler = Scheduler::create(options);
  ASSERT_TRUE(scheduler.ok());
  Completion ended;
  auto hog = [&](NativeProcess& self) {
    while (probe.rung < 4) self.poll();
  };
  auto first = std::make_unique<NativeProcess>(hog);
  first->ended = &ended;
  ASSERT_TRUE((*scheduler)->spawn(std::move(first)).ok());
  ASSERT_TRUE((*scheduler)->spawn(std::make_unique<NativeProcess>(hog)).ok());
  (*scheduler)->drive(ended);
  EXPECT_EQ(probe.calls, (*scheduler)->stats().preemptions);
}

}  // namespace
}  // namespace lr::sched
