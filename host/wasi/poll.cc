// poll_oneoff: waiting for any mix of clocks and descriptors. A lone clock (a sleep) waits in its
// record; everything else is a coroutine.
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "host/wasi/wasi.h"
#include "sched/scheduler.h"

namespace lr::wasi {
namespace {

// Enough for every descriptor that a guest can have; a bound on what a call makes the host keep.
constexpr u32 kSubscriptionsMax = 1u << 16;

u64 now_ns(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<u64>(time.tv_sec) * 1'000'000'000 + static_cast<u64>(time.tv_nsec);
}

u64 saturating_add(u64 a, u64 b) { return a > ~u64{0} - b ? ~u64{0} : a + b; }

// When a clock subscription is due, by the scheduler's clock.
ErrnoOr<u64> deadline_of(const Subscription& wanted) {
  const bool is_realtime = wanted.id == kClockRealtime;
  if (!is_realtime && wanted.id != kClockMonotonic) return Errno::Inval;
  if ((wanted.flags & ~kSubclockAbstime) != 0) return Errno::Inval;
  u64 relative = wanted.timeout_ns;
  if ((wanted.flags & kSubclockAbstime) != 0) {
    const u64 now = now_ns(is_realtime ? CLOCK_REALTIME : CLOCK_MONOTONIC);
    relative = relative > now ? relative - now : 0;
  }
  return saturating_add(sched::now_ns(), relative);
}

Event clock_event(const Subscription& wanted) {
  Event event;
  event.userdata = wanted.userdata;
  event.type = kEventClock;
  return event;
}

Event failed_event(const Subscription& wanted, Errno error) {
  Event event;
  event.userdata = wanted.userdata;
  event.type = wanted.tag;
  event.error = static_cast<u16>(error);
  return event;
}

// How much can be read at once; writing has no number.
u64 readable_bytes(const Descriptor& descriptor) {
  if (descriptor.type == Filetype::RegularFile) {
    struct stat status{};
    const off_t at = ::lseek(descriptor.fd(), 0, SEEK_CUR);
    if (at < 0 || ::fstat(descriptor.fd(), &status) != 0) return 0;
    return status.st_size > at ? static_cast<u64>(status.st_size - at) : 0;
  }
  int bytes = 0;
  return ::ioctl(descriptor.fd(), FIONREAD, &bytes) == 0 && bytes > 0 ? static_cast<u64>(bytes) : 0;
}

// One subscription, as it waits.
struct Watch {
  Subscription wanted;
  DescriptorRef descriptor;      // Of a read or write.
  u64 deadline = sched::kNever;  // Of a clock.
  Errno error = Errno::Success;  // Known before anything is waited for.
};

Watch make_watch(Caller& caller, const Subscription& wanted) {
  Watch watch{wanted, nullptr, sched::kNever, Errno::Success};
  if (wanted.tag == kEventClock) {
    ErrnoOr<u64> deadline = deadline_of(wanted);
    if (deadline.ok()) {
      watch.deadline = *deadline;
    } else {
      watch.error = deadline.error();
    }
    return watch;
  }
  if (wanted.tag != kEventFdRead && wanted.tag != kEventFdWrite) {
    watch.error = Errno::Inval;
    return watch;
  }
  // Polling for what one may not do would tell about it.
  const Rights needed = wanted.tag == kEventFdRead ? kFdRead : kFdWrite;
  ErrnoOr<DescriptorRef*> found = caller.wasi().fds.find(wanted.id, kPollFdReadwrite | needed);
  if (found.ok()) {
    watch.descriptor = **found;
  } else {
    watch.error = found.error();
  }
  return watch;
}

pollfd to_pollfd(const Watch& watch) {
  if (watch.descriptor == nullptr) return {-1, 0, 0};
  const bool reads = watch.wanted.tag == kEventFdRead;
  return {watch.descriptor->fd(), static_cast<short>(reads ? POLLIN : POLLOUT), 0};
}

Event fd_event(const Watch& watch, short ready) {
  Event event = failed_event(watch.wanted, Errno::Success);
  if (watch.wanted.tag == kEventFdRead) event.bytes = readable_bytes(*watch.descriptor);
  if ((ready & (POLLHUP | POLLERR)) != 0) event.flags = kEventHangup;
  return event;
}

// The events that are true now. The system's poll says of all descriptors at once, without waiting.
std::vector<Event> collect(const std::vector<Watch>& watches) {
  std::vector<pollfd> polled;
  polled.reserve(watches.size());
  for (const Watch& watch : watches) polled.push_back(to_pollfd(watch));
  while (::poll(polled.data(), polled.size(), 0) < 0 && errno == EINTR) {
  }
  const u64 now = sched::now_ns();
  std::vector<Event> events;
  for (usize i = 0; i < watches.size(); ++i) {
    const Watch& watch = watches[i];
    if (watch.error != Errno::Success) {
      events.push_back(failed_event(watch.wanted, watch.error));
    } else if (watch.descriptor == nullptr) {
      if (watch.deadline <= now) events.push_back(clock_event(watch.wanted));
    } else if (polled[i].revents != 0) {
      events.push_back(fd_event(watch, polled[i].revents));
    }
  }
  return events;
}

Task<Errno> poll_many(Caller& caller, std::vector<Watch> watches, GuestArray<Event> out,
                      GuestOut<u32> event_count) {
  u64 deadline = sched::kNever;
  std::vector<FdInterest> interests;
  for (const Watch& watch : watches) {
    deadline = std::min(deadline, watch.deadline);
    if (watch.descriptor == nullptr) continue;
    const bool reads = watch.wanted.tag == kEventFdRead;
    interests.push_back({watch.descriptor->fd(), reads ? sched::kReadable : sched::kWritable, 0});
  }
  std::vector<Event> events = collect(watches);
  while (events.empty()) {
    WaitAwaiter ready = caller.ready(interests, deadline);
    co_await ready;
    events = collect(watches);
  }
  for (usize i = 0; i < events.size(); ++i) out.set(i, events[i]);
  event_count.set(static_cast<u32>(events.size()));
  co_return Errno::Success;
}

Step<Errno> sleep(Caller& caller, const Subscription& wanted, GuestArray<Event> out,
                  GuestOut<u32> event_count) {
  u64 deadline = 0;
  if (caller.repeated()) {
    deadline = caller.wait.deadline_ns;
  } else {
    ErrnoOr<u64> due = deadline_of(wanted);
    if (due.ok()) deadline = *due;
    out.set(0, due.ok() ? clock_event(wanted) : failed_event(wanted, due.error()));
  }
  if (deadline > sched::now_ns()) return caller.again_at(deadline);
  event_count.set(1);
  return Errno::Success;
}

}  // namespace

Step<Errno> poll_oneoff(Caller& caller, GuestPointer subscriptions, GuestPointer events, u32 count,
                        GuestOut<u32> event_count) {
  const GuestMemory& memory = caller.memory();
  if (count == 0 || count > kSubscriptionsMax) return Errno::Inval;
  if (!memory.claim(subscriptions.offset, u64{count} * sizeof(Subscription))) return Errno::Fault;
  if (!memory.claim(events.offset, u64{count} * sizeof(Event))) return Errno::Fault;
  const GuestArray<Subscription> wanted(memory, subscriptions.offset, count);
  const GuestArray<Event> out(memory, events.offset, count);
  if (count == 1 && wanted.get(0).tag == kEventClock) {
    return sleep(caller, wanted.get(0), out, event_count);
  }
  std::vector<Watch> watches;
  watches.reserve(count);
  for (u32 i = 0; i < count; ++i) watches.push_back(make_watch(caller, wanted.get(i)));
  return poll_many(caller, std::move(watches), out, event_count);
}

}  // namespace lr::wasi
