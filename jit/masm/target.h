// Facts about a machine that the compiler needs, as data: which register has which role, how
// arguments travel, what an immediate can hold. One table per machine, in target_*.cc.
//
// The calling convention between wasm functions (same for every variant of the code):
//   - i32, i64 and references take the next of int_args, floats and vectors the next of
//     vector_args; what does not fit is on the stack, 8 bytes each (16 for v128) in order from the
//     lowest address, the area rounded up to 16 bytes. The callee pops it.
//   - Results take int_results and vector_results the same way; the rest stand in the *caller's*
//     frame just above the stack arguments, 8 (or 16) bytes each in order.
//   - Every i32 in a register has its upper 32 bits zero, arguments and results included.
//   - callee_saved survive a call; every other register does not. Context and memory registers
//     are pinned: they hold the values of the running instance at every instruction.
//   - A call that is not direct (entry slot, table, import) has the callee's function index in
//     `scratch`: the stub of an absent function reads it there.
#pragma once

#include <array>
#include <span>

#include "jit/masm/reg.h"

namespace lr::jit {

struct Target {
  const char* name;  // "x64" or "a64"

  Reg sp;
  Reg context;        // jit::Context*
  Reg memory_base;    // Address of byte 0 of memory 0.
  Reg memory_extent;  // Bytes of memory 0 that checked code may touch.
  Reg scratch;        // Changed by any Masm method; function index at an indirect entry.

  // move() and move_vector() between registers do not change these two.
  Reg vector_scratch;
  // Caller-saved, allocatable and no argument: holds the FuncRef of an indirect call.
  Reg call_target;

  RegSet allocatable;   // Integer and vector registers that values may live in.
  RegSet callee_saved;  // The part of them that calls preserve (integers only).
  std::span<const Reg> int_args;
  std::span<const Reg> vector_args;
  std::span<const Reg> int_results;
  std::span<const Reg> vector_results;

  // Integer division: the dividend must be in div_dividend, which receives the quotient;
  // div_clobber receives the remainder and is changed. kNoReg where any register will do.
  Reg div_dividend;
  Reg div_clobber;
  // What an atomic compare-and-exchange compares with, and where it leaves what it found; kNoReg
  // where any register will do.
  Reg cmpxchg_expected;
  // A shift's variable count must be here; kNoReg where any register will do.
  Reg shift_count;
  // Order in which temporaries should take registers. In a function that calls, the first four of
  // each bank (the result registers among them) are never homes of locals.
  std::span<const Reg> temp_order;

  bool has_vectors;  // Masm's vector methods work; without them such functions are refused.

  u32 return_address_bytes;  // Pushed by a call: 8 on x86-64, 0 where it is in a register.
  // The return address of a frame is at sp + frame size + this: 0 on x86-64; -16 on AArch64, where
  // enter_frame puts it into the frame's top 16 bytes.
  i32 return_address_offset;
  // The frame size (without the return address where a call pushes it) is a multiple of this.
  u32 frame_alignment;
  u32 leaf_share_bytes;  // Frames up to this need no stack check if the function calls nothing.
};

struct CpuFeatures {
  bool avx = false;
  bool avx2 = false;
  bool fma = false;
  bool bmi1 = false;
  bool bmi2 = false;
  bool lzcnt = false;
  bool lse = false;      // AArch64 atomics
  bool baseline = true;  // x86-64-v2 (SSE4.2, POPCNT), or ARMv8.0: what everything relies on.
};

// What this processor has.
CpuFeatures detect_cpu();
// "v2", "v3" or "native"; what the processor lacks stays off. "avx", for tests, is v2 with AVX and
// nothing else.
CpuFeatures restrict_cpu(CpuFeatures have, const char* level);

// `features` decides, for instance, whether shift_count is fixed (no BMI2).
const Target& target_x64(const CpuFeatures& features);
const Target& target_a64(const CpuFeatures& features);
// The machine that this program runs on.
const Target& host_target(const CpuFeatures& features);

}  // namespace lr::jit
