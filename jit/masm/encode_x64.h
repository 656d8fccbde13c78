// x86-64 instruction bytes. Out is a cursor over the code buffer for the length of one method:
//
//   Out o(buffer_);                       // makes room
//   o.rr(kMov, w, dst, src);              // the cursor lives in a machine register
//                                         // the destructor hands it back
//
// An instruction is [prefix] [REX] [0F [38|3A]] opcode modrm [sib] [disp] [imm], or the same with
// prefix, REX and escapes packed into a VEX prefix. In every method `reg` is the modrm.reg operand
// and `rm` the modrm.rm operand, as the manuals' tables name them.
#pragma once

#include <asmjit/x86.h>

#include <cstring>

#include "jit/masm/code_buffer.h"

namespace lr::jit::x64 {

using Buffer = CodeBuffer<asmjit::x86::Assembler>;

// Prefix (0, 66, F2, F3), map (0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A) and opcode.
struct Op {
  u8 prefix;
  u8 map;
  u8 code;
};

// An Op for tables: read at run time it costs no branches.
struct PackedOp {
  u8 prefix;
  u8 tail_bytes;
  u16 tail;  // Escape and opcode.
  bool wide;
  bool byte_register;
};
constexpr PackedOp pack(Op op, bool wide = false, bool byte_register = false) {
  const bool escape = op.map == 1;
  const u32 tail = escape ? 0x0f | u32{op.code} << 8 : op.code;
  return {op.prefix, escape ? u8{2} : u8{1}, static_cast<u16>(tail), wide, byte_register};
}

enum Cc : u8 { O, NO, B, AE, E, NE, BE, A, S, NS, P, NP, L, GE, LE, G };
constexpr Cc operator!(Cc cc) { return static_cast<Cc>(cc ^ 1); }

constexpr bool fits_i8(i64 value) { return value == static_cast<i8>(value); }
constexpr bool fits_i32(i64 value) { return value == static_cast<i32>(value); }

// Part of an instruction, in the order of memory, put together from its end.
struct Bytes {
  u64 bits;
  u32 count;

  constexpr void before(u32 byte) {
    bits = bits << 8 | byte;
    count++;
  }
  constexpr void before_if(bool condition, u32 byte) {
    const u64 longer = bits << 8 | byte;
    bits = condition ? longer : bits;
    count += condition;
  }
};

class Out {
 public:
  explicit Out(Buffer& buffer, usize bytes = Buffer::kMethodBytesMax)
      : p(buffer.room(bytes)), buffer_(buffer) {}
  ~Out() { buffer_.advance_to(p); }
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;

  u32 offset() const { return static_cast<u32>(p - buffer_.at(0)); }

  void byte(u32 value) { *p++ = static_cast<u8>(value); }
  void word(u32 value) { put(static_cast<u16>(value)); }
  void dword(u32 value) { put(value); }
  void qword(u64 value) { put(value); }

  // Instruction without immediate; `wide` is REX.W (VEX.W). `byte_register`: the operand rm (in
  // rr) or reg (in rm) is a byte.
  void rr(Op op, bool wide, u32 reg, u32 rm, bool byte_register = false) {
    put(head(tail(op), op.prefix, wide, reg, 0, rm, byte_register && needs_rex(rm)),
        modrm(reg, rm));
  }
  void rm(Op op, bool wide, u32 reg, const Address& m, bool byte_register = false) {
    const bool force = byte_register && needs_rex(reg);
    put(head(tail(op), op.prefix, wide, reg, index_of(m), m.base.number(), force), modrm(reg, m));
  }
  void rm(const PackedOp& op, u32 reg, const Address& m) {
    const bool force = op.byte_register & needs_rex(reg);
    put(head({op.tail, op.tail_bytes}, op.prefix, op.wide, reg, index_of(m), m.base.number(),
             force),
        modrm(reg, m));
  }

  // VEX forms; `v` is the first source of the three-operand form, 0 where there is none (the
  // field is stored inverted, and an unused one must read 1111).
  void vex_rr(Op op, bool wide, u32 reg, u32 v, u32 rm) {
    put(vex_head(op, wide, reg, v, 0, rm), modrm(reg, rm));
  }
  void vex_rm(Op op, bool wide, u32 reg, u32 v, const Address& m) {
    const u32 index = m.index.valid() ? m.index.number() : 0;
    put(vex_head(op, wide, reg, v, index, m.base.number()), modrm(reg, m));
  }

  // The memory operand is at an absolute address, which is sign-extended.
  void rm_absolute(Op op, bool wide, u32 reg, i32 address) {
    put(head(tail(op), op.prefix, wide, reg, 0, 0, false), {0x2500 | (reg & 7) << 3 | 4, 2});
    dword(static_cast<u32>(address));
  }

  // The memory operand is what `label` will name, relative to the instruction's end, which is
  // `imm_bytes` behind the field.
  void rm(Op op, bool wide, u32 reg, Label& label, u32 imm_bytes = 0) {
    put(head(tail(op), op.prefix, wide, reg, 0, 0, false), {(reg & 7) << 3 | 5, 1});
    rip(label, imm_bytes);
  }
  void vex_rm(Op op, bool wide, u32 reg, u32 v, Label& label, u32 imm_bytes = 0) {
    put(vex_head(op, wide, reg, v, 0, 0), {(reg & 7) << 3 | 5, 1});
    rip(label, imm_bytes);
  }

