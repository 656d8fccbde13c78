// Work that may crash or hang, done in a child process and watched from here.
#pragma once

#include <atomic>
#include <functional>

#include "base/types.h"

namespace lr::robustness {

// Memory that the child and its supervisor share and that survives the child. All zero at first.
void* shared_memory(usize size_bytes);

enum class ChildEnd : u8 { Finished, Crashed, Hung };

struct Supervision {
  // Changes while the child gets on; in shared memory.
  const std::atomic<u64>* pulse = nullptr;
  // The child is killed once the pulse has stood still for so long.
  double hang_seconds = 30;
  // Called several times a second.
  std::function<void()> tick;
};

// Runs `work` in a child process, which then exits as any program does (leaks are crashes under
// LeakSanitizer).
ChildEnd supervise(const Supervision& supervision, const std::function<void()>& work);

// The most memory that a child had resident, in bytes.
u64 peak_child_memory_bytes();

bool is_terminal_stderr();

}  // namespace lr::robustness
