// What emitting an instruction costs: both Masms through their interface, and asmjit's own path for
// the same instructions, in one run. The rate is methods (nearly all make one instruction) a
// second.
#include <benchmark/benchmark.h>

#include <array>

#include "jit/masm/asmjit_baseline.h"
#include "jit/masm/masm.h"

namespace {

using namespace lr;
using namespace lr::jit;

// Operands vary, so that no branch in an encoder is always the same; the pattern repeats only
// after 251 instructions.
struct Operands {
  u32 state = 1;
  u32 next() { return state = state * 48271 % 0x7fff'ffff; }
};
constexpr usize kPattern = 251;

std::array<EmitOperands, kPattern> choices(const Target& target) {
  std::array<EmitOperands, kPattern> all;
  Operands random;
  const auto pick = [&](bool vector) {
    for (;;) {
      const Reg r = target.temp_order[random.next() % target.temp_order.size()];
      if (r.is_vector() == vector) return r;
    }
  };
  for (EmitOperands& c : all) {
    c = {pick(false),
         pick(false),
         pick(false),
         pick(true),
         pick(true),
         pick(true),
         static_cast<i32>(random.next() % 3 == 0 ? random.next() : random.next() % 100),
         static_cast<i32>(random.next() % 600 & ~7u)};
  }
  return all;
}

constexpr u32 kMethods = 12;

void emit_all(Masm& m, const EmitOperands& c, Label& label) {
  constexpr Width kW32 = Width::W32, kW64 = Width::W64;
  const Address slot{.base = m.target().sp, .disp = c.disp};
  const Address cell{.base = m.target().memory_base, .index = c.rhs, .disp = c.disp};
  m.move(kW64, c.dst, c.lhs);
  m.alu(Alu::Sub, kW32, c.dst, c.dst, c.rhs);
  m.alu(Alu::And, kW32, c.dst, c.dst, Operand::immediate(c.imm & 127));
  m.load(Load::I64, c.dst, slot);
  m.store(Store::I32, slot, c.dst);
  m.load(Load::I32Load8U, c.dst, cell);
  m.store(Store::I64, cell, c.lhs);
  m.move_imm(kW32, c.dst, static_cast<u32>(c.imm) | 1);
  m.shift(Shift::ShrU, kW32, c.dst, c.dst, static_cast<u8>(c.disp % 30 + 2));
  m.multiply(kW64, c.dst, c.dst, c.rhs);
  m.float_binary(FloatBinary::Add, FloatWidth::F64, c.vdst, c.vlhs, c.vrhs);
  m.branch_if({.width = kW32, .cond = Cond::LtS, .lhs = c.lhs, .rhs = c.rhs}, label);
}

void run(benchmark::State& state, Masm& masm) {
  const auto all = choices(masm.target());
  for (auto _ : state) {
    masm.reset();
    Label label;
    for (const EmitOperands& c : all) emit_all(masm, c, label);
    masm.bind(label);
    benchmark::DoNotOptimize(masm.code().data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<i64>(kPattern * kMethods));
}

void masm_x64(benchmark::State& state) {
  CpuFeatures cpu;
  cpu.avx = cpu.bmi2 = true;
  run(state, *make_masm_x64(cpu));
}
BENCHMARK(masm_x64);

void masm_a64(benchmark::State& state) { run(state, *make_masm_a64(CpuFeatures())); }
BENCHMARK(masm_a64);

void asmjit_x64(benchmark::State& state) {
  const auto all = choices(target_x64(CpuFeatures()));
  AsmjitBaseline asmjit;
  for (auto _ : state) benchmark::DoNotOptimize(asmjit.emit(all));
  state.SetItemsProcessed(state.iterations() * static_cast<i64>(kPattern * kMethods));
}
BENCHMARK(asmjit_x64);

}  // namespace

BENCHMARK_MAIN();
