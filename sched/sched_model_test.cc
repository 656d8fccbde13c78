// The scheduler's protocols under a model checker (model.h). Each suite is one protocol in the code
// that ships, used by two or three threads as the scheduler uses it.
#include "sched/entry_word.h"
#include "sched/global_queue.h"
#include "sched/idle.h"
#include "sched/next_slot.h"
#include "sched/park_word.h"
#include "sched/ring.h"

// After what is tested.
#include "sched/model.h"

namespace lr::sched {
namespace {

using model::Atomic;
using model::check;
using model::Plain;
using model::relax;

// An item of a queue. Whoever takes it writes to it: two who have the same one are a race, and so
// is one who does not see what was written before it was queued.
struct Item {
  Plain<u32> content = 0;
  Plain<Item*> queue_next_ = nullptr;
  void take() {
    check(content == 1);
    content = 2;
  }
};

// Ring: its owner pushes and takes, two thieves take halves into rings of their own, and the second
// also takes from the first.
struct RingIsSafe : rl::test_suite<RingIsSafe, 3> {
  static constexpr u32 kItems = 5;
  Item items[kItems];
  Ring<Item, Atomic> rings[3]{Ring<Item, Atomic>(4), Ring<Item, Atomic>(4), Ring<Item, Atomic>(4)};
  Atomic<u32> taken{0};

  void take(Item* item) {
    item->take();
    taken.fetch_add(1, std::memory_order_relaxed);
  }
  void drain(Ring<Item, Atomic>& ring) {
    while (Item* item = ring.pop()) take(item);
  }
  void thread(unsigned index) {
    Ring<Item, Atomic>& mine = rings[index];
    if (index != 0) {
      for (u32 round = 0; round < 2; ++round) {
        u32 count = 0;
        Ring<Item, Atomic>& victim = rings[index == 2 ? round : 0];
        if (Item* item = victim.steal_into(mine, count)) take(item);
      }
      return drain(mine);
    }
    for (Item& item : items) {
      item.content = 1;
      while (!mine.push(&item)) {
        Item* some[2];
        const u32 count = mine.pop_many(some, 2);
        for (u32 i = 0; i < count; ++i) take(some[i]);
      }
    }
    if (Item* item = mine.pop()) take(item);
  }
  void after() {
    drain(rings[0]);
    check(taken.load(std::memory_order_relaxed) == kItems);
  }
};

// Next-slot: its owner puts and takes, thieves take.
struct NextSlotIsSafe : rl::test_suite<NextSlotIsSafe, 3> {
  Item items[3];
  NextSlot<Item, Atomic> slot;
  Atomic<u32> taken{0};

  void take(Item* item) {
    if (item == nullptr) return;
    item->take();
    taken.fetch_add(1, std::memory_order_relaxed);
  }
  void thread(unsigned index) {
    if (index != 0) return take(slot.take());
    for (Item& item : items) {
      item.content = 1;
      take(slot.put(item));
    }
    take(slot.take());
  }
  void after() {
    take(slot.take());
    check(taken.load(std::memory_order_relaxed) == 3);
  }
};

// Global queue: two push, one takes batches.
struct GlobalQueueIsSafe : rl::test_suite<GlobalQueueIsSafe, 3> {
  Item items[4];
  GlobalQueueOf<Item, model::Sync> queue;
  Plain<u32> taken = 0;

  void take() {
    Item* some[3];
    const u32 count = queue.pop(Lane::kWoken, some, 3);
    for (u32 i = 0; i < count; ++i) some[i]->take();
    taken = taken + count;
  }
  void thread(unsigned index) {
    if (index == 2) {
      take();
      return take();
    }
    Item* mine[2] = {&items[2 * index], &items[2 * index + 1]};
    for (Item* item : mine) item->content = 1;
    if (index == 0) return queue.push(Lane::kWoken, mine, 2);
    queue.push(Lane::kWoken, *mine[0]);
    queue.push(Lane::kWoken, *mine[1]);
  }
  void after() {
    take();
    take();
    check(taken == 4);
    check(queue.empty());
  }
};

// Park word: a process waits for two things that two others make true. It is queued by at most one
// at a time, and ends: no wake is lost. `Killed`: one of the two kills it instead.
template <bool Killed>
struct NoWakeIsLost : rl::test_suite<NoWakeIsLost<Killed>, 3> {
  ParkWord<Atomic> word;
  Atomic<u32> queued{0};
  Atomic<u32> happened[2]{0, 0};

  void thread(unsigned index) {
    if (index == 2) return run();
    happened[index].store(1, std::memory_order_relaxed);
    if (!word.wake()) return;
    // Release, as the queues do.
    check(queued.fetch_add(1, std::memory_order_release) == 0);
  }

