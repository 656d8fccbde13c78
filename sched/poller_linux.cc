#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/check.h"
#include "sched/os.h"
#include "sched/poller.h"

namespace lr::sched {

namespace {

constexpr int kEventsMax = 64;
constexpr u64 kSecond = 1'000'000'000;
constexpr u64 kMillisecond = 1'000'000;

u32 epoll_bits(u32 interest) {
  u32 bits = EPOLLONESHOT;
  if ((interest & kReadable) != 0) bits |= EPOLLIN | EPOLLRDHUP;
  if ((interest & kWritable) != 0) bits |= EPOLLOUT;
  return bits;
}

u32 ready_bits(u32 events) {
  u32 ready = 0;
  // A hang-up or an error makes read and write return at once: both are possible.
  const bool over = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (over || (events & (EPOLLIN | EPOLLRDHUP)) != 0) ready |= kReadable;
  if (over || (events & EPOLLOUT) != 0) ready |= kWritable;
  if (over || (events & EPOLLRDHUP) != 0) ready |= kHangup;
  return ready;
}

// epoll_wait with a deadline as exact as the kernel has it.
int wait_events(int epoll_fd, epoll_event* events, u64 deadline_ns) {
  if (deadline_ns == 0) return epoll_wait(epoll_fd, events, kEventsMax, 0);
  if (deadline_ns == kNever) return epoll_wait(epoll_fd, events, kEventsMax, -1);
  const u64 now = now_ns();
  const u64 left = deadline_ns > now ? deadline_ns - now : 0;
  timespec timeout;
  timeout.tv_sec = static_cast<time_t>(left / kSecond);
  timeout.tv_nsec = static_cast<long>(left % kSecond);
  const long count =
      syscall(SYS_epoll_pwait2, epoll_fd, events, kEventsMax, &timeout, nullptr, size_t{0});
  if (count >= 0 || errno != ENOSYS) return static_cast<int>(count);
  const u64 milliseconds = std::min<u64>((left + kMillisecond - 1) / kMillisecond, 1u << 30);
  return epoll_wait(epoll_fd, events, kEventsMax, static_cast<int>(milliseconds));
}

}  // namespace

Result<std::unique_ptr<Poller>> Poller::create() {
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) return make_error(Err::SystemError, std::string("epoll: ") + strerror(errno));
  const int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.fd = event_fd;
  if (event_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event_fd, &event) != 0) {
    const int error = errno;
    close(epoll_fd);
    if (event_fd >= 0) close(event_fd);
    return make_error(Err::SystemError, std::string("eventfd: ") + strerror(error));
  }
  return std::unique_ptr<Poller>(new Poller(epoll_fd, event_fd));
}

Poller::~Poller() {
  close(epoll_fd_);
  close(event_fd_);
}

// Under the lock: asks epoll for what the waits want together.
Status Poller::arm(int fd, Waits& waits) {
  u32 interest = 0;
  for (const FdWait* wait = waits.first; wait != nullptr; wait = wait->next_) {
    interest |= wait->interest_;
  }
  epoll_event event = {};
  event.events = epoll_bits(interest);
  event.data.fd = fd;
  int failed = epoll_ctl(epoll_fd_, waits.added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
  // The number may belong to another file since it was last added or removed.
  if (failed != 0 && (errno == ENOENT || errno == EEXIST)) {
    failed = epoll_ctl(epoll_fd_, errno == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
  }
  if (failed != 0) {
    return make_error(Err::SystemError, std::string("cannot wait for it: ") + strerror(errno));
  }
  waits.added = true;
  return ok_status();
}

Status Poller::add(FdWait& wait, int fd, u32 interest, Process& process) {
  std::lock_guard lock(mutex_);
  DCHECK(wait.process_ == nullptr);
  Waits& waits = waits_[fd];
  wait.fd_ = fd;
  wait.interest_ = interest;
  wait.ready_.store(0, std::memory_order_relaxed);
  wait.next_ = waits.first;
  waits.first = &wait;
  Status armed = arm(fd, waits);
  if (!armed.ok()) {
    waits.first = wait.next_;
    if (waits.first == nullptr) waits_.erase(fd);
    return armed;
  }
  wait.process_ = &process;
  waiting_.fetch_add(1, std::memory_order_acq_rel);
  return armed;
}

void Poller::cancel(FdWait& wait) {
  std::lock_guard lock(mutex_);
  if (wait.process_ == nullptr) return;
  wait.process_ = nullptr;
  waiting_.fetch_sub(1, std::memory_order_acq_rel);
  Waits& waits = waits_[wait.fd_];
  FdWait** link = &waits.first;
  while (*link != &wait) link = &(*link)->next_;
  *link = wait.next_;
  if (waits.first != nullptr) return;
  // Nobody else waits: out of epoll, so that the descriptor may be closed and its number reused.
  epoll_event event = {};
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, wait.fd_, &event);
  waits_.erase(wait.fd_);
}

void Poller::poll(u64 deadline_ns, void* context, Wake wake) {
  epoll_event events[kEventsMax];
  const int count = wait_events(epoll_fd_, events, deadline_ns);
  for (int i = 0; i < count; ++i) {
    const int fd = events[i].data.fd;
    if (fd == event_fd_) {
      u64 interrupts;
      [[maybe_unused]] const ssize_t size = read(event_fd_, &interrupts, sizeof interrupts);
      continue;
    }
    const u32 ready = ready_bits(events[i].events);
    std::lock_guard lock(mutex_);
    const auto found = waits_.find(fd);
    if (found == waits_.end()) continue;
    bool left = false;
    for (FdWait** link = &found->second.first; *link != nullptr;) {
      FdWait& waiter = **link;
      const u32 mine = ready & (waiter.interest_ | kHangup);
      if (mine == 0) {
        left = true;
        link = &waiter.next_;
        continue;
      }
      // Once: it leaves the list. The lock keeps its owner in cancel() until it has been woken.
      *link = waiter.next_;
      Process& process = *waiter.process_;
      waiter.process_ = nullptr;
      waiting_.fetch_sub(1, std::memory_order_acq_rel);
      waiter.ready_.store(mine, std::memory_order_release);
      wake(context, process);
    }
    // Without waiters it stays in epoll, asleep: most descriptors are soon waited for again.
    if (left) static_cast<void>(arm(fd, found->second));
  }
}

void Poller::interrupt() {
  const u64 one = 1;
  [[maybe_unused]] const ssize_t size = write(event_fd_, &one, sizeof one);
}

}  // namespace lr::sched
