#if defined(__aarch64__)

#include <ucontext.h>

#include <cstring>

#include "jit/machine.h"

namespace lr::jit {

namespace {

void put32(u8* at, u32 value) { std::memcpy(at, &value, 4); }

mcontext_t& state(void* ucontext) { return static_cast<ucontext_t*>(ucontext)->uc_mcontext; }

// movz w16, low; movk w16, high, lsl 16
void put_index(u8* at, u32 index) {
  put32(at, 0x52800010 | (index & 0xffff) << 5);
  put32(at + 4, 0x72a00010 | (index >> 16) << 5);
}

constexpr u32 kBranchX17 = 0xd61f0220;     // br x17
constexpr u32 kNeverReached = 0xd4200000;  // brk 0

}  // namespace

const CAbi& c_abi() {
  static constexpr CAbi kAbi{
      {int_reg(0), int_reg(1), int_reg(2)}, int_reg(0), {int_reg(9), int_reg(10)}};
  return kAbi;
}

const u32 kPcSlotBytes = 16;
const u64 kNearBytes = 128 * kMiB - kMiB;
const u64 kPollPageBytes = 4;
const u32 kStubJumpBytes = 16;
const u32 kMiniStubBytes = 20;
const u8 kTrapByte = 0;  // udf

void write_stub_jump(u8* at, const void* target) {
  put32(at, 0x58000051);  // ldr x17, .+8
  put32(at + 4, kBranchX17);
  std::memcpy(at + 8, &target, 8);
}

void write_mini_stub(u8* at, const u8* from, u32 index, const u8* target) {
  put_index(at, index);
  const auto distance = static_cast<u32>((target - (from + 8)) >> 2);
  put32(at + 8, 0x14000000 | (distance & 0x3ffffff));  // b target
  put32(at + 12, kNeverReached);
  put32(at + 16, kNeverReached);
}

void write_import_stub(u8* at, u32 index, u32 offset) {
  put_index(at, index);
  put32(at + 8, 0x91400391 | (offset >> 12) << 10);          // add x17, x28, high, lsl 12
  put32(at + 12, 0xf9400231 | (offset & 0xfff) >> 3 << 10);  // ldr x17, [x17, low]
  put32(at + 16, kBranchX17);
}

void flush_instructions(const u8* code, u64 bytes) {
  char* const first = const_cast<char*>(reinterpret_cast<const char*>(code));
  __builtin___clear_cache(first, first + bytes);
}

u64 Interrupted::pc() const { return state(ucontext).pc; }
u64 Interrupted::sp() const { return state(ucontext).sp; }
u64 Interrupted::reg(Reg r) const { return state(ucontext).regs[r.number()]; }
void Interrupted::set_pc(u64 pc) { state(ucontext).pc = pc; }
void Interrupted::set_sp(u64 sp) { state(ucontext).sp = sp; }
void Interrupted::set_reg(Reg r, u64 value) { state(ucontext).regs[r.number()] = value; }

void Interrupted::call(const void* to, u64 back) {
  set_reg(int_reg(30), back);
  set_pc(reinterpret_cast<u64>(to));
}

}  // namespace lr::jit

#endif  // __aarch64__
