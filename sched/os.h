// What the scheduler asks of the operating system, and nothing else does. os_linux.cc and
// os_memory_linux.cc implement it.
#pragma once

#include <pthread.h>

#include <atomic>

#include "base/result.h"
#include "base/types.h"

namespace lr::sched {

inline constexpr u64 kNever = ~u64{0};

// The monotonic clock.
u64 now_ns();
// The same, some milliseconds behind, for a fifth of the price.
u64 recent_ns();

// Sleeps while `word` is `expected`, until woken or until the deadline (now_ns() clock). May return
// for no reason.
void futex_wait(std::atomic<u32>& word, u32 expected, u64 deadline_ns = kNever);
inline constexpr int kEverybody = 0x7fffffff;
void futex_wake(std::atomic<u32>& word, int threads);

// Two halves of a fence between a path that is hot and one that is not: of two threads of which one
// writes x, passes light_fence() and reads y, and the other writes y, passes heavy_fence() and
// reads x, at least one sees what the other wrote. The light one costs nothing, the heavy one
// interrupts all threads of the program (about 2 us).
void light_fence_slow();
extern std::atomic<bool> light_fence_is_real;  // The system does not know the other kind.
inline void light_fence() {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (light_fence_is_real.load(std::memory_order_relaxed)) [[unlikely]]
    light_fence_slow();
}
void heavy_fence();
// Before either is used. Threads that exist already make it slower.
void prepare_fences();

// Tells the processor that this is a waiting loop.
inline void cpu_relax() {
#if defined(__has_builtin)
#if __has_builtin(__builtin_ia32_pause)
  __builtin_ia32_pause();
#endif
#endif
}

// On how many processors this process may run: its affinity mask. At least 1.
u32 allowed_processors();
// How many it can keep busy: the cgroup's quota too, which takes some files to find out.
u32 usable_processors();

// Gives the calling thread an alternate signal stack, on which a fault of a process that has used
// up its own stack can be handled, and puts the old one back.
class AlternateSignalStack {
 public:
  AlternateSignalStack();
  ~AlternateSignalStack();
  AlternateSignalStack(const AlternateSignalStack&) = delete;
  AlternateSignalStack& operator=(const AlternateSignalStack&) = delete;

 private:
  void* memory_ = nullptr;
  void* old_base_ = nullptr;
  u64 old_bytes_ = 0;
  int old_flags_ = 0;
};

// The calling thread, for send_signal(), which does nothing if there is no such thread any more.
u32 thread_id();
void send_signal(u32 thread, int signal);

// While it lives the calling thread takes the signal, if it is not 0.
class SignalGate {
 public:
  explicit SignalGate(int signal);
  ~SignalGate();
  SignalGate(const SignalGate&) = delete;
  SignalGate& operator=(const SignalGate&) = delete;

 private:
  const int signal_;
  bool was_blocked_ = false;
};

// The calling thread sleeps little and seldom: it is woken when it asked for and soon runs then, as
// far as the system allows that.
void prefer_this_thread();

// A thread that takes no signals but its own faults. Joined before it is destroyed.
class Thread {
 public:
  using Body = void (*)(void* argument);

  Thread() = default;
  ~Thread() { join(); }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  // False if the system allows no more threads. `before_others`: if the caller is a real-time
  // thread, this one has a higher priority.
  bool start(const char* name, Body body, void* argument, bool before_others = false);
  bool started() const { return started_; }
  void join();

 private:
  pthread_t thread_ = {};
  Body body_ = nullptr;
  void* argument_ = nullptr;
  bool started_ = false;
};

// --- Memory. Sizes and addresses are whole pages.

// Fresh zero pages that count for nothing until they are touched, never huge.
Result<u8*> map_pages(u64 bytes);
void unmap_pages(u8* start, u64 bytes);

// Makes a page fault when touched. `markers` needs no kernel mapping and a kernel that has it.
Status guard_page(u8* page, bool markers);

// Gives the pages back; they read as zero.
void drop_pages(u8* start, u64 bytes);

// --- Ranges of any alignment, within private anonymous mappings.

// Overwrites with zeros what is resident, and touches nothing else but in small ranges. False if
// that is more than is worth it, or cannot be known: then some of it may be zero now.
bool wipe_bytes(u8* start, u64 bytes);
// The same, and small ranges are asked about too: for what is hardly used.
bool wipe_resident(u8* start, u64 bytes);

// What the range's resident pages take.
u64 resident_bytes(const u8* start, u64 bytes);
// The same without asking for small ranges: at most so much.
u64 resident_bytes_at_most(const u8* start, u64 bytes);

// Copies what is resident; what is not must be zero at `to` already. They do not overlap.
void copy_resident(u8* to, const u8* from, u64 bytes);

// Gives free memory of the heap back, as far as it covers whole pages.
void trim_heap();

// What this program may use: of the machine, or what its control groups leave it.
u64 usable_memory();

// True if guard markers exist and a touch of one really faults. Probed once.
bool guard_markers_work();

// Makes pages fault when touched, by markers, whatever they held. False if the system refuses: then
// they are as they were, or zero.
bool hold_pages(u8* start, u64 bytes);
// Makes those that fault pages of zeros, and leaves others as they are. Handlers of signals may
// call it.
void let_in_pages(u8* start, u64 bytes);
// True if that works and whatever looks for resident pages takes them for none. Probed once.
bool held_pages_work();

}  // namespace lr::sched
