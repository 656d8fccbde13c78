// What the tests of the two Masms share: edge values, and a fixture that executes a body and
// compares every register that it must not change.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#include "jit/masm/masm_harness.h"

namespace lr::jit {

inline constexpr Width kWidths[] = {Width::W32, Width::W64};
inline constexpr FloatWidth kFloatWidths[] = {FloatWidth::F32, FloatWidth::F64};

inline constexpr u64 kInts[] = {0,
                                1,
                                2,
                                3,
                                5,
                                7,
                                31,
                                32,
                                33,
                                63,
                                64,
                                127,
                                128,
                                255,
                                256,
                                0x7fff,
                                0x8000,
                                0xffff,
                                0x10000,
                                0x7fff'ffff,
                                0x8000'0000,
                                0x8000'0001,
                                0xffff'fffe,
                                0xffff'ffff,
                                0x1'0000'0000,
                                0x1234'5678'9abc'def0,
                                0x7fff'ffff'ffff'ffff,
                                0x8000'0000'0000'0000,
                                0x8000'0000'0000'0001,
                                0xffff'ffff'8000'0000,
                                0xffff'ffff'ffff'fffe,
                                0xffff'ffff'ffff'ffff};

inline u64 truncated(Width w, u64 value) {
  return w == Width::W32 ? static_cast<u32>(value) : value;
}
inline i64 as_signed(Width w, u64 value) {
  return w == Width::W32 ? static_cast<i32>(value) : static_cast<i64>(value);
}
inline u32 bits_of(Width w) { return w == Width::W32 ? 32 : 64; }

// Edge values as bits: zeros, denormals, around one, limits of every integer type, infinities,
// quiet and signalling NaNs.
inline std::vector<u64> float_edges(FloatWidth w) {
  const std::vector<double> values = {0.0,
                                      0.5,
                                      0.9,
                                      1.0,
                                      1.5,
                                      2.0,
                                      2.5,
                                      3.5,
                                      127.0,
                                      16777215.0,
                                      16777216.0,
                                      4503599627370495.5,
                                      2147483520.0,
                                      2147483647.0,
                                      2147483647.5,
                                      2147483647.9999998,
                                      2147483648.0,
                                      2147483648.5,
                                      2147483648.9999995,
                                      2147483649.0,
                                      2147483904.0,
                                      4294967040.0,
                                      4294967295.0,
                                      4294967295.5,
                                      4294967295.9999995,
                                      4294967296.0,
                                      4294967808.0,
                                      9223371487098961920.0,
                                      9223372036854774784.0,
                                      9223372036854775808.0,
                                      9223373136366403584.0,
                                      9223372036854777856.0,
                                      18446742974197923840.0,
                                      18446744073709549568.0,
                                      18446744073709551616.0,
                                      1e10,
                                      1e19,
                                      3e38,
                                      1e300,
                                      1e-300,
                                      1e-40,
                                      std::numeric_limits<double>::infinity()};
  std::vector<u64> bits;
  for (const double value : values) {
    for (const double v : {value, -value}) {
      bits.push_back(w == FloatWidth::F64 ? std::bit_cast<u64>(v)
                                          : std::bit_cast<u32>(static_cast<float>(v)));
    }
  }
  const bool f64 = w == FloatWidth::F64;
  const std::vector<u64> nans32 = {1,           0x7fc0'0000, 0xffc0'0000,
                                   0x7fa0'0000, 0xff80'0001, 0x7fff'ffff};
  const std::vector<u64> nans64 = {1,
                                   0x7ff8'0000'0000'0000,
                                   0xfff8'0000'0000'0000,
                                   0x7ff4'0000'0000'0000,
                                   0xfff0'0000'0000'0001,
                                   0x7fff'ffff'ffff'ffff};
  for (const u64 b : f64 ? nans64 : nans32) bits.push_back(b);
  return bits;
}

inline constexpr i32 kImmediates[] = {
    0,   1,   -1,     2,       4,    8,    100,   127,   128,         -128,      -129,
    255, 256, 0xffff, 0x10000, 4095, 4096, -4096, 0xff0, 0x7fff'ffff, INT32_MIN, -3};

inline double as_double(FloatWidth w, u64 bits) {
  return w == FloatWidth::F64 ? std::bit_cast<double>(bits)
                              : double{std::bit_cast<float>(static_cast<u32>(bits))};
}

// What is tested: both machines, and x86-64 restricted to its baseline. A machine that this
// program does not run on needs a runner (see masm_harness.h) and is skipped without one.
struct Machine {
  const char* name;
  bool x64;
  const char* level;
};
inline constexpr Machine kMachines[] = {{"x64", true, "native"},
                                        {"x64_avx", true, "avx"},
                                        {"x64_v2", true, "v2"},
                                        {"a64", false, "native"}};
inline void PrintTo(const Machine& machine, std::ostream* out) { *out << machine.name; }

class MasmTest : public testing::TestWithParam<Machine> {
 protected:
  void SetUp() override {
    const bool host_is_x64 = host_target(CpuFeatures()).return_address_bytes != 0;
    const char* runner = GetParam().x64 ? nullptr : std::getenv("LR_A64_RUNNER");
    if (GetParam().x64 != host_is_x64 && runner == nullptr) GTEST_SKIP() << "no such machine";
    const CpuFeatures cpu = restrict_cpu(detect_cpu(), GetParam().level);
    masm_ = GetParam().x64 ? make_masm_x64(cpu) : make_masm_a64(cpu);
    harness_ = std::make_unique<Harness>(
        *masm_, runner != nullptr ? make_remote_executor(runner) : make_native_executor());
    const Target& t = masm_->target();
    for (const Reg r : t.temp_order) (r.is_vector() ? vectors_ : ints_).push_back(r);
    // On x86-64 rax, rcx, r10, rsi, rbp and r12: every peculiarity of its encoding.
    ints_ = {ints_[0], ints_[1], ints_[3], ints_[4], ints_[ints_.size() - 2], ints_.back()};
    vectors_ = {vectors_[0], vectors_[1], vectors_.back()};
  }

  const Target& target() const { return masm_->target(); }
  void build(const Harness::Body& body) { harness_->build(body); }

  // Every register holds something of its own, upper halves included.
  static State filled() {
    State s;
    for (u64 i = 0; i < 32; i++) {
      s.ints[i] = 0xa5a5'0000'5a5a'0000 + i * 0x0101'0000'0101;
      s.vectors[i][0] = 0xc3c3'c3c3'3c3c'3c00 + i;
      s.vectors[i][1] = 0x9999'9999'9999'9900 + i;
    }
    return s;
  }

  // Runs from `before` and expects it back, but for `expected` in `dst` and what `changed` holds.
  u64 run(const State& before, Reg dst, u64 expected, RegSet changed = RegSet()) {
    State after = before;
    harness_->run(after);
    if (after.outcome == 0) {
      EXPECT_EQ(after[dst], expected);
    }
    expect_kept(before, after, changed | RegSet::of(dst));
    return after.outcome;
  }
  State execute(const State& before, RegSet changed) {
    State after = before;
    harness_->run(after);
    expect_kept(before, after, changed);
    return after;
  }
  void expect_kept(State before, State after, RegSet changed) {
    for (RegSet kept = target().allocatable - changed; !kept.empty();) {
      const Reg r = kept.take_first();
      EXPECT_EQ(before[r], after[r]) << "register " << int{r.code} << " changed";
      if (r.is_vector()) {
        EXPECT_EQ(before.vectors[r.number()][1], after.vectors[r.number()][1]);
      }
    }
  }

  template <typename F>
  void each_pair(const std::vector<Reg>& regs, F f) {
    for (const Reg a : regs) {
      for (const Reg b : regs) f(a, b);
    }
  }
  template <typename F>
  void each_triple(const std::vector<Reg>& regs, F f) {
    each_pair(regs, [&](Reg a, Reg b) {
      for (const Reg c : regs) f(a, b, c);
    });
  }

  std::unique_ptr<Masm> masm_;
  std::unique_ptr<Harness> harness_;
  std::vector<Reg> ints_, vectors_;
};

#define TEST_ON_ALL_MACHINES(suite)                                  \
  INSTANTIATE_TEST_SUITE_P(All, suite, testing::ValuesIn(kMachines), \
                           [](const auto& machine) { return machine.param.name; })

}  // namespace lr::jit
