#include "jit/preempt.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "base/check.h"
#include "jit/context.h"
#include "jit/entry.h"

namespace lr::jit {

namespace {

constexpr u64 kPageBytes = 64 * kKiB;  // At least a page of any machine.

#ifndef MAP_32BIT
#define MAP_32BIT 0
#endif

// Below 2 GiB where that can be had: an instruction can then name an address in it.
u8* map_low(u64 bytes, int protection) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* memory = mmap(nullptr, bytes, protection, kFlags | MAP_32BIT, -1, 0);
  if (memory == MAP_FAILED) memory = mmap(nullptr, bytes, protection, kFlags, -1, 0);
  CHECK(memory != MAP_FAILED);
  return static_cast<u8*>(memory);
}

u64 unreadable_page() {
  static const u64 page = reinterpret_cast<u64>(map_low(kPageBytes, PROT_NONE));
  return page;
}

u64 readable_page() {
  alignas(64) static const u8 readable = 0;
  return reinterpret_cast<u64>(&readable);
}

}  // namespace

std::atomic<u64>& epoch_counter() {
  static auto* const counter =
      new (map_low(kPageBytes, PROT_READ | PROT_WRITE)) std::atomic<u64>(1);
  return *counter;
}

bool is_poll_page(const void* address) {
  return reinterpret_cast<u64>(address) - unreadable_page() < kPageBytes;
}

const Alarm& alarm_of(Preempt preempt, bool always) {
  static const Alarm flags[] = {kFlagAlarm, {.quiet = 1, .always = true}};
  static const Alarm fuels[] = {{.quiet = kFuelSlice, .counts = true},
                                {.quiet = 1, .counts = true, .always = true}};
  static const Alarm epochs[] = {
      {.quiet = kEpochsPerSlice, .rung = 0, .epoch = &epoch_counter()},
      {.quiet = 0, .rung = 0, .always = true},
  };
  static const Alarm pages[] = {
      {.quiet = readable_page(), .rung = unreadable_page()},
      {.quiet = unreadable_page(), .rung = unreadable_page(), .always = true}};
  switch (preempt) {
    case Preempt::Fuel:
      return fuels[always];
    case Preempt::Epoch:
      return epochs[always];
    case Preempt::Page:
      return pages[always];
    case Preempt::None:
    case Preempt::Flag:
    case Preempt::Signal:
      break;
  }
  return flags[always];
}

u64 fuel_used(const RunState& run, const Doorbell& bell) {
  const Doorbell* published = run.doorbell.load(std::memory_order_relaxed);
  const Doorbell& now = published != nullptr ? *published : bell;
  return run.fuel.granted - now.alarm.load(std::memory_order_relaxed);
}

}  // namespace lr::jit

lr::u32 lr_do_fuel(lr::jit::Context* context) {
  lr::RunState& run = *context->run;
  std::atomic<lr::u64>& left = context->bell.alarm;
  while (static_cast<lr::i64>(left.load(std::memory_order_relaxed)) < 0) {
    const lr::u64 most = run.fuel.limit - std::min(run.fuel.limit, run.fuel.granted);
    const lr::u64 grant = std::min(run.its_alarm().quiet, most);
    if (grant == 0) {
      run.trap_code = static_cast<lr::u32>(lr::jit::Trap::OutOfFuel);
      return 1;
    }
    run.fuel.granted += grant;
    left.store(left.load(std::memory_order_relaxed) + grant, std::memory_order_relaxed);
  }
  return 0;
}
