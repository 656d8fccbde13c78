// Runs what a Masm emits, for tests and benchmarks: loads every register that values may live in
// from a State, executes a body, and stores them back.
//
// Code for another machine runs in an emulator: with LR_A64_RUNNER set to a command that executes
// jit/masm/a64_runner.c (built for AArch64), code and States go to it through pipes. Both programs
// keep their State at the same address, so that addresses in it mean the same.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "jit/masm/masm.h"

namespace lr::jit {

// The context register points to it while the body runs, so it starts like a Doorbell.
struct State {
  u64 stack_limit = 0;
  u64 preempt = 0;
  u64 outcome = 0;  // Left at 0 by a body that runs to its end; else the number of its exit.
  u64 padding = 0;
  u64 memory[12] = {};  // For memory operands; its address is kMemoryAddress.
  u64 ints[32] = {};
  u64 vectors[32][2] = {};

  u64& operator[](Reg r) { return r.is_vector() ? vectors[r.number()][0] : ints[r.number()]; }
};
// Free in every process, those with AddressSanitizer included.
inline constexpr u64 kStateAddress = u64{1} << 45;
inline constexpr u64 kMemoryAddress = kStateAddress + offsetof(State, memory);
static_assert(sizeof(State) == 128 + 256 + 512);

// Executes code at a fixed place, called with the State's address.
class Executor {
 public:
  static constexpr usize kCodeBytesMax = 256 * kKiB;

  virtual ~Executor() = default;
  virtual void place(std::span<const u8> code) = 0;
  virtual void run(State& state) = 0;
};

// In this process, in pages that are never writable and executable at once.
std::unique_ptr<Executor> make_native_executor();
// In the program that `command` starts.
std::unique_ptr<Executor> make_remote_executor(const char* command);

class Harness {
 public:
  static constexpr usize kExits = 3;
  using Body = std::function<void(Masm&, Label (&exits)[kExits])>;

  Harness(Masm& masm, std::unique_ptr<Executor> executor)
      : masm_(masm), executor_(std::move(executor)) {}

  // Exit n (1 to 3) is exits[n - 1].
  void build(const Body& body);
  void run(State& state) { executor_->run(state); }

 private:
  static constexpr u32 kFrameBytes = 1024;

  template <typename F>
  void each_saved(F f) const;
  template <typename F>
  void each_value(F f) const;

  Masm& masm_;
  std::unique_ptr<Executor> executor_;
};

}  // namespace lr::jit
