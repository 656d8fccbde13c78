// Executes integer methods against a reference in C++: edge values, every way in which dst and
// sources may be the same register.
#include "jit/masm/masm_fixture.h"

namespace lr::jit {

namespace {

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

using MasmInt = MasmTest;
TEST_ON_ALL_MACHINES(MasmInt);

u64 reference(Alu op, u64 a, u64 b) {
  switch (op) {
    case Alu::Add:
      return a + b;
    case Alu::Sub:
      return a - b;
    case Alu::And:
      return a & b;
    case Alu::Or:
      return a | b;
    case Alu::Xor:
      return a ^ b;
  }
  return 0;
}
constexpr Alu kAlus[] = {Alu::Add, Alu::Sub, Alu::And, Alu::Or, Alu::Xor};

TEST_P(MasmInt, AluOfRegisters) {
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

TEST_P(MasmInt, AluOfImmediates) {
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

TEST_P(MasmInt, AluWithMemory) {
  for (const Alu op : kAlus) {
    for (const Width w : kWidths) {
      each_triple(ints_, [&](Reg dst, Reg lhs, Reg base) {
        if (lhs == base) return;
        build([&](Masm& m, auto&) { m.alu(op, w, dst, lhs, Address{.base = base, .disp = 8}); });
        State s = filled();
        s[base] = kMemoryAddress;
        s.memory[1] = 0x1111'2222'8333'4444;
        run(s, dst, truncated(w, reference(op, s[lhs], s.memory[1])));
      });
    }
  }
}

TEST_P(MasmInt, AluIntoMemory) {
  const Reg base = ints_[0], index = ints_[1], rhs = ints_[3];
  for (const Alu op : kAlus) {
    for (const Width w : kWidths) {
      for (const i32 imm : kImmediates) {
        for (const bool from_register : {false, true}) {
          const Address a{.base = base, .index = index, .shift = 3, .disp = -16};
          build([&](Masm& m, auto&) {
            m.alu_memory(op, w, a, from_register ? Operand(rhs) : Operand::immediate(imm));
          });
          State s = filled();
          s[base] = kMemoryAddress;
          s.memory[1] = 0x1111'2222'8333'4444;
          s[index] = 3;
          s[rhs] = static_cast<u64>(i64{imm});
          const u64 result = reference(op, s.memory[1], static_cast<u64>(i64{imm}));
          const u64 upper = w == Width::W64 ? 0 : 0x1111'2222'0000'0000;
          const State after = execute(s, RegSet());
          EXPECT_EQ(after.memory[1], upper | truncated(w, result));
          EXPECT_EQ(after.memory[0] | after.memory[2], 0u);
        }
      }
    }
  }
}

TEST_P(MasmInt, AddScaled) {
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

TEST_P(MasmInt, Multiply) {
  for (const Width w : kWidths) {
    each_triple(ints_, [&](Reg dst, Reg lhs, Reg rhs) {
      build([&](Masm& m, auto&) { m.multiply(w, dst, lhs, rhs); });
      State s = filled();
      run(s, dst, truncated(w, s[lhs] * s[rhs]));
      if (lhs == rhs) return;
      build([&](Masm& m, auto&) { m.multiply(w, dst, lhs, Address{.base = rhs}); });
      s[rhs] = kMemoryAddress;
      s.memory[0] = 0x1234'5678'9abc'def1;
      run(s, dst, truncated(w, s[lhs] * s.memory[0]));
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

TEST_P(MasmInt, Divide) {
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

TEST_P(MasmInt, HighMultiply) {
  const Target& t = target();
  const Reg dst = t.div_dividend.valid() ? t.div_dividend : ints_[0];
  const RegSet changed = t.div_clobber.valid() ? RegSet::of(t.div_clobber, dst) : RegSet::of(dst);
  for (const bool is_signed : {false, true}) {
    for (const Width w : kWidths) {
      for (const Reg rhs : ints_) {
        build([&](Masm& m, auto&) { m.high_multiply(w, is_signed, dst, dst, rhs); });
        for (const u64 a : kInts) {
          State s = filled();
          s[rhs] = 0x8765'4321'8765'4321;
          s[dst] = a;
          const u64 b = s[rhs];
          const Wide product =
              is_signed ? Wide{as_signed(w, a)} * as_signed(w, b)
                        : static_cast<Wide>(UnsignedWide{truncated(w, a)} * truncated(w, b));
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
    case Shift::Shl:
      return truncated(w, a << count);
    case Shift::ShrU:
      return a >> count;
    case Shift::ShrS:
      return truncated(w, static_cast<u64>(as_signed(w, a) >> count));
    case Shift::Rotl:
      return truncated(w, a << count | a >> (bits - count) % bits);
    case Shift::Rotr:
      return truncated(w, a >> count | a << (bits - count) % bits);
  }
  return 0;
}

TEST_P(MasmInt, Shifts) {
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
    case Unary::Clz:
      return static_cast<u64>(std::countl_zero(a)) - above;
    case Unary::Ctz:
      return a == 0 ? bits_of(w) : static_cast<u64>(std::countr_zero(a));
    case Unary::Popcnt:
      return static_cast<u64>(std::popcount(a));
    case Unary::Extend8S:
      return truncated(w, static_cast<u64>(static_cast<i8>(a)));
    case Unary::Extend16S:
      return truncated(w, static_cast<u64>(static_cast<i16>(a)));
    case Unary::Extend32S:
      return truncated(w, static_cast<u64>(static_cast<i32>(a)));
    case Unary::Neg:
      return truncated(w, 0 - a);
    case Unary::Not:
      return truncated(w, ~a);
  }
  return 0;
}

TEST_P(MasmInt, Unary) {
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

TEST_P(MasmInt, Moves) {
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

TEST_P(MasmInt, WideSums) {
  const Reg lo = ints_[0], hi = ints_[1], b_lo = ints_[2], b_hi = ints_[3];
  const auto check = [&](bool subtract, u64 a0, u64 a1, u64 b0, u64 b1, const State& s) {
    State after = execute(s, RegSet::of(lo, hi));
    using u128 = unsigned __int128;
    const u128 a = u128{a1} << 64 | a0, b = u128{b1} << 64 | b0;
    const u128 sum = subtract ? a - b : a + b;
    EXPECT_EQ(after[lo], static_cast<u64>(sum));
    EXPECT_EQ(after[hi], static_cast<u64>(sum >> 64));
  };
  const u64 values[] = {0, 1, 128, u64{1} << 63, ~u64{0}, 0x1234'5678'9abc'def0};
  for (const bool subtract : {false, true}) {
    build([&](Masm& m, auto&) { m.add_wide(subtract, lo, hi, b_lo, b_hi); });
    for (const u64 a0 : values) {
      for (const u64 a1 : values) {
        for (const u64 b0 : values) {
          for (const u64 b1 : values) {
            State s = filled();
            s[lo] = a0, s[hi] = a1, s[b_lo] = b0, s[b_hi] = b1;
            check(subtract, a0, a1, b0, b1, s);
          }
        }
      }
    }
    for (const i32 imm : kImmediates) {
      build([&](Masm& m, auto&) {
        m.add_wide(subtract, lo, hi, Operand::immediate(imm), Address{b_lo, kNoReg, 0, 8});
      });
      State s = filled();
      s[b_lo] = kMemoryAddress;
      s.memory[1] = 77;
      check(subtract, s[lo], s[hi], static_cast<u64>(i64{imm}), 77, s);
    }
  }
}

TEST_P(MasmInt, WideProducts) {
  const bool fixed = target().div_dividend.valid();
  const Reg lo = fixed ? target().div_dividend : ints_[0];
  const Reg hi = fixed ? target().div_clobber : ints_[1];
  const Reg rhs = fixed ? ints_[1] : hi;
  for (const bool is_signed : {false, true}) {
    build([&](Masm& m, auto&) { m.multiply_wide(is_signed, lo, hi, lo, rhs); });
    for (const u64 a : kInts) {
      for (const u64 b : kInts) {
        State s = filled();
        s[lo] = a;
        s[rhs] = b;
        State after = execute(s, RegSet::of(lo, hi));
        using u128 = unsigned __int128;
        const u128 product = is_signed
                                 ? static_cast<u128>(static_cast<__int128>(static_cast<i64>(a)) *
                                                     static_cast<__int128>(static_cast<i64>(b)))
                                 : u128{a} * b;
        EXPECT_EQ(after[lo], static_cast<u64>(product));
        EXPECT_EQ(after[hi], static_cast<u64>(product >> 64));
      }
    }
  }
}

}  // namespace

}  // namespace lr::jit
