// Numeric instructions that are no plain operators: constants, products and sums of 128 bits,
// vectors from immediates.
#include "spec-tests/interpreter/steps.h"
#include "spec-tests/interpreter/vector.h"

namespace lr::interp {

namespace {

struct Wide {
  u64 low = 0;
  u64 high = 0;
};

Wide add(Wide a, Wide b) {
  const u64 low = a.low + b.low;
  return {low, a.high + b.high + (low < a.low ? 1 : 0)};
}

Wide negate(Wide a) { return add({~a.low, ~a.high}, {1, 0}); }

// As on paper, with digits of 32 bits.
Wide multiply(u64 a, u64 b) {
  constexpr u64 kDigit = 0xffff'ffff;
  const u64 low = (a & kDigit) * (b & kDigit);
  const u64 middle = (a >> 32) * (b & kDigit) + (low >> 32);
  const u64 other_middle = (a & kDigit) * (b >> 32) + (middle & kDigit);
  const u64 high = (a >> 32) * (b >> 32) + (middle >> 32) + (other_middle >> 32);
  return {(other_middle << 32) | (low & kDigit), high};
}

u64 magnitude(u64 a) { return static_cast<i64>(a) < 0 ? u64{0} - a : a; }

Wide pop_wide(Machine& m) {
  const u64 high = m.pop<u64>();
  return {m.pop<u64>(), high};
}
void push_wide(Machine& m, Wide wide) {
  m.push(wide.low);
  m.push(wide.high);
}

}  // namespace

void exec_I32Const(Machine& m, const Inst& inst) { m.push(inst.value); }
void exec_I64Const(Machine& m, const Inst& inst) { m.push(inst.value); }
void exec_F32Const(Machine& m, const Inst& inst) { m.push(inst.value); }
void exec_F64Const(Machine& m, const Inst& inst) { m.push(inst.value); }

void exec_I64Add128(Machine& m, const Inst&) {
  const Wide b = pop_wide(m);
  push_wide(m, add(pop_wide(m), b));
}

void exec_I64Sub128(Machine& m, const Inst&) {
  const Wide b = pop_wide(m);
  push_wide(m, add(pop_wide(m), negate(b)));
}

void exec_I64MulWideS(Machine& m, const Inst&) {
  const u64 b = m.pop<u64>();
  const u64 a = m.pop<u64>();
  const Wide product = multiply(magnitude(a), magnitude(b));
  push_wide(m, static_cast<i64>(a ^ b) < 0 ? negate(product) : product);
}

void exec_I64MulWideU(Machine& m, const Inst&) {
  const u64 b = m.pop<u64>();
  push_wide(m, multiply(m.pop<u64>(), b));
}

void exec_V128Const(Machine& m, const Inst& inst) { m.push(m.code().vectors[inst.index]); }

void exec_I8x16Shuffle(Machine& m, const Inst& inst) {
  const V128 b = m.pop<V128>();
  m.push(shuffle(m.pop<V128>(), b, m.code().vectors[inst.index]));
}

}  // namespace lr::interp
