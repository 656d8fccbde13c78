#if defined(__x86_64__)

#include <sys/ucontext.h>
#include <ucontext.h>

#include <cstring>

#include "base/check.h"
#include "jit/machine.h"

namespace lr::jit {

namespace {

constexpr Reg kRax = int_reg(0), kRcx = int_reg(1), kRdx = int_reg(2), kRsi = int_reg(6),
              kRdi = int_reg(7), kR8 = int_reg(8);

void put32(u8* at, u32 value) { std::memcpy(at, &value, 4); }

ucontext_t* state(void* ucontext) { return static_cast<ucontext_t*>(ucontext); }

// Where the kernel keeps register n of the machine's numbering.
constexpr int kGregs[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                            REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

}  // namespace

const CAbi& c_abi() {
  static constexpr CAbi kAbi{{kRdi, kRsi, kRdx}, kRax, {kRcx, kR8}};
  return kAbi;
}

const u32 kPcSlotBytes = 8;
const u64 kNearBytes = 2 * kGiB - kMiB;
const u64 kPollPageBytes = 3;
const u32 kStubJumpBytes = 16;
const u32 kMiniStubBytes = 16;
const u8 kTrapByte = 0xcc;  // int3

void write_stub_jump(u8* at, const void* target) {
  const u8 jump[] = {0xff, 0x25, 0, 0, 0, 0};  // jmp [rip]
  std::memcpy(at, jump, sizeof jump);
  std::memcpy(at + sizeof jump, &target, 8);
  at[14] = at[15] = 0xcc;
}

void write_mini_stub(u8* at, const u8* from, u32 index, const u8* target) {
  at[0] = 0x41;  // mov r11d, index
  at[1] = 0xbb;
  put32(at + 2, index);
  at[6] = 0xe9;  // jmp target
  put32(at + 7, static_cast<u32>(target - (from + 11)));
  std::memset(at + 11, 0xcc, 5);
}

void write_import_stub(u8* at, u32 index, u32 offset) {
  at[0] = 0x41;  // mov r11d, index
  at[1] = 0xbb;
  put32(at + 2, index);
  at[6] = 0x41;  // jmp [r15 + offset]
  at[7] = 0xff;
  at[8] = 0xa7;
  put32(at + 9, offset);
  std::memset(at + 13, 0xcc, 3);
}

// Instruction fetches see what was stored before the branch that leads to them.
void flush_instructions(const u8* /*code*/, u64 /*bytes*/) {}

u64 Interrupted::pc() const {
  return static_cast<u64>(state(ucontext)->uc_mcontext.gregs[REG_RIP]);
}
u64 Interrupted::sp() const {
  return static_cast<u64>(state(ucontext)->uc_mcontext.gregs[REG_RSP]);
}
u64 Interrupted::reg(Reg r) const {
  return static_cast<u64>(state(ucontext)->uc_mcontext.gregs[kGregs[r.number()]]);
}
void Interrupted::set_pc(u64 pc) {
  state(ucontext)->uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(pc);
}
void Interrupted::set_sp(u64 sp) {
  state(ucontext)->uc_mcontext.gregs[REG_RSP] = static_cast<greg_t>(sp);
}
void Interrupted::set_reg(Reg r, u64 value) {
  state(ucontext)->uc_mcontext.gregs[kGregs[r.number()]] = static_cast<greg_t>(value);
}

void Interrupted::call(const void* to, u64 back) {
  set_pc(back);
  push_pc();
  set_pc(reinterpret_cast<u64>(to));
}

}  // namespace lr::jit

#endif  // __x86_64__
