#include "jit/masm/asmjit_baseline.h"

#include <asmjit/x86.h>

namespace lr::jit {

namespace x86 = asmjit::x86;

struct AsmjitBaseline::State {
  asmjit::CodeHolder code;
  x86::Assembler as;
};

AsmjitBaseline::AsmjitBaseline() : state_(std::make_unique<State>()) {
  state_->code.init(asmjit::Environment(asmjit::Arch::kX64));
  state_->code.attach(&state_->as);
}
AsmjitBaseline::~AsmjitBaseline() = default;

const u8* AsmjitBaseline::emit(std::span<const EmitOperands> rounds) {
  x86::Assembler& a = state_->as;
  const auto r32 = [](Reg r) { return x86::gpd(r.number()); };
  const auto r64 = [](Reg r) { return x86::gpq(r.number()); };
  const auto xmm = [](Reg r) { return x86::xmm(r.number()); };
  a.setOffset(0);
  const asmjit::Label label = a.newLabel();
  for (const EmitOperands& c : rounds) {
    a.mov(r64(c.dst), r64(c.lhs));
    a.sub(r32(c.dst), r32(c.rhs));
    a.and_(r32(c.dst), c.imm & 127);
    a.mov(r64(c.dst), x86::qword_ptr(x86::rsp, c.disp));
    a.mov(x86::dword_ptr(x86::rsp, c.disp), r32(c.dst));
    a.movzx(r32(c.dst), x86::byte_ptr(x86::r14, r64(c.rhs), 0, c.disp));
    a.mov(x86::qword_ptr(x86::r14, r64(c.rhs), 0, c.disp), r64(c.lhs));
    a.mov(r32(c.dst), c.imm | 1);
    a.shr(r32(c.dst), c.disp % 30 + 2);
    a.imul(r64(c.dst), r64(c.rhs));
    a.vaddsd(xmm(c.vdst), xmm(c.vlhs), xmm(c.vrhs));
    a.cmp(r32(c.lhs), r32(c.rhs));
    a.jl(label);
  }
  a.bind(label);
  return a.bufferData();
}

}  // namespace lr::jit
