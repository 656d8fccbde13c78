#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "base/check.h"
#include "sched/os.h"

namespace lr::sched {

namespace {

constexpr u64 kSecond = 1'000'000'000;
constexpr u64 kSignalStackBytes = 64 * kKiB;

// What one group's quota is worth in processors, rounded up, or 0 if it has none.
u32 quota_of(const std::string& group) {
  std::FILE* file = std::fopen(("/sys/fs/cgroup" + group + "/cpu.max").c_str(), "re");
  if (file == nullptr) return 0;
  u64 quota = 0;
  u64 period = 0;
  const int fields = std::fscanf(file, "%lu %lu", &quota, &period);
  std::fclose(file);
  if (fields != 2 || quota == 0 || period == 0) return 0;  // "max 100000"
  return static_cast<u32>(std::min<u64>((quota + period - 1) / period, 1u << 16));
}

// The smallest quota of this process's group and those around it, or 0.
u32 cgroup_quota() {
  std::string group;
  if (std::FILE* file = std::fopen("/proc/self/cgroup", "re")) {
    char line[4096];
    while (std::fgets(line, sizeof line, file) != nullptr) {
      if (std::strncmp(line, "0::/", 4) == 0) group.assign(line + 3, std::strcspn(line + 3, "\n"));
    }
    std::fclose(file);
  }
  if (group == "/") group.clear();
  u32 least = 0;
  while (true) {
    const u32 quota = quota_of(group);
    if (quota != 0) least = least == 0 ? quota : std::min(least, quota);
    if (group.empty()) return least;
    group.resize(group.rfind('/'));
  }
}

}  // namespace

u64 now_ns() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<u64>(time.tv_sec) * kSecond + static_cast<u64>(time.tv_nsec);
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

u32 usable_processors() {
  u32 count = 0;
  cpu_set_t mask;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) count = static_cast<u32>(CPU_COUNT(&mask));
  if (count == 0) {  // More processors than the mask holds.
    count = static_cast<u32>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  }
  const u32 quota = cgroup_quota();
  return quota == 0 ? count : std::min(count, quota);
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

bool Thread::start(const char* name, Body body, void* argument) {
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
  const int failed = pthread_create(
      &thread_, nullptr,
      [](void* self) -> void* {
        const Thread& thread = *static_cast<Thread*>(self);
        thread.body_(thread.argument_);
        return nullptr;
      },
      this);
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
