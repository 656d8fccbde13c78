// Clocks, random numbers, and how a guest ends or lets others run.
#include <sys/random.h>
#include <time.h>

#include <algorithm>
#include <cerrno>

#include "host/wasi/wasi.h"

namespace lr::wasi {
namespace {

ErrnoOr<clockid_t> system_clock(u32 id) {
  switch (id) {
    case kClockRealtime:
      return CLOCK_REALTIME;
    case kClockMonotonic:
      return CLOCK_MONOTONIC;
    // A guest has no thread of its own: both are the time that the program used.
    case kClockProcessCpu:
    case kClockThreadCpu:
      return CLOCK_PROCESS_CPUTIME_ID;
    default:
      return Errno::Inval;
  }
}

u64 to_ns(const timespec& time) {
  return static_cast<u64>(time.tv_sec) * 1'000'000'000 + static_cast<u64>(time.tv_nsec);
}

// Fills `bytes`; what the kernel cannot do is a CHECK, since its pool is ready long before us.
void fill_random(std::span<u8> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = ::getrandom(bytes.data(), bytes.size(), 0);
    CHECK(got > 0 || errno == EINTR);
    if (got > 0) bytes = bytes.subspan(static_cast<usize>(got));
  }
}

// What a worker may produce without looking up.
constexpr u64 kRandomPiece = 32 * kKiB;

Task<Errno> fill_in_pieces(Caller& caller, GuestBytes buffer) {
  for (u64 at = 0; at < buffer.size(); at += kRandomPiece) {
    fill_random(buffer.span().subspan(at, std::min(kRandomPiece, buffer.size() - at)));
    WaitAwaiter turn = caller.turn();
    co_await turn;
  }
  co_return Errno::Success;
}

}  // namespace

Errno clock_res_get(Caller& /*caller*/, u32 id, GuestOut<u64> resolution) {
  timespec time{};
  if (::clock_getres(TRY(system_clock(id)), &time) != 0) return from_errno(errno);
  resolution.set(to_ns(time));
  return Errno::Success;
}

// `precision` is a hint that the specification lets us ignore.
Errno clock_time_get(Caller& /*caller*/, u32 id, u64 /*precision*/, GuestOut<u64> time) {
  timespec now{};
  if (::clock_gettime(TRY(system_clock(id)), &now) != 0) return from_errno(errno);
  time.set(to_ns(now));
  return Errno::Success;
}

Halt proc_exit(Caller& caller, u32 status) { return caller.exit(status); }

// The signals' default action: the guest ends as if the signal had killed it.
TrapOr<Errno> proc_raise(Caller& caller, u32 signal) {
  constexpr u32 kNone = 0, kTerm = 15, kChld = 16, kLast = 30;
  if (signal > kLast) return Errno::Inval;
  if (signal == kNone || signal == kChld) return Errno::Success;
  if (signal > kTerm) return Errno::Notsup;
  return caller.exit(128 + signal);
}

Step<Errno> sched_yield(Caller& caller) {
  if (caller.repeated()) return Errno::Success;
  return caller.again_next_turn();
}

Step<Errno> random_get(Caller& caller, GuestBytes buffer) {
  if (buffer.size() > kRandomPiece) return fill_in_pieces(caller, buffer);
  fill_random(buffer.span());
  return Errno::Success;
}

}  // namespace lr::wasi
