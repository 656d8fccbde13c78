#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "base/check.h"
#include "sched/os.h"

namespace lr::sched {

namespace {

constexpr u64 kSecond = 1'000'000'000;
constexpr u64 kSignalStackBytes = 64 * kKiB;

// The first bytes of a file, or nothing. Without stdio, whose buffers would cost as much again:
// this is on the way to a program's first instruction.
std::string read_start(const std::string& path) {
  char bytes[1024];
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  const ssize_t size = read(fd, bytes, sizeof bytes);
  close(fd);
  return std::string(bytes, size > 0 ? static_cast<usize>(size) : 0);
}

// What one group's quota is worth in processors, rounded up, or 0 if it has none.
u32 quota_of(const std::string& group) {
  const std::string text = read_start("/sys/fs/cgroup" + group + "/cpu.max");
  char* rest = nullptr;
  const u64 quota = std::strtoull(text.c_str(), &rest, 10);  // 0 for "max 100000".
  const u64 period = std::strtoull(rest, nullptr, 10);
  if (quota == 0 || period == 0) return 0;
  return static_cast<u32>(std::min<u64>((quota + period - 1) / period, 1u << 16));
}

// The smallest quota of this process's group and those around it, or 0.
u32 cgroup_quota() {
  const std::string groups = read_start("/proc/self/cgroup");
  // Version 2 is the line of hierarchy 0, which stands last.
  usize line = groups.rfind("\n0::/") + 1;
  if (line == 0 && !groups.starts_with("0::/")) return 0;
  line += 3;
  std::string group = groups.substr(line, groups.find('\n', line) - line);
  if (group == "/") group.clear();
  u32 least = 0;
  while (true) {
    const u32 quota = quota_of(group);
    if (quota != 0) least = least == 0 ? quota : std::min(least, quota);
    if (group.empty()) return least;
    group.resize(group.rfind('/'));
  }
}

u64 read_clock(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return static_cast<u64>(time.tv_sec) * kSecond + static_cast<u64>(time.tv_nsec);
}

}  // namespace

u64 now_ns() { return read_clock(CLOCK_MONOTONIC); }
u64 recent_ns() { return read_clock(CLOCK_MONOTONIC_COARSE); }

std::atomic<bool> light_fence_is_real{true};

void prepare_fences() {
  static const bool known =
      syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  if (known) light_fence_is_real.store(false, std::memory_order_relaxed);
}

void light_fence_slow() { std::atomic_thread_fence(std::memory_order_seq_cst); }

void heavy_fence() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!light_fence_is_real.load(std::memory_order_relaxed)) {
    CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0);
  }
}

void futex_wait(std::atomic<u32>& word, u32 expected, u64 deadline_ns) {
  timespec deadline;
  timespec* until = nullptr;
  if (deadline_ns != kNever) {
    deadline.tv_sec = static_cast<time_t>(deadline_ns / kSecond);
    deadline.tv_nsec = static_cast<long>(deadline_ns % kSecond);
    until = &deadline;
  }
  // The BITSET form is the one whose time-out is absolute.
  syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected, until, nullptr,
          FUTEX_BITSET_MATCH_ANY);
}

void futex_wake(std::atomic<u32>& word, int threads) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, threads, nullptr, nullptr, 0);
}

namespace {

// struct sched_attr of linux/sched/types.h, which cannot be included beside sched.h.
struct SchedulingAttributes {
  u32 size = sizeof(SchedulingAttributes);
  u32 policy = 0;
  u64 flags = 0;
  i32 nice = 0;
  u32 priority = 0;
  u64 runtime = 0;
  u64 deadline = 0;
  u64 period = 0;
};
constexpr u64 kShortestSlice = 100'000;

}  // namespace

