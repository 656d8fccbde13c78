// How running code is interrupted: a property of a variant of code, chosen for a whole run or for a
// process. Whatever it is, the prologue's compare with the stack limit stays, so code that calls
// can always be interrupted. See preempt.def, and lr::Alarm for what loop headers look at.
#pragma once

#include <atomic>
#include <optional>
#include <string_view>

#include "base/run_state.h"
#include "base/types.h"

namespace lr::jit {

enum class Preempt : u8 {
#define PREEMPT(name, text, cost) name,
#include "jit/preempt.def"
};

inline constexpr Preempt kPreempts[] = {
#define PREEMPT(name, text, cost) Preempt::name,
#include "jit/preempt.def"
};

constexpr std::string_view name_of(Preempt preempt) {
  constexpr std::string_view kNames[] = {
#define PREEMPT(name, text, cost) text,
#include "jit/preempt.def"
  };
  return kNames[static_cast<usize>(preempt)];
}

constexpr std::optional<Preempt> parse_preempt(std::string_view name) {
  for (const Preempt preempt : kPreempts) {
    if (name_of(preempt) == name) return preempt;
  }
  return std::nullopt;
}

// What RunState::alarm is for code of this kind. `always`, a test mode: every check interrupts.
const Alarm& alarm_of(Preempt preempt, bool always = false);

// -- Fuel -----------------------------------------------------------------------------------------
// Every instruction costs a unit but nop, drop, block, loop, unreachable, return, else and end.
// Code is granted a slice of it at a time; where that is used up the process yields, and the next
// one is granted as long as RunState::fuel.limit allows: then it traps with OutOfFuel. A stretch of
// code is paid for as a whole before it runs, so a process may be stopped some instructions early.
inline constexpr u64 kFuelSlice = 100'000;
// In units; 0 slices are any number.
constexpr u64 fuel_of_slices(u64 slices) {
  if (slices == 0 || slices > FuelAccount::kUnlimited / kFuelSlice) return FuelAccount::kUnlimited;
  return slices * kFuelSlice;
}

// Units used so far by what runs on `run`, whose doorbell is `bell` when none is published.
u64 fuel_used(const RunState& run, const Doorbell& bell);

// -- Epochs ---------------------------------------------------------------------------------------
// The counter that code under Preempt::Epoch compares with the end of its slice, which is so many
// epochs after its beginning. Whoever schedules advances it.
inline constexpr u64 kEpochsPerSlice = 2;
std::atomic<u64>& epoch_counter();

// -- The poll pages -------------------------------------------------------------------------------
// True if a fault at `address` is that of a load from the page that cannot be read.
bool is_poll_page(const void* address);

}  // namespace lr::jit
