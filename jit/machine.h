// What stubs, code spaces and the signal handler need to know of the machine this program runs on.
// One implementation per machine, in machine_*.cc; the fixed assembly is in entry_*.S.
#pragma once

#include "base/types.h"
#include "jit/masm/reg.h"

namespace lr::jit {

// How C++ is called. The context and memory registers survive it: they are callee-saved in C.
struct CAbi {
  Reg args[3];
  Reg result;
  Reg temps[2];  // Neither of the above, and no register that C++ keeps.
};
const CAbi& c_abi();

// A pc that is put on a process stack (a return address, a resume address) takes so many bytes.
extern const u32 kPcSlotBytes;
// A near call reaches anything in a range of this size.
extern const u64 kNearBytes;
// Sizes of the small pieces of code that a CodeSpace writes itself.
extern const u32 kStubJumpBytes;
extern const u32 kMiniStubBytes;
// Code that consists of this byte only cannot run: it stops the program.
extern const u8 kTrapByte;

// Of the last instruction of Masm::poll_page().
extern const u64 kPollPageBytes;

// `at` (writable) receives a jump to any address.
void write_stub_jump(u8* at, const void* target);
// The stub of an absent function, which will run at `from`: puts `index` into the scratch
// register and jumps to `target`, which is near.
void write_mini_stub(u8* at, const u8* from, u32 index, const u8* target);
// Puts `index` into the scratch register and jumps to the code whose address stands at `offset`
// from the context register.
void write_import_stub(u8* at, u32 index, u32 offset);

// After writing: makes [code, code + bytes) fit to be executed by all processors.
void flush_instructions(const u8* code, u64 bytes);

// The interrupted state that a signal handler sees (a ucontext_t).
struct Interrupted {
  void* ucontext;

  u64 pc() const;
  u64 sp() const;
  u64 reg(Reg r) const;
  void set_pc(u64 pc);
  void set_sp(u64 sp);
  void set_reg(Reg r, u64 value);
  void push_pc();  // As what a pc slot on a process stack looks like.
  // Goes on at `to` as if that had been called by the instruction before `back`.
  void call(const void* to, u64 back);
};

}  // namespace lr::jit
