// Executes every use of every comparison against a reference in C++.
#include <optional>

#include "jit/masm/masm_fixture.h"

namespace lr::jit {

namespace {

bool reference(Cond cond, Width w, u64 a, u64 b) {
  const i64 sa = as_signed(w, a), sb = as_signed(w, b);
  a = truncated(w, a);
  b = truncated(w, b);
  switch (cond) {
    case Cond::Eq:
      return a == b;
    case Cond::Ne:
      return a != b;
    case Cond::LtS:
      return sa < sb;
    case Cond::LtU:
      return a < b;
    case Cond::GtS:
      return sa > sb;
    case Cond::GtU:
      return a > b;
    case Cond::LeS:
      return sa <= sb;
    case Cond::LeU:
      return a <= b;
    case Cond::GeS:
      return sa >= sb;
    case Cond::GeU:
      return a >= b;
  }
  return false;
}

bool reference(FloatCond cond, double a, double b) {
  switch (cond) {
    case FloatCond::Eq:
      return a == b;
    case FloatCond::Ne:
      return !(a == b);
    case FloatCond::Lt:
      return a < b;
    case FloatCond::Gt:
      return a > b;
    case FloatCond::Le:
      return a <= b;
    case FloatCond::Ge:
      return a >= b;
    case FloatCond::NotLt:
      return !(a < b);
    case FloatCond::NotGt:
      return !(a > b);
    case FloatCond::NotLe:
      return !(a <= b);
    case FloatCond::NotGe:
      return !(a >= b);
  }
  return false;
}

// All uses of one comparison, for the operand values that `set` writes.
class MasmCompare : public MasmTest {
 protected:
  struct Case {
    State before;
    bool holds;
  };

  // If set, the right operand is this constant of the code.
  std::optional<u64> constant_;

  Compare made(Masm& m, Compare c) const {
    if (constant_.has_value()) c.rhs = m.float_constant(c.float_width, *constant_);
    return c;
  }

  void check(const Compare& c, const std::vector<Case>& cases) {
    build([&](Masm& m, auto& exits) { m.branch_if(made(m, c), exits[0]); });
    for (const Case& k : cases) EXPECT_EQ(execute(k.before, RegSet()).outcome, u64{k.holds});
    build([&](Masm& m, auto& exits) {
      Label back, start;
      m.jump(start);
      m.bind(back);
      m.jump(exits[0]);
      m.bind(start);
      m.branch_if(made(m, c), back);
    });
    for (const Case& k : cases) EXPECT_EQ(execute(k.before, RegSet()).outcome, u64{k.holds});
    for (const Reg dst : ints_) {
      build([&](Masm& m, auto&) { m.set_if(made(m, c), dst); });
      for (const Case& k : cases) run(k.before, dst, k.holds);
    }
    // The flags are right by now; what varies here is where the values are.
    std::vector<Case> some;
    for (usize i = 0; i < cases.size(); i += 1 + cases.size() / 16) some.push_back(cases[i]);
    check_selects(c, some);
  }

