// Executes the methods of this machine's Masm against a reference in C++: edge values, every way
// in which dst and sources may be the same register, with and without the optional instructions.
// Every register that a method must not change is compared as well.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "jit/masm/masm_harness.h"

namespace lr::jit {

namespace {

constexpr Width kWidths[] = {Width::W32, Width::W64};
constexpr FloatWidth kFloatWidths[] = {FloatWidth::F32, FloatWidth::F64};

constexpr u64 kInts[] = {0, 1, 2, 3, 5, 7, 31, 32, 33, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000,
                         0xffff, 0x10000, 0x7fff'ffff, 0x8000'0000, 0x8000'0001, 0xffff'fffe,
                         0xffff'ffff, 0x1'0000'0000, 0x1234'5678'9abc'def0,
                         0x7fff'ffff'ffff'ffff, 0x8000'0000'0000'0000, 0x8000'0000'0000'0001,
                         0xffff'ffff'8000'0000, 0xffff'ffff'ffff'fffe, 0xffff'ffff'ffff'ffff};

u64 truncated(Width w, u64 value) { return w == Width::W32 ? static_cast<u32>(value) : value; }
i64 as_signed(Width w, u64 value) {
  return w == Width::W32 ? static_cast<i32>(value) : static_cast<i64>(value);
}
__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;
u32 bits_of(Width w) { return w == Width::W32 ? 32 : 64; }

// Edge values as bits: zeros, denormals, around one, limits of every integer type, infinities,
// quiet and signalling NaNs.
std::vector<u64> float_edges(FloatWidth w) {
  const std::vector<double> values = {
      0.0, 0.5, 0.9, 1.0, 1.5, 2.0, 2.5, 3.5, 127.0, 16777215.0, 16777216.0, 4503599627370495.5,
      2147483520.0, 2147483647.0, 2147483647.5, 2147483647.9999998, 2147483648.0,
      2147483648.5, 2147483648.9999995, 2147483649.0, 2147483904.0, 4294967040.0, 4294967295.0,
      4294967295.5, 4294967295.9999995, 4294967296.0, 4294967808.0, 9223371487098961920.0,
      9223372036854774784.0, 9223372036854775808.0, 9223373136366403584.0,
      9223372036854777856.0, 18446742974197923840.0, 18446744073709549568.0,
      18446744073709551616.0, 1e10, 1e19, 3e38, 1e300, 1e-300, 1e-40,
      std::numeric_limits<double>::infinity()};
  std::vector<u64> bits;
  for (const double value : values) {
    for (const double v : {value, -value}) {
      bits.push_back(w == FloatWidth::F64 ? std::bit_cast<u64>(v)
                                          : std::bit_cast<u32>(static_cast<float>(v)));
    }
  }
  const bool f64 = w == FloatWidth::F64;
  const std::vector<u64> nans32 = {1, 0x7fc0'0000, 0xffc0'0000, 0x7fa0'0000, 0xff80'0001,
                                   0x7fff'ffff};
  const std::vector<u64> nans64 = {1, 0x7ff8'0000'0000'0000, 0xfff8'0000'0000'0000,
                                   0x7ff4'0000'0000'0000, 0xfff0'0000'0000'0001,
                                   0x7fff'ffff'ffff'ffff};
  for (const u64 b : f64 ? nans64 : nans32) bits.push_back(b);
  return bits;
}

// The machine with everything it has, and restricted to the baseline.
class Semantics : public testing::TestWithParam<const char*> {
 protected:
  Semantics() : masm_(make_host_masm(restrict_cpu(detect_cpu(), GetParam()))), harness_(*masm_) {
    const Target& t = masm_->target();
    for (const Reg r : t.temp_order) (r.is_vector() ? vectors_ : ints_).push_back(r);
    // The first two, one that is callee-saved (rbp, r12 on x86-64), the last.
    ints_ = {ints_[0], ints_[2], ints_[3], ints_[ints_.size() - 2], ints_.back()};
    vectors_ = {vectors_[0], vectors_[1], vectors_.back()};
  }

  const Target& target() const { return masm_->target(); }
  void build(const Harness::Body& body) { harness_.build(body); }

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
    harness_.run(after);
    if (after.outcome == 0) {
      EXPECT_EQ(after[dst], expected);
    }
    expect_kept(before, after, changed | RegSet::of(dst));
    return after.outcome;
  }
  State execute(const State& before, RegSet changed) {
    State after = before;
    harness_.run(after);
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
  Harness harness_;
  std::vector<Reg> ints_, vectors_;
};

INSTANTIATE_TEST_SUITE_P(Cpu, Semantics, testing::Values("native", "v2"),
                         [](const auto& cpu) { return std::string(cpu.param); });

// -- Integers -------------------------------------------------------------------------------------

u64 reference(Alu op, u64 a, u64 b) {
  switch (op) {
    case Alu::Add: return a + b;
    case Alu::Sub: return a - b;
    case Alu::And: return a & b;
    case Alu::Or: return a | b;
    case Alu::Xor: return a ^ b;
  }
  return 0;
}
constexpr Alu kAlus[] = {Alu::Add, Alu::Sub, Alu::And, Alu::Or, Alu::Xor};

constexpr i32 kImmediates[] = {0, 1, -1, 2, 4, 8, 100, 127, 128, -128, -129, 255, 256, 0xffff,
                               0x10000, 4095, 4096, -4096, 0xff0, 0x7fff'ffff, INT32_MIN, -3};

TEST_P(Semantics, AluOfRegisters) {
  for (const Alu op : kAlus) {
    for (const Width w : kWidths) {
      each_triple(ints_, [&](Reg dst, Reg lhs, Reg rhs) {
        build([&](Masm& m, auto&) { m.alu(op, w, dst, lhs, rhs); });
        for (const u64 a : {u64{5}, u64{0xffff'ffff'0000'0001}, u64{0x8000'0000'8000'0000}}) {
          State s = filled();
          s[lhs] = a;
          s[rhs] = lhs == rhs ? a : 0x1'8000'0003;
          run(s, dst, truncated(w, reference(op, s[lhs], s[rhs])));
        }
      });
    }
  }
}

TEST_P(Semantics, AluOfImmediates) {
  for (const Alu op : kAlus) {
    for (const Width w : kWidths) {
      for (const i32 imm : kImmediates) {
        each_pair(ints_, [&](Reg dst, Reg lhs) {
          build([&](Masm& m, auto&) { m.alu(op, w, dst, lhs, Operand::immediate(imm)); });
          State s = filled();
          for (const u64 a : {u64{0}, u64{0x8765'4321'fedc'ba98}, u64{0x7fff'ffff}}) {
            s[lhs] = a;
            run(s, dst, truncated(w, reference(op, a, static_cast<u64>(i64{imm}))));
          }
        });
      }
    }
  }
}

TEST_P(Semantics, AluWithMemory) {
  for (const Alu op : kAlus) {
    for (const Width w : kWidths) {
      each_triple(ints_, [&](Reg dst, Reg lhs, Reg base) {
        if (lhs == base) return;
        build([&](Masm& m, auto&) { m.alu(op, w, dst, lhs, Address{.base = base, .disp = 8}); });
        u64 cells[] = {0, 0x1111'2222'8333'4444};
        State s = filled();
        s[base] = reinterpret_cast<u64>(cells);
        run(s, dst, truncated(w, reference(op, s[lhs], cells[1])));
      });
    }
  }
}

TEST_P(Semantics, AluIntoMemory) {
  const Reg base = ints_[0], index = ints_[1], rhs = ints_[3];
  for (const Alu op : kAlus) {
    for (const Width w : kWidths) {
      for (const i32 imm : kImmediates) {
        for (const bool from_register : {false, true}) {
          const Address a{.base = base, .index = index, .shift = 3, .disp = -16};
          build([&](Masm& m, auto&) {
            m.alu_memory(op, w, a, from_register ? Operand(rhs) : Operand::immediate(imm));
          });
          u64 cells[] = {1, 0x1111'2222'8333'4444, 1};
          State s = filled();
          s[base] = reinterpret_cast<u64>(cells);
          s[index] = 3;
          s[rhs] = static_cast<u64>(i64{imm});
          const u64 result = reference(op, cells[1], static_cast<u64>(i64{imm}));
          execute(s, RegSet());
          EXPECT_EQ(cells[1], w == Width::W64 ? result : 0x1111'2222'0000'0000 | truncated(w, result));
          EXPECT_EQ(cells[0] + cells[2], 2u);
        }
      }
    }
  }
}

TEST_P(Semantics, AddScaled) {
  std::vector<Reg> operands = ints_;
  operands.push_back(kNoReg);
  for (const Width w : kWidths) {
    for (u8 by = 0; by < 4; by++) {
      for (const i32 disp : {0, 1, -128, 5000, INT32_MIN}) {
        each_triple(operands, [&](Reg dst, Reg lhs, Reg rhs) {
          if (!dst.valid() || (!lhs.valid() && !rhs.valid())) return;
          build([&](Masm& m, auto&) { m.add_scaled(w, dst, lhs, rhs, by, disp); });
          State s = filled();
          const u64 sum = (lhs.valid() ? s[lhs] : 0) + (rhs.valid() ? s[rhs] << by : 0) +
                          static_cast<u64>(i64{disp});
          run(s, dst, truncated(w, sum));
        });
      }
    }
  }
}

TEST_P(Semantics, Multiply) {
  for (const Width w : kWidths) {
    each_triple(ints_, [&](Reg dst, Reg lhs, Reg rhs) {
      build([&](Masm& m, auto&) { m.multiply(w, dst, lhs, rhs); });
      State s = filled();
      run(s, dst, truncated(w, s[lhs] * s[rhs]));
      if (lhs == rhs) return;
      build([&](Masm& m, auto&) { m.multiply(w, dst, lhs, Address{.base = rhs}); });
      u64 cell = 0x1234'5678'9abc'def1;
      s[rhs] = reinterpret_cast<u64>(&cell);
      run(s, dst, truncated(w, s[lhs] * cell));
    });
    for (const i32 imm : {0, 1, 2, 3, 4, 5, 7, 8, 9, -1, -5, 64, 100, 1000, 1 << 30, INT32_MIN}) {
      each_pair(ints_, [&](Reg dst, Reg lhs) {
        build([&](Masm& m, auto&) { m.multiply(w, dst, lhs, Operand::immediate(imm)); });
        State s = filled();
        run(s, dst, truncated(w, s[lhs] * static_cast<u64>(i64{imm})));
      });
    }
  }
}

TEST_P(Semantics, Divide) {
  const Target& t = target();
  const bool fixed = t.div_dividend.valid();
  RegSet changed;
  if (fixed) changed = RegSet::of(t.div_dividend, t.div_clobber);
  for (const Divide op : {Divide::DivS, Divide::DivU, Divide::RemS, Divide::RemU}) {
    for (const Width w : kWidths) {
      for (const Reg rhs : ints_) {
        const Reg lhs = fixed ? t.div_dividend : ints_[0];
        if (changed.has(rhs) || rhs == lhs) continue;
        Reg result;
        build([&](Masm& m, auto& exits) {
          result = m.divide(op, w, lhs, lhs, rhs, &exits[0], &exits[1]);
        });
        for (const u64 a : kInts) {
          for (const u64 b : kInts) {
            State s = filled();
            s[lhs] = a;
            s[rhs] = b;
            const u64 ua = truncated(w, a), ub = truncated(w, b);
            const i64 sa = as_signed(w, a), sb = as_signed(w, b);
            const bool min = sa == (w == Width::W32 ? INT32_MIN : INT64_MIN);
            u64 outcome = 0, expected = 0;
            if (ub == 0) {
              outcome = 1;
            } else if (op == Divide::DivU || op == Divide::RemU) {
              expected = op == Divide::DivU ? ua / ub : ua % ub;
            } else if (min && sb == -1) {
              outcome = op == Divide::DivS ? 2 : 0;
            } else {
              expected = truncated(w, static_cast<u64>(op == Divide::DivS ? sa / sb : sa % sb));
            }
            EXPECT_EQ(run(s, result, expected, changed), outcome);
          }
        }
      }
    }
  }
}

TEST_P(Semantics, HighMultiply) {
  const Target& t = target();
  const Reg dst = t.div_dividend.valid() ? t.div_dividend : ints_[0];
  const RegSet changed =
      t.div_clobber.valid() ? RegSet::of(t.div_clobber, dst) : RegSet::of(dst);
  for (const bool is_signed : {false, true}) {
    for (const Width w : kWidths) {
      for (const Reg rhs : ints_) {
        build([&](Masm& m, auto&) { m.high_multiply(w, is_signed, dst, dst, rhs); });
        for (const u64 a : kInts) {
          State s = filled();
          s[rhs] = 0x8765'4321'8765'4321;
          s[dst] = a;
          const u64 b = s[rhs];
          const Wide product = is_signed ? Wide{as_signed(w, a)} * as_signed(w, b)
                                         : static_cast<Wide>(UnsignedWide{truncated(w, a)} *
                                                             truncated(w, b));
          run(s, dst, truncated(w, static_cast<u64>(product >> bits_of(w))), changed);
        }
      }
    }
  }
}

u64 reference(Shift op, Width w, u64 a, u32 count) {
  const u32 bits = bits_of(w);
  count %= bits;
  a = truncated(w, a);
  switch (op) {
    case Shift::Shl: return truncated(w, a << count);
    case Shift::ShrU: return a >> count;
    case Shift::ShrS: return truncated(w, static_cast<u64>(as_signed(w, a) >> count));
    case Shift::Rotl: return truncated(w, a << count | a >> (bits - count) % bits);
    case Shift::Rotr: return truncated(w, a >> count | a << (bits - count) % bits);
  }
  return 0;
}

TEST_P(Semantics, Shifts) {
  for (const Shift op : {Shift::Shl, Shift::ShrS, Shift::ShrU, Shift::Rotl, Shift::Rotr}) {
    for (const Width w : kWidths) {
      each_triple(ints_, [&](Reg dst, Reg lhs, Reg count) {
        if (target().shift_count.valid()) count = target().shift_count;
        build([&](Masm& m, auto&) { m.shift(op, w, dst, lhs, count); });
        for (const u64 n : {0, 1, 7, 31, 32, 33, 63, 64, 255}) {
          State s = filled();
          s[lhs] = 0x8765'4321'fedc'ba98;
          s[count] = n | 0xff00;
          run(s, dst, reference(op, w, s[lhs], static_cast<u32>(s[count])));
        }
      });
      for (u8 n = 0; n < 66; n++) {
        each_pair(ints_, [&](Reg dst, Reg lhs) {
          build([&](Masm& m, auto&) { m.shift(op, w, dst, lhs, n); });
          State s = filled();
          s[lhs] = 0x8765'4321'fedc'ba98;
          run(s, dst, reference(op, w, s[lhs], n));
        });
      }
    }
  }
}

u64 reference(Unary op, Width w, u64 a) {
  a = truncated(w, a);
  const u32 above = 64 - bits_of(w);
  switch (op) {
    case Unary::Clz: return static_cast<u64>(std::countl_zero(a)) - above;
    case Unary::Ctz: return a == 0 ? bits_of(w) : static_cast<u64>(std::countr_zero(a));
    case Unary::Popcnt: return static_cast<u64>(std::popcount(a));
    case Unary::Extend8S: return truncated(w, static_cast<u64>(static_cast<i8>(a)));
    case Unary::Extend16S: return truncated(w, static_cast<u64>(static_cast<i16>(a)));
    case Unary::Extend32S: return truncated(w, static_cast<u64>(static_cast<i32>(a)));
    case Unary::Neg: return truncated(w, 0 - a);
    case Unary::Not: return truncated(w, ~a);
  }
  return 0;
}

TEST_P(Semantics, Unary) {
  for (u8 op = 0; op <= static_cast<u8>(Unary::Not); op++) {
    for (const Width w : kWidths) {
      each_pair(ints_, [&](Reg dst, Reg src) {
        build([&](Masm& m, auto&) { m.unary(static_cast<Unary>(op), w, dst, src); });
        for (const u64 a : kInts) {
          State s = filled();
          s[src] = a;
          run(s, dst, reference(static_cast<Unary>(op), w, a));
        }
      });
    }
  }
}

TEST_P(Semantics, Moves) {
  for (const Width w : kWidths) {
    each_pair(ints_, [&](Reg dst, Reg src) {
      build([&](Masm& m, auto&) { m.move(w, dst, src); });
      State s = filled();
      run(s, dst, truncated(w, s[src]));
    });
    for (const Reg dst : ints_) {
      for (const u64 value : kInts) {
        build([&](Masm& m, auto&) { m.move_imm(w, dst, value); });
        run(filled(), dst, truncated(w, value));
      }
      for (const Reg v : vectors_) {
        build([&](Masm& m, auto&) { m.bitcast(w, dst, v); });
        State s = filled();
        run(s, dst, truncated(w, s[v]));
        build([&](Masm& m, auto&) { m.bitcast(w, v, dst); });
        run(s, v, truncated(w, s[dst]));
      }
    }
  }
  for (const FloatWidth w : kFloatWidths) {
    for (const Reg dst : vectors_) {
      for (const u64 bits : float_edges(w)) {
        build([&](Masm& m, auto&) { m.move_float_imm(w, dst, bits); });
        run(filled(), dst, bits);
      }
    }
  }
  each_pair(vectors_, [&](Reg dst, Reg src) {
    build([&](Masm& m, auto&) { m.move_vector(dst, src); });
    State s = filled();
    State after = execute(s, RegSet::of(dst));
    EXPECT_EQ(after.vectors[dst.number()][0], s.vectors[src.number()][0]);
    EXPECT_EQ(after.vectors[dst.number()][1], s.vectors[src.number()][1]);
  });
}

// -- Memory ---------------------------------------------------------------------------------------

u64 reference(Load kind, u64 cell) {
  switch (kind) {
    case Load::I32Load8S: return static_cast<u32>(static_cast<i8>(cell));
    case Load::I32Load16S: return static_cast<u32>(static_cast<i16>(cell));
    case Load::I64Load8S: return static_cast<u64>(static_cast<i8>(cell));
    case Load::I64Load16S: return static_cast<u64>(static_cast<i16>(cell));
    case Load::I64Load32S: return static_cast<u64>(static_cast<i32>(cell));
    case Load::I32Load8U:
    case Load::I64Load8U: return static_cast<u8>(cell);
    case Load::I32Load16U:
    case Load::I64Load16U: return static_cast<u16>(cell);
    case Load::I32:
    case Load::I64Load32U:
    case Load::F32: return static_cast<u32>(cell);
    case Load::I64:
    case Load::F64:
    case Load::V128: return cell;
  }
  return 0;
}

// Offsets around every boundary of the two machines' immediates.
constexpr i32 kDisplacements[] = {0, 1, 8, -1, -8, 127, 128, -128, -129, 255, 256, -256, -257,
                                  4095, 4096, 16380, 32760, 32768, 65520, 65536, 1 << 20,
                                  INT32_MAX, INT32_MIN};

TEST_P(Semantics, LoadsAndStores) {
  alignas(16) static u64 cells[] = {0x8182'8384'8586'8788, 0x9192'9394'9596'9798, 0};
  const u64 address = reinterpret_cast<u64>(cells);
  std::vector<Reg> indices = ints_;
  indices.push_back(kNoReg);
  for (u8 k = 0; k <= static_cast<u8>(Load::V128); k++) {
    const Load kind = static_cast<Load>(k);
    const bool vector = kind >= Load::F32;
    for (const Reg base : ints_) {
      for (const Reg index : indices) {
        if (index == base) continue;
        for (const Reg dst : vector ? vectors_ : ints_) {
          for (const i32 disp : kDisplacements) {
            const u8 by = static_cast<u8>(disp & 3);
            build([&](Masm& m, auto&) {
              m.load(kind, dst, {.base = base, .index = index, .shift = by, .disp = disp});
            });
            State s = filled();
            if (index.valid()) s[index] = 0x1'0000'0008;
            s[base] = address - static_cast<u64>(i64{disp}) -
                      (index.valid() ? s[index] << by : 0);
            run(s, dst, reference(kind, cells[0]));
          }
        }
      }
    }
  }
}

TEST_P(Semantics, Stores) {
  constexpr u32 kBytes[] = {1, 2, 4, 8, 4, 8, 16};
  for (u8 k = 0; k <= static_cast<u8>(Store::V128); k++) {
    const Store kind = static_cast<Store>(k);
    for (const Reg base : ints_) {
      for (const Reg src : k < 4 ? ints_ : vectors_) {
        if (src == base) continue;
        for (const i32 disp : kDisplacements) {
          const Address a{.base = base, .disp = disp};
          for (const bool imm : {false, true}) {
            if (imm && k >= 4) continue;
            build([&](Masm& m, auto&) {
              imm ? m.store_imm(kind, a, -123456789) : m.store(kind, a, src);
            });
            u8 cells[32] = {};
            State s = filled();
            s[base] = reinterpret_cast<u64>(cells) + 8 - static_cast<u64>(i64{disp});
            execute(s, RegSet());
            u8 expected[32] = {};
            const i64 value = -123456789;
            const void* from = src.is_vector() ? static_cast<void*>(s.vectors[src.number()])
                                               : static_cast<void*>(&s.ints[src.number()]);
            std::memcpy(expected + 8, imm ? static_cast<const void*>(&value) : from, kBytes[k]);
            EXPECT_EQ(std::memcmp(cells, expected, sizeof cells), 0);
          }
        }
      }
    }
  }
}

// -- Comparisons ----------------------------------------------------------------------------------

bool reference(Cond cond, Width w, u64 a, u64 b) {
  const i64 sa = as_signed(w, a), sb = as_signed(w, b);
  a = truncated(w, a);
  b = truncated(w, b);
  switch (cond) {
    case Cond::Eq: return a == b;
    case Cond::Ne: return a != b;
    case Cond::LtS: return sa < sb;
    case Cond::LtU: return a < b;
    case Cond::GtS: return sa > sb;
    case Cond::GtU: return a > b;
    case Cond::LeS: return sa <= sb;
    case Cond::LeU: return a <= b;
    case Cond::GeS: return sa >= sb;
    case Cond::GeU: return a >= b;
  }
  return false;
}

double as_double(FloatWidth w, u64 bits) {
  return w == FloatWidth::F64 ? std::bit_cast<double>(bits)
                              : double{std::bit_cast<float>(static_cast<u32>(bits))};
}

bool reference(FloatCond cond, double a, double b) {
  switch (cond) {
    case FloatCond::Eq: return a == b;
    case FloatCond::Ne: return !(a == b);
    case FloatCond::Lt: return a < b;
    case FloatCond::Gt: return a > b;
    case FloatCond::Le: return a <= b;
    case FloatCond::Ge: return a >= b;
    case FloatCond::NotLt: return !(a < b);
    case FloatCond::NotGt: return !(a > b);
    case FloatCond::NotLe: return !(a <= b);
    case FloatCond::NotGe: return !(a >= b);
  }
  return false;
}

// All uses of one comparison, for the operand values that `set` writes.
class Comparisons : public Semantics {
 protected:
  struct Case {
    State before;
    bool holds;
  };

  void check(const Compare& c, const std::vector<Case>& cases) {
    build([&](Masm& m, auto& exits) { m.branch_if(c, exits[0]); });
    for (const Case& k : cases) EXPECT_EQ(execute(k.before, RegSet()).outcome, u64{k.holds});
    build([&](Masm& m, auto& exits) {
      Label back, start;
      m.jump(start);
      m.bind(back);
      m.jump(exits[0]);
      m.bind(start);
      m.branch_if(c, back);
    });
    for (const Case& k : cases) EXPECT_EQ(execute(k.before, RegSet()).outcome, u64{k.holds});
    for (const Reg dst : ints_) {
      build([&](Masm& m, auto&) { m.set_if(c, dst); });
      for (const Case& k : cases) run(k.before, dst, k.holds);
    }
    check_selects(c, cases);
  }

  void check_selects(const Compare& c, const std::vector<Case>& cases) {
    const std::vector<Reg> few = {ints_[0], ints_[2], ints_[4]};
    for (const Width w : kWidths) {
      each_triple(few, [&](Reg dst, Reg yes, Reg no) {
        build([&](Masm& m, auto&) { m.select_if(c, w, dst, yes, no); });
        for (const Case& k : cases) {
          State s = k.before;
          run(k.before, dst, truncated(w, k.holds ? s[yes] : s[no]));
        }
      });
    }
    each_triple(vectors_, [&](Reg dst, Reg yes, Reg no) {
      build([&](Masm& m, auto&) { m.select_if(c, Width::W64, dst, yes, no); });
      for (const Case& k : cases) {
        State s = k.before;
        run(k.before, dst, k.holds ? s[yes] : s[no]);
      }
    });
  }
};
INSTANTIATE_TEST_SUITE_P(Cpu, Comparisons, testing::Values("native", "v2"),
                         [](const auto& cpu) { return std::string(cpu.param); });

constexpr u64 kCompared[] = {0, 1, 4, 127, 128, 0x7fff'ffff, 0x8000'0000, 0xffff'ffff,
                             0x7fff'ffff'ffff'ffff, 0x8000'0000'0000'0000,
                             0xffff'ffff'8000'0000, 0xffff'ffff'ffff'ffff};

TEST_P(Comparisons, Integers) {
  const Reg lhs = ints_[0], rhs = ints_[1];
  u64 cell = 0;
  for (u8 cond = 0; cond <= static_cast<u8>(Cond::GeU); cond++) {
    for (const Width w : kWidths) {
      Compare c{.width = w, .cond = static_cast<Cond>(cond), .lhs = lhs, .rhs = rhs};
      std::vector<Case> cases;
      for (const u64 a : kCompared) {
        for (const u64 b : kCompared) {
          State s = filled();
          s[lhs] = a;
          s[rhs] = b;
          cases.push_back({s, reference(c.cond, w, a, b)});
        }
      }
      check(c, cases);
      for (const i32 imm : kImmediates) {
        c.rhs = Operand::immediate(imm);
        cases.clear();
        for (const u64 a : kCompared) {
          State s = filled();
          s[lhs] = a;
          cases.push_back({s, reference(c.cond, w, a, static_cast<u64>(i64{imm}))});
        }
        check(c, cases);
      }
      cell = 0x1'0000'0004;
      c.rhs = Address{.base = rhs};
      for (Case& k : cases) {
        k.before[rhs] = reinterpret_cast<u64>(&cell);
        k.holds = reference(c.cond, w, k.before[lhs], cell);
      }
      check(c, cases);
    }
  }
}

TEST_P(Comparisons, Tests) {
  const Reg lhs = ints_[3], rhs = ints_[1];
  for (const Cond cond : {Cond::Eq, Cond::Ne, Cond::LtS, Cond::GeS}) {
    for (const Width w : kWidths) {
      Compare c{.kind = Compare::Kind::Test, .width = w, .cond = cond, .lhs = lhs, .rhs = rhs};
      std::vector<Case> cases;
      for (const u64 a : kCompared) {
        for (const u64 b : kCompared) {
          State s = filled();
          s[lhs] = a;
          s[rhs] = b;
          cases.push_back({s, reference(cond, w, a & b, 0)});
        }
      }
      check(c, cases);
      for (const i32 imm : kImmediates) {
        c.rhs = Operand::immediate(imm);
        for (Case& k : cases) {
          k.holds = reference(cond, w, k.before[lhs] & static_cast<u64>(i64{imm}), 0);
        }
        check(c, cases);
      }
    }
  }
}

TEST_P(Comparisons, Floats) {
  const Reg lhs = vectors_[1];
  for (const FloatWidth w : kFloatWidths) {
    const std::vector<u64> edges = float_edges(w);
    for (u8 cond = 0; cond <= static_cast<u8>(FloatCond::NotGe); cond++) {
      Compare c{.kind = Compare::Kind::Float, .float_width = w,
                .float_cond = static_cast<FloatCond>(cond), .lhs = lhs};
      for (const Reg rhs : {vectors_[0], vectors_[1], vectors_[2]}) {
        c.rhs = rhs;
        std::vector<Case> cases;
        for (usize i = 0; i < edges.size(); i += 3) {
          for (usize j = edges.size() % 3; j < edges.size(); j += 5) {
            State s = filled();
            s[lhs] = edges[i];
            s[rhs] = edges[j];
            s[lhs] |= w == FloatWidth::F32 ? 0x7777'7777'0000'0000 : 0;
            cases.push_back({s, reference(c.float_cond, as_double(w, s[lhs]),
                                          as_double(w, s[rhs]))});
          }
        }
        check(c, cases);
      }
      static u64 cell;
      cell = edges[6];
      c.rhs = Address{.base = ints_[0]};
      std::vector<Case> cases;
      for (const u64 a : edges) {
        State s = filled();
        s[lhs] = a;
        s[ints_[0]] = reinterpret_cast<u64>(&cell);
        cases.push_back({s, reference(c.float_cond, as_double(w, a), as_double(w, cell))});
      }
      check(c, cases);
    }
  }
}

// -- Floats ---------------------------------------------------------------------------------------

bool is_nan(FloatWidth w, u64 bits) { return std::isnan(as_double(w, bits)); }

// What the specification allows for a NaN result: quiet, and the canonical payload if no operand
// had another.
void expect_nan(FloatWidth w, u64 result, std::initializer_list<u64> operands) {
  const u64 quiet = w == FloatWidth::F64 ? u64{1} << 51 : u64{1} << 22;
  EXPECT_TRUE(is_nan(w, result));
  EXPECT_NE(result & quiet, 0u);
  for (const u64 o : operands) {
    if (is_nan(w, o) && (o & (2 * quiet - 1)) != quiet) return;
  }
  EXPECT_EQ(result & (2 * quiet - 1), quiet);
}

template <typename F>
F reference(FloatBinary op, F a, F b) {
  switch (op) {
    case FloatBinary::Add: return a + b;
    case FloatBinary::Sub: return a - b;
    case FloatBinary::Mul: return a * b;
    case FloatBinary::Div: return a / b;
    case FloatBinary::Min:
      if (a == 0 && b == 0) return std::signbit(a) ? a : b;
      return std::isnan(a) || std::isnan(b) ? a + b : std::min(a, b);
    case FloatBinary::Max:
      if (a == 0 && b == 0) return std::signbit(a) ? b : a;
      return std::isnan(a) || std::isnan(b) ? a + b : std::max(a, b);
    case FloatBinary::Copysign: break;
  }
  return 0;
}

u64 reference(FloatBinary op, FloatWidth w, u64 a, u64 b) {
  if (op == FloatBinary::Copysign) {
    const u64 sign = u64{1} << (w == FloatWidth::F64 ? 63 : 31);
    return (a & ~sign) | (b & sign);
  }
  if (w == FloatWidth::F64) {
    return std::bit_cast<u64>(reference(op, std::bit_cast<double>(a), std::bit_cast<double>(b)));
  }
  return std::bit_cast<u32>(reference(op, std::bit_cast<float>(static_cast<u32>(a)),
                                      std::bit_cast<float>(static_cast<u32>(b))));
}

u64 low(FloatWidth w, u64 bits) { return w == FloatWidth::F64 ? bits : static_cast<u32>(bits); }

TEST_P(Semantics, FloatBinary) {
  for (u8 k = 0; k <= static_cast<u8>(FloatBinary::Copysign); k++) {
    const auto op = static_cast<FloatBinary>(k);
    for (const FloatWidth w : kFloatWidths) {
      const std::vector<u64> edges = float_edges(w);
      const auto expect = [&](u64 result, u64 a, u64 b) {
        const u64 expected = reference(op, w, a, b);
        if (op != FloatBinary::Copysign && is_nan(w, expected)) {
          expect_nan(w, low(w, result), {a, b});
        } else {
          EXPECT_EQ(low(w, result), expected) << int{k} << std::hex << " " << a << " " << b;
        }
      };
      each_triple(vectors_, [&](Reg dst, Reg lhs, Reg rhs) {
        build([&](Masm& m, auto&) { m.float_binary(op, w, dst, lhs, rhs); });
        for (const u64 a : edges) {
          for (const u64 b : edges) {
            if (lhs == rhs && a != b) continue;
            State s = filled();
            s[lhs] = a;
            s[rhs] = b;
            expect(execute(s, RegSet::of(dst))[dst], a, b);
          }
        }
      });
      each_pair(vectors_, [&](Reg dst, Reg lhs) {
        const Reg base = ints_[1];
        build([&](Masm& m, auto&) { m.float_binary(op, w, dst, lhs, Address{.base = base}); });
        for (const u64 a : edges) {
          u64 cell = edges[5];
          State s = filled();
          s[lhs] = a;
          s[base] = reinterpret_cast<u64>(&cell);
          expect(execute(s, RegSet::of(dst))[dst], a, cell);
        }
      });
    }
  }
}

template <typename F>
F reference(FloatUnary op, F a) {
  switch (op) {
    case FloatUnary::Sqrt: return std::sqrt(a);
    case FloatUnary::Ceil: return std::ceil(a);
    case FloatUnary::Floor: return std::floor(a);
    case FloatUnary::Trunc: return std::trunc(a);
    case FloatUnary::Nearest: return std::nearbyint(a);
    default: return a;
  }
}

u64 reference(FloatUnary op, FloatWidth w, u64 a) {
  const u64 sign = u64{1} << (w == FloatWidth::F64 ? 63 : 31);
  if (op == FloatUnary::Neg) return a ^ sign;
  if (op == FloatUnary::Abs) return a & ~sign;
  if (w == FloatWidth::F64) return std::bit_cast<u64>(reference(op, std::bit_cast<double>(a)));
  return std::bit_cast<u32>(reference(op, std::bit_cast<float>(static_cast<u32>(a))));
}

TEST_P(Semantics, FloatUnary) {
  for (u8 k = 0; k <= static_cast<u8>(FloatUnary::Nearest); k++) {
    const auto op = static_cast<FloatUnary>(k);
    for (const FloatWidth w : kFloatWidths) {
      each_pair(vectors_, [&](Reg dst, Reg src) {
        build([&](Masm& m, auto&) { m.float_unary(op, w, dst, src); });
        for (const u64 a : float_edges(w)) {
          State s = filled();
          s[src] = a;
          const u64 result = low(w, execute(s, RegSet::of(dst))[dst]);
          const u64 expected = reference(op, w, a);
          if (op > FloatUnary::Abs && is_nan(w, expected)) {
            expect_nan(w, result, {a});
          } else {
            EXPECT_EQ(result, expected) << int{k} << std::hex << " " << a;
          }
        }
      });
    }
  }
}

// -- Conversions ----------------------------------------------------------------------------------

// One row of convert.def, taken apart.
struct Conversion {
  Convert op;
  std::string_view name;
  bool has(std::string_view part) const { return name.find(part) != name.npos; }
  bool to_float() const { return name[0] == 'F'; }
  bool from_float() const { return has("Trunc") || has("Demote") || has("Promote"); }
  bool dst_64() const { return name.substr(1, 2) == "64"; }
  bool src_64() const { return has("64S") || has("64U") || name.ends_with("F64"); }
  bool is_signed() const { return name.back() == 'S'; }
};
constexpr Conversion kConversions[] = {
#define CONVERT(dst, name, src) {Convert::name, #name},
#include "jit/masm/convert.def"
};

// The outcome (1 for a NaN, 2 for out of range) and the value.
std::pair<u64, u64> truncate(const Conversion& c, double a) {
  const bool sat = c.has("Sat"), s = c.is_signed();
  if (std::isnan(a)) return {sat ? 0 : 1, 0};
  const double t = std::trunc(a);
  const double high = std::ldexp(1.0, (c.dst_64() ? 64 : 32) - s);
  const double lowest = s ? -high : 0;
  const u64 width = c.dst_64() ? ~u64{0} : ~u32{0};
  if (t < lowest || t >= high) {
    const u64 largest = s ? width >> 1 : width;
    return {sat ? 0 : 2, t >= high ? largest : s ? largest + 1 : 0};
  }
  return {0, (s ? static_cast<u64>(static_cast<i64>(t)) : static_cast<u64>(t)) & width};
}

u64 to_float(const Conversion& c, u64 a) {
  const Width w = c.src_64() ? Width::W64 : Width::W32;
  const i64 s = as_signed(w, a);
  const u64 u = truncated(w, a);
  if (c.dst_64()) {
    return std::bit_cast<u64>(c.is_signed() ? static_cast<double>(s) : static_cast<double>(u));
  }
  return std::bit_cast<u32>(c.is_signed() ? static_cast<float>(s) : static_cast<float>(u));
}

TEST_P(Semantics, FloatToInt) {
  for (const Conversion& c : kConversions) {
    if (!c.has("Trunc")) continue;
    const FloatWidth w = c.src_64() ? FloatWidth::F64 : FloatWidth::F32;
    for (const Reg dst : ints_) {
      for (const Reg src : vectors_) {
        build([&](Masm& m, auto& exits) {
          const bool traps = !c.has("Sat");
          m.convert(c.op, dst, src, traps ? &exits[0] : nullptr, traps ? &exits[1] : nullptr);
        });
        for (const u64 a : float_edges(w)) {
          State s = filled();
          s[src] = a;
          const auto [outcome, value] = truncate(c, as_double(w, a));
          EXPECT_EQ(run(s, dst, value), outcome) << c.name << " " << as_double(w, a);
        }
      }
    }
  }
}

TEST_P(Semantics, IntToFloat) {
  // Ties and their neighbours of both formats, at every magnitude.
  std::vector<u64> values(std::begin(kInts), std::end(kInts));
  for (u32 top = 24; top < 64; top++) {
    for (const u32 digits : {24u, 53u}) {
      if (top < digits) continue;
      const u64 tie = u64{1} << top | u64{1} << (top - digits);
      for (const u64 odd : {u64{0}, u64{1} << (top - digits + 1)}) {
        for (const i64 delta : {-1, 0, 1}) values.push_back((tie | odd) + static_cast<u64>(delta));
      }
    }
  }
  for (const Conversion& c : kConversions) {
    if (!c.has("Convert")) continue;
    for (const Reg dst : vectors_) {
      for (const Reg src : ints_) {
        build([&](Masm& m, auto&) { m.convert(c.op, dst, src, nullptr, nullptr); });
        for (const u64 a : values) {
          State s = filled();
          s[src] = a;
          const u64 result = execute(s, RegSet::of(dst))[dst];
          EXPECT_EQ(c.dst_64() ? result : static_cast<u32>(result), to_float(c, a))
              << c.name << " " << std::hex << a;
        }
      }
    }
  }
}

TEST_P(Semantics, FloatToFloat) {
  each_pair(vectors_, [&](Reg dst, Reg src) {
    build([&](Masm& m, auto&) { m.convert(Convert::F32DemoteF64, dst, src, nullptr, nullptr); });
    for (const u64 a : float_edges(FloatWidth::F64)) {
      State s = filled();
      s[src] = a;
      const u64 result = static_cast<u32>(execute(s, RegSet::of(dst))[dst]);
      if (is_nan(FloatWidth::F64, a)) {
        EXPECT_TRUE(is_nan(FloatWidth::F32, result) && (result & 1u << 22) != 0);
      } else {
        const auto expected = static_cast<float>(std::bit_cast<double>(a));
        EXPECT_EQ(result, std::bit_cast<u32>(expected));
      }
    }
    build([&](Masm& m, auto&) { m.convert(Convert::F64PromoteF32, dst, src, nullptr, nullptr); });
    for (const u64 a : float_edges(FloatWidth::F32)) {
      State s = filled();
      s[src] = a;
      const u64 result = execute(s, RegSet::of(dst))[dst];
      if (is_nan(FloatWidth::F32, a)) {
        EXPECT_TRUE(is_nan(FloatWidth::F64, result) && (result & u64{1} << 51) != 0);
      } else {
        EXPECT_EQ(result, std::bit_cast<u64>(as_double(FloatWidth::F32, a)));
      }
    }
  });
}

// -- Control and checks ---------------------------------------------------------------------------

TEST_P(Semantics, JumpTable) {
  const Reg index = ints_[1];
  for (const usize size : {usize{1}, usize{2}, usize{3}, usize{1000}}) {
    for (const bool checked : {false, true}) {
      build([&](Masm& m, auto& exits) {
        Label backward, start;
        m.jump(start);
        m.bind(backward);
        m.jump(exits[2]);
        m.bind(start);
        std::vector<Label*> targets(size, &exits[0]);
        if (size > 1) targets[1] = &backward;
        targets.back() = size > 2 ? &exits[1] : targets.back();
        m.jump_table(index, targets, checked);
      });
      for (const u64 i : {u64{0}, u64{1}, u64{2}, u64{998}, u64{999}, u64{1000}, u64{0xffff'ffff}}) {
        if (checked && i >= size) continue;
        State s = filled();
        s[index] = i;
        const u64 taken = std::min<u64>(i, size - 1);
        const u64 expected = taken == size - 1 && size > 2 ? 2 : taken == 1 ? 3 : 1;
        EXPECT_EQ(execute(s, RegSet::of(index)).outcome, expected);
      }
    }
  }
}

TEST_P(Semantics, Calls) {
  const Reg r = ints_[0];
  build([&](Masm& m, auto& exits) {
    // A function in the middle, called three ways; it adds 1 and pops 32 bytes.
    Label after;
    m.jump(after);
    const u32 function = m.offset();
    const Patch enter = m.enter_frame();
    m.alu(Alu::Add, Width::W64, r, r, Operand::immediate(1));
    const Patch leave = m.leave_frame();
    m.patch_frame(enter, 64);
    m.patch_frame(leave, 64);
    m.ret(32);
    m.bind(after);
    m.move(Width::W64, ints_[2], m.target().sp);
    m.adjust_sp(-32);
    const CallReloc call = m.call_near(Near::Function, 7);
    u8* at = const_cast<u8*>(m.code().data()) + call.offset;
    EXPECT_TRUE(m.patch_call(call.kind, at, at, m.code().data() + function));
    EXPECT_EQ(call.index, 7u);
    const Compare moved{.width = Width::W64, .cond = Cond::Ne, .lhs = ints_[2],
                        .rhs = m.target().sp};
    m.branch_if(moved, exits[0]);
  });
  State s = filled();
  run(s, r, s[r] + 1, RegSet::of(ints_[2]));
}

TEST_P(Semantics, Checks) {
  build([](Masm& m, auto& exits) {
    const Patch check = m.stack_check(exits[0]);
    m.patch_stack_check(check, 1 << 20);
    m.stack_check_small(exits[1]);
    m.poll(exits[2]);
  });
  struct Row {
    u64 limit, preempt, outcome;
  };
  State probe;
  const u64 sp = reinterpret_cast<u64>(&probe);
  const Row rows[] = {{0, 0, 0}, {0, 1, 3}, {0, 0x100, 0}, {sp - 32 * kKiB, 0, 1},
                      {sp - 2 * kMiB, 0, 0}, {~u64{0}, 0, 1}};
  for (const Row& row : rows) {
    State s = filled();
    s.stack_limit = row.limit;
    s.preempt = row.preempt;
    EXPECT_EQ(execute(s, RegSet()).outcome, row.outcome) << row.limit;
  }
}

TEST_P(Semantics, BoundsCheck) {
  const Reg extent = target().memory_extent;
  for (const Reg index : {ints_[0], ints_[3], ints_[4], kNoReg}) {
    for (const u64 end : {u64{1}, u64{8}, u64{0x7fff'ffff}, u64{0x8000'0000}, u64{0x1'0000'000f}}) {
      for (const bool patched : {false, true}) {
        build([&](Masm& m, auto& exits) {
          const bool large = end > INT32_MAX;
          const Patch p = m.bounds_check(index, patched ? (large ? u64{1} << 40 : 1) : end, exits[0]);
          EXPECT_TRUE(!patched || m.patch_bounds(p, end));
        });
        for (const u64 i : {u64{0}, u64{1}, u64{0xffff'ffff}}) {
          for (const u64 limit : {u64{0}, u64{7}, u64{8}, end - 1, end, end + i - 1, end + i}) {
            State s = filled();
            if (index.valid()) s[index] = i;
            s[extent] = limit;
            const u64 sum = end + (index.valid() ? i : 0);
            EXPECT_EQ(execute(s, RegSet()).outcome, u64{sum > limit}) << end << " " << i;
          }
        }
      }
    }
  }
}

TEST_P(Semantics, FrameEnd) {
  const Reg dst = ints_[0], sp = ints_[2];
  build([&](Masm& m, auto&) {
    m.move(Width::W64, sp, m.target().sp);
    m.patch_frame(m.frame_end(dst), 123456);
  });
  State after = execute(filled(), RegSet::of(dst, sp));
  EXPECT_EQ(after[dst], after[sp] + 123456);
}

}  // namespace

}  // namespace lr::jit
