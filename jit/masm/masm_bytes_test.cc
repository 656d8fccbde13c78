// What is written directly is compared with asmjit, for all registers and address forms: the same
// instruction by the disassembler's word, in no more bytes (x86-64), or the same bytes (AArch64).
#include <asmjit/arm/a64assembler.h>
#include <asmjit/x86.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "jit/masm/masm.h"

namespace lr::jit {

namespace {

namespace x86 = asmjit::x86;

constexpr Width kWidths[] = {Width::W32, Width::W64};
constexpr i32 kDisplacements[] = {0, 1, -1, 127, 128, -128, -129, 1000, INT32_MAX, INT32_MIN};
constexpr i32 kImmediates[] = {0, 1, -1, 5, 127, 128, -128, -129, 256, 70000, INT32_MAX, INT32_MIN};

template <typename Assembler>
class Oracle {
 public:
  explicit Oracle(asmjit::Arch arch) {
    code_.init(asmjit::Environment(arch));
    code_.attach(&as_);
  }
  std::span<const u8> emit(const std::function<void(Assembler&)>& theirs) {
    as_.setOffset(0);
    theirs(as_);
    return {as_.bufferData(), as_.offset()};
  }

 private:
  asmjit::CodeHolder code_;
  Assembler as_;
};

class BytesX64 : public testing::Test {
 protected:
  using Asm = x86::Assembler;

  void expect(const std::function<void(Masm&)>& ours, const std::function<void(Asm&)>& theirs) {
    masm_->reset();
    ours(*masm_);
    const auto reference = oracle_.emit(theirs);
    EXPECT_EQ(masm_->listing(), disassemble_x64(reference, 0));
    EXPECT_LE(masm_->code().size(), reference.size()) << masm_->listing();
    EXPECT_TRUE(masm_->ok());
  }
  void use(const char* level) {
    CpuFeatures cpu;
    cpu.avx = cpu.bmi1 = cpu.bmi2 = cpu.lzcnt = true;
    masm_ = make_masm_x64(restrict_cpu(cpu, level));
  }

  static x86::Gp gp(Width w, Reg r) {
    return w == Width::W64 ? x86::Gp(x86::gpq(r.number())) : x86::Gp(x86::gpd(r.number()));
  }
  static x86::Gp gp8(Reg r) { return x86::gpb(r.number()); }
  static x86::Gp gp16(Reg r) { return x86::gpw(r.number()); }
  static x86::Xmm xmm(Reg r) { return x86::xmm(r.number()); }
  static x86::Mem mem(const Address& a, u32 bytes) {
    if (a.index.valid()) {
      return x86::Mem(x86::gpq(a.base.number()), x86::gpq(a.index.number()), a.shift, a.disp,
                      bytes);
    }
    return x86::Mem(x86::gpq(a.base.number()), a.disp, bytes);
  }

  template <typename F>
  static void each_reg(F f) {
    for (u8 r = 0; r < 16; r++) f(int_reg(r));
  }
  template <typename F>
  static void each_address(F f) {
    each_reg([&](Reg base) {
      for (const i32 disp : kDisplacements) {
        f(Address{.base = base, .disp = disp});
        for (const u8 index : {u8{0}, u8{5}, u8{8}, u8{12}, u8{13}}) {
          const u8 shift = static_cast<u8>((index + base.number()) & 3);
          f(Address{.base = base, .index = int_reg(index), .shift = shift, .disp = disp});
        }
      }
    });
  }

