// Everything at once on blocks that are used again and again: spawned, woken, killed and looked up
// by workers and by other threads, waiting with timers. Each process ends once, nothing of one
// process is seen by the next in its block, and no message that got through is lost.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "sched/native_process.h"

namespace lr::sched {
namespace {

constexpr u64 kMs = 1'000'000;

struct Lives;

// A process without a stack: what it does is decided between two dispatches.
class Block final : public Process {
 public:
  explicit Block(Lives& lives) : lives_(lives) {}

  void start(u32 life, u32 seed) {
    life_ = life;
    random_ = seed * 2654435761u + 1;
    received_ = 0;
    ended_ = false;
    inbox.store(0, std::memory_order_relaxed);
  }

  Next on_dispatch(Worker& worker, u32 requests) override;
  Next on_leave(Worker&, Leave) override { return Next::Done; }
  void on_done(Worker& worker) override;
  void dispose(Worker* here) override;

  std::atomic<u32> inbox{0};

 private:
  struct Alarm : Timer {
    explicit Alarm(Block& block) : Timer(&Alarm::fire), owner(block) {}
    static void fire(Timer& timer, Worker& worker) {
      worker.wake(static_cast<Alarm&>(timer).owner);
    }
    Block& owner;
  };

  Lives& lives_;
  Alarm alarm_{*this};
  u32 life_ = 0;
  u32 random_ = 0;
  u32 received_ = 0;
  bool ended_ = true;
};

// All processes that ever were, and the blocks that are free.
struct Lives {
  static constexpr u32 kBlocks = 64;

  explicit Lives(u32 count) : ends(count), pids(count) {
    for (u32 i = 0; i < kBlocks; ++i) {
      blocks.push_back(std::make_unique<Block>(*this));
      free.push_back(blocks.back().get());
    }
  }
  Block* take() {
    std::lock_guard lock(mutex);
    if (free.empty()) return nullptr;
    Block* block = free.back();
    free.pop_back();
    return block;
  }

  std::vector<std::unique_ptr<Block>> blocks;
  std::mutex mutex;
  std::vector<Block*> free;
  std::vector<std::atomic<u8>> ends;
  std::vector<std::atomic<Pid>> pids;
  std::atomic<u32> begun{0};
  std::atomic<u32> ended{0};
  std::atomic<u64> sent{0};
  std::atomic<u64> arrived{0};
};

Next Block::on_dispatch(Worker& worker, u32 requests) {
  CHECK(!ended_);
  alarm_.cancel();
  received_ += inbox.exchange(0);
  if ((requests & kRequestKill) != 0 || received_ > 20) return Next::Done;
  random_ = random_ * 1664525 + 1013904223;
  switch (random_ >> 29) {
    case 0:
      return Next::Done;
    case 1:
    case 2:
      return Next::Requeue;
    case 3: {  // Another one, perhaps just ended, is told something.
      const u32 begun = lives_.begun.load();
      if (begun == 0) return Next::Requeue;
      const Pid whom = lives_.pids[begun - 1 - random_ / 64 % std::min(begun, 100u)].load();
      if (const ProcessRef other = worker.scheduler().find(whom)) {
        CHECK(other->pid() == whom);
        lives_.sent.fetch_add(1);
        static_cast<Block&>(*other).inbox.fetch_add(1);
        random_ % 2 == 0 ? worker.wake(*other) : worker.wake_next(*other);
      }
      return Next::Requeue;
    }
    default:
      worker.arm(alarm_, now_ns() + random_ % 200'000);
      return Next::Park;
  }
}

void Block::on_done(Worker&) {
  CHECK(!ended_);
  ended_ = true;
  alarm_.cancel();
  CHECK(lives_.ends[life_].fetch_add(1) == 0);
}

void Block::dispose(Worker*) {
  CHECK(ended_);
  // What came too late counts as well: nobody can send to it any more.
  lives_.arrived.fetch_add(received_ + inbox.exchange(0));
  lives_.ended.fetch_add(1);
  std::lock_guard lock(lives_.mutex);
  lives_.free.push_back(this);
}

class SchedulerStress : public testing::TestWithParam<u32> {};
INSTANTIATE_TEST_SUITE_P(Workers, SchedulerStress, testing::Values(1, 2, 4, 8));

TEST_P(SchedulerStress, BlocksAreUsedAgainUnderFire) {
  constexpr u32 kLives = 5'000;
  Lives lives(kLives);
  SchedulerOptions options;
  options.workers = GetParam();
  options.ring_capacity = 4;
  std::unique_ptr<Scheduler> scheduler = std::move(Scheduler::create(options)).value();

  // From outside: kills, wakes for nothing, and a look at all of them.
  std::thread outside([&] {
    u32 random = 1;
    while (lives.ended.load() < kLives) {
      random = random * 1664525 + 1013904223;
      const u32 begun = lives.begun.load();
      if (begun == 0) continue;
      const Pid whom = lives.pids[begun - 1 - random / 64 % std::min(begun, 100u)].load();
      if (const ProcessRef one = scheduler->find(whom)) {
        if (random % 4 == 0) {
          scheduler->request(*one, kRequestKill);
        } else {
          scheduler->wake(*one);
        }
      }
      if (random % 64 != 0) continue;
      scheduler->for_each(nullptr, [](void*, Process& process) { CHECK(process.pid() != 0); });
      std::this_thread::yield();
    }
  });

  Completion over;
  auto spawner = std::make_unique<NativeProcess>([&](NativeProcess& self) {
    for (u32 life = 0; life < kLives;) {
      Block* block = lives.take();
      if (block == nullptr) {
        self.sleep_until(now_ns() + kMs / 10);
        continue;
      }
      block->start(life, life);
      const Pid pid = self.worker().spawn(*block).value();
      lives.pids[life++].store(pid);
      lives.begun.store(life);
      self.poll();
    }
    while (lives.ended.load() < kLives) self.sleep_until(now_ns() + kMs);
  });
  spawner->ended = &over;
  ASSERT_TRUE(scheduler->spawn(std::move(spawner)).ok());
  scheduler->drive(over);
  outside.join();

  for (const auto& ends : lives.ends) ASSERT_EQ(ends.load(), 1u);
  EXPECT_EQ(lives.sent.load(), lives.arrived.load());
  // The end is signalled before the process is counted as gone.
  while (scheduler->live() != 0) std::this_thread::yield();
  EXPECT_EQ(scheduler->stats().spawned, kLives + 1);
  std::vector<Pid> pids;
  for (const auto& pid : lives.pids) pids.push_back(pid.load());
  std::sort(pids.begin(), pids.end());
  EXPECT_EQ(std::adjacent_find(pids.begin(), pids.end()), pids.end());
  scheduler.reset();
}

}  // namespace
}  // namespace lr::sched
