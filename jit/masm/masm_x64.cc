// Integers, memory, comparisons, control and frames on x86-64.
#include "jit/masm/masm_x64.h"

#include <bit>
#include <utility>

namespace lr::jit {

namespace {

using namespace x64;

constexpr Reg kRax = int_reg(0), kRcx = int_reg(1), kRdx = int_reg(2), kRsp = int_reg(4),
              kScratch = int_reg(11), kExtent = int_reg(13), kContext = int_reg(15);

// Offsets in lr::Doorbell, which every context starts with.
constexpr i32 kStackLimit = 0;
constexpr i32 kAlarm = 8;

constexpr Op kTest{0, 0, 0x85}, kMov{0, 0, 0x8b}, kLea{0, 0, 0x8d}, kMovzx8{0, 1, 0xb6},
    kMovzx16{0, 1, 0xb7}, kMovsx8{0, 1, 0xbe}, kMovsx16{0, 1, 0xbf}, kMovsxd{0, 0, 0x63},
    kImul{0, 1, 0xaf}, kGroup1{0, 0, 0x81}, kGroup1Imm8{0, 0, 0x83}, kGroup3{0, 0, 0xf7},
    kGroup5{0, 0, 0xff}, kTestByte{0, 0, 0xf6}, kShiftCl{0, 0, 0xd3}, kShiftImm{0, 0, 0xc1},
    kShiftOne{0, 0, 0xd1}, kBsf{0, 1, 0xbc}, kBsr{0, 1, 0xbd}, kTzcnt{0xf3, 1, 0xbc},
    kLzcnt{0xf3, 1, 0xbd}, kPopcnt{0xf3, 1, 0xb8}, kShlx{0x66, 2, 0xf7}, kShrx{0xf2, 2, 0xf7},
    kSarx{0xf3, 2, 0xf7}, kRorx{0xf2, 3, 0xf0};
// Opcode extensions: what modrm.reg says within a group.
constexpr u32 kNotExt = 2, kNegExt = 3, kMulExt = 4, kImulExt = 5, kDivExt = 6, kIdivExt = 7,
              kCallExt = 2, kJumpExt = 4, kCmpExt = 7, kAdcExt = 2, kSbbExt = 3;

constexpr Op set_op(Cc cc) { return {0, 1, static_cast<u8>(0x90 | cc)}; }
constexpr Op cmov_op(Cc cc) { return {0, 1, static_cast<u8>(0x40 | cc)}; }

// The place of each Alu in group 1; times 8 it is also the base of its one-byte opcodes.
constexpr u8 kAluExt[] = {0, 5, 4, 1, 6};
constexpr u32 ext(Alu op) { return kAluExt[static_cast<u8>(op)]; }
// op r, r/m and op r/m, r
constexpr Op from_rm(Alu op) { return {0, 0, static_cast<u8>(ext(op) << 3 | 3)}; }
constexpr Op to_rm(Alu op) { return {0, 0, static_cast<u8>(ext(op) << 3 | 1)}; }
constexpr Op kCmp{0, 0, 0x3b};

constexpr u8 kShiftExt[] = {4, 7, 5, 0, 1};
constexpr u32 ext(Shift op) { return kShiftExt[static_cast<u8>(op)]; }

constexpr Cc kCcOf[] = {E, NE, L, B, G, A, LE, BE, GE, AE};
constexpr Cc cc_of(Cond cond) { return kCcOf[static_cast<u8>(cond)]; }

constexpr bool wide(Width w) { return w == Width::W64; }
constexpr bool uses(const Address& a, Reg r) { return a.base == r || a.index == r; }
constexpr u32 bits_of(Width w) { return wide(w) ? 64 : 32; }

// How each integer Load and Store is encoded, and each vector one.
constexpr PackedOp kLoads[] = {pack(kMovsx8),       pack(kMovzx8),        pack(kMovsx16),
                               pack(kMovzx16),      pack(kMov),           pack(kMovsx8, true),
                               pack(kMovzx8),       pack(kMovsx16, true), pack(kMovzx16),
                               pack(kMovsxd, true), pack(kMov),           pack(kMov, true)};
constexpr PackedOp kStores[] = {pack({0, 0, 0x88}, false, true), pack({0x66, 0, 0x89}),
                                pack({0, 0, 0x89}), pack({0, 0, 0x89}, true)};
constexpr Op kVectorLoads[] = {{0xf3, 1, 0x10}, {0xf2, 1, 0x10}, {0, 1, 0x10}};
constexpr Op kVectorStores[] = {{0xf3, 1, 0x11}, {0xf2, 1, 0x11}, {0, 1, 0x11}};
static_assert(std::size(kLoads) == static_cast<usize>(Load::F32));
static_assert(std::size(kStores) == static_cast<usize>(Store::F32));

}  // namespace

// -- Moves ----------------------------------------------------------------------------------------

// Nothing for a register to itself: callers go on to write all of dst, or keep its upper half.
void MasmX64::mov(Out& o, Width w, Reg dst, Reg src) {
  if (dst != src) o.rr(kMov, wide(w), dst.number(), src.number());
}

// Leaves the flags alone, so that it can stand between a comparison and its use.
void MasmX64::mov_imm(Out& o, Width w, Reg dst, u64 value) {
  if (!wide(w)) value = static_cast<u32>(value);
  const u32 n = dst.number();
  if (value <= ~u32{0}) {
    if (n >= 8) o.byte(0x41);
    o.byte(0xb8 | (n & 7));
    o.dword(static_cast<u32>(value));
  } else if (fits_i32(static_cast<i64>(value))) {
    o.rr({0, 0, 0xc7}, true, 0, n);
    o.dword(static_cast<u32>(value));
  } else {
    o.byte(n >= 8 ? 0x49 : 0x48);
    o.byte(0xb8 | (n & 7));
    o.qword(value);
  }
}

void MasmX64::lea(Out& o, Width w, Reg dst, const Address& a) {
  o.rm(kLea, wide(w), dst.number(), a);
}

void MasmX64::align(u32 bytes) {
  buffer_.room();
  buffer_.as().addEncodingOptions(asmjit::EncodingOptions::kOptimizedAlign);
  buffer_.as().align(asmjit::AlignMode::kCode, bytes);
}

void MasmX64::move(Width w, Reg dst, Reg src) {
  if (dst == src && wide(w)) return;
  Out o(buffer_);
  o.rr(kMov, wide(w), dst.number(), src.number());
}

void MasmX64::move_imm(Width w, Reg dst, u64 value) {
  Out o(buffer_);
  if (value == 0) {
    o.rr(from_rm(Alu::Xor), false, dst.number(), dst.number());
  } else {
    mov_imm(o, w, dst, value);
  }
}

void MasmX64::load(Load kind, Reg dst, Address a) {
  Out o(buffer_);
  if (kind < Load::F32) [[likely]] {
    o.rm(kLoads[static_cast<u8>(kind)], dst.number(), a);
  } else {
    vec2(o, kVectorLoads[static_cast<u8>(kind) - static_cast<u8>(Load::F32)], dst, a);
  }
}

void MasmX64::store(Store kind, Address a, Reg src) {
  Out o(buffer_);
  if (kind < Store::F32) [[likely]] {
    o.rm(kStores[static_cast<u8>(kind)], src.number(), a);
  } else {
    vec2(o, kVectorStores[static_cast<u8>(kind) - static_cast<u8>(Store::F32)], src, a);
  }
}

void MasmX64::store_imm(Store kind, Address a, i32 value) {
  DCHECK(kind <= Store::I64);
  Out o(buffer_);
  if (kind == Store::I8) {
    o.rm({0, 0, 0xc6}, false, 0, a);
    o.byte(static_cast<u32>(value));
  } else if (kind == Store::I16) {
    o.rm({0x66, 0, 0xc7}, false, 0, a);
    o.word(static_cast<u32>(value));
  } else {
    o.rm({0, 0, 0xc7}, kind == Store::I64, 0, a);
    o.dword(static_cast<u32>(value));
  }
}

// -- Integers -------------------------------------------------------------------------------------

// These answer whether the zero flag then says that dst is zero.

// dst op= imm
bool MasmX64::alu_imm(Out& o, Alu op, Width w, Reg dst, i32 imm) {
  const u32 n = dst.number();
  if (op == Alu::And && imm >= 0) {
    if (imm == 0xff) return o.rr(kMovzx8, false, n, n, true), false;
    if (imm == 0xffff) return o.rr(kMovzx16, false, n, n), false;
    w = Width::W32;  // The upper half becomes zero either way.
  } else if (op == Alu::Xor && imm == -1) {
    return o.rr(kGroup3, wide(w), kNotExt, n), false;
  } else if (imm == 128 && (op == Alu::Add || op == Alu::Sub)) {
    op = op == Alu::Add ? Alu::Sub : Alu::Add;
    imm = -128;
  }
  if (fits_i8(imm)) {
    o.rr(kGroup1Imm8, wide(w), ext(op), n);
    o.byte(static_cast<u32>(imm));
  } else if (dst == kRax) {
    if (wide(w)) o.byte(0x48);
    o.byte(ext(op) << 3 | 5);
    o.dword(static_cast<u32>(imm));
  } else {
    o.rr(kGroup1, wide(w), ext(op), n);
    o.dword(static_cast<u32>(imm));
  }
  return true;
}

bool MasmX64::alu_imm_of(Out& o, Alu op, Width w, Reg dst, Reg lhs, i32 imm) {
  // The negation of the smallest immediate is not one.
  const bool sum = op == Alu::Add || (op == Alu::Sub && imm != INT32_MIN);
  if (sum && imm != 0) {
    return lea(o, w, dst, {.base = lhs, .disp = op == Alu::Add ? imm : -imm}), false;
  }
  if (op == Alu::And && (imm == 0xff || imm == 0xffff)) {
    const bool byte = imm == 0xff;
    return o.rr(byte ? kMovzx8 : kMovzx16, false, dst.number(), lhs.number(), byte), false;
  }
  mov(o, w, dst, lhs);
  return alu_imm(o, op, w, dst, imm);
}

bool MasmX64::alu_reg(Out& o, Alu op, Width w, Reg dst, Reg lhs, Reg rhs) {
  if (dst == rhs) {
    if (op == Alu::Sub) {
      o.rr(kGroup3, wide(w), kNegExt, dst.number());
      op = Alu::Add;
    }
    std::swap(lhs, rhs);
  } else if (op == Alu::Add) {
    return lea(o, w, dst, {.base = lhs, .index = rhs}), false;
  }
  mov(o, w, dst, lhs);
  o.rr(from_rm(op), wide(w), dst.number(), rhs.number());
  return true;
}

void MasmX64::alu_mem(Out& o, Alu op, Width w, Reg dst, Reg lhs, const Address& a) {
  if (dst == lhs || (op == Alu::Sub && !uses(a, dst))) {
    mov(o, w, dst, lhs);
    o.rm(from_rm(op), wide(w), dst.number(), a);
  } else if (op == Alu::Sub) {
    mov(o, w, kScratch, lhs);
    o.rm(from_rm(op), wide(w), kScratch.number(), a);
    mov(o, w, dst, kScratch);
  } else {
    o.rm(kMov, wide(w), dst.number(), a);
    o.rr(from_rm(op), wide(w), dst.number(), lhs.number());
  }
}

void MasmX64::alu(Alu op, Width w, Reg dst, Reg lhs, Operand rhs) {
  Out o(buffer_);
  bool sets_zero_flag = true;
  switch (rhs.kind) {
    case Operand::Kind::Register:
      if (dst == lhs) [[likely]] {
        o.rr(from_rm(op), wide(w), dst.number(), rhs.reg.number());
      } else {
        sets_zero_flag = alu_reg(o, op, w, dst, lhs, rhs.reg);
      }
      break;
    case Operand::Kind::Immediate:
      sets_zero_flag =
          dst == lhs ? alu_imm(o, op, w, dst, rhs.imm) : alu_imm_of(o, op, w, dst, lhs, rhs.imm);
      break;
    case Operand::Kind::Memory:
      alu_mem(o, op, w, dst, lhs, rhs.address);
      break;
    case Operand::Kind::Constant:
      DCHECK(false);  // Of floats only.
      break;
  }
  if (sets_zero_flag) zero_flag_ = {o.offset(), dst, w};
}

void MasmX64::alu_memory(Alu op, Width w, Address dst, Operand rhs) {
  DCHECK(rhs.kind != Operand::Kind::Memory);
  Out o(buffer_);
  if (rhs.kind == Operand::Kind::Register) {
    o.rm(to_rm(op), wide(w), rhs.reg.number(), dst);
  } else if (fits_i8(rhs.imm)) {
    o.rm(kGroup1Imm8, wide(w), ext(op), dst);
    o.byte(static_cast<u32>(rhs.imm));
  } else {
    o.rm(kGroup1, wide(w), ext(op), dst);
    o.dword(static_cast<u32>(rhs.imm));
  }
}

void MasmX64::add_scaled(Width w, Reg dst, Reg lhs, Reg rhs, u8 shift_by, i32 disp) {
  if (!rhs.valid()) return alu(Alu::Add, w, dst, lhs, Operand::immediate(disp));
  if (lhs.valid() && shift_by == 0 && disp == 0) return alu(Alu::Add, w, dst, lhs, rhs);
  if (!lhs.valid() && shift_by == 0) {
    return alu(Alu::Add, w, dst, rhs, Operand::immediate(disp));
  }
  Out o(buffer_);
  if (lhs.valid()) {
    // rbp and r13 cannot be a base without displacement.
    if (shift_by == 0 && disp == 0 && (lhs.number() & 7) == 5) std::swap(lhs, rhs);
    lea(o, w, dst, {.base = lhs, .index = rhs, .shift = shift_by, .disp = disp});
  } else if (shift_by == 1) {
    lea(o, w, dst, {.base = rhs, .index = rhs, .disp = disp});
  } else if (disp == 0) {
    mov(o, w, dst, rhs);
    o.rr(kShiftImm, wide(w), ext(Shift::Shl), dst.number());
    o.byte(shift_by);
  } else {
    // No base: mode 0 with base 101 and a full displacement.
    const u32 x = rhs.number(), d = dst.number();
    const u32 rex = (wide(w) ? 8u : 0u) | d >> 3 << 2 | x >> 3 << 1;
    if (rex != 0) o.byte(0x40 | rex);
    o.byte(kLea.code);
    o.byte((d & 7) << 3 | 4);
    o.byte(u32{shift_by} << 6 | (x & 7) << 3 | 5);
    o.dword(static_cast<u32>(disp));
  }
}

void MasmX64::multiply_imm(Out& o, Width w, Reg dst, Reg lhs, i32 imm) {
  if (imm == 0) {
    o.rr(from_rm(Alu::Xor), false, dst.number(), dst.number());
  } else if (imm == 3 || imm == 5 || imm == 9) {
    const u8 by = static_cast<u8>(std::countr_zero(static_cast<u32>(imm - 1)));
    lea(o, w, dst, {.base = lhs, .index = lhs, .shift = by});
  } else if (imm == 2 && dst != lhs) {
    lea(o, w, dst, {.base = lhs, .index = lhs});
  } else if (imm > 0 && std::has_single_bit(static_cast<u32>(imm))) {
    const u32 by = static_cast<u32>(std::countr_zero(static_cast<u32>(imm)));
    if (dst != lhs || by == 0) o.rr(kMov, wide(w), dst.number(), lhs.number());
    if (by == 1) {
      o.rr(from_rm(Alu::Add), wide(w), dst.number(), dst.number());
    } else if (by > 1) {
      o.rr(kShiftImm, wide(w), ext(Shift::Shl), dst.number());
      o.byte(by);
    }
  } else if (imm == -1) {
    mov(o, w, dst, lhs);
    o.rr(kGroup3, wide(w), kNegExt, dst.number());
  } else if (fits_i8(imm)) {
    o.rr({0, 0, 0x6b}, wide(w), dst.number(), lhs.number());
    o.byte(static_cast<u32>(imm));
  } else {
    o.rr({0, 0, 0x69}, wide(w), dst.number(), lhs.number());
    o.dword(static_cast<u32>(imm));
  }
}

void MasmX64::multiply(Width w, Reg dst, Reg lhs, Operand rhs) {
  Out o(buffer_);
  switch (rhs.kind) {
    case Operand::Kind::Immediate:
      return multiply_imm(o, w, dst, lhs, rhs.imm);
    case Operand::Kind::Register:
      if (dst == rhs.reg) std::swap(lhs, rhs.reg);
      mov(o, w, dst, lhs);
      return o.rr(kImul, wide(w), dst.number(), rhs.reg.number());
    case Operand::Kind::Memory:
      if (dst == lhs) return o.rm(kImul, wide(w), dst.number(), rhs.address);
      o.rm(kMov, wide(w), dst.number(), rhs.address);
      return o.rr(kImul, wide(w), dst.number(), lhs.number());
    case Operand::Kind::Constant:
      DCHECK(false);  // Of floats only.
      break;
  }
}

void MasmX64::high_multiply(Width w, bool is_signed, Reg dst, Reg lhs, Reg rhs) {
  DCHECK(dst == kRax && lhs == kRax);
  Out o(buffer_);
  o.rr(kGroup3, wide(w), is_signed ? kImulExt : kMulExt, rhs.number());
  mov(o, w, dst, kRdx);
}

void MasmX64::multiply_wide(bool is_signed, Reg lo, Reg hi, Reg lhs, Reg rhs) {
  DCHECK(lo == kRax && lhs == kRax && hi == kRdx && rhs != kRax && rhs != kRdx);
  (void)lo, (void)hi, (void)lhs;
  Out(buffer_).rr(kGroup3, true, is_signed ? kImulExt : kMulExt, rhs.number());
}

void MasmX64::add_wide(bool subtract, Reg lo, Reg hi, Operand rhs_lo, Operand rhs_hi) {
  Out o(buffer_);
  const auto emit = [&](u32 extension, Reg dst, const Operand& rhs) {
    const Op op{0, 0, static_cast<u8>(extension << 3 | 3)};
    switch (rhs.kind) {
      case Operand::Kind::Register:
        return o.rr(op, true, dst.number(), rhs.reg.number());
      case Operand::Kind::Memory:
        return o.rm(op, true, dst.number(), rhs.address);
      case Operand::Kind::Immediate:
        o.rr(fits_i8(rhs.imm) ? kGroup1Imm8 : kGroup1, true, extension, dst.number());
        return fits_i8(rhs.imm) ? o.byte(static_cast<u32>(rhs.imm))
                                : o.dword(static_cast<u32>(rhs.imm));
      case Operand::Kind::Constant:
        DCHECK(false);  // Of floats only.
    }
  };
  emit(subtract ? ext(Alu::Sub) : ext(Alu::Add), lo, rhs_lo);
  emit(subtract ? kSbbExt : kAdcExt, hi, rhs_hi);
}

Reg MasmX64::divide(Divide op, Width w, Reg dst, Reg lhs, Reg rhs, Label* by_zero,
                    Label* overflow) {
  DCHECK(lhs == kRax && rhs != kRax && rhs != kRdx);
  (void)dst;
  const bool is_signed = op == Divide::DivS || op == Divide::RemS;
  Out o(buffer_);
  if (by_zero != nullptr) {
    o.rr(kTest, wide(w), rhs.number(), rhs.number());
    o.jump(E, *by_zero);
  }
  u8* done = nullptr;
  const bool minus_one = op == Divide::RemS || (op == Divide::DivS && overflow != nullptr);
  if (minus_one) {
    o.rr(kGroup1Imm8, wide(w), kCmpExt, rhs.number());
    o.byte(0xff);
    u8* usual = o.jump_short(NE);
    if (op == Divide::DivS) {
      // Only the smallest value overflows when 1 is subtracted.
      o.rr(kGroup1Imm8, wide(w), kCmpExt, kRax.number());
      o.byte(1);
      o.jump(O, *overflow);
    } else {
      o.rr(from_rm(Alu::Xor), false, kRdx.number(), kRdx.number());
      done = o.jump_short();
    }
    o.land(usual);
  }
  if (is_signed) {
    if (wide(w)) o.byte(0x48);
    o.byte(0x99);  // cdq, cqo
  } else {
    o.rr(from_rm(Alu::Xor), false, kRdx.number(), kRdx.number());
  }
  o.rr(kGroup3, wide(w), is_signed ? kIdivExt : kDivExt, rhs.number());
  if (done != nullptr) o.land(done);
  return op == Divide::DivS || op == Divide::DivU ? kRax : kRdx;
}

// Rotation by any register without cl: (lhs << count) | (lhs >> -count), where shlx and shrx take
// counts modulo the width.
void MasmX64::rotate_bmi2(Out& o, Shift op, Width w, Reg dst, Reg lhs, Reg count) {
  const bool left = op == Shift::Rotl;
  mov(o, Width::W32, kScratch, count);
  o.rr(kGroup3, false, kNegExt, kScratch.number());
  o.vex_rr(left ? kShrx : kShlx, wide(w), kScratch.number(), kScratch.number(), lhs.number());
  o.vex_rr(left ? kShlx : kShrx, wide(w), dst.number(), count.number(), lhs.number());
  o.rr(from_rm(Alu::Or), wide(w), dst.number(), kScratch.number());
}

void MasmX64::shift_cl(Out& o, Shift op, Width w, Reg dst, Reg lhs) {
  const Reg work = dst == kRcx ? kScratch : dst;
  mov(o, w, work, lhs);
  o.rr(kShiftCl, wide(w), ext(op), work.number());
  mov(o, w, dst, work);
}

void MasmX64::shift(Shift op, Width w, Reg dst, Reg lhs, Reg count) {
  Out o(buffer_);
  const bool rotate = op == Shift::Rotl || op == Shift::Rotr;
  if (!cpu_.bmi2 || (rotate && count == kRcx)) {
    DCHECK(count == kRcx);
    shift_cl(o, op, w, dst, lhs);
  } else if (rotate) {
    rotate_bmi2(o, op, w, dst, lhs, count);
  } else {
    const Op x = op == Shift::Shl ? kShlx : op == Shift::ShrU ? kShrx : kSarx;
    o.vex_rr(x, wide(w), dst.number(), count.number(), lhs.number());
  }
}

void MasmX64::shift(Shift op, Width w, Reg dst, Reg lhs, u8 count) {
  count = static_cast<u8>(count & (bits_of(w) - 1));
  if (count == 0) return move(w, dst, lhs);
  Out o(buffer_);
  if (op == Shift::Shl && count == 1 && dst != lhs) {
    return lea(o, w, dst, {.base = lhs, .index = lhs});
  }
  if (dst != lhs && cpu_.bmi2 && (op == Shift::Rotl || op == Shift::Rotr)) {
    o.vex_rr(kRorx, wide(w), dst.number(), 0, lhs.number());
    return o.byte(op == Shift::Rotr ? u32{count} : bits_of(w) - count);
  }
  mov(o, w, dst, lhs);
  if (op == Shift::Shl && count == 1) {
    o.rr(from_rm(Alu::Add), wide(w), dst.number(), dst.number());
  } else if (count == 1) {
    o.rr(kShiftOne, wide(w), ext(op), dst.number());
  } else {
    o.rr(kShiftImm, wide(w), ext(op), dst.number());
    o.byte(count);
  }
}

// bsf and bsr leave their result undefined for 0 and set the zero flag.
void MasmX64::count_zeros(Out& o, bool leading, Width w, Reg dst, Reg src) {
  if (leading ? cpu_.lzcnt : cpu_.bmi1) {
    // Some processors wait for the old dst otherwise.
    if (dst != src) o.rr(from_rm(Alu::Xor), false, dst.number(), dst.number());
    return o.rr(leading ? kLzcnt : kTzcnt, wide(w), dst.number(), src.number());
  }
  const u32 bits = bits_of(w);
  mov_imm(o, Width::W32, kScratch, leading ? 2 * bits - 1 : bits);
  o.rr(leading ? kBsr : kBsf, wide(w), dst.number(), src.number());
  o.rr(cmov_op(E), false, dst.number(), kScratch.number());
  if (leading) {
    o.rr(kGroup1Imm8, false, ext(Alu::Xor), dst.number());
    o.byte(bits - 1);
  }
}

void MasmX64::unary(Unary op, Width w, Reg dst, Reg src) {
  Out o(buffer_);
  switch (op) {
    case Unary::Clz:
      return count_zeros(o, true, w, dst, src);
    case Unary::Ctz:
      return count_zeros(o, false, w, dst, src);
    case Unary::Popcnt:
      if (dst != src) o.rr(from_rm(Alu::Xor), false, dst.number(), dst.number());
      return o.rr(kPopcnt, wide(w), dst.number(), src.number());
    case Unary::Extend8S:
      return o.rr(kMovsx8, wide(w), dst.number(), src.number(), true);
    case Unary::Extend16S:
      return o.rr(kMovsx16, wide(w), dst.number(), src.number());
    case Unary::Extend32S:
      return o.rr(wide(w) ? kMovsxd : kMov, wide(w), dst.number(), src.number());
    case Unary::Neg:
    case Unary::Not:
      mov(o, w, dst, src);
      return o.rr(kGroup3, wide(w), op == Unary::Neg ? kNegExt : kNotExt, dst.number());
  }
}

// -- Comparisons ----------------------------------------------------------------------------------

void MasmX64::compare_int(Out& o, const Compare& c) {
  const u32 n = c.lhs.number();
  switch (c.rhs.kind) {
    case Operand::Kind::Register:
      return o.rr(kCmp, wide(c.width), n, c.rhs.reg.number());
    case Operand::Kind::Memory:
      return o.rm(kCmp, wide(c.width), n, c.rhs.address);
    case Operand::Kind::Constant:
      DCHECK(false);  // Of floats only.
      break;
    case Operand::Kind::Immediate:
      break;
  }
  const i32 imm = c.rhs.imm;
  if (imm == 0) {
    o.rr(kTest, wide(c.width), n, n);
  } else if (fits_i8(imm)) {
    o.rr(kGroup1Imm8, wide(c.width), kCmpExt, n);
    o.byte(static_cast<u32>(imm));
  } else if (c.lhs == kRax) {
    if (wide(c.width)) o.byte(0x48);
    o.byte(0x3d);
    o.dword(static_cast<u32>(imm));
  } else {
    o.rr(kGroup1, wide(c.width), kCmpExt, n);
    o.dword(static_cast<u32>(imm));
  }
}

void MasmX64::test(Out& o, const Compare& c) {
  const u32 n = c.lhs.number();
  if (c.rhs.kind == Operand::Kind::Register) {
    return o.rr(kTest, wide(c.width), n, c.rhs.reg.number());
  }
  if (c.rhs.kind == Operand::Kind::Memory) return o.rm(kTest, wide(c.width), n, c.rhs.address);
  const i32 imm = c.rhs.imm;
  const bool low_byte = imm >= 0 && (imm < 128 || (imm < 256 && c.cond <= Cond::Ne));
  // A mask without sign bit tests the same bits in the lower half; a negative one does not.
  const bool is_wide = wide(c.width) && imm < 0;
  if (low_byte && c.lhs == kRax) {
    o.byte(0xa8);
    o.byte(static_cast<u32>(imm));
  } else if (low_byte) {
    o.rr(kTestByte, false, 0, n, true);
    o.byte(static_cast<u32>(imm));
  } else if (c.lhs == kRax) {
    if (is_wide) o.byte(0x48);
    o.byte(0xa9);
    o.dword(static_cast<u32>(imm));
  } else {
    o.rr(kGroup3, is_wide, 0, n);
    o.dword(static_cast<u32>(imm));
  }
}

// The zero flag says already whether c.lhs is zero: nothing came after the operation that made it.
bool MasmX64::zero_flag_is_set_by(const Out& o, const Compare& c) {
  const bool with_zero = c.kind == Compare::Kind::Test
                             ? c.rhs.kind == Operand::Kind::Register && c.rhs.reg == c.lhs
                             : c.rhs.is_immediate(0);
  return with_zero && (c.cond == Cond::Eq || c.cond == Cond::Ne) && zero_flag_.reg == c.lhs &&
         zero_flag_.width == c.width && zero_flag_.offset == static_cast<u32>(o.p - buffer_.at(0));
}

MasmX64::Flags MasmX64::compare(Out& o, const Compare& c) {
  if (c.kind == Compare::Kind::Float) return compare_float(o, c);
  if (c.kind >= Compare::Kind::AnyTrue) return test_vector(o, c);
  if (zero_flag_is_set_by(o, c)) return {cc_of(c.cond)};
  c.kind == Compare::Kind::Int ? compare_int(o, c) : test(o, c);
  return {cc_of(c.cond)};
}

void MasmX64::set_if(const Compare& c, Reg dst) {
  Out o(buffer_);
  const u32 d = dst.number();
  const bool sign = c.kind == Compare::Kind::Int && c.cond == Cond::LtS && c.rhs.is_immediate(0);
  if (sign) {
    mov(o, c.width, dst, c.lhs);
    o.rr(kShiftImm, wide(c.width), ext(Shift::ShrU), d);
    return o.byte(bits_of(c.width) - 1);
  }
  const bool read = c.lhs == dst || (c.rhs.kind == Operand::Kind::Register && c.rhs.reg == dst) ||
                    (c.rhs.kind == Operand::Kind::Memory && uses(c.rhs.address, dst));
  if (!read) o.rr(from_rm(Alu::Xor), false, d, d);
  const Flags flags = compare(o, c);
  o.rr(set_op(flags.cc), false, 0, d, true);
  if (flags.parity != Flags::Parity::Ignored) {
    const bool both = flags.parity == Flags::Parity::AndNotSet;
    o.rr(set_op(both ? NP : P), false, 0, kScratch.number());
    o.rr({0, 0, both ? u8{0x22} : u8{0x0a}}, false, d, kScratch.number(), true);
  }
  if (read) o.rr(kMovzx8, false, d, d, true);
}

void MasmX64::select_int(Out& o, Flags flags, Width w, Reg dst, Reg if_true, Reg if_false) {
  if (flags.parity == Flags::Parity::OrSet) {
    // Ne or unordered: the same as Eq and ordered with the values exchanged.
    std::swap(if_true, if_false);
    flags = {!flags.cc, Flags::Parity::AndNotSet};
  }
  if (flags.parity == Flags::Parity::AndNotSet) {
    const Reg work = dst == if_false ? kScratch : dst;
    mov(o, w, work, if_true);
    o.rr(cmov_op(!flags.cc), wide(w), work.number(), if_false.number());
    o.rr(cmov_op(P), wide(w), work.number(), if_false.number());
    return mov(o, w, dst, work);
  }
  if (dst == if_true) {
    o.rr(cmov_op(!flags.cc), wide(w), dst.number(), if_false.number());
  } else {
    mov(o, w, dst, if_false);
    o.rr(cmov_op(flags.cc), wide(w), dst.number(), if_true.number());
  }
}

void MasmX64::select_if(const Compare& c, Width w, Reg dst, Reg if_true, Reg if_false) {
  Out o(buffer_);
  // The mask is as wide as what was compared.
  const bool has_mask = c.kind == Compare::Kind::Float && cpu_.avx &&
                        (c.float_width == FloatWidth::F64 || w == Width::W32);
  if (dst.is_vector() && has_mask) return select_by_mask(o, c, dst, if_true, if_false);
  const Flags flags = compare(o, c);
  if (dst.is_vector()) {
    select_vector(o, flags, dst, if_true, if_false);
  } else {
    select_int(o, flags, w, dst, if_true, if_false);
  }
}

void MasmX64::branch_if(const Compare& c, Label& label) {
  Out o(buffer_);
  if (c.kind == Compare::Kind::Int && c.rhs.kind == Operand::Kind::Register) [[likely]] {
    o.rr(kCmp, wide(c.width), c.lhs.number(), c.rhs.reg.number());
    return o.jump(cc_of(c.cond), label);
  }
  const Flags flags = compare(o, c);
  switch (flags.parity) {
    case Flags::Parity::Ignored:
      return o.jump(flags.cc, label);
    case Flags::Parity::OrSet:
      o.jump(P, label);
      return o.jump(flags.cc, label);
    case Flags::Parity::AndNotSet: {
      u8* unordered = o.jump_short(P);
      o.jump(flags.cc, label);
      return o.land(unordered);
    }
  }
}

// -- Control --------------------------------------------------------------------------------------

void MasmX64::bind(Label& label) {
  zero_flag_ = {};
  buffer_.bind(label, [&](const Fixup& f) {
    const u32 distance = static_cast<u32>(label.position) - f.base;
    std::memcpy(buffer_.at(f.at), &distance, sizeof distance);
  });
}

void MasmX64::jump(Label& label) { Out(buffer_).jump(label); }

// The table of 32-bit distances from its own start follows the jump.
void MasmX64::jump_table(Reg index, std::span<Label* const> targets, bool checked) {
  DCHECK(!targets.empty());
  Out o(buffer_, Buffer::kMethodBytesMax + 4 * targets.size());
  if (!checked) {
    mov_imm(o, Width::W32, kScratch, targets.size() - 1);
    o.rr(kCmp, false, index.number(), kScratch.number());
    o.rr(cmov_op(A), false, index.number(), kScratch.number());
  }
  o.rr(kLea, true, kScratch.number(), 5);  // Becomes [rip + distance] without the mode bits.
  o.p[-1] &= 0x3f;
  u8* distance = o.p;
  o.dword(0);
  o.rm(kMovsxd, true, index.number(), {.base = kScratch, .index = index, .shift = 2});
  o.rr(from_rm(Alu::Add), true, kScratch.number(), index.number());
  o.rr(kGroup5, false, kJumpExt, kScratch.number());
  while (o.offset() % 4 != 0) o.byte(0xcc);
  const u32 table = o.offset();
  const u32 from_lea = static_cast<u32>(o.p - (distance + 4));
  std::memcpy(distance, &from_lea, sizeof from_lea);
  for (Label* target : targets) {
    if (target->bound()) {
      o.dword(static_cast<u32>(target->position) - table);
    } else {
      buffer_.add_fixup(*target, o.offset(), table);
      o.dword(0);
    }
  }
}

// Slot: through a pointer at a distance from the instruction's end.
CallReloc MasmX64::near_transfer(u8 opcode, u32 indirect_ext, Near kind, u32 index) {
  Out o(buffer_);
  if (kind == Near::Slot) {
    o.byte(kGroup5.code);
    o.byte(indirect_ext << 3 | 5);
  } else {
    o.byte(opcode);
  }
  const CallReloc reloc{o.offset(), index, kind};
  o.dword(0);
  return reloc;
}

CallReloc MasmX64::call_near(Near kind, u32 index) {
  return near_transfer(0xe8, kCallExt, kind, index);
}
CallReloc MasmX64::jump_near(Near kind, u32 index) {
  return near_transfer(0xe9, kJumpExt, kind, index);
}

void MasmX64::call(Address a) { Out(buffer_).rm(kGroup5, false, kCallExt, a); }
void MasmX64::call(Reg r) { Out(buffer_).rr(kGroup5, false, kCallExt, r.number()); }
void MasmX64::jump(Address a) { Out(buffer_).rm(kGroup5, false, kJumpExt, a); }
void MasmX64::jump(Reg r) { Out(buffer_).rr(kGroup5, false, kJumpExt, r.number()); }

void MasmX64::ret(u32 bytes) {
  Out o(buffer_);
  if (bytes == 0) return o.byte(0xc3);
  if (bytes <= 0xffff) {
    o.byte(0xc2);
    return o.word(bytes);
  }
  o.byte(0x41);
  o.byte(0x5b);  // pop r11
  alu_imm(o, Alu::Add, Width::W64, kRsp, static_cast<i32>(bytes));
  o.rr(kGroup5, false, kJumpExt, kScratch.number());
}

void MasmX64::trap_instruction() {
  Out o(buffer_);
  o.byte(0x0f);
  o.byte(0x0b);
}

// -- Frames and checks ----------------------------------------------------------------------------

Patch MasmX64::enter_frame() {
  Out o(buffer_);
  o.rr(kGroup1, true, ext(Alu::Sub), kRsp.number());
  const Patch patch{o.offset()};
  o.dword(0);
  return patch;
}

Patch MasmX64::leave_frame() {
  Out o(buffer_);
  o.rr(kGroup1, true, ext(Alu::Add), kRsp.number());
  const Patch patch{o.offset()};
  o.dword(0);
  return patch;
}

void MasmX64::patch_frame(Patch patch, u32 frame_bytes) {
  if (frame_bytes > INT32_MAX) return buffer_.fail();
  u8* field = buffer_.at(patch.offset);
  std::memcpy(field, &frame_bytes, sizeof frame_bytes);
  constexpr u8 kNop7[] = {0x0f, 0x1f, 0x80};  // And four bytes of 0.
  const bool adjusts_sp = field[-2] == kGroup1.code;
  if (adjusts_sp && frame_bytes == 0) std::memcpy(field - 3, kNop7, sizeof kNop7);
}

Patch MasmX64::frame_end(Reg dst) {
  Out o(buffer_);
  lea(o, Width::W64, dst, {.base = kRsp, .disp = INT32_MAX});
  return {o.offset() - 4};
}

void MasmX64::adjust_sp(i32 bytes) {
  if (bytes == 0) return;
  Out o(buffer_);
  alu_imm(o, Alu::Add, Width::W64, kRsp, bytes);
}

void MasmX64::return_address(Reg dst) { load(Load::I64, dst, {.base = kRsp}); }

void MasmX64::move_return_address(i32 bytes) {
  if (bytes == 0) return;
  Out o(buffer_);
  o.byte(0x41);
  o.byte(0x5b);  // pop r11
  alu_imm(o, Alu::Add, Width::W64, kRsp, bytes);
  o.byte(0x41);
  o.byte(0x53);  // push r11
}

Patch MasmX64::stack_check(Label& cold) {
  Out o(buffer_);
  lea(o, Width::W64, kScratch, {.base = kRsp, .disp = INT32_MIN});
  const Patch patch{o.offset() - 4};
  o.rm(kCmp, true, kScratch.number(), {.base = kContext, .disp = kStackLimit});
  o.jump(B, cold);
  return patch;
}

void MasmX64::patch_stack_check(Patch patch, u32 frame_bytes) {
  if (frame_bytes > INT32_MAX) return buffer_.fail();
  const i32 disp = -static_cast<i32>(frame_bytes);
  std::memcpy(buffer_.at(patch.offset), &disp, sizeof disp);
}

void MasmX64::stack_check_small(Label& cold) {
  Out o(buffer_);
  o.rm(kCmp, true, kRsp.number(), {.base = kContext, .disp = kStackLimit});
  o.jump(B, cold);
}

void MasmX64::poll(Label& cold) {
  Out o(buffer_);
  o.rm({0, 0, 0x80}, false, kCmpExt, {.base = kContext, .disp = kAlarm});
  o.byte(0);
  o.jump(NE, cold);
}

void MasmX64::poll_epoch(const void* counter, Label& cold) {
  const u64 address = reinterpret_cast<u64>(counter);
  Out o(buffer_);
  if (fits_i32(static_cast<i64>(address))) {
    o.rm_absolute(kMov, true, kScratch.number(), static_cast<i32>(address));
  } else {
    mov_imm(o, Width::W64, kScratch, address);
    o.rm(kMov, true, kScratch.number(), {.base = kScratch});
  }
  o.rm(kCmp, true, kScratch.number(), {.base = kContext, .disp = kAlarm});
  o.jump(AE, cold);
}

void MasmX64::poll_page() {
  Out o(buffer_);
  o.rm(kMov, true, kScratch.number(), {.base = kContext, .disp = kAlarm});
  o.rm({0, 0, 0x84}, false, 0, {.base = kScratch});  // test [r11], al
}

void MasmX64::charge_fuel(u32 units, Label* cold) {
  alu_memory(Alu::Sub, Width::W64, {.base = kContext, .disp = kAlarm},
             Operand::immediate(static_cast<i32>(units)));
  if (cold != nullptr) Out(buffer_).jump(S, *cold);
}

// scratch = index + end. Three forms by what can hold `end`: the displacement of a lea (up to
// INT32_MAX), a zero-extended constant without an index, and a 64-bit constant, which the bytes
// before it tell from the others.
Patch MasmX64::sum_for_bounds(Out& o, Reg index, u64 end) {
  const u32 move = 0xb8 | (kScratch.number() & 7);
  Patch patch;
  if (end > INT32_MAX) {
    o.byte(0x49);
    o.byte(move);
    patch.offset = o.offset();
    o.qword(end);
    if (index.valid()) o.rr(from_rm(Alu::Add), true, kScratch.number(), index.number());
  } else if (index.valid()) {
    lea(o, Width::W64, kScratch, {.base = index, .disp = INT32_MAX});
    patch.offset = o.offset() - 4;
    o.p -= 4;
    o.dword(static_cast<u32>(end));
  } else {
    o.byte(0x41);
    o.byte(move);
    patch.offset = o.offset();
    o.dword(static_cast<u32>(end));
  }
  return patch;
}

Patch MasmX64::bounds_check(Reg index, u64 end, Label& cold) {
  Out o(buffer_);
  const Patch patch = sum_for_bounds(o, index, end);
  o.rr(kCmp, true, kScratch.number(), kExtent.number());
  o.jump(A, cold);
  return patch;
}

Patch MasmX64::bounds_check_any(Reg index, u64 end, Operand limit, Label& cold, Label* wrapped) {
  Out o(buffer_);
  Patch patch;
  if (wrapped != nullptr && index.valid() && end <= INT32_MAX) {
    mov(o, Width::W64, kScratch, index);
    o.rr(kGroup1, true, ext(Alu::Add), kScratch.number());
    patch.offset = o.offset();
    o.dword(static_cast<u32>(end));
  } else {
    patch = sum_for_bounds(o, index, end);
  }
  if (wrapped != nullptr && index.valid()) o.jump(B, *wrapped);
  if (limit.kind == Operand::Kind::Memory) {
    o.rm(kCmp, true, kScratch.number(), limit.address);
  } else {
    o.rr(kCmp, true, kScratch.number(), limit.reg.number());
  }
  o.jump(A, cold);
  return patch;
}

bool MasmX64::patch_bounds(Patch patch, u64 end) {
  u8* field = buffer_.at(patch.offset);
  const bool holds_64_bits = field[-2] == 0x49 && field[-1] == (0xb8 | (kScratch.number() & 7));
  if (!holds_64_bits && end > INT32_MAX) return false;
  std::memcpy(field, &end, holds_64_bits ? 8 : 4);
  return true;
}

bool MasmX64::patch_call(Near /*kind*/, u8* at, const u8* from, const u8* target) const {
  const i64 distance = target - (from + 4);
  if (!fits_i32(distance)) return false;
  const i32 field = static_cast<i32>(distance);
  std::memcpy(at, &field, sizeof field);
  return true;
}

std::unique_ptr<Masm> make_masm_x64(const CpuFeatures& cpu) {
  return std::make_unique<MasmX64>(cpu);
}

}  // namespace lr::jit
