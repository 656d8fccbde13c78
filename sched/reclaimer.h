// Reclaimer: what takes long to give back to the system (the pages of a large memory, the blocks of
// a large message) is given back by a thread of its own, a piece at a time, so that whoever drops
// it goes on at once. One for the program; its thread starts with the first scrap.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>

#include "sched/os.h"

namespace lr::sched {

class MemoryAccount;

class Reclaimer {
 public:
  // So many bytes may be given back without it.
  static constexpr u64 kLargeBytes = 2 * kMiB;
  // What one step gives back; takes some 100 us.
  static constexpr u64 kPieceBytes = kMiB;

  // Something that nobody uses any more.
  class Scrap {
   public:
    virtual ~Scrap() = default;
    // Gives back a piece. How many bytes; 0: nothing is left.
    virtual u64 step() = 0;
  };

  static Reclaimer& get();
  ~Reclaimer();

  void take(std::unique_ptr<Scrap> scrap);
  // Whoever needs memory at once does so much of the work itself, if there is as much.
  void help(u64 wanted);
  // Until all that was taken is gone. What scraps refer to outlives this.
  void drain();

 private:
  Reclaimer() = default;
  u64 step_first(std::unique_lock<std::mutex>& lock);
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Scrap>> scraps_;
  u32 in_hand_ = 0;  // Taken out for a step.
  bool stopping_ = false;
  Thread thread_;
};

// Pages of a mapping, which goes with them. They stay charged to the account, if there is one,
// until they are gone: what their owner releases is charged again here.
void unmap_later(u8* start, u64 bytes, u64 used_bytes, MemoryAccount* account);

// Much small memory has been freed: what the heap keeps of it goes back to the system, some time
// soon. Others may have to wait for the heap while that lasts.
void trim_heap_later();

}  // namespace lr::sched
