// Executes loads, stores and moves, and what controls the flow of a function.
#include "jit/masm/masm_fixture.h"

namespace lr::jit {

namespace {

using MasmMemory = MasmTest;
TEST_ON_ALL_MACHINES(MasmMemory);

u64 reference(Load kind, u64 cell) {
  switch (kind) {
    case Load::I32Load8S:
      return static_cast<u32>(static_cast<i8>(cell));
    case Load::I32Load16S:
      return static_cast<u32>(static_cast<i16>(cell));
    case Load::I64Load8S:
      return static_cast<u64>(static_cast<i8>(cell));
    case Load::I64Load16S:
      return static_cast<u64>(static_cast<i16>(cell));
    case Load::I64Load32S:
      return static_cast<u64>(static_cast<i32>(cell));
    case Load::I32Load8U:
    case Load::I64Load8U:
      return static_cast<u8>(cell);
    case Load::I32Load16U:
    case Load::I64Load16U:
      return static_cast<u16>(cell);
    case Load::I32:
    case Load::I64Load32U:
    case Load::F32:
      return static_cast<u32>(cell);
    case Load::I64:
    case Load::F64:
    case Load::V128:
      return cell;
  }
  return 0;
}

// Offsets around every boundary of the two machines' immediates.
constexpr i32 kDisplacements[] = {0,     1,     8,     -1,    -8,      127,       128,      -128,
                                  -129,  255,   256,   -256,  -257,    4095,      4096,     16380,
                                  32760, 32768, 65520, 65536, 1 << 20, INT32_MAX, INT32_MIN};

TEST_P(MasmMemory, LoadsAndStores) {
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
            s.memory[0] = 0x8182'8384'8586'8788;
            s.memory[1] = 0x9192'9394'9596'9798;
            s[base] =
                kMemoryAddress - static_cast<u64>(i64{disp}) - (index.valid() ? s[index] << by : 0);
            run(s, dst, reference(kind, s.memory[0]));
          }
        }
      }
    }
  }
}

TEST_P(MasmMemory, Stores) {
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
            State s = filled();
            s[base] = kMemoryAddress + 8 - static_cast<u64>(i64{disp});
            const State after = execute(s, RegSet());
            u8 expected[32] = {};
            const i64 value = -123456789;
            const void* from = src.is_vector() ? static_cast<void*>(s.vectors[src.number()])
                                               : static_cast<void*>(&s.ints[src.number()]);
            std::memcpy(expected + 8, imm ? static_cast<const void*>(&value) : from, kBytes[k]);
            EXPECT_EQ(std::memcmp(after.memory, expected, sizeof expected), 0);
          }
        }
      }
    }
  }
}

// Addresses with and without index; the registers that a target fixes are obeyed on both machines.
TEST_P(MasmMemory, Atomics) {
  const Reg fixed = target().div_dividend.valid() ? target().div_dividend : ints_[0];
  const Reg base = ints_[1], index = ints_[2];
  const auto mask_of = [](Store size) {
    return size == Store::I64 ? ~u64{0} : (u64{1} << (8u << static_cast<u8>(size))) - 1;
  };
  const u64 old = 0x8182'8384'8586'8788, operand = 0x1122'3344'f5f6'f7f8;
  const auto prepare = [&](State& s, const Address& a) {
    s.memory[0] = old;
    s[base] = kMemoryAddress - static_cast<u64>(i64{a.disp});
    if (a.index.valid()) s[base] -= s[a.index];
  };
  const Address addresses[] = {{.base = base},
                               {.base = base, .index = index},
                               {.base = base, .index = index, .disp = 0x12345678},
                               {.base = base, .disp = -8}};
  for (const Address& a : addresses) {
    for (u8 k = 0; k < 4; k++) {
      const Store size = static_cast<Store>(k);
      const u64 mask = mask_of(size);
      const auto after_store = [&](u64 value) { return (old & ~mask) | (value & mask); };
      for (u8 op = 0; op <= static_cast<u8>(AtomicRmw::Xchg); op++) {
        for (const Reg src : {ints_[3], ints_[4]}) {
          build([&](Masm& m, auto&) {
            m.atomic_rmw(static_cast<AtomicRmw>(op), size, fixed, a, src);
          });
          State s = filled();
          s[src] = operand;
          prepare(s, a);
          State after = execute(s, RegSet::of(fixed));
          const u64 results[] = {old + operand, old - operand, old & operand,
                                 old | operand, old ^ operand, operand};
          EXPECT_EQ(after[fixed], old & mask) << int{op};
          EXPECT_EQ(after.memory[0], after_store(results[op])) << int{op};
        }
      }
      for (const bool equal : {false, true}) {
        build([&](Masm& m, auto&) { m.atomic_cmpxchg(size, fixed, a, fixed, ints_[3]); });
        State s = filled();
        s[ints_[3]] = operand;
        // Only the access's size is compared.
        s[fixed] = equal ? (old & mask) | (operand & ~mask) : old + 1;
        prepare(s, a);
        State after = execute(s, RegSet::of(fixed));
        EXPECT_EQ(after[fixed], old & mask);
        EXPECT_EQ(after.memory[0], equal ? after_store(operand) : old);
      }
      build([&](Masm& m, auto&) {
        m.fence();
        m.atomic_store(size, a, ints_[4]);
      });
      State s = filled();
      prepare(s, a);
      EXPECT_EQ(execute(s, RegSet()).memory[0], after_store(s[ints_[4]]));
    }
    build([&](Masm& m, auto&) { m.atomic_load(Load::I64Load16U, ints_[0], a); });
    State s = filled();
    prepare(s, a);
    run(s, ints_[0], old & 0xffff);
  }
}

