#include "jit/test_process.h"

#include <pthread.h>
#include <sys/mman.h>

#include <chrono>
#include <csignal>
#include <cstring>

namespace lr::jit {

namespace {

constexpr int kLeftBehind = 0xdd;         // In a stack that is no longer used.
constexpr u64 kGuardedBytes = 64 * kKiB;  // Below a stack: whatever touches them crashes.

u8* map_stack(u64 bytes) {
  void* memory = mmap(nullptr, kGuardedBytes + bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(memory != MAP_FAILED);
  CHECK(mprotect(memory, kGuardedBytes, PROT_NONE) == 0);
  return static_cast<u8*>(memory) + kGuardedBytes;
}

void unmap_stack(u8* stack, u64 bytes) { munmap(stack - kGuardedBytes, kGuardedBytes + bytes); }

}  // namespace

TestProcess::TestProcess(const Options& options) : options_(options) {
  use_stack(options.stack_bytes);
  if (!options.ring_always && !options.signal_always) return;
  const int signal = options.signal_always ? install_interrupt_handler().value() : 0;
  ringer_ = std::thread([this, signal, thread = pthread_self()] {
    while (!done_.load(std::memory_order_relaxed)) {
      run.ring(kRequestYield);
      if (signal != 0) pthread_kill(thread, signal);
      std::this_thread::sleep_for(std::chrono::microseconds(1));
    }
  });
}

TestProcess::~TestProcess() {
  done_.store(true, std::memory_order_relaxed);
  if (ringer_.joinable()) ringer_.join();
  unmap_stack(stack_, stack_bytes_);
  if (spare_ != nullptr) unmap_stack(spare_, stack_bytes_);
}

// Moves to another stack. The old one is overwritten, so that whatever still points there is found.
void TestProcess::use_stack(u64 bytes) {
  u8* memory = spare_;
  spare_ = nullptr;
  if (memory == nullptr || bytes != stack_bytes_) {
    if (memory != nullptr) unmap_stack(memory, stack_bytes_);
    memory = map_stack(bytes);
  }
  u8* const top = memory + bytes;
  const u64 used = stack_ == nullptr ? 0 : run.stack_top - run.sp;
  if (used != 0) std::memcpy(top - used, reinterpret_cast<void*>(run.sp), used);
  if (stack_ != nullptr && bytes == stack_bytes_) {
    spare_ = stack_;
    std::memset(reinterpret_cast<void*>(run.sp), kLeftBehind, used);
  } else if (stack_ != nullptr) {
    unmap_stack(stack_, stack_bytes_);
  }
  stack_ = memory;
  stack_bytes_ = bytes;
  run.stack_top = reinterpret_cast<u64>(top);
  run.sp = run.stack_top - used;
  run.stack_limit = reinterpret_cast<u64>(stack_) + kStackReserveBytes;
  run.publish_limit();
  moves++;
}

bool TestProcess::grow_stack() {
  const u64 need = run.stack_top - run.sp + run.stack_need + kStackReserveBytes;
  u64 bytes = stack_bytes_;
  while (bytes < need) bytes *= 2;
  if (bytes == stack_bytes_) bytes *= 2;
  if (bytes > options_.stack_bytes_max) return false;
  use_stack(bytes);
  return true;
}

// A prologue that has yielded tries again: it must see the real limit once.
void TestProcess::ring_again(Leave left_by) {
  Doorbell* const bell = run.doorbell.load(std::memory_order_relaxed);
  if (!options_.yield_always || bell == nullptr) return;
  run.its_alarm().ring(*bell);
  if (left_by != Leave::Yield || !may_move_stack(run, left_by)) run.ring(kRequestYield);
}

std::optional<Trap> TestProcess::call(ProcessStore& store, FuncRef* func, u64* values) {
  const u64 sp_before = run.stack_top - run.sp;
  while (!begin_activation(store, func, values)) CHECK(grow_stack());
  Leave leave = Leave::HostWait;
  for (;;) {
    ring_again(leave);
    leave = lr_test_resume(&run);
    if (leave == Leave::StackFull && !grow_stack()) {
      run.trap_code = static_cast<u32>(Trap::StackOverflow);
      leave = Leave::Trapped;
    }
    switch (leave) {
      case Leave::Returned:
        CHECK(run.stack_top - run.sp == sp_before);
        return std::nullopt;
      case Leave::Trapped:
        backtrace_text = format_backtrace(backtrace(run, 20));
        abandon_activation(store);
        CHECK(run.stack_top - run.sp == sp_before);
        return static_cast<Trap>(run.trap_code);
      case Leave::Yield:
        yields++;
        run.answer();
        break;
      case Leave::HostWait:
        waits++;
        if (on_wait) {
          const HostStatus status = on_wait(*this, host_call_values(run));
          complete_host_call(run, status);
        }
        break;
      case Leave::StackFull:
        break;
    }
    if (!options_.move_always || !may_move_stack(run, leave)) continue;
    use_stack(stack_bytes_);
    store.for_each_memory([](Memory& memory) { CHECK(memory.relocate()); });
  }
}

}  // namespace lr::jit