void prefer_this_thread() {
  // Time-outs are on time, not up to 50 us later.
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  // Since Linux 6.12 a thread with a shorter slice goes before others when it wakes. Only an
  // ordinary thread needs that.
  SchedulingAttributes now;
  if (syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) != 0 || now.policy != SCHED_OTHER) return;
  now.runtime = kShortestSlice;
  syscall(SYS_sched_setattr, 0, &now, 0);
}

u32 allowed_processors() {
  cpu_set_t mask;
  const bool known = sched_getaffinity(0, sizeof mask, &mask) == 0;
  if (known && CPU_COUNT(&mask) > 0) return static_cast<u32>(CPU_COUNT(&mask));
  // More processors than the mask holds.
  return static_cast<u32>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

u32 usable_processors() {
  const u32 allowed = allowed_processors();
  const u32 quota = allowed == 1 ? 0 : cgroup_quota();
  return quota == 0 ? allowed : std::min(allowed, quota);
}

AlternateSignalStack::AlternateSignalStack() {
  memory_ = mmap(nullptr, kSignalStackBytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(memory_ != MAP_FAILED);
  stack_t stack = {};
  stack.ss_sp = memory_;
  stack.ss_size = kSignalStackBytes;
  stack_t old = {};
  CHECK(sigaltstack(&stack, &old) == 0);
  old_base_ = old.ss_sp;
  old_bytes_ = old.ss_size;
  old_flags_ = old.ss_flags;
}

AlternateSignalStack::~AlternateSignalStack() {
  stack_t old = {};
  old.ss_sp = old_base_;
  old.ss_size = old_bytes_;
  old.ss_flags = old_flags_;
  sigaltstack(&old, nullptr);
  munmap(memory_, kSignalStackBytes);
}

u32 thread_id() { return static_cast<u32>(syscall(SYS_gettid)); }

void send_signal(u32 thread, int signal) { syscall(SYS_tgkill, getpid(), thread, signal); }

SignalGate::SignalGate(int signal) : signal_(signal) {
  if (signal == 0) return;
  sigset_t set;
  sigset_t old;
  sigemptyset(&set);
  sigaddset(&set, signal);
  pthread_sigmask(SIG_UNBLOCK, &set, &old);
  was_blocked_ = sigismember(&old, signal) == 1;
}

SignalGate::~SignalGate() {
  if (!was_blocked_) return;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal_);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

namespace {

// Of two real-time threads of one priority neither interrupts the other: so one above the caller's.
void raise_priority(pthread_attr_t& attributes) {
  int policy = 0;
  sched_param parameters;
  if (pthread_getschedparam(pthread_self(), &policy, &parameters) != 0) return;
  if (policy != SCHED_FIFO && policy != SCHED_RR) return;
  ++parameters.sched_priority;
  pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
  pthread_attr_setschedpolicy(&attributes, policy);
  pthread_attr_setschedparam(&attributes, &parameters);
}

}  // namespace

bool Thread::start(const char* name, Body body, void* argument, bool before_others) {
  CHECK(!started_);
  body_ = body;
  argument_ = argument;
  // A new thread inherits the mask. Faults are delivered to the thread that makes them.
  sigset_t blocked;
  sigset_t old;
  sigfillset(&blocked);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGPROF}) {
    sigdelset(&blocked, fault);
  }
  pthread_sigmask(SIG_SETMASK, &blocked, &old);
  const auto run = [](void* self) -> void* {
    const Thread& thread = *static_cast<Thread*>(self);
    thread.body_(thread.argument_);
    return nullptr;
  };
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  if (before_others) raise_priority(attributes);
  int failed = pthread_create(&thread_, &attributes, run, this);
  // Not allowed: like the others, then.
  if (failed == EPERM) failed = pthread_create(&thread_, nullptr, run, this);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  started_ = failed == 0;
  if (started_) pthread_setname_np(thread_, name);
  return started_;
}

void Thread::join() {
  if (started_) pthread_join(thread_, nullptr);
  started_ = false;
}

}  // namespace lr::sched
