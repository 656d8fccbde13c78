// Atomics on AArch64: loads and stores with order, and the instructions of ARMv8.1 for everything
// else. Without those (CpuFeatures::lse) a function that needs them is refused.
#include "jit/masm/masm_a64.h"

namespace lr::jit {

namespace {

using namespace a64;

constexpr u32 kScratch = 16, kAddressScratch = 17;

// In the order of AtomicRmw; sums with a negated operand, and bits cleared by an inverted one.
constexpr AtomicOp kRmw[] = {kLdaddal, kLdaddal, kLdclral, kLdsetal, kLdeoral, kSwpal};

constexpr u32 size_bits(Store size) { return u32{static_cast<u8>(size)} << 30; }
constexpr u32 size_bits(Load kind) {
  switch (kind) {
    case Load::I32Load8U:
    case Load::I64Load8U:
      return 0;
    case Load::I32Load16U:
    case Load::I64Load16U:
      return 1u << 30;
    case Load::I64:
      return 3u << 30;
    default:
      return 2u << 30;
  }
}

}  // namespace

// These instructions take an address without index or displacement.
u32 MasmA64::plain_address(Out& o, const Address& a) {
  u32 base = a.base.number();
  if (a.index.valid()) {
    o.rrr(kAdd, true, kAddressScratch, base, a.index.number(), a.shift);
    base = kAddressScratch;
  }
  if (a.disp == 0) return base;
  add_constant(o, kAddressScratch, base, a.disp, kScratch);
  return kAddressScratch;
}

void MasmA64::atomic_load(Load kind, Reg dst, Address a) {
  Out o(buffer_);
  o.word(kLdar | size_bits(kind) | plain_address(o, a) << 5 | dst.number());
}

void MasmA64::atomic_store(Store size, Address a, Reg src) {
  Out o(buffer_);
  o.word(kStlr | size_bits(size) | plain_address(o, a) << 5 | src.number());
}

void MasmA64::atomic_rmw(AtomicRmw op, Store size, Reg dst, Address a, Reg src) {
  if (!lse_) return buffer_.fail();
  Out o(buffer_);
  const u32 address = plain_address(o, a);
  u32 operand = src.number();
  if (op == AtomicRmw::Sub) o.rrr(kSub, true, kScratch, kZero, operand);
  if (op == AtomicRmw::And) o.rrr(kOrn, true, kScratch, kZero, operand);
  if (op == AtomicRmw::Sub || op == AtomicRmw::And) operand = kScratch;
  o.word(kRmw[static_cast<u8>(op)] | size_bits(size) | operand << 16 | address << 5 | dst.number());
}

void MasmA64::atomic_cmpxchg(Store size, Reg dst, Address a, Reg expected, Reg replacement) {
  if (!lse_) return buffer_.fail();
  Out o(buffer_);
  const u32 address = plain_address(o, a);
  o.mov(true, kScratch, expected.number());
  o.word(kCasal | size_bits(size) | kScratch << 16 | address << 5 | replacement.number());
  o.mov(true, dst.number(), kScratch);
}

void MasmA64::fence() { Out(buffer_).word(kDmbIsh); }

}  // namespace lr::jit
