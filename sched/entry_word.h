// The word of a process table's entry: which generation of process has it (40 bits), and how many
// references there are to that process's block (24 bits). Looking up a pid and taking a reference
// is one atomic operation. A template over the atomic type, so that a model checker runs the code
// that ships.
//
//   free, generation g  --open-->  g, n references  --release, the last-->  g, none  --close--> g+1
//                                   ^ acquire(g), retain
#pragma once

#include <atomic>

#include "base/check.h"
#include "base/types.h"

namespace lr::sched {

template <template <typename> typename Atomic = std::atomic>
class EntryWord {
 public:
  static constexpr u32 kReferenceBits = 24;
  static constexpr u64 kReferenceMask = (u64{1} << kReferenceBits) - 1;
  static constexpr u64 kGenerationMax = ~u64{0} >> kReferenceBits;

  // Any thread, slightly late, unless it holds a reference or the free entry.
  u64 generation() const { return word_.load(std::memory_order_relaxed) >> kReferenceBits; }

  // Whoever has the free entry, after it has made the process complete.
  void open(u32 references) {
    // Release: whoever finds the generation finds the process in the state it is in now.
    word_.store(generation() << kReferenceBits | references, std::memory_order_release);
  }

  // Any thread: takes a reference if the entry is still that generation's.
  bool acquire(u64 generation) {
    u64 word = word_.load(std::memory_order_acquire);
    while (word >> kReferenceBits == generation && (word & kReferenceMask) != 0) {
      if ((word & kReferenceMask) >= kReferencesMax) return false;
      if (word_.compare_exchange_weak(word, word + 1, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return true;
      }
    }
    return false;
  }

  // One more, for someone who has one.
  void retain() {
    const u64 before = word_.fetch_add(1, std::memory_order_relaxed);
    CHECK((before & kReferenceMask) < kReferencesMax);
  }

  // True if it was the last one: block and entry are the caller's.
  bool release() { return (word_.fetch_sub(1, std::memory_order_acq_rel) & kReferenceMask) == 1; }

  // Whoever released the last one, when nothing of the process is left. False if generations are
  // used up: the entry retires.
  bool close() {
    const u64 old = generation();
    if (old == kGenerationMax) return false;
    word_.store((old + 1) << kReferenceBits, std::memory_order_release);
    return true;
  }

 private:
  // Far from the end, since those who find out are many.
  static constexpr u64 kReferencesMax = kReferenceMask / 2;

  Atomic<u64> word_{0};
};

}  // namespace lr::sched
