// Integers, memory, comparisons, control and frames on AArch64.
#include "jit/masm/masm_a64.h"

#include <bit>
#include <utility>

namespace lr::jit {

namespace {

using namespace a64;

constexpr u32 kScratch = 16, kAddressScratch = 17, kThirdScratch = kLink, kVectorScratch = 31,
              kExtent = 26, kContext = 28;

// Offsets in lr::Doorbell, which every context starts with.
constexpr u32 kStackLimit = 0;
constexpr u32 kAlarm = 8;

constexpr bool wide(Width w) { return w == Width::W64; }
constexpr u32 bits_of(Width w) { return wide(w) ? 64 : 32; }
constexpr bool fits_imm12(u64 value) { return value < 4096; }
constexpr bool fits_high_imm12(u64 value) { return (value & 4095) == 0 && value >> 12 < 4096; }
// What two 12-bit immediates hold together.
constexpr u64 kImm24Max = (1 << 24) - 1;

constexpr u32 kAluRegister[] = {kAdd, kSub, kAnd, kOrr, kEor};
constexpr u32 kAluLogical[] = {0, 0, kAndImm, kOrrImm, kEorImm};
constexpr u32 register_form(Alu op) { return kAluRegister[static_cast<u8>(op)]; }

constexpr Cc kCcOf[] = {EQ, NE, LT, LO, GT, HI, LE, LS, GE, HS};
constexpr Cc cc_of(Cond cond) { return kCcOf[static_cast<u8>(cond)]; }

constexpr MemOp kLoadW = mem_op(2, 1), kLoadX = mem_op(3, 1), kStoreX = mem_op(3, 0),
                kLoadSignedW = mem_op(2, 2), kLoadByte = mem_op(0, 1);
constexpr MemOp kLoads[] = {
    mem_op(0, 3), kLoadByte, mem_op(1, 3),       mem_op(1, 1),       kLoadW,
    mem_op(0, 2), kLoadByte, mem_op(1, 2),       mem_op(1, 1),       kLoadSignedW,
    kLoadW,       kLoadX,    mem_op(2, 1, true), mem_op(3, 1, true), mem_op(0, 3, true, 4)};
constexpr MemOp kStores[] = {mem_op(0, 0),       mem_op(1, 0),       mem_op(2, 0),         kStoreX,
                             mem_op(2, 0, true), mem_op(3, 0, true), mem_op(0, 2, true, 4)};
static_assert(std::size(kLoads) == static_cast<usize>(Load::V128) + 1);
static_assert(std::size(kStores) == static_cast<usize>(Store::V128) + 1);

u32 word_at(const u8* at) {
  u32 word;
  std::memcpy(&word, at, sizeof word);
  return word;
}
void set_word(u8* at, u32 word) { std::memcpy(at, &word, sizeof word); }

constexpr bool fits_signed(i64 value, u32 bits) {
  return value >= -(i64{1} << (bits - 1)) && value < i64{1} << (bits - 1);
}

}  // namespace

// -- The code buffer ------------------------------------------------------------------------------

void MasmA64::reset() {
  buffer_.reset();
  constants_.clear();
  out_of_range_ = false;
}

void MasmA64::out_of_range() {
  out_of_range_ = true;
  buffer_.fail();
}

void MasmA64::align(u32 bytes) {
  Out o(buffer_);
  while (o.offset() % bytes != 0) o.word(kNop);
}

// -- Moves ----------------------------------------------------------------------------------------

// movz or movn sets the first halfword and fills the others with zeros or ones, movk sets one more.
void MasmA64::mov_imm(Out& o, bool is_wide, u32 rd, u64 value) {
  if (value <= 0xffff) return o.imm16(kMovz, false, rd, static_cast<u32>(value), 0);
  if (value <= 0xffff'ffff) is_wide = false;
  const u32 halfwords = is_wide ? 4 : 2;
  u32 zeros = 0, ones = 0;
  for (u32 i = 0; i < halfwords; i++) {
    const u64 h = value >> 16 * i & 0xffff;
    zeros += h == 0;
    ones += h == 0xffff;
  }
  const i32 encoded = logical_immediate(value, is_wide);
  if (encoded >= 0 && zeros + 1 < halfwords && ones + 1 < halfwords) {
    return o.logical(kOrrImm, is_wide, rd, kZero, encoded);
  }
  const bool inverted = ones > zeros;
  const u32 start = inverted ? kMovn : kMovz;
  if (zeros == halfwords || ones == halfwords) return o.imm16(start, is_wide, rd, 0, 0);
  const u64 filler = inverted ? 0xffff : 0;
  bool first = true;
  for (u32 i = 0; i < halfwords; i++) {
    const u64 h = value >> 16 * i & 0xffff;
    if (h == filler) continue;
    o.imm16(first ? start : kMovk, is_wide, rd, static_cast<u32>(first ? h ^ filler : h), i);
    first = false;
  }
}

void MasmA64::move(Width w, Reg dst, Reg src) {
  if (dst == src && wide(w)) return;
  Out o(buffer_);
  if (dst == target_.sp || src == target_.sp) {
    o.imm12(kAddImm, true, dst.number(), src.number(), 0);
  } else {
    o.mov(wide(w), dst.number(), src.number());
  }
}

void MasmA64::move_imm(Width w, Reg dst, u64 value) {
  Out o(buffer_);
  mov_imm(o, wide(w), dst.number(), wide(w) ? value : static_cast<u32>(value));
}

void MasmA64::add_constant(Out& o, u32 rd, u32 rn, i64 value, u32 temp) {
  const u64 magnitude = static_cast<u64>(value < 0 ? -value : value);
  const u32 op = value < 0 ? kSubImm : kAddImm;
  if (magnitude <= kImm24Max) {
    const u32 low = magnitude & 4095, high = static_cast<u32>(magnitude >> 12);
    if (high != 0) o.imm12(op, true, rd, rn, high, true);
    if (low != 0 || high == 0) o.imm12(op, true, rd, high != 0 ? rd : rn, low);
  } else {
    DCHECK(rn != kSp && temp != rn);
    mov_imm(o, true, temp, static_cast<u64>(value));
    o.rrr(kAdd, true, rd, rn, temp);
  }
}

// Loads and stores take a scaled 12-bit or an unscaled signed 9-bit displacement, or an index that
// is shifted by the size. All else is added up in x17 first.
void MasmA64::access(Out& o, MemOp op, u32 rt, const Address& a) {
  u32 base = a.base.number();
  const u32 size = 1u << op.log2_bytes;
  if (a.index.valid()) {
    const u32 index = a.index.number();
    if (a.disp == 0 && (a.shift == 0 || a.shift == op.log2_bytes)) {
      return o.mem_index(op, rt, base, index, a.shift != 0);
    }
    if (base == kSp) {
      o.rrr(kAddSp, true, kAddressScratch, base, index, a.shift);
    } else {
      o.rrr(kAdd, true, kAddressScratch, base, index, a.shift);
    }
    base = kAddressScratch;
  }
  const u32 disp = static_cast<u32>(a.disp);
  if (a.disp >= 0 && disp % size == 0 && disp / size < 4096) return o.mem(op, rt, base, disp);
  if (fits_signed(a.disp, 9)) return o.mem_unscaled(op, rt, base, a.disp);
  if (!a.index.valid()) {
    mov_imm(o, true, kAddressScratch, static_cast<u64>(i64{a.disp}));
    return o.mem_index(op, rt, base, kAddressScratch, false);
  }
  add_constant(o, kAddressScratch, base, a.disp, kScratch);
  o.mem(op, rt, kAddressScratch, 0);
}

void MasmA64::load(Load kind, Reg dst, Address a) {
  Out o(buffer_);
  access(o, kLoads[static_cast<u8>(kind)], dst.number(), a);
}

void MasmA64::store(Store kind, Address a, Reg src) {
  Out o(buffer_);
  access(o, kStores[static_cast<u8>(kind)], src.number(), a);
}

void MasmA64::store_imm(Store kind, Address a, i32 value) {
  DCHECK(kind <= Store::I64);
  Out o(buffer_);
  const MemOp op = kStores[static_cast<u8>(kind)];
  if (value == 0) return access(o, op, kZero, a);
  const u64 bits = kind == Store::I64 ? static_cast<u64>(i64{value}) : static_cast<u32>(value);
  const u32 temp = a.index.valid() ? kThirdScratch : kScratch;  // An index may cost both others.
  mov_imm(o, kind == Store::I64, temp, bits);
  access(o, op, temp, a);
}

// -- Integers -------------------------------------------------------------------------------------

void MasmA64::alu_imm(Out& o, Alu op, bool is_wide, u32 rd, u32 rn, i32 imm, u32 temp) {
  if (op == Alu::Add || op == Alu::Sub) {
    const bool add = (op == Alu::Add) == (imm >= 0);
    const u64 magnitude = static_cast<u64>(imm < 0 ? -i64{imm} : i64{imm});
    if (fits_imm12(magnitude) || fits_high_imm12(magnitude)) {
      const bool high = !fits_imm12(magnitude);
      const u32 field = static_cast<u32>(high ? magnitude >> 12 : magnitude);
      return o.imm12(add ? kAddImm : kSubImm, is_wide, rd, rn, field, high);
    }
  } else {
    const u64 value = static_cast<u64>(i64{imm});
    const i32 encoded = logical_immediate(is_wide ? value : static_cast<u32>(imm), is_wide);
    if (encoded >= 0) return o.logical(kAluLogical[static_cast<u8>(op)], is_wide, rd, rn, encoded);
    if (imm == 0 && op == Alu::And) return o.mov(is_wide, rd, kZero);
    if (imm == 0) return o.mov(is_wide, rd, rn);
    if (imm == -1 && op == Alu::And) return o.mov(is_wide, rd, rn);
    if (imm == -1 && op == Alu::Xor) return o.rrr(kOrn, is_wide, rd, kZero, rn);
  }
  mov_imm(o, is_wide, temp, is_wide ? static_cast<u64>(i64{imm}) : static_cast<u32>(imm));
  o.rrr(register_form(op), is_wide, rd, rn, temp);
}

void MasmA64::alu(Alu op, Width w, Reg dst, Reg lhs, Operand rhs) {
  Out o(buffer_);
  switch (rhs.kind) {
    case Operand::Kind::Register:
      return o.rrr(register_form(op), wide(w), dst.number(), lhs.number(), rhs.reg.number());
    case Operand::Kind::Immediate:
      return alu_imm(o, op, wide(w), dst.number(), lhs.number(), rhs.imm, kScratch);
    case Operand::Kind::Memory:
      access(o, wide(w) ? kLoadX : kLoadW, kScratch, rhs.address);
      return o.rrr(register_form(op), wide(w), dst.number(), lhs.number(), kScratch);
    case Operand::Kind::Constant:
      DCHECK(false);  // Of floats only.
      break;
  }
}

// The address may take x17 at both accesses, and x16 between them is spoiled by none with a
// displacement below 16 MiB; larger ones are added up once.
void MasmA64::alu_memory(Alu op, Width w, Address a, Operand rhs) {
  DCHECK(rhs.kind != Operand::Kind::Memory);
  Out o(buffer_);
  const MemOp load = wide(w) ? kLoadX : kLoadW, store = kStores[wide(w) ? 3 : 2];
  if (a.index.valid() || !fits_signed(a.disp, 9)) {
    u32 base = a.base.number();
    if (a.index.valid()) {
      o.rrr(base == kSp ? kAddSp : kAdd, true, kAddressScratch, base, a.index.number(), a.shift);
      base = kAddressScratch;
    }
    add_constant(o, kAddressScratch, base, a.disp, kScratch);
    a = {.base = int_reg(kAddressScratch)};
  }
  access(o, load, kScratch, a);
  if (rhs.kind == Operand::Kind::Register) {
    o.rrr(register_form(op), wide(w), kScratch, kScratch, rhs.reg.number());
  } else {
    alu_imm(o, op, wide(w), kScratch, kScratch, rhs.imm, kThirdScratch);
  }
  access(o, store, kScratch, a);
}

void MasmA64::add_scaled(Width w, Reg dst, Reg lhs, Reg rhs, u8 shift_by, i32 disp) {
  if (!rhs.valid()) return alu(Alu::Add, w, dst, lhs, Operand::immediate(disp));
  Out o(buffer_);
  const u32 d = dst.number();
  o.rrr(kAdd, wide(w), d, lhs.valid() ? lhs.number() : kZero, rhs.number(), shift_by);
  if (disp != 0) alu_imm(o, Alu::Add, wide(w), d, d, disp, kScratch);
}

void MasmA64::multiply(Width w, Reg dst, Reg lhs, Operand rhs) {
  Out o(buffer_);
  u32 right = rhs.reg.number();
  if (rhs.kind == Operand::Kind::Memory) {
    right = kScratch;
    access(o, wide(w) ? kLoadX : kLoadW, right, rhs.address);
  } else if (rhs.kind == Operand::Kind::Immediate) {
    const u32 imm = static_cast<u32>(rhs.imm);
    if (rhs.imm > 0 && std::has_single_bit(imm)) {
      const u32 by = static_cast<u32>(std::countr_zero(imm));
      return o.rrr(kOrr, wide(w), dst.number(), kZero, lhs.number(), by);
    }
    if (rhs.imm > 1 && std::has_single_bit(imm - 1)) {
      const u32 by = static_cast<u32>(std::countr_zero(imm - 1));
      return o.rrr(kAdd, wide(w), dst.number(), lhs.number(), lhs.number(), by);
    }
    right = kScratch;
    mov_imm(o, wide(w), right, wide(w) ? static_cast<u64>(i64{rhs.imm}) : imm);
  }
  o.rrrr(kMadd, wide(w), dst.number(), lhs.number(), right, kZero);
}

void MasmA64::high_multiply(Width w, bool is_signed, Reg dst, Reg lhs, Reg rhs) {
  Out o(buffer_);
  const u32 d = dst.number(), n = lhs.number(), m = rhs.number();
  if (wide(w)) return o.rrr(is_signed ? kSmulh : kUmulh, false, d, n, m);
  o.rrr(is_signed ? kSmull : kUmull, false, d, n, m);
  o.bitfield(kUbfm, true, d, d, 32, 63);
}

void MasmA64::multiply_wide(bool is_signed, Reg lo, Reg hi, Reg lhs, Reg rhs) {
  Out o(buffer_);
  const u32 n = lhs.number(), m = rhs.number();
  o.rrr(is_signed ? kSmulh : kUmulh, false, kScratch, n, m);
  o.rrrr(kMadd, true, lo.number(), n, m, kZero);
  o.mov(true, hi.number(), kScratch);
}

void MasmA64::add_wide(bool subtract, Reg lo, Reg hi, Operand rhs_lo, Operand rhs_hi) {
  Out o(buffer_);
  const auto in_register = [&](const Operand& operand) {
    if (operand.kind == Operand::Kind::Register) return u32{operand.reg.number()};
    if (operand.kind == Operand::Kind::Memory) {
      access(o, kLoadX, kScratch, operand.address);
    } else {
      mov_imm(o, true, kScratch, static_cast<u64>(i64{operand.imm}));
    }
    return kScratch;
  };
  const u32 low = lo.number(), high = hi.number();
  o.rrr(subtract ? kSubs : kAdds, true, low, low, in_register(rhs_lo));
  o.rrr(subtract ? kSbc : kAdc, true, high, high, in_register(rhs_hi));
}

// The machine divides by zero to 0 and MIN by -1 to MIN, so only the checks are ours; with them
// the remainder n - n / d * d is right in every case.
Reg MasmA64::divide(Divide op, Width w, Reg dst, Reg lhs, Reg rhs, Label* by_zero,
                    Label* overflow) {
  Out o(buffer_);
  const u32 d = dst.number(), n = lhs.number(), m = rhs.number();
  const bool is_signed = op == Divide::DivS || op == Divide::RemS;
  if (by_zero != nullptr) branch_zero(o, kCbz, wide(w), m, *by_zero);
  if (op == Divide::DivS && overflow != nullptr) {
    // If rhs is -1, compare lhs with 1, which only MIN overflows; else clear the flags.
    o.imm12(kAddsImm, wide(w), kZero, m, 1);
    o.word(kCcmpImm | u32{wide(w)} << 31 | 1u << 16 | u32{EQ} << 12 | n << 5);
    branch(o, VS, *overflow);
  }
  const u32 divide_op = is_signed ? kSdiv : kUdiv;
  if (op == Divide::DivS || op == Divide::DivU) {
    o.rrr(divide_op, wide(w), d, n, m);
  } else {
    o.rrr(divide_op, wide(w), kScratch, n, m);
    o.rrrr(kMsub, wide(w), d, kScratch, m, n);
  }
  return dst;
}

void MasmA64::shift(Shift op, Width w, Reg dst, Reg lhs, Reg count) {
  constexpr u32 kOps[] = {kLslv, kAsrv, kLsrv, kRorv, kRorv};
  Out o(buffer_);
  u32 by = count.number();
  if (op == Shift::Rotl) {
    o.rrr(kSub, false, kScratch, kZero, by);
    by = kScratch;
  }
  o.rrr(kOps[static_cast<u8>(op)], wide(w), dst.number(), lhs.number(), by);
}

void MasmA64::shift(Shift op, Width w, Reg dst, Reg lhs, u8 count) {
  const u32 bits = bits_of(w), by = count & (bits - 1);
  if (by == 0) return move(w, dst, lhs);
  Out o(buffer_);
  const u32 d = dst.number(), n = lhs.number();
  switch (op) {
    case Shift::Shl:
      return o.bitfield(kUbfm, wide(w), d, n, bits - by, bits - 1 - by);
    case Shift::ShrS:
      return o.bitfield(kSbfm, wide(w), d, n, by, bits - 1);
    case Shift::ShrU:
      return o.bitfield(kUbfm, wide(w), d, n, by, bits - 1);
    case Shift::Rotl:
      return o.rotate_imm(wide(w), d, n, bits - by);
    case Shift::Rotr:
      return o.rotate_imm(wide(w), d, n, by);
  }
}

void MasmA64::unary(Unary op, Width w, Reg dst, Reg src) {
  Out o(buffer_);
  const u32 d = dst.number(), n = src.number();
  switch (op) {
    case Unary::Clz:
      return o.rr(kClz, wide(w), d, n);
    case Unary::Ctz:
      o.rr(kRbit, wide(w), kScratch, n);
      return o.rr(kClz, wide(w), d, kScratch);
    case Unary::Popcnt:
      // Only vectors can count: bytes, then their sum.
      o.rr(wide(w) ? kFmovFromInt64 : kFmovFromInt32, false, kVectorScratch, n);
      o.rr(kCnt, false, kVectorScratch, kVectorScratch);
      o.rr(kAddv, false, kVectorScratch, kVectorScratch);
      return o.rr(kFmovToInt32, false, d, kVectorScratch);
    case Unary::Extend8S:
      return o.bitfield(kSbfm, wide(w), d, n, 0, 7);
    case Unary::Extend16S:
      return o.bitfield(kSbfm, wide(w), d, n, 0, 15);
    case Unary::Extend32S:
      return o.bitfield(kSbfm, wide(w), d, n, 0, 31);
    case Unary::Neg:
      return o.rrr(kSub, wide(w), d, kZero, n);
    case Unary::Not:
      return o.rrr(kOrn, wide(w), d, kZero, n);
  }
}

// -- Comparisons ----------------------------------------------------------------------------------

void MasmA64::compare_imm(Out& o, bool is_wide, u32 rn, i32 imm) {
  const u64 magnitude = static_cast<u64>(imm < 0 ? -i64{imm} : i64{imm});
  if (fits_imm12(magnitude) || fits_high_imm12(magnitude)) {
    const bool high = !fits_imm12(magnitude);
    const u32 field = static_cast<u32>(high ? magnitude >> 12 : magnitude);
    return o.imm12(imm < 0 ? kAddsImm : kSubsImm, is_wide, kZero, rn, field, high);
  }
  mov_imm(o, is_wide, kScratch, is_wide ? static_cast<u64>(i64{imm}) : static_cast<u32>(imm));
  o.rrr(kSubs, is_wide, kZero, rn, kScratch);
}

MasmA64::Cc MasmA64::compare(Out& o, const Compare& c) {
  if (c.kind == Compare::Kind::Float) return compare_float(o, c);
  const bool is_test = c.kind == Compare::Kind::Test, is_wide = wide(c.width);
  const u32 n = c.lhs.number();
  u32 right = c.rhs.reg.number();
  if (c.rhs.kind == Operand::Kind::Immediate) {
    if (!is_test) {
      compare_imm(o, is_wide, n, c.rhs.imm);
      return cc_of(c.cond);
    }
    const u64 value = is_wide ? static_cast<u64>(i64{c.rhs.imm}) : static_cast<u32>(c.rhs.imm);
    const i32 encoded = logical_immediate(value, is_wide);
    if (encoded >= 0) {
      o.logical(kAndsImm, is_wide, kZero, n, encoded);
      return cc_of(c.cond);
    }
    right = kScratch;
    mov_imm(o, is_wide, right, value);
  } else if (c.rhs.kind == Operand::Kind::Memory) {
    right = kScratch;
    access(o, is_wide ? kLoadX : kLoadW, right, c.rhs.address);
  }
  o.rrr(is_test ? kAnds : kSubs, is_wide, kZero, n, right);
  return cc_of(c.cond);
}

// Is one operand zero, whichever way that is asked?
bool MasmA64::compares_with_zero(const Compare& c) {
  if (c.kind == Compare::Kind::Int) return c.rhs.is_immediate(0);
  return c.kind == Compare::Kind::Test && c.rhs.kind == Operand::Kind::Register &&
         c.rhs.reg == c.lhs;
}

void MasmA64::set_if(const Compare& c, Reg dst) {
  Out o(buffer_);
  if (c.cond == Cond::LtS && compares_with_zero(c)) {
    const u32 top = bits_of(c.width) - 1;
    return o.bitfield(kUbfm, wide(c.width), dst.number(), c.lhs.number(), top, top);
  }
  o.select(kCsinc, false, dst.number(), kZero, kZero, !compare(o, c));
}

void MasmA64::select_if(const Compare& c, Width w, Reg dst, Reg if_true, Reg if_false) {
  Out o(buffer_);
  const Cc cc = compare(o, c);
  if (dst.is_vector()) {
    constexpr u32 kF64 = 1u << 22;
    o.select(kFcsel | kF64, false, dst.number(), if_true.number(), if_false.number(), cc);
  } else {
    o.select(kCsel, wide(w), dst.number(), if_true.number(), if_false.number(), cc);
  }
}

void MasmA64::branch_if(const Compare& c, Label& label) {
  Out o(buffer_);
  if (c.kind == Compare::Kind::Int && c.rhs.kind == Operand::Kind::Register) [[likely]] {
    o.rrr(kSubs, wide(c.width), kZero, c.lhs.number(), c.rhs.reg.number());
    branch(o, cc_of(c.cond), label);
  } else if (c.cond <= Cond::Ne && compares_with_zero(c)) {
    branch_zero(o, c.cond == Cond::Eq ? kCbz : kCbnz, wide(c.width), c.lhs.number(), label);
  } else {
    const Cc cc = compare(o, c);
    branch(o, cc, label);
  }
}

// -- Control --------------------------------------------------------------------------------------

// Writes the distance from a reference to its label into the field that its instruction has.
void MasmA64::apply(const Fixup& f, u32 position) {
  u8* at = buffer_.at(f.at);
  const i64 distance = i64{position} - f.base;
  if (f.in_table) return set_word(at, static_cast<u32>(distance));
  const u32 word = word_at(at);
  if ((word & 0x7c000000) == kB) {
    if (!fits_signed(distance, 28)) return out_of_range();
    set_word(at, word | (static_cast<u32>(distance >> 2) & 0x3ffffff));
  } else {
    if (!fits_signed(distance, 21)) return out_of_range();
    set_word(at, word | (static_cast<u32>(distance >> 2) & 0x7ffff) << 5);
  }
}

void MasmA64::bind(Label& label) {
  buffer_.bind(label, [&](const Fixup& f) { apply(f, static_cast<u32>(label.position)); });
}

void MasmA64::long_branch(Out& o, Label& label) {
  const u32 at = o.offset();
  o.word(kB);
  const Fixup fixup{at, at, -1};
  label.bound() ? apply(fixup, static_cast<u32>(label.position)) : buffer_.add_fixup(label, at, at);
}

// A branch with a 19-bit distance, or its inverse around a long one where that may not reach.
void MasmA64::branch_over(Out& o, u32 op, u32 inverted, Label& label) {
  const u32 at = o.offset();
  const bool far = label.bound() ? !fits_signed(i64{label.position} - at, 21) : far_branches_;
  if (far) {
    o.word(inverted | 2 << 5);
    return long_branch(o, label);
  }
  o.word(op);
  const Fixup fixup{at, at, -1};
  label.bound() ? apply(fixup, static_cast<u32>(label.position)) : buffer_.add_fixup(label, at, at);
}

void MasmA64::branch(Out& o, Cc cc, Label& label) {
  branch_over(o, kBcond | cc, kBcond | !cc, label);
}

void MasmA64::branch_zero(Out& o, u32 op, bool is_wide, u32 rt, Label& label) {
  const u32 rest = u32{is_wide} << 31 | rt;
  branch_over(o, op | rest, (kCbz ^ kCbnz ^ op) | rest, label);
}

void MasmA64::jump(Label& label) {
  Out o(buffer_);
  long_branch(o, label);
}

// The table of 32-bit distances from its own start follows the jump.
void MasmA64::jump_table(Reg index, std::span<Label* const> targets, bool checked) {
  DCHECK(!targets.empty());
  Out o(buffer_, Buffer::kMethodBytesMax + 4 * targets.size());
  const u32 i = index.number();
  if (!checked) {
    mov_imm(o, false, kScratch, targets.size() - 1);
    o.rrr(kSubs, false, kZero, i, kScratch);
    o.select(kCsel, false, i, i, kScratch, LS);
  }
  constexpr u32 kWordsToTable = 4;
  o.word(kAdr | kWordsToTable << 5 | kAddressScratch);
  o.mem_index(kLoadSignedW, kScratch, kAddressScratch, i, true);
  o.rrr(kAdd, true, kAddressScratch, kAddressScratch, kScratch);
  o.rr(kBr, false, 0, kAddressScratch);
  const u32 table = o.offset();
  for (Label* target : targets) {
    if (target->bound()) {
      o.word(static_cast<u32>(target->position) - table);
    } else {
      buffer_.add_fixup(*target, o.offset(), table, true);
      o.word(0);
    }
  }
}

CallReloc MasmA64::near_transfer(u32 direct, u32 indirect, Near kind, u32 index) {
  Out o(buffer_);
  const CallReloc reloc{o.offset(), index, kind};
  if (kind == Near::Slot) {
    o.word(kAdrp | kAddressScratch);
    o.mem(kLoadX, kAddressScratch, kAddressScratch, 0);
    o.rr(indirect, false, 0, kAddressScratch);
  } else {
    o.word(direct);
  }
  return reloc;
}

CallReloc MasmA64::call_near(Near kind, u32 index) { return near_transfer(kBl, kBlr, kind, index); }
CallReloc MasmA64::jump_near(Near kind, u32 index) { return near_transfer(kB, kBr, kind, index); }

CallReloc MasmA64::call_stub_before_frame(u32 stub) {
  {
    Out o(buffer_);
    o.mem_pre(kStoreX, kLink, kSp, -16);
  }
  const CallReloc reloc = call_near(Near::Stub, stub);
  Out o(buffer_);
  o.mem_post(kLoadX, kLink, kSp, 16);
  return reloc;
}

// x16 may hold the callee's function index.
void MasmA64::jump_through(Out& o, u32 op, const Address& a) {
  access(o, kLoadX, kAddressScratch, a);
  o.rr(op, false, 0, kAddressScratch);
}

void MasmA64::call(Address a) {
  Out o(buffer_);
  jump_through(o, kBlr, a);
}
void MasmA64::call(Reg r) { Out(buffer_).rr(kBlr, false, 0, r.number()); }
void MasmA64::jump(Address a) {
  Out o(buffer_);
  jump_through(o, kBr, a);
}
void MasmA64::jump(Reg r) { Out(buffer_).rr(kBr, false, 0, r.number()); }

void MasmA64::ret(u32 bytes) {
  Out o(buffer_);
  if (bytes > kImm24Max) return buffer_.fail();
  if (bytes != 0) add_constant(o, kSp, kSp, bytes, kScratch);
  o.rr(kRet, false, 0, kLink);
}

void MasmA64::trap_instruction() { Out(buffer_).word(kUdf); }

// -- Frames and checks ----------------------------------------------------------------------------

// The return address goes into the top 16 bytes of the frame; the rest is made by two instructions
// that hold 12 bits each and become no-ops where they hold none.
Patch MasmA64::enter_frame() {
  Out o(buffer_);
  o.mem_pre(kStoreX, kLink, kSp, -16);
  const Patch patch{o.offset()};
  o.imm12(kSubImm, true, kSp, kSp, 0, true);
  o.imm12(kSubImm, true, kSp, kSp, 0);
  return patch;
}

Patch MasmA64::leave_frame() {
  Out o(buffer_);
  const Patch patch{o.offset()};
  o.imm12(kAddImm, true, kSp, kSp, 0, true);
  o.imm12(kAddImm, true, kSp, kSp, 0);
  o.mem_post(kLoadX, kLink, kSp, 16);
  return patch;
}

Patch MasmA64::frame_end(Reg dst) {
  Out o(buffer_);
  const Patch patch{o.offset()};
  o.imm12(kAddImm, true, dst.number(), kSp, 0, true);
  o.imm12(kAddImm, true, dst.number(), dst.number(), 0);
  return patch;
}

void MasmA64::patch_frame(Patch patch, u32 frame_bytes) {
  u8* at = buffer_.at(patch.offset);
  const u32 first = word_at(at);
  const bool moves_sp = (first & 31) == kSp;
  DCHECK(!moves_sp || (frame_bytes >= 16 && frame_bytes % 16 == 0));
  const u32 bytes = moves_sp ? frame_bytes - 16 : frame_bytes;
  if (bytes > kImm24Max) return buffer_.fail();
  const u32 high = bytes >> 12, low = bytes & 4095;
  set_word(at, moves_sp && high == 0 ? kNop : first | high << 10);
  const u32 second = word_at(at + 4);
  set_word(at + 4, moves_sp && low == 0 ? kNop : second | low << 10);
}

void MasmA64::adjust_sp(i32 bytes) {
  if (bytes == 0) return;
  Out o(buffer_);
  const i64 magnitude = bytes < 0 ? -i64{bytes} : i64{bytes};
  if (static_cast<u64>(magnitude) > kImm24Max) return buffer_.fail();
  add_constant(o, kSp, kSp, bytes, kScratch);
}

void MasmA64::return_address(Reg dst) {
  Out o(buffer_);
  o.mov(true, dst.number(), kLink);
}

void MasmA64::move_return_address(i32 bytes) { adjust_sp(bytes); }

Patch MasmA64::stack_check(Label& cold) {
  Out o(buffer_);
  const Patch patch{o.offset()};
  o.imm12(kSubImm, true, kAddressScratch, kSp, 0, true);
  o.imm12(kSubImm, true, kAddressScratch, kAddressScratch, 0);
  o.mem(kLoadX, kScratch, kContext, kStackLimit);
  o.rrr(kSubs, true, kZero, kAddressScratch, kScratch);
  branch(o, LO, cold);
  return patch;
}

void MasmA64::patch_stack_check(Patch patch, u32 frame_bytes) {
  if (frame_bytes > kImm24Max) return buffer_.fail();
  u8* at = buffer_.at(patch.offset);
  set_word(at, word_at(at) | (frame_bytes >> 12) << 10);
  set_word(at + 4, word_at(at + 4) | (frame_bytes & 4095) << 10);
}

void MasmA64::stack_check_small(Label& cold) {
  Out o(buffer_);
  o.mem(kLoadX, kScratch, kContext, kStackLimit);
  o.rrr(kSubsSp, false, kZero, kSp, kScratch);
  branch(o, LO, cold);
}

void MasmA64::poll(Label& cold) {
  Out o(buffer_);
  o.mem(kLoadByte, kScratch, kContext, kAlarm);
  branch_zero(o, kCbnz, false, kScratch, cold);
}

void MasmA64::poll_epoch(const void* counter, Label& cold) {
  Out o(buffer_);
  mov_imm(o, true, kAddressScratch, reinterpret_cast<u64>(counter));
  o.mem(kLoadX, kAddressScratch, kAddressScratch, 0);
  o.mem(kLoadX, kScratch, kContext, kAlarm);
  o.rrr(kSubs, true, kZero, kAddressScratch, kScratch);
  branch(o, HS, cold);
}

void MasmA64::poll_page() {
  Out o(buffer_);
  o.mem(kLoadX, kScratch, kContext, kAlarm);
  o.mem(kLoadByte, kZero, kScratch, 0);
}

void MasmA64::charge_fuel(u32 units, Label* cold) {
  Out o(buffer_);
  o.mem(kLoadX, kScratch, kContext, kAlarm);
  if (fits_imm12(units)) {
    o.imm12(kSubsImm, true, kScratch, kScratch, units);
  } else {
    mov_imm(o, false, kAddressScratch, units);
    o.rrr(kSubs, true, kScratch, kScratch, kAddressScratch);
  }
  o.mem(kStoreX, kScratch, kContext, kAlarm);
  if (cold != nullptr) branch(o, MI, *cold);
}

// Three forms by what can hold `end`: one 12-bit immediate, two, or a constant of three halfwords.
Patch MasmA64::sum_for_bounds(Out& o, Reg index, u64 end, bool sets_carry) {
  const Patch patch{o.offset()};
  const u32 add = sets_carry ? kAdds : kAdd;
  if (index.valid() && end <= kImm24Max && !sets_carry) {
    const bool two = end > 4095;
    if (two) {
      o.imm12(kAddImm, true, kScratch, index.number(), static_cast<u32>(end >> 12), true);
    }
    o.imm12(kAddImm, true, kScratch, two ? kScratch : index.number(), end & 4095);
    return patch;
  }
  o.imm16(kMovz, true, kScratch, end & 0xffff, 0);
  o.imm16(kMovk, true, kScratch, end >> 16 & 0xffff, 1);
  o.imm16(kMovk, true, kScratch, end >> 32 & 0xffff, 2);
  if (end >> 48 != 0) o.imm16(kMovk, true, kScratch, static_cast<u32>(end >> 48), 3);
  if (index.valid()) o.rrr(add, true, kScratch, kScratch, index.number());
  return patch;
}

Patch MasmA64::bounds_check(Reg index, u64 end, Label& cold) {
  Out o(buffer_);
  const Patch patch = sum_for_bounds(o, index, end, false);
  o.rrr(kSubs, true, kZero, kScratch, kExtent);
  branch(o, HI, cold);
  return patch;
}

Patch MasmA64::bounds_check_any(Reg index, u64 end, Operand limit, Label& cold, Label* wrapped) {
  Out o(buffer_);
  const Patch patch = sum_for_bounds(o, index, end, wrapped != nullptr);
  if (wrapped != nullptr && index.valid()) branch(o, HS, *wrapped);
  u32 right = limit.reg.number();
  if (limit.kind == Operand::Kind::Memory) {
    right = kAddressScratch;
    access(o, kLoadX, right, limit.address);
  }
  o.rrr(kSubs, true, kZero, kScratch, right);
  branch(o, HI, cold);
  return patch;
}

bool MasmA64::patch_bounds(Patch patch, u64 end) {
  constexpr u32 kImm12Field = 4095 << 10, kImm16Field = 0xffff << 5, kHigh = 1 << 22;
  u8* at = buffer_.at(patch.offset);
  const u32 first = word_at(at);
  const auto set_imm12 = [](u8* p, u64 value) {
    set_word(p, (word_at(p) & ~kImm12Field) | static_cast<u32>(value & 4095) << 10);
  };
  const auto set_imm16 = [](u8* p, u64 value) {
    set_word(p, (word_at(p) & ~kImm16Field) | static_cast<u32>(value & 0xffff) << 5);
  };
  if ((first & 0x7f800000) == kMovz) {
    if (end >> 48 != 0) return false;
    for (u32 i = 0; i < 3; i++) set_imm16(at + 4 * i, end >> 16 * i);
  } else if ((first & kHigh) != 0) {
    if (end > kImm24Max) return false;
    set_imm12(at, end >> 12);
    set_imm12(at + 4, end);
  } else {
    if (end > 4095) return false;
    set_imm12(at, end);
  }
  return true;
}

bool MasmA64::patch_call(Near kind, u8* at, const u8* from, const u8* target) const {
  if (kind == Near::Slot) {
    const u64 page = reinterpret_cast<u64>(from) & ~u64{4095};
    const u64 to = reinterpret_cast<u64>(target);
    const i64 pages = static_cast<i64>((to & ~u64{4095}) - page) >> 12;
    if (!fits_signed(pages, 21) || to % 8 != 0) return false;
    const u32 field = static_cast<u32>(pages);
    set_word(at, kAdrp | kAddressScratch | (field & 3) << 29 | (field >> 2 & 0x7ffff) << 5);
    const u32 load = word_at(at + 4) & ~(4095u << 10);
    set_word(at + 4, load | static_cast<u32>(to & 4095) / 8 << 10);
    return true;
  }
  const i64 distance = target - from;
  if (!fits_signed(distance, 28)) return false;
  set_word(at, (word_at(at) & 0xfc000000) | (static_cast<u32>(distance >> 2) & 0x3ffffff));
  return true;
}

std::unique_ptr<Masm> make_masm_a64(const CpuFeatures& cpu) {
  return std::make_unique<MasmA64>(cpu);
}

}  // namespace lr::jit