  std::unique_ptr<Masm> masm_ = make_masm_x64(CpuFeatures());
  Oracle<Asm> oracle_{asmjit::Arch::kX64};
};

void emit_alu(x86::Assembler& a, Alu op, const asmjit::Operand& dst, const asmjit::Operand& src) {
  constexpr asmjit::InstId kIds[] = {x86::Inst::kIdAdd, x86::Inst::kIdSub, x86::Inst::kIdAnd,
                                     x86::Inst::kIdOr, x86::Inst::kIdXor};
  a.emit(kIds[static_cast<u8>(op)], dst, src);
}
constexpr Alu kAlus[] = {Alu::Add, Alu::Sub, Alu::And, Alu::Or, Alu::Xor};

TEST_F(BytesX64, AluOfRegisters) {
  for (const Width w : kWidths) {
    each_reg([&](Reg dst) {
      each_reg([&](Reg src) {
        for (const Alu op : kAlus) {
          expect([&](Masm& m) { m.alu(op, w, dst, dst, src); },
                 [&](Asm& a) { emit_alu(a, op, gp(w, dst), gp(w, src)); });
        }
        expect([&](Masm& m) { m.multiply(w, dst, dst, src); },
               [&](Asm& a) { a.imul(gp(w, dst), gp(w, src)); });
        if (dst != src) {
          expect([&](Masm& m) { m.move(w, dst, src); },
                 [&](Asm& a) { a.mov(gp(w, dst), gp(w, src)); });
        }
        expect([&](Masm& m) { m.unary(Unary::Extend8S, w, dst, src); },
               [&](Asm& a) { a.movsx(gp(w, dst), gp8(src)); });
        expect([&](Masm& m) { m.unary(Unary::Extend16S, w, dst, src); },
               [&](Asm& a) { a.movsx(gp(w, dst), gp16(src)); });
      });
    });
  }
}

TEST_F(BytesX64, AluOfImmediates) {
  for (const Width w : kWidths) {
    each_reg([&](Reg dst) {
      for (const i32 imm : kImmediates) {
        for (const Alu op : kAlus) {
          // Forms that are shorter than the instruction's own.
          if ((op == Alu::Xor && imm == -1) || (op == Alu::And && w == Width::W64 && imm >= 0)) {
            continue;
          }
          if (imm == 128 && (op == Alu::Add || op == Alu::Sub)) continue;
          expect([&](Masm& m) { m.alu(op, w, dst, dst, Operand::immediate(imm)); },
                 [&](Asm& a) { emit_alu(a, op, gp(w, dst), asmjit::Imm(imm)); });
        }
      }
      for (u8 count = 2; count < 32; count += 5) {
        expect([&](Masm& m) { m.shift(Shift::Shl, w, dst, dst, count); },
               [&](Asm& a) { a.shl(gp(w, dst), count); });
        expect([&](Masm& m) { m.shift(Shift::ShrS, w, dst, dst, count); },
               [&](Asm& a) { a.sar(gp(w, dst), count); });
      }
      for (const u64 value : {u64{1}, u64{0xffff'ffff}, ~u64{0}, u64{0x1234'5678'9abc'def0}}) {
        const u64 shown = w == Width::W64 ? value : static_cast<u32>(value);
        const Width as = shown <= 0xffff'ffff ? Width::W32 : Width::W64;
        expect([&](Masm& m) { m.move_imm(w, dst, value); },
               [&](Asm& a) { a.mov(gp(as, dst), shown); });
      }
    });
  }
}

TEST_F(BytesX64, Memory) {
  each_address([&](const Address& at) {
    for (const u8 r : {u8{0}, u8{3}, u8{4}, u8{6}, u8{9}, u8{15}}) {
      const Reg reg = int_reg(r);
      for (const Width w : kWidths) {
        const u32 bytes = w == Width::W64 ? 8 : 4;
        const auto id = static_cast<usize>(at.base.number() + r) % std::size(kAlus);
        expect([&](Masm& m) { m.alu(kAlus[id], w, reg, reg, at); },
               [&](Asm& a) { emit_alu(a, kAlus[id], gp(w, reg), mem(at, bytes)); });
        expect([&](Masm& m) { m.alu_memory(kAlus[id], w, at, reg); },
               [&](Asm& a) { emit_alu(a, kAlus[id], mem(at, bytes), gp(w, reg)); });
        expect([&](Masm& m) { m.alu_memory(kAlus[id], w, at, Operand::immediate(77)); },
               [&](Asm& a) { emit_alu(a, kAlus[id], mem(at, bytes), asmjit::Imm(77)); });
      }
      expect([&](Masm& m) { m.call(at); }, [&](Asm& a) { a.call(mem(at, 8)); });
      expect([&](Masm& m) { m.store_imm(Store::I16, at, -3); },
             [&](Asm& a) { a.mov(mem(at, 2), -3); });
      expect([&](Masm& m) { m.store_imm(Store::I64, at, -3); },
             [&](Asm& a) { a.mov(mem(at, 8), -3); });
    }
  });
}

TEST_F(BytesX64, LoadsAndStores) {
  using Id = asmjit::InstId;
  namespace I = x86::Inst;
  struct Row {
    Load kind;
    Id id;
    u32 bytes;
    bool wide;
  };
  constexpr Row kRows[] = {
      {Load::I32Load8S, I::kIdMovsx, 1, false},  {Load::I32Load8U, I::kIdMovzx, 1, false},
      {Load::I32Load16S, I::kIdMovsx, 2, false}, {Load::I32Load16U, I::kIdMovzx, 2, false},
      {Load::I32, I::kIdMov, 4, false},          {Load::I64Load8S, I::kIdMovsx, 1, true},
      {Load::I64Load16S, I::kIdMovsx, 2, true},  {Load::I64Load32S, I::kIdMovsxd, 4, true},
      {Load::I64Load32U, I::kIdMov, 4, false},   {Load::I64, I::kIdMov, 8, true}};
  each_address([&](const Address& at) {
    for (const u8 r : {u8{1}, u8{5}, u8{7}, u8{8}, u8{14}}) {
      const Reg reg = int_reg(r), v = vector_reg(r);
      for (const Row& row : kRows) {
        const Width w = row.wide ? Width::W64 : Width::W32;
        expect([&](Masm& m) { m.load(row.kind, reg, at); },
               [&](Asm& a) { a.emit(row.id, gp(w, reg), mem(at, row.bytes)); });
      }
      expect([&](Masm& m) { m.store(Store::I8, at, reg); },
             [&](Asm& a) { a.mov(mem(at, 1), gp8(reg)); });
      expect([&](Masm& m) { m.store(Store::I16, at, reg); },
             [&](Asm& a) { a.mov(mem(at, 2), gp16(reg)); });
      expect([&](Masm& m) { m.store(Store::I64, at, reg); },
             [&](Asm& a) { a.mov(mem(at, 8), gp(Width::W64, reg)); });
      use("v2");
      expect([&](Masm& m) { m.load(Load::F64, v, at); },
             [&](Asm& a) { a.movsd(xmm(v), mem(at, 8)); });
      expect([&](Masm& m) { m.store(Store::F32, at, v); },
             [&](Asm& a) { a.movss(mem(at, 4), xmm(v)); });
      use("native");
      expect([&](Masm& m) { m.load(Load::F32, v, at); },
             [&](Asm& a) { a.vmovss(xmm(v), mem(at, 4)); });
      expect([&](Masm& m) { m.store(Store::V128, at, v); },
             [&](Asm& a) { a.vmovups(mem(at, 16), xmm(v)); });
      expect([&](Masm& m) { m.float_binary(FloatBinary::Mul, FloatWidth::F64, v, v, at); },
             [&](Asm& a) { a.vmulsd(xmm(v), xmm(v), mem(at, 8)); });
    }
  });
}

TEST_F(BytesX64, Floats) {
  const auto f64 = FloatWidth::F64;
  for (u8 d = 0; d < 14; d++) {
    for (u8 l = 0; l < 14; l++) {
      for (u8 r = 0; r < 14; r++) {
        const Reg dst = vector_reg(d), lhs = vector_reg(l), rhs = vector_reg(r);
        use("native");
        expect([&](Masm& m) { m.float_binary(FloatBinary::Sub, f64, dst, lhs, rhs); },
               [&](Asm& a) { a.vsubsd(xmm(dst), xmm(lhs), xmm(rhs)); });
        if (dst != lhs) continue;
        use("v2");
        expect([&](Masm& m) { m.float_binary(FloatBinary::Div, f64, dst, lhs, rhs); },
               [&](Asm& a) { a.divsd(xmm(dst), xmm(rhs)); });
        expect([&](Masm& m) { m.bitcast(Width::W64, dst, int_reg(r)); },
               [&](Asm& a) { a.movq(xmm(dst), x86::gpq(r)); });
        expect([&](Masm& m) { m.float_unary(FloatUnary::Floor, f64, dst, dst); },
               [&](Asm& a) { a.roundsd(xmm(dst), xmm(dst), 9); });
      }
    }
  }
}

TEST_F(BytesX64, Bmi) {
  use("native");
  each_reg([&](Reg dst) {
    each_reg([&](Reg src) {
      for (const Width w : kWidths) {
        expect([&](Masm& m) { m.shift(Shift::ShrU, w, dst, src, dst); },
               [&](Asm& a) { a.shrx(gp(w, dst), gp(w, src), gp(w, dst)); });
        if (dst != src) {
          expect([&](Masm& m) { m.shift(Shift::Rotr, w, dst, src, u8{9}); },
                 [&](Asm& a) { a.rorx(gp(w, dst), gp(w, src), 9); });
        }
      }
    });
  });
}

class BytesA64 : public testing::Test {
 protected:
  using Asm = asmjit::a64::Assembler;

