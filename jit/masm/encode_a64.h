// AArch64 instruction words. Out is a cursor over the code buffer for the length of one method, as
// in encode_x64.h. Registers are numbers here; 31 is sp or the zero register, as the form has it.
#pragma once

#include <asmjit/arm/a64assembler.h>

#include <bit>
#include <cstring>

#include "jit/masm/code_buffer.h"

namespace lr::jit::a64 {

using Buffer = CodeBuffer<asmjit::a64::Assembler>;

// The first word of each instruction, by name (kAdd, kSubImm, ...).
#define A64(name, text, bits, form) inline constexpr u32 k##name = bits;
#include "jit/masm/a64.def"

enum Cc : u8 { EQ, NE, HS, LO, MI, PL, VS, VC, HI, LS, GE, LT, GT, LE };
constexpr Cc operator!(Cc cc) { return static_cast<Cc>(cc ^ 1); }

inline constexpr u32 kZero = 31, kSp = 31, kLink = 30;
inline constexpr i32 kWordBytes = 4;

// Loads and stores: size, vector bit and opc say what is moved; the address form is added by mem().
struct MemOp {
  u32 bits;
  u8 log2_bytes;
};
constexpr MemOp mem_op(u32 size, u32 opc, bool vector = false, u8 log2_bytes = 0xff) {
  return {size << 30 | 0x38000000 | (vector ? 1u << 26 : 0) | opc << 22,
          log2_bytes == 0xff ? static_cast<u8>(size) : log2_bytes};
}

// Ordered loads and stores, and the atomics of ARMv8.1, all with acquire and release. Bits 31 and
// 30 are the size; what is compared or operated with is in the field of rm.
enum AtomicOp : u32 {
  kLdar = 0x08dffc00,
  kStlr = 0x089ffc00,
  kCasal = 0x08e0fc00,
  kLdaddal = 0x38e00000,
  kLdclral = 0x38e01000,
  kLdeoral = 0x38e02000,
  kLdsetal = 0x38e03000,
  kSwpal = 0x38e08000,
};

// The 13 bits N:immr:imms of a logical immediate, or -1. Such a value is a run of ones, rotated,
// repeated in elements of 2, 4, ... 64 bits.
constexpr i32 logical_immediate(u64 value, bool wide) {
  u32 size = wide ? 64 : 32;
  for (;;) {
    const u64 mask = ~u64{0} >> (64 - size);
    const u64 element = value & mask;
    if (element == 0 || element == mask) return -1;
    // The run of ones may wrap around; then the zeros are the run.
    const bool wraps = (element & 1) != 0 && (element >> (size - 1) & 1) != 0;
    u64 run = wraps ? ~element & mask : element;
    const u32 start = static_cast<u32>(std::countr_zero(run));
    run >>= start;
    if ((run & (run + 1)) == 0) {
      const u32 length = static_cast<u32>(std::bit_width(run));
      const u32 ones = wraps ? size - length : length;
      const u32 rotation = wraps ? start + length : start;
      const u32 immr = (size - rotation) & (size - 1);
      const u32 imms = ((~(2 * size - 1) & 0x3f) | (ones - 1)) & 0x3f;
      return static_cast<i32>((size == 64 ? 1u << 12 : 0) | immr << 6 | imms);
    }
    size /= 2;
    if (size == 1 || (element >> size) != (element & mask >> size)) return -1;
  }
}

class Out {
 public:
  explicit Out(Buffer& buffer, usize bytes = Buffer::kMethodBytesMax)
      : p(buffer.room(bytes)), buffer_(buffer) {}
  ~Out() { buffer_.advance_to(p); }
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;

  u32 offset() const { return static_cast<u32>(p - buffer_.at(0)); }
  void word(u32 value) {
    std::memcpy(p, &value, sizeof value);
    p += sizeof value;
  }

