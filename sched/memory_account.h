// How much memory the processes of a program may hold together, so that the host is never the one
// whom the system kills for it.
//
// Charged are extents of memories, committed guarded memory, objects, stacks and slots, before they
// are touched, and what guests make the host keep for them: messages, timers, errors,
// configurations. An extent is an upper bound: whoever puts a shadow stack of a megabyte first
// touches its last pages alone. So before a charge is refused, bounds are settled: what is not
// resident is given back, and what has become resident since is charged again. Any thread.
#pragma once

#include <atomic>
#include <mutex>

#include "base/types.h"

namespace lr::sched {

class MemoryAccount {
 public:
  // Something that is charged and can be done without.
  class Reserve {
   public:
    virtual void trim(u64 wanted) = 0;

   protected:
    virtual ~Reserve() = default;
  };

  // 0: four fifths of what the machine or the control group has. The reserve is trimmed before
  // anything is refused; whoever charges holds no lock of its.
  explicit MemoryAccount(u64 limit_bytes, Reserve* reserve = nullptr);
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  // False if that would be too much even when everything has been settled: then nothing is charged.
  bool charge(u64 bytes);
  // The same for what is held already and goes to another owner: is never refused.
  void hold(u64 bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void release(u64 bytes) {
    if (bytes != 0) used_.fetch_sub(bytes, std::memory_order_relaxed);
  }

  u64 limit() const { return limit_; }
  u64 used() const { return used_.load(std::memory_order_relaxed); }
  // Given back because it was not resident; whoever has it may touch it without asking.
  u64 settled() const { return settled_.load(std::memory_order_relaxed); }

  // A range of addresses of which [0, extent) has been charged. Not copied, not moved.
  class Bound {
   public:
    static constexpr u64 kExactBytes = 64 * 1024;

    Bound() = default;
    ~Bound() { forget(); }
    Bound(const Bound&) = delete;
    Bound& operator=(const Bound&) = delete;

    // The range, or one that it has moved to. Those up to kExactBytes are never settled.
    void note(MemoryAccount& account, const u8* base, u64 extent);
    // The range is about to go: what was given back is charged again, so that the owner can release
    // what it has charged.
    void forget();

   private:
    friend class MemoryAccount;

    MemoryAccount* account_ = nullptr;  // Null: not in a list.
    const u8* base_ = nullptr;
    u64 extent_ = 0;
    u64 given_back_ = 0;
    u64 seen_extent_ = 0;  // When it was settled last.
    Bound* next_ = nullptr;
    Bound* previous_ = nullptr;
  };

 private:
  // A ring of those to be looked at, the next one first.
  struct List {
    Bound* first = nullptr;
    void push_back(Bound& bound);
    void remove(Bound& bound);
  };

  bool try_charge(u64 bytes);
  bool settle_some(u64 bytes);
  void settle(Bound& bound);

  const u64 limit_;
  Reserve* const reserve_;
  std::atomic<u64> used_{0};
  std::atomic<u64> settled_{0};
  std::mutex mutex_;
  List fresh_;  // Have grown since they were settled.
  List settled_bounds_;
};

// What its owner has been charged; released when it goes.
class Charged {
 public:
  explicit Charged(MemoryAccount& account) : account_(account) {}
  ~Charged() { account_.release(bytes_); }
  Charged(const Charged&) = delete;
  Charged& operator=(const Charged&) = delete;

  bool add(u64 bytes) {
    if (!account_.charge(bytes)) return false;
    bytes_ += bytes;
    return true;
  }
  void drop(u64 bytes) {
    bytes_ -= bytes;
    account_.release(bytes);
  }
  u64 bytes() const { return bytes_; }

 private:
  MemoryAccount& account_;
  u64 bytes_ = 0;
};

}  // namespace lr::sched