  void expect(const std::function<void(Masm&)>& ours, const std::function<void(Asm&)>& theirs) {
    masm_->reset();
    ours(*masm_);
    const auto reference = oracle_.emit(theirs);
    EXPECT_EQ(masm_->listing(), disassemble_a64(reference, 0));
    const auto code = masm_->code();
    EXPECT_TRUE(std::equal(code.begin(), code.end(), reference.begin(), reference.end()));
  }
  static asmjit::a64::Gp gp(Width w, u32 r) {
    if (w == Width::W64) return asmjit::a64::x(r);
    return asmjit::a64::w(r);
  }

  std::unique_ptr<Masm> masm_ = make_masm_a64(CpuFeatures());
  Oracle<Asm> oracle_{asmjit::Arch::kAArch64};
};

void emit_alu(asmjit::a64::Assembler& a, Alu op, const asmjit::a64::Gp& d, const asmjit::a64::Gp& n,
              const asmjit::a64::Gp& m) {
  switch (op) {
    case Alu::Add:
      return void(a.add(d, n, m));
    case Alu::Sub:
      return void(a.sub(d, n, m));
    case Alu::And:
      return void(a.and_(d, n, m));
    case Alu::Or:
      return void(a.orr(d, n, m));
    case Alu::Xor:
      return void(a.eor(d, n, m));
  }
}

TEST_F(BytesA64, Integers) {
  for (const Width w : kWidths) {
    for (u8 d = 0; d < 16; d++) {
      for (u8 n = 0; n < 16; n++) {
        const Reg dst = int_reg(d), lhs = int_reg(n), rhs = int_reg(static_cast<u8>(d ^ n));
        for (const Alu op : kAlus) {
          expect([&](Masm& m) { m.alu(op, w, dst, lhs, rhs); },
                 [&](Asm& a) { emit_alu(a, op, gp(w, d), gp(w, n), gp(w, rhs.number())); });
        }
        for (const i32 imm : {1, 255, 0xff0, 4095, 0x7f000, -2}) {
          if (imm < 0) continue;
          expect([&](Masm& m) { m.alu(Alu::Add, w, dst, lhs, Operand::immediate(imm)); },
                 [&](Asm& a) { a.add(gp(w, d), gp(w, n), imm); });
        }
        for (const i32 imm : {1, 255, 0xff0, 0x7f000, -2, 0x0f0f0f0f}) {
          if (imm == 0x0f0f0f0f && w == Width::W64) continue;
          const u64 value = w == Width::W64 ? static_cast<u64>(i64{imm}) : static_cast<u32>(imm);
          expect([&](Masm& m) { m.alu(Alu::And, w, dst, lhs, Operand::immediate(imm)); },
                 [&](Asm& a) { a.and_(gp(w, d), gp(w, n), value); });
        }
        expect([&](Masm& m) { m.multiply(w, dst, lhs, rhs); },
               [&](Asm& a) { a.mul(gp(w, d), gp(w, n), gp(w, rhs.number())); });
        expect([&](Masm& m) { m.shift(Shift::Shl, w, dst, lhs, u8{7}); },
               [&](Asm& a) { a.lsl(gp(w, d), gp(w, n), 7); });
        expect([&](Masm& m) { m.shift(Shift::Rotr, w, dst, lhs, u8{7}); },
               [&](Asm& a) { a.ror(gp(w, d), gp(w, n), 7); });
        expect([&](Masm& m) { m.unary(Unary::Clz, w, dst, lhs); },
               [&](Asm& a) { a.clz(gp(w, d), gp(w, n)); });
      }
    }
  }
}

TEST_F(BytesA64, Memory) {
  namespace a64 = asmjit::a64;
  for (u8 r = 0; r < 26; r++) {
    for (const i32 disp : {0, 8, 4080, 32760}) {
      const u8 base = static_cast<u8>(25 - r);
      const Address at{.base = int_reg(base), .disp = disp};
      expect([&](Masm& m) { m.load(Load::I64, int_reg(r), at); },
             [&](Asm& a) { a.ldr(a64::x(r), a64::ptr(a64::x(base), disp)); });
      expect([&](Masm& m) { m.store(Store::F64, at, vector_reg(r)); },
             [&](Asm& a) { a.str(a64::d(r), a64::ptr(a64::x(base), disp)); });
      if (disp >= 4096) continue;
      expect([&](Masm& m) { m.load(Load::I64Load8S, int_reg(r), at); },
             [&](Asm& a) { a.ldrsb(a64::x(r), a64::ptr(a64::x(base), disp)); });
      expect([&](Masm& m) { m.load(Load::I32Load16U, int_reg(r), at); },
             [&](Asm& a) { a.ldrh(a64::w(r), a64::ptr(a64::x(base), disp)); });
      expect([&](Masm& m) { m.load(Load::V128, vector_reg(r), at); },
             [&](Asm& a) {
               disp % 16 == 0 ? a.ldr(a64::VecV(r), a64::ptr(a64::x(base), disp))
                              : a.ldur(a64::VecV(r), a64::ptr(a64::x(base), disp));
             });
    }
    expect(
        [&](Masm& m) { m.load(Load::I64, int_reg(r), {.base = int_reg(27), .index = int_reg(r)}); },
        [&](Asm& a) { a.ldr(a64::x(r), a64::ptr(a64::x(27), a64::x(r))); });
    expect([&](Masm& m) { m.load(Load::I32, int_reg(r), {.base = int_reg(27), .disp = -5}); },
           [&](Asm& a) { a.ldur(a64::w(r), a64::ptr(a64::x(27), -5)); });
  }
}

TEST_F(BytesA64, Atomics) {
  namespace a64 = asmjit::a64;
  CpuFeatures cpu;
  cpu.lse = true;
  masm_ = make_masm_a64(cpu);
  using Rmw = AtomicRmw;
  for (u8 r = 0; r < 15; r++) {
    const u8 b = static_cast<u8>(r + 1);
    const Reg reg = int_reg(r), src = int_reg(static_cast<u8>(14 - r));
    const Address at{.base = int_reg(b)};
    const auto ptr = a64::ptr(a64::x(b));
    const auto x = a64::x(r), s = a64::x(src.number());
    const auto w = a64::w(r), ws = a64::w(src.number());
    expect([&](Masm& m) { m.atomic_load(Load::I64, reg, at); }, [&](Asm& a) { a.ldar(x, ptr); });
    expect([&](Masm& m) { m.atomic_load(Load::I64Load8U, reg, at); },
           [&](Asm& a) { a.ldarb(w, ptr); });
    // The packaged asmjit makes stllr of stlr.
    const u32 regs = static_cast<u32>(b) << 5 | r;
    const u32 stlr = 0xc89ffc00 | regs, stlrh = 0x489ffc00 | regs;
    expect([&](Masm& m) { m.atomic_store(Store::I64, at, reg); },
           [&](Asm& a) { a.embed(&stlr, sizeof stlr); });
    expect([&](Masm& m) { m.atomic_store(Store::I16, at, reg); },
           [&](Asm& a) { a.embed(&stlrh, sizeof stlrh); });
    expect([&](Masm& m) { m.atomic_rmw(Rmw::Add, Store::I64, reg, at, src); },
           [&](Asm& a) { a.ldaddal(s, x, ptr); });
    expect([&](Masm& m) { m.atomic_rmw(Rmw::Or, Store::I32, reg, at, src); },
           [&](Asm& a) { a.ldsetal(ws, w, ptr); });
    expect([&](Masm& m) { m.atomic_rmw(Rmw::Xor, Store::I8, reg, at, src); },
           [&](Asm& a) { a.ldeoralb(ws, w, ptr); });
    expect([&](Masm& m) { m.atomic_rmw(Rmw::Xchg, Store::I16, reg, at, src); },
           [&](Asm& a) { a.swpalh(ws, w, ptr); });
    expect([&](Masm& m) { m.atomic_rmw(Rmw::And, Store::I64, reg, at, src); },
           [&](Asm& a) {
             a.mvn(a64::x(16), s);
             a.ldclral(a64::x(16), x, ptr);
           });
    expect([&](Masm& m) { m.atomic_cmpxchg(Store::I64, reg, at, reg, src); },
           [&](Asm& a) {
             a.mov(a64::x(16), x);
             a.casal(a64::x(16), s, ptr);
             a.mov(x, a64::x(16));
           });
  }
  expect([&](Masm& m) { m.fence(); }, [&](Asm& a) { a.dmb(a64::Predicate::DB::kISH); });
}

TEST_F(BytesA64, Floats) {
  namespace a64 = asmjit::a64;
  for (u8 d = 0; d < 30; d++) {
    for (u8 n = 0; n < 30; n++) {
      const u8 m = d ^ n;
      if (m >= 30) continue;
      const Reg dst = vector_reg(d), lhs = vector_reg(n), rhs = vector_reg(m);
      expect([&](Masm& x) { x.float_binary(FloatBinary::Max, FloatWidth::F64, dst, lhs, rhs); },
             [&](Asm& a) { a.fmax(a64::d(d), a64::d(n), a64::d(m)); });
      expect([&](Masm& x) { x.float_unary(FloatUnary::Nearest, FloatWidth::F32, dst, lhs); },
             [&](Asm& a) { a.frintn(a64::s(d), a64::s(n)); });
      expect(
          [&](Masm& x) {
            x.convert(Convert::F64ConvertI64U, dst, int_reg(n % 16), nullptr, nullptr);
          },
          [&](Asm& a) { a.ucvtf(a64::d(d), a64::x(n % 16)); });
    }
    expect(
        [&](Masm& x) { x.move_float_imm(FloatWidth::F64, vector_reg(d), 0x4008'0000'0000'0000); },
        [&](Asm& a) { a.fmov(a64::d(d), 3.0); });
  }
}

}  // namespace

}  // namespace lr::jit
