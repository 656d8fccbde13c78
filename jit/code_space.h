// CodeSpace: the addresses of one module variant's machine code, reserved at once so that every
// call inside is near, filled as functions are compiled.
//
//   reserved range, at most 2 GiB
//   +-------------+-----------------------------------------------------------+
//   | entry slots | stub jumps | mini-stubs | function | function | ...  free  |
//   +-------------+-----------------------------------------------------------+
//     read-write    read-execute; a second, read-write mapping of the same memory
//                   lies elsewhere, and that is where code is written
//
// An entry slot holds the address that a call of a function through it reaches: its code, or until
// that is there its mini-stub, which puts the function's index into the scratch register and goes
// to the lazy stub (for an import: to the code that the instance's ImportSlot names).
//
// Placing is serialised by a lock; slots and the list of placed functions are read without one.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/result.h"
#include "jit/compiler/compile.h"
#include "jit/context.h"

namespace lr::jit {

class ModuleCode;

// A placed function, as backtraces see it. Lives as long as its CodeSpace.
struct FunctionCode {
  const u8* code = nullptr;
  u32 size = 0;
  u32 index = 0;
  u32 frame_bytes = 0;
  u32 stack_arg_bytes = 0;
  u64 saved = 0;  // RegSet bits.
  u32 body_offset = 0;
  u32 pcs_count = 0;
  std::unique_ptr<u8[]> pcs;  // Deltas, packed; see pc_entry().

  // The entry for a return address; code_offset 0 if there is none.
  PcEntry pc_entry(u32 code_offset) const;
  // The instruction that `code_offset` belongs to, as well as entries tell.
  u32 wasm_offset_near(u32 code_offset) const;
};

struct CodeSpaceLayout {
  u32 functions = 0;           // In all.
  u32 imported_functions = 0;  // The first of them.
  u32 import_slot_offset = 0;  // In the Context.
  u64 code_bytes_max = 0;      // For the functions.
};

class CodeSpace {
 public:
  // `stubs[i]` is where stub i really is.
  static Result<std::unique_ptr<CodeSpace>> create(const CodeSpaceLayout& layout,
                                                   std::span<const void* const> stubs,
                                                   const void* lazy_stub, ModuleCode* owner);
  ~CodeSpace();
  CodeSpace(const CodeSpace&) = delete;
  CodeSpace& operator=(const CodeSpace&) = delete;

  // Reserves room for a function and says where its code will run; null when the range is full.
  const u8* reserve(u32 bytes);
  // Writes a function into its room, resolves its calls and publishes it. Function targets must
  // be reserved: `target_of` says where. False when a call cannot reach.
  bool place(const Masm& masm, u32 index, const CompiledFunction& function, const u8* at,
             const void* const* target_of);

  const void* entry(u32 function) const { return slots_[function].load(std::memory_order_acquire); }
  // Safe in a signal handler.
  bool contains(const void* pc) const {
    return static_cast<u64>(static_cast<const u8*>(pc) - code_) < code_capacity_;
  }
  const FunctionCode* find(const void* pc) const;
  u64 code_bytes() const { return used_.load(std::memory_order_relaxed); }
  ModuleCode* owner() const { return owner_; }

 private:
  CodeSpace() = default;

  u8* range_ = nullptr;
  u64 range_bytes_ = 0;
  std::atomic<const void*>* slots_ = nullptr;
  const u8* code_ = nullptr;  // Executable.
  u8* writable_ = nullptr;    // The same memory.
  u64 code_capacity_ = 0;
  std::atomic<u64> used_{0};
  u32 first_function_ = 0;  // Offset of the first function in code_.
  ModuleCode* owner_ = nullptr;
  std::mutex mutex_;
  std::vector<FunctionCode*> placed_;
};

}  // namespace lr::jit