  void check_selects(const Compare& c, const std::vector<Case>& cases) {
    const std::vector<Reg> few = {ints_[0], ints_[2], ints_[4]};
    for (const Width w : kWidths) {
      each_triple(few, [&](Reg dst, Reg yes, Reg no) {
        build([&](Masm& m, auto&) { m.select_if(made(m, c), w, dst, yes, no); });
        for (const Case& k : cases) {
          State s = k.before;
          run(k.before, dst, truncated(w, k.holds ? s[yes] : s[no]));
        }
      });
      each_triple(vectors_, [&](Reg dst, Reg yes, Reg no) {
        build([&](Masm& m, auto&) { m.select_if(made(m, c), w, dst, yes, no); });
        for (const Case& k : cases) {
          State s = k.before;
          const u64 result = execute(s, RegSet::of(dst))[dst];
          EXPECT_EQ(truncated(w, result), truncated(w, k.holds ? s[yes] : s[no]));
        }
      });
    }
  }
};
TEST_ON_ALL_MACHINES(MasmCompare);

constexpr u64 kCompared[] = {0,
                             1,
                             4,
                             127,
                             128,
                             0x7fff'ffff,
                             0x8000'0000,
                             0xffff'ffff,
                             0x7fff'ffff'ffff'ffff,
                             0x8000'0000'0000'0000,
                             0xffff'ffff'8000'0000,
                             0xffff'ffff'ffff'ffff};

TEST_P(MasmCompare, Integers) {
  const Reg lhs = ints_[0], rhs = ints_[1];
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
      constexpr u64 kCell = 0x1'0000'0004;
      c.rhs = Address{.base = rhs};
      for (Case& k : cases) {
        k.before[rhs] = kMemoryAddress;
        k.before.memory[0] = kCell;
        k.holds = reference(c.cond, w, k.before[lhs], kCell);
      }
      check(c, cases);
    }
  }
}

TEST_P(MasmCompare, Tests) {
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

// A register with itself, and what arithmetic has just made: whoever knows the flags may use them.
TEST_P(MasmCompare, Zeros) {
  const Reg r = ints_[2], other = ints_[1];
  for (const Cond cond : {Cond::Eq, Cond::Ne, Cond::LtS, Cond::GeS}) {
    for (const Width w : kWidths) {
      for (const Compare::Kind kind : {Compare::Kind::Int, Compare::Kind::Test}) {
        Compare c{.kind = kind, .width = w, .cond = cond, .lhs = r, .rhs = r};
        if (kind == Compare::Kind::Int) c.rhs = Operand::immediate(0);
        std::vector<Case> cases;
        for (const u64 a : kCompared) {
          State s = filled();
          s[r] = a;
          cases.push_back({s, reference(cond, w, a, 0)});
        }
        check(c, cases);
        for (const Alu op : {Alu::Add, Alu::Sub, Alu::And, Alu::Or, Alu::Xor}) {
          for (const i32 imm : {-1, 0, 1, 0xff, 0xffff, 128}) {
            for (const Reg lhs : {r, other}) {
              build([&](Masm& m, auto& exits) {
                m.alu(op, w, r, lhs, Operand::immediate(imm));
                m.branch_if(c, exits[0]);
              });
              for (const Case& k : cases) {
                State s = k.before;
                s[other] = s[r];
                const State after = execute(s, RegSet::of(r));
                State result = after;
                EXPECT_EQ(after.outcome, u64{reference(cond, w, result[r], 0)});
              }
            }
          }
        }
      }
    }
  }
}

TEST_P(MasmCompare, Floats) {
  const Reg lhs = vectors_[1];
  for (const FloatWidth w : kFloatWidths) {
    const std::vector<u64> edges = float_edges(w);
    for (u8 cond = 0; cond <= static_cast<u8>(FloatCond::NotGe); cond++) {
      Compare c{.kind = Compare::Kind::Float,
                .float_width = w,
                .float_cond = static_cast<FloatCond>(cond),
                .lhs = lhs};
      for (const Reg rhs : {vectors_[0], vectors_[1], vectors_[2]}) {
        c.rhs = rhs;
        std::vector<Case> cases;
        for (usize i = 0; i < edges.size(); i += 3) {
          for (usize j = edges.size() % 3; j < edges.size(); j += 5) {
            State s = filled();
            s[lhs] = edges[i];
            s[rhs] = edges[j];
            s[lhs] |= w == FloatWidth::F32 ? 0x7777'7777'0000'0000 : 0;
            cases.push_back(
                {s, reference(c.float_cond, as_double(w, s[lhs]), as_double(w, s[rhs]))});
          }
        }
        check(c, cases);
      }
      const u64 cell = edges[6];
      c.rhs = Address{.base = ints_[0]};
      std::vector<Case> cases;
      for (const u64 a : edges) {
        State s = filled();
        s[lhs] = a;
        s[ints_[0]] = kMemoryAddress;
        s.memory[0] = cell;
        cases.push_back({s, reference(c.float_cond, as_double(w, a), as_double(w, cell))});
      }
      check(c, cases);
      cases.clear();
      for (const u64 a : edges) {
        State s = filled();
        s[lhs] = a;
        cases.push_back({s, reference(c.float_cond, as_double(w, a), as_double(w, cell))});
      }
      constant_ = cell;
      check(c, cases);
      constant_.reset();
    }
  }
}

}  // namespace

}  // namespace lr::jit
