// The machine that a study runs on: what it is, how busy it was, and clocks that tell a thread's
// own time from what the system took away.
#pragma once

#include <array>
#include <string>

#include "base/types.h"

namespace lr::study {

// Empty strings: the system does not say.
struct Machine {
  std::string processor;  // "AMD EPYC 9B14"
  std::string system;     // "Linux 6.18.1 x86_64"
  std::string governor;   // Of the first processor: "performance", ...
  bool is_virtual = false;
  u32 processors = 0;  // That there are, ...
  u32 allowed = 0;     // ... and that this process may use.
  u64 memory_bytes = 0;
};
Machine describe_machine();

// Of all processors, since the machine started.
struct Load {
  std::array<f64, 3> average = {};  // Over 1, 5 and 15 minutes.
  u64 stolen_ticks = 0;             // Taken by the hypervisor, ...
  u64 all_ticks = 0;                // ... of these.
};
Load current_load();

// "2026-11-22T20:15:07Z"
std::string utc_time();

// Processor time of the calling thread.
u64 thread_time_ns();

// How often the system has taken the calling thread off its processor for another.
u64 times_displaced();

// Keeps the calling thread on the `index`th of the processors that it may use, counted from the
// last, while this lives. Nothing happens if there are not so many.
class Pinned {
 public:
  explicit Pinned(u32 index);
  ~Pinned();
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  // Which processor that is, or -1.
  i32 processor() const { return processor_; }

 private:
  alignas(8) std::array<u8, 128> before_ = {};  // The mask to go back to.
  i32 processor_ = -1;
};

}  // namespace lr::study
