// Atomics on x86-64: a plain load is ordered, everything else is a locked instruction (xchg with
// memory is one without being told).
#include "jit/masm/masm_x64.h"

namespace lr::jit {

namespace {

using namespace x64;

constexpr Reg kRax = int_reg(0), kScratch = int_reg(11);
constexpr u32 kLock = 0xf0;

// By Store: the form for that size. The byte forms have an opcode of their own.
struct Sized {
  Op op;
  bool wide;
  bool is_byte;
};
constexpr Sized sized(Store size, Op byte_op, Op op) {
  switch (size) {
    case Store::I8:
      return {byte_op, false, true};
    case Store::I16:
      return {{0x66, op.map, op.code}, false, false};
    case Store::I64:
      return {op, true, false};
    default:
      return {op, false, false};
  }
}
constexpr Sized xchg(Store s) { return sized(s, {0, 0, 0x86}, {0, 0, 0x87}); }
constexpr Sized xadd(Store s) { return sized(s, {0, 1, 0xc0}, {0, 1, 0xc1}); }
constexpr Sized cmpxchg(Store s) { return sized(s, {0, 1, 0xb0}, {0, 1, 0xb1}); }

constexpr Op kMov{0, 0, 0x8b}, kMovzx8{0, 1, 0xb6}, kMovzx16{0, 1, 0xb7}, kNeg{0, 0, 0xf7},
    kOrImm8{0, 0, 0x83};
constexpr u32 kNegExt = 3, kOrExt = 1;
constexpr Op kAnd{0, 0, 0x23}, kOr{0, 0, 0x0b}, kXor{0, 0, 0x33};

void emit(Out& o, const Sized& form, Reg reg, const Address& a) {
  o.rm(form.op, form.wide, reg.number(), a, form.is_byte);
}

Load load_of(Store size) {
  constexpr Load kLoads[] = {Load::I64Load8U, Load::I64Load16U, Load::I64Load32U, Load::I64};
  return kLoads[static_cast<u8>(size)];
}

}  // namespace

// An operation on 32 bits has made the upper half zero.
void MasmX64::zero_extend(Out& o, Store size, Reg dst, Reg src) {
  if (size == Store::I8) return o.rr(kMovzx8, false, dst.number(), src.number(), true);
  if (size == Store::I16) return o.rr(kMovzx16, false, dst.number(), src.number());
  mov(o, Width::W64, dst, src);
}

void MasmX64::atomic_load(Load kind, Reg dst, Address a) { load(kind, dst, a); }

void MasmX64::atomic_store(Store size, Address a, Reg src) {
  Out o(buffer_);
  mov(o, Width::W64, kScratch, src);
  emit(o, xchg(size), kScratch, a);
}

void MasmX64::atomic_rmw(AtomicRmw op, Store size, Reg dst, Address a, Reg src) {
  if (op == AtomicRmw::Add || op == AtomicRmw::Sub || op == AtomicRmw::Xchg) {
    Out o(buffer_);
    const Reg work = a.base == dst || a.index == dst ? kScratch : dst;
    mov(o, Width::W64, work, src);
    if (op == AtomicRmw::Sub) o.rr(kNeg, true, kNegExt, work.number());
    if (op != AtomicRmw::Xchg) o.byte(kLock);
    emit(o, op == AtomicRmw::Xchg ? xchg(size) : xadd(size), work, a);
    return zero_extend(o, size, dst, work);
  }
  DCHECK(dst == kRax && src != kRax && a.base != kRax && a.index != kRax);
  load(load_of(size), kRax, a);
  Label again;
  bind(again);
  Out o(buffer_);
  const Op which = op == AtomicRmw::And ? kAnd : op == AtomicRmw::Or ? kOr : kXor;
  o.rr(kMov, true, kScratch.number(), kRax.number());
  o.rr(which, true, kScratch.number(), src.number());
  o.byte(kLock);
  emit(o, cmpxchg(size), kScratch, a);
  o.jump(NE, again);
  zero_extend(o, size, kRax, kRax);
}

void MasmX64::atomic_cmpxchg(Store size, Reg dst, Address a, Reg expected, Reg replacement) {
  DCHECK(dst == kRax && expected == kRax && replacement != kRax);
  DCHECK(a.base != kRax && a.index != kRax);
  (void)expected;
  Out o(buffer_);
  o.byte(kLock);
  emit(o, cmpxchg(size), replacement, a);
  // Where it compared equal, rax is as it was.
  if (size == Store::I32) return o.rr(kMov, false, kRax.number(), kRax.number());
  zero_extend(o, size, dst, kRax);
}

// A locked instruction on the stack's top costs a third of mfence.
void MasmX64::fence() {
  Out o(buffer_);
  o.byte(kLock);
  o.rm(kOrImm8, false, kOrExt, {.base = target_.sp});
  o.byte(0);
}

}  // namespace lr::jit