  // A short jump to a place further on in the same method; land() completes it.
  [[nodiscard]] u8* jump_short(Cc cc) {
    byte(0x70 | cc);
    return p++;
  }
  [[nodiscard]] u8* jump_short() {
    byte(0xeb);
    return p++;
  }
  void land(u8* at) {
    DCHECK(p - at - 1 <= 127);
    *at = static_cast<u8>(p - at - 1);
  }
  void jump(Label& label) {
    if (backward_short(label, 0xeb)) return;
    byte(0xe9);
    rel32(label);
  }
  void jump(Cc cc, Label& label) {
    if (backward_short(label, 0x70 | cc)) return;
    byte(0x0f);
    byte(0x80 | cc);
    rel32(label);
  }

  u8* p;

 private:
  template <typename T>
  void put(T value) {
    std::memcpy(p, &value, sizeof value);
    p += sizeof value;
  }
  // Whole words, and one addition: what follows waits for the cursor and nothing else.
  void put(Bytes first, Bytes second) {
    std::memcpy(p, &first.bits, sizeof first.bits);
    std::memcpy(p + first.count, &second.bits, sizeof second.bits);
    p += first.count + second.count;
  }

  // Without a REX prefix 4 to 7 name ah, ch, dh and bh in byte instructions.
  static bool needs_rex(u32 reg) { return reg >= 4; }
  // 100 in the sib byte says that there is no index.
  static u32 index_of(const Address& m) { return m.index.valid() ? m.index.number() : 4; }

  static Bytes tail(Op op) {
    Bytes b{op.code, 1};
    if (op.map == 2) b.before(0x38);
    if (op.map == 3) b.before(0x3a);
    if (op.map >= 1) b.before(0x0f);
    return b;
  }

  static Bytes head(Bytes b, u8 prefix, bool wide, u32 reg, u32 index, u32 base, bool force) {
    const u32 rex = (wide ? 8u : 0u) | reg >> 3 << 2 | index >> 3 << 1 | base >> 3;
    b.before_if((rex != 0) | force, 0x40 | rex);
    b.before_if(prefix != 0, prefix);
    return b;
  }

  static Bytes vex_head(Op op, bool wide, u32 reg, u32 v, u32 index, u32 base) {
    const u32 pp = op.prefix == 0x66 ? 1 : op.prefix == 0xf3 ? 2 : op.prefix == 0xf2 ? 3 : 0;
    const u32 not_r = reg < 8 ? 0x80 : 0;
    const u32 v_and_pp = (~v & 15) << 3 | pp;
    const u32 not_xb = (index < 8 ? 0x40u : 0u) | (base < 8 ? 0x20u : 0u);
    const bool is_short = op.map == 1 && !wide && not_xb == 0x60;
    const u32 two = 0xc5 | (not_r | v_and_pp) << 8 | u32{op.code} << 16;
    const u32 three = 0xc4 | (not_r | not_xb | op.map) << 8 |
                      ((wide ? 0x80u : 0u) | v_and_pp) << 16 | u32{op.code} << 24;
    return {is_short ? two : three, is_short ? 3u : 4u};
  }

  static Bytes modrm(u32 reg, u32 rm) { return {0xc0 | (reg & 7) << 3 | (rm & 7), 1}; }

  static Bytes modrm(u32 reg, const Address& m) {
    const u32 base = m.base.number() & 7u;
    // With base 101 mode 0 means something else: such an address gets a displacement of 0.
    const u32 mode = m.disp == 0 && base != 5 ? 0 : fits_i8(m.disp) ? 1 : 2;
    const u32 index = index_of(m);
    // Base 100 asks for a sib byte, an index needs one.
    const bool has_sib = (base == 4) | (index != 4);
    Bytes b{static_cast<u32>(m.disp), mode == 2 ? 4 : mode};
    b.before_if(has_sib, u32{m.shift} << 6 | (index & 7) << 3 | base);
    b.before(mode << 6 | (reg & 7) << 3 | (has_sib ? 4 : base));
    return b;
  }

  bool backward_short(const Label& label, u32 opcode) {
    if (!label.bound()) return false;
    const i64 distance = i64{label.position} - (offset() + 2);
    if (!fits_i8(distance)) return false;
    byte(opcode);
    byte(static_cast<u32>(distance));
    return true;
  }
  void rel32(Label& label) {
    const u32 at = offset();
    if (label.bound()) {
      dword(static_cast<u32>(label.position) - (at + 4));
    } else {
      buffer_.add_fixup(label, at, at + 4);
      dword(0);
    }
  }
  void rip(Label& label, u32 imm_bytes) {
    buffer_.add_fixup(label, offset(), offset() + 4 + imm_bytes);
    dword(0);
  }

  Buffer& buffer_;
};

}  // namespace lr::jit::x64