  // The worker. What is queued already when it comes was woken before it was ever parked.
  void run() {
    while (true) {
      while (queued.load(std::memory_order_acquire) == 0) relax();
      check(queued.fetch_sub(1, std::memory_order_relaxed) == 1);
      while (true) {
        word.enter();
        const u32 first = happened[0].load(std::memory_order_relaxed);
        const u32 second = happened[1].load(std::memory_order_relaxed);
        const bool over = Killed ? second != 0 : first + second == 2;
        if (over) {
          word.finish();
          return check(!word.wake());
        }
        if (word.park()) break;
      }
    }
  }
};

// Entry word: one ends the process and makes the next one with the same entry; two look up the
// first one meanwhile. Nobody sees a block that was given back, or another generation's.
struct EntriesKeepBlocks : rl::test_suite<EntriesKeepBlocks, 3> {
  EntryWord<Atomic> word;
  Plain<u32> block = 0;
  Atomic<u32> ended{0};

  void before() {
    block = 7;
    word.open(2);
  }
  void drop() {
    if (!word.release()) return;
    block = 0;
    ended.fetch_add(1, std::memory_order_relaxed);
    check(word.close());
    if (word.generation() != 1) return;
    block = 8;
    word.open(1);
    drop();
  }
  void thread(unsigned index) {
    if (index != 0) {
      if (!word.acquire(0)) return;
      check(block == 7);
      return drop();
    }
    word.retain();
    drop();
    drop();
    drop();
  }
  void after() {
    check(ended.load(std::memory_order_relaxed) == 2);
    check(word.generation() == 2);
    check(!word.acquire(1));
  }
};

// Idle: one adds work, two look for it and sleep without. All work is done, by whoever. Without the
// fences it is not, and the checker must say so: that shows that it looks.
template <bool Fenced>
struct NobodySleepsThroughWork : rl::test_suite<NobodySleepsThroughWork<Fenced>, 3> {
  static constexpr u32 kWork = 2;
  struct Sleeper {
    Atomic<u32> asleep{0};
    Plain<bool> searching = false;
  };
  IdleList<Sleeper, model::Sync> idle;
  Sleeper sleepers[2];
  Atomic<u32> work{0};
  Atomic<u32> done{0};

  void call() {
    if (!idle.should_wake()) return;
    Sleeper* sleeper = idle.take();
    if (sleeper == nullptr) return idle.end_search();
    sleeper->searching = true;
    sleeper->asleep.store(0, std::memory_order_release);
  }
  bool try_work() {
    u32 there = work.load(std::memory_order_relaxed);
    while (there != 0) {
      if (work.compare_exchange_weak(there, there - 1, std::memory_order_acq_rel,
                                     std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
  static void fence() {
    if (Fenced) model::fence();
  }
  bool over() { return done.load(std::memory_order_relaxed) == kWork; }

  void thread(unsigned index) {
    if (index == 2) {
      for (u32 i = 0; i < kWork; ++i) {
        work.fetch_add(1, std::memory_order_release);
        fence();
        call();
      }
      return;
    }
    Sleeper& me = sleepers[index];
    while (!over()) {
      if (!me.searching) me.searching = idle.begin_search();
      if (me.searching && try_work()) {
        me.searching = false;
        idle.end_search();
        fence();
        if (work.load(std::memory_order_relaxed) != 0) call();
        // Whoever does the last work calls the other one to its end.
        if (done.fetch_add(1, std::memory_order_acq_rel) + 1 == kWork) end_all();
        continue;
      }
      sleep(me);
    }
  }
  void sleep(Sleeper& me) {
    me.asleep.store(1, std::memory_order_relaxed);
    const bool searched = me.searching;
    me.searching = false;
    idle.add(me);
    if (searched) idle.end_search();
    fence();
    if (work.load(std::memory_order_relaxed) == 0 && !over()) {
      while (me.asleep.load(std::memory_order_acquire) != 0) relax();
    }
    if (idle.remove(me)) {
      me.asleep.store(0, std::memory_order_relaxed);
      return;
    }
    while (me.asleep.load(std::memory_order_acquire) != 0) relax();
  }
  void end_all() {
    fence();
    while (Sleeper* sleeper = idle.take()) sleeper->asleep.store(0, std::memory_order_release);
  }
};

}  // namespace
}  // namespace lr::sched

int main() {
  using namespace lr::sched;
  bool good = true;
  good &= model::holds<RingIsSafe>("a ring gives each item to one", 30'000);
  good &= model::holds<NextSlotIsSafe>("a next-slot gives each item to one", 30'000);
  good &= model::holds<GlobalQueueIsSafe>("the global queue gives each item to one", 20'000);
  good &= model::holds<NoWakeIsLost<false>>("no wake is lost", 50'000);
  good &= model::holds<NoWakeIsLost<true>>("no kill is lost", 50'000);
  good &= model::holds<EntriesKeepBlocks>("a reference keeps the block", 30'000);
  good &= model::holds<NobodySleepsThroughWork<true>>("nobody sleeps through work", 50'000);
  good &= model::is_refuted<NobodySleepsThroughWork<false>>("... even without fences", 50'000);
  return good ? 0 : 1;
}