using MasmControl = MasmTest;
TEST_ON_ALL_MACHINES(MasmControl);

TEST_P(MasmControl, JumpTable) {
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
      for (const u64 i :
           {u64{0}, u64{1}, u64{2}, u64{998}, u64{999}, u64{1000}, u64{0xffff'ffff}}) {
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

TEST_P(MasmControl, Calls) {
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
    m.move(Width::W64, ints_[3], m.target().sp);
    m.branch_if({.width = Width::W64, .cond = Cond::Ne, .lhs = ints_[2], .rhs = ints_[3]},
                exits[0]);
  });
  State s = filled();
  run(s, r, s[r] + 1, RegSet::of(ints_[2], ints_[3]));
}

// A function finds its return address when it is entered, and again after it has moved it.
TEST_P(MasmControl, ReturnAddresses) {
  const Reg r = ints_[0], entered = ints_[1];
  build([&](Masm& m, auto& exits) {
    Label after;
    m.jump(after);
    const u32 function = m.offset();
    m.return_address(entered);
    m.move_return_address(-48);
    const Patch enter = m.enter_frame();
    m.alu(Alu::Add, Width::W64, r, r, Operand::immediate(1));
    const Patch leave = m.leave_frame();
    m.patch_frame(enter, 64);
    m.patch_frame(leave, 64);
    m.return_address(ints_[4]);
    m.branch_if({.width = Width::W64, .cond = Cond::Ne, .lhs = ints_[4], .rhs = entered}, exits[0]);
    m.move_return_address(16);
    m.ret(32);
    m.bind(after);
    m.move(Width::W64, ints_[2], m.target().sp);
    const CallReloc call = m.call_near(Near::Function, 7);
    u8* at = const_cast<u8*>(m.code().data()) + call.offset;
    EXPECT_TRUE(m.patch_call(call.kind, at, at, m.code().data() + function));
    m.move(Width::W64, ints_[3], m.target().sp);
    m.branch_if({.width = Width::W64, .cond = Cond::Ne, .lhs = ints_[2], .rhs = ints_[3]},
                exits[0]);
    m.move_imm(Width::W64, entered, 0);
    m.move_imm(Width::W64, ints_[4], 0);
  });
  State s = filled();
  run(s, r, s[r] + 1, RegSet::of(entered, ints_[2], ints_[3], ints_[4]));
}

TEST_P(MasmControl, Checks) {
  const Reg r = ints_[0];
  build([&](Masm& m, auto&) { m.move(Width::W64, r, m.target().sp); });
  const u64 sp = execute(filled(), RegSet::of(r))[r];
  build([](Masm& m, auto& exits) {
    const Patch check = m.stack_check(exits[0]);
    m.patch_stack_check(check, 1 << 20);
    m.stack_check_small(exits[1]);
    m.poll(exits[2]);
  });
  struct Row {
    u64 limit, preempt, outcome;
  };
  const Row rows[] = {
      {0, 0, 0},  {0, 1, 3},      {0, 0x100, 0}, {sp - kMiB, 0, 0}, {sp - kMiB + 1, 0, 1},
      {sp, 0, 1}, {~u64{0}, 0, 1}};
  for (const Row& row : rows) {
    State s = filled();
    s.stack_limit = row.limit;
    s.preempt = row.preempt;
    EXPECT_EQ(execute(s, RegSet()).outcome, row.outcome) << row.limit;
  }
}

TEST_P(MasmControl, AlarmsOfOtherKinds) {
  // The counter is in the State, which is at the same address wherever code runs.
  const auto* const counter = reinterpret_cast<const void*>(kMemoryAddress);
  build([&](Masm& m, auto& exits) { m.poll_epoch(counter, exits[0]); });
  struct Row {
    u64 epoch, alarm, outcome;
  };
  const Row epochs[] = {{5, 6, 0},       {6, 6, 1},           {7, 6, 1},
                        {1, 0, 1},       {5, ~u64{0}, 0},     {u64{1} << 32, 7, 1},
                        {~u64{0}, 1, 1}, {3, u64{1} << 32, 0}};
  for (const Row& row : epochs) {
    State s = filled();
    s.memory[0] = row.epoch;
    s.preempt = row.alarm;
    EXPECT_EQ(execute(s, RegSet()).outcome, row.outcome) << row.epoch << " " << row.alarm;
  }
  build([](Masm& m, auto&) { m.poll_page(); });
  State s = filled();
  s.preempt = kMemoryAddress;
  EXPECT_EQ(execute(s, RegSet()).outcome, 0u);
}

TEST_P(MasmControl, Fuel) {
  struct Row {
    u64 left;
    u32 units;
    u64 outcome;
  };
  const Row rows[] = {{10, 1, 0},      {10, 10, 0},     {10, 11, 1},       {0, 1, 1},
                      {4096, 4095, 0}, {4095, 4096, 1}, {70000, 65535, 0}, {65534, 65535, 1},
                      {128, 128, 0},   {127, 128, 1},   {~u64{0}, 0, 1},   {0, 0, 0}};
  for (const Row& row : rows) {
    build([&](Masm& m, auto& exits) {
      m.charge_fuel(row.units, nullptr);
      m.charge_fuel(0, &exits[0]);
    });
    State s = filled();
    s.preempt = row.left;
    const State after = execute(s, RegSet());
    EXPECT_EQ(after.outcome, row.outcome) << row.left << " " << row.units;
    EXPECT_EQ(after.preempt, row.left - row.units);
  }
}

TEST_P(MasmControl, BoundsCheck) {
  const Reg extent = target().memory_extent;
  struct Row {
    u64 first, end;  // Emitted with the one, raised to the other.
  };
  const Row rows[] = {{1, 1},
                      {8, 8},
                      {1, 8},
                      {1, 4095},
                      {4096, 4096},
                      {5000, 1 << 20},
                      {1 << 24, 0x7fff'ffff},
                      {0x8000'0000, 0x8000'0000},
                      {0x8000'0000, 0x1'0000'000f}};
  for (const Reg index : {ints_[0], ints_[3], ints_[4], kNoReg}) {
    for (const auto [first, end] : rows) {
      build([&](Masm& m, auto& exits) {
        const Patch p = m.bounds_check(index, first, exits[0]);
        EXPECT_TRUE(first == end || m.patch_bounds(p, end));
        EXPECT_FALSE(first == 1 && index.valid() && m.patch_bounds(p, u64{1} << 33));
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

// With a limit in a register and in memory, and with sums beyond 64 bits.
TEST_P(MasmControl, BoundsCheckOfAnyMemory) {
  const u64 ends[] = {1,           8,           127,          128,          4096,
                      0x7fff'ffff, 0x8000'0000, u64{1} << 33, u64{1} << 48, ~u64{0} - 3,
                      ~u64{0}};
  const u64 indices[] = {0, 1, 0xffff'ffff, u64{1} << 47, u64{1} << 63, ~u64{0} - 7, ~u64{0}};
  const Reg view = ints_[2];
  for (const Reg index : {ints_[0], ints_[4], kNoReg}) {
    for (const u64 end : ends) {
      for (const bool is_64 : {false, true}) {
        for (const bool in_memory : {false, true}) {
          build([&](Masm& m, auto& exits) {
            const Operand limit = in_memory ? Operand(Address{view, kNoReg, 0, 8}) : Operand(view);
            const u64 first = end <= 4096 ? 1 : end;
            const Patch p =
                m.bounds_check_any(index, first, limit, exits[0], is_64 ? &exits[1] : nullptr);
            EXPECT_TRUE(first == end || m.patch_bounds(p, end));
          });
          for (u64 i : indices) {
            if (!is_64 && i > 0xffff'ffff) continue;
            if (!is_64 && end > u64{1} << 40) continue;
            if (!index.valid()) i = 0;
            const u64 sum = end + i;
            for (const u64 limit : {u64{0}, end - 1, end, sum - 1, sum}) {
              State s = filled();
              if (index.valid()) s[index] = i;
              s[view] = in_memory ? kMemoryAddress : limit;
              s.memory[1] = limit;
              const u64 expected = sum < i ? 2 : u64{sum > limit};
              EXPECT_EQ(execute(s, RegSet()).outcome, expected) << end << " " << i;
            }
          }
        }
      }
    }
  }
}

TEST_P(MasmControl, FrameEnd) {
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