  // rd, rn, rm in their usual places; `wide` is bit 31.
  void rrr(u32 op, bool wide, u32 rd, u32 rn, u32 rm, u32 shift = 0) {
    word(op | sf(wide) | rm << 16 | shift << 10 | rn << 5 | rd);
  }
  void rrrr(u32 op, bool wide, u32 rd, u32 rn, u32 rm, u32 ra) {
    word(op | sf(wide) | rm << 16 | ra << 10 | rn << 5 | rd);
  }
  void rr(u32 op, bool wide, u32 rd, u32 rn) { word(op | sf(wide) | rn << 5 | rd); }
  // Twelve bits, or (high) twelve bits above twelve zeros.
  void imm12(u32 op, bool wide, u32 rd, u32 rn, u32 imm, bool high = false) {
    word(op | sf(wide) | (high ? 1u << 22 : 0) | imm << 10 | rn << 5 | rd);
  }
  void logical(u32 op, bool wide, u32 rd, u32 rn, i32 encoded) {
    word(op | sf(wide) | static_cast<u32>(encoded) << 10 | rn << 5 | rd);
  }
  void imm16(u32 op, bool wide, u32 rd, u32 imm, u32 halfword) {
    word(op | sf(wide) | halfword << 21 | imm << 5 | rd);
  }
  // immr and imms; the 64-bit form has N set as well.
  void bitfield(u32 op, bool wide, u32 rd, u32 rn, u32 immr, u32 imms) {
    word(op | sf(wide) | (wide ? 1u << 22 : 0) | immr << 16 | imms << 10 | rn << 5 | rd);
  }
  void rotate_imm(bool wide, u32 rd, u32 rn, u32 by) {
    word(kExtr | sf(wide) | (wide ? 1u << 22 : 0) | rn << 16 | by << 10 | rn << 5 | rd);
  }
  void select(u32 op, bool wide, u32 rd, u32 rn, u32 rm, Cc cc) {
    word(op | sf(wide) | rm << 16 | u32{cc} << 12 | rn << 5 | rd);
  }
  void mov(bool wide, u32 rd, u32 rm) { rrr(kOrr, wide, rd, kZero, rm); }

  // Floats: `f64` is bit 22.
  void fff(u32 op, bool f64, u32 rd, u32 rn, u32 rm) {
    word(op | (f64 ? 1u << 22 : 0) | rm << 16 | rn << 5 | rd);
  }
  void ff(u32 op, bool f64, u32 rd, u32 rn) { fff(op, f64, rd, rn, 0); }

  // [rn + offset], offset a multiple of the size and in range.
  void mem(MemOp op, u32 rt, u32 rn, u32 offset_bytes) {
    word(op.bits | 1u << 24 | (offset_bytes >> op.log2_bytes) << 10 | rn << 5 | rt);
  }
  void mem_unscaled(MemOp op, u32 rt, u32 rn, i32 offset_bytes) {
    word(op.bits | (static_cast<u32>(offset_bytes) & 0x1ff) << 12 | rn << 5 | rt);
  }
  // [rn + rm], or [rn + (rm << size)]
  void mem_index(MemOp op, u32 rt, u32 rn, u32 rm, bool scaled) {
    word(op.bits | 0x206800 | rm << 16 | (scaled ? 1u << 12 : 0) | rn << 5 | rt);
  }
  // Moves the base: before the access, or after it.
  void mem_pre(MemOp op, u32 rt, u32 rn, i32 by) {
    word(op.bits | 0xc00 | (static_cast<u32>(by) & 0x1ff) << 12 | rn << 5 | rt);
  }
  void mem_post(MemOp op, u32 rt, u32 rn, i32 by) {
    word(op.bits | 0x400 | (static_cast<u32>(by) & 0x1ff) << 12 | rn << 5 | rt);
  }

  u8* p;

 private:
  static u32 sf(bool wide) { return u32{wide} << 31; }

  Buffer& buffer_;
};

}  // namespace lr::jit::a64
