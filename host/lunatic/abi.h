// What the functions of the Lunatic ABI share.
#pragma once

#include <fmt/format.h>

#include "host/caller.h"
#include "host/lunatic/resources.h"
#include "host/process.h"

namespace lr::lunatic {

// A trap whose text names the function.
template <typename... Args>
Halt refuse(Caller& caller, fmt::format_string<Args...> text, Args&&... args) {
  return caller.trap(jit::Trap::Host, fmt::format(text, std::forward<Args>(args)...));
}

inline Halt out_of_bounds(Caller& caller) { return caller.trap(jit::Trap::MemoryOutOfBounds); }

// sched::now_ns() clock. All ones is no deadline; what lies beyond the end of time neither.
inline u64 deadline_after(u64 millis) {
  constexpr u64 kNsPerMs = 1'000'000;
  if (millis > (sched::kNever - 1) / kNsPerMs) return sched::kNever;
  const u64 now = sched::now_ns();
  return std::min(sched::kNever - now, millis * kNsPerMs) + now;
}

}  // namespace lr::lunatic
