// Runs what a Masm emits, for tests and benchmarks: loads every register that values may live in
// from a State, executes a body, and stores them back.
#pragma once

#include <sys/mman.h>

#include <cstring>
#include <functional>
#include <utility>

#include "base/check.h"
#include "jit/masm/masm.h"

namespace lr::jit {

// The context register points to it while the body runs, so it starts like a Doorbell.
struct State {
  u64 stack_limit = 0;
  u64 preempt = 0;
  u64 outcome = 0;  // Left at 0 by a body that runs to its end; else the number of its exit.
  u64 memory[13] = {};
  u64 ints[32] = {};
  u64 vectors[32][2] = {};

  u64& operator[](Reg r) { return r.is_vector() ? vectors[r.number()][0] : ints[r.number()]; }
};
inline constexpr i32 kOutcome = offsetof(State, outcome);
inline constexpr i32 kMemory = offsetof(State, memory);

// One function at a time in pages that are never writable and executable at once.
class Harness {
 public:
  static constexpr usize kExits = 3;
  using Body = std::function<void(Masm&, Label (&exits)[kExits])>;

  explicit Harness(Masm& masm) : masm_(masm) {
    code_ = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(code_ != MAP_FAILED);
  }
  ~Harness() { munmap(code_, kBytes); }
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;

  // Exit n (1 to 3) is exits[n - 1].
  void build(const Body& body) {
    const Target& t = masm_.target();
    const bool x64 = t.return_address_bytes != 0;
    masm_.reset();
    const Patch enter = masm_.enter_frame();
    each_saved([&](Reg r, Address slot) { masm_.store(store_of(r), slot, r); });
    masm_.move(Width::W64, t.context, int_reg(x64 ? 7 : 0));  // The first argument in C.
    each_value([&](Reg r, Address slot) { masm_.load(load_of(r), r, slot); });
    Label exits[kExits], end;
    body(masm_, exits);
    masm_.bind(end);
    each_value([&](Reg r, Address slot) { masm_.store(store_of(r), slot, r); });
    each_saved([&](Reg r, Address slot) { masm_.load(load_of(r), r, slot); });
    const Patch leave = masm_.leave_frame();
    masm_.ret(0);
    for (usize i = 0; i < kExits; i++) {
      masm_.bind(exits[i]);
      masm_.store_imm(Store::I64, {.base = t.context, .disp = kOutcome}, static_cast<i32>(i + 1));
      masm_.jump(end);
    }
    masm_.patch_frame(enter, kFrameBytes);
    masm_.patch_frame(leave, kFrameBytes);
    CHECK(masm_.ok() && masm_.code().size() <= kBytes);
    CHECK(mprotect(code_, kBytes, PROT_READ | PROT_WRITE) == 0);
    std::memcpy(code_, masm_.code().data(), masm_.code().size());
    CHECK(mprotect(code_, kBytes, PROT_READ | PROT_EXEC) == 0);
    auto* begin = static_cast<char*>(code_);
    __builtin___clear_cache(begin, begin + masm_.code().size());
  }
  void run(State& state) const { reinterpret_cast<void (*)(State*)>(code_)(&state); }

 private:
  static constexpr usize kBytes = 64 * kKiB;
  static constexpr u32 kFrameBytes = 1024;

  static Store store_of(Reg r) { return r.is_vector() ? Store::V128 : Store::I64; }
  static Load load_of(Reg r) { return r.is_vector() ? Load::V128 : Load::I64; }

  // More than any C convention wants kept.
  template <typename F>
  void each_saved(F f) const {
    const Target& t = masm_.target();
    RegSet saved = t.allocatable | RegSet::of(t.context, t.memory_base, t.memory_extent);
    for (i32 disp = 0; !saved.empty(); disp += 16) {
      f(saved.take_first(), Address{.base = t.sp, .disp = disp});
    }
  }
  template <typename F>
  void each_value(F f) const {
    const Target& t = masm_.target();
    RegSet values = t.allocatable | RegSet::of(t.memory_base, t.memory_extent);
    while (!values.empty()) {
      const Reg r = values.take_first();
      const usize at = r.is_vector() ? offsetof(State, vectors) + 16 * usize{r.number()}
                                     : offsetof(State, ints) + 8 * usize{r.number()};
      f(r, Address{.base = t.context, .disp = static_cast<i32>(at)});
    }
  }

  Masm& masm_;
  void* code_;
};

}  // namespace lr::jit
