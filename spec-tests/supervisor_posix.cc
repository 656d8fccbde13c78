#include "spec-tests/supervisor_posix.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/check.h"

namespace lr::robustness {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kLookEvery = std::chrono::milliseconds(20);
constexpr u32 kLooksPerTick = 10;

}  // namespace

void* shared_memory(usize size_bytes) {
  void* memory =
      mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  return memory;
}

ChildEnd supervise(const Supervision& supervision, const std::function<void()>& work) {
  std::fflush(nullptr);  // What stands in the buffers must not be written twice.
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    work();
    std::exit(0);
  }
  u64 last_pulse = supervision.pulse->load();
  Clock::time_point last_change = Clock::now();
  for (u32 looks = 1;; looks++) {
    int status = 0;
    const pid_t ended = waitpid(child, &status, WNOHANG);
    CHECK(ended >= 0);
    if (ended == child) {
      const bool is_finished = WIFEXITED(status) && WEXITSTATUS(status) == 0;
      return is_finished ? ChildEnd::Finished : ChildEnd::Crashed;
    }
    const u64 pulse = supervision.pulse->load();
    const Clock::time_point now = Clock::now();
    if (pulse != last_pulse) last_change = now;
    last_pulse = pulse;
    if (std::chrono::duration<double>(now - last_change).count() > supervision.hang_seconds) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return ChildEnd::Hung;
    }
    if (looks % kLooksPerTick == 0) supervision.tick();
    std::this_thread::sleep_for(kLookEvery);
  }
}

u64 peak_child_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return static_cast<u64>(usage.ru_maxrss) * 1024;
}

bool is_terminal_stderr() { return isatty(STDERR_FILENO) != 0; }

}  // namespace lr::robustness
