// CodeSpace: the addresses of one module variant's machine code, reserved at once so that every
// call inside is near, filled as functions are compiled.
//
//   reserved range, at most what a near call reaches
//   +-------------+------------------------------------------------------------+
//   | entry slots | stub jumps | mini-stubs | function | function | ... | free |
//   +-------------+------------------------------------------------------------+
//     read-write    executable (jit/code_mapping.h)
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
#include "jit/code_mapping.h"
#include "jit/compiler/compile.h"
#include "jit/context.h"
#include "jit/zeroed.h"

namespace lr::jit {

class ModuleCode;

// A placed function, as backtraces see it. Lives as long as its CodeSpace.
struct FunctionCode {
  u32 offset = 0;  // Of its code, from the start of the space's code.
  u32 size = 0;
  u32 index = 0;
  u32 frame_bytes = 0;
  u32 stack_arg_bytes = 0;
  u32 widened_bytes = 0;  // See CompiledFunction.
  u32 pcs_bytes = 0;
  u64 saved = 0;                       // RegSet bits.
  const u8* pcs = nullptr;             // PcEntries as packed differences.
  bool pushes = false;                 // Some of them have something below the frame.
  const Handlers* handlers = nullptr;  // Null if it catches nothing.

  // The entry for a return address in this function, an offset; code_offset 0 if there is none.
  PcEntry pc_entry(u32 code_offset) const;
  // The same for any instruction: the first entry that does not lie before it.
  PcEntry pc_entry_near(u32 code_offset) const;
};

struct CodeSpaceLayout {
  u32 functions = 0;           // In all.
  u32 imported_functions = 0;  // The first of them.
  u64 code_bytes_max = 0;      // For the functions.
};

// A call whose target was not placed when its code was.
struct PendingCall {
  u32 offset = 0;  // Of the field, from the start of the space's code.
  u32 function = 0;
};

class CodeSpace {
 public:
  // `stubs[i]` is where Stub i really is. Fails when the system has no such range.
  static Result<std::unique_ptr<CodeSpace>> create(const CodeSpaceLayout& layout,
                                                   std::span<const void* const> stubs,
                                                   ModuleCode* owner);
  ~CodeSpace();
  CodeSpace(const CodeSpace&) = delete;
  CodeSpace& operator=(const CodeSpace&) = delete;

  // Copies a function into the range and resolves its calls, without publishing it. Calls to
  // functions that are not placed go to `pending`, which may be null if there are none; otherwise
  // the function can be published after link() and flush_linked(). Fails when the range is full.
  Status place(const Masm& masm, u32 index, const CompiledFunction& function,
               std::vector<PendingCall>* pending);
  // Resolves a call after its target has been placed, or could not be: then it reaches the
  // mini-stub, which says so.
  void link(const Masm& masm, const PendingCall& call);
  // Every call has been linked.
  void flush_linked();
  // From now on entry() and calls through the slot reach the function's code.
  void publish(u32 index);

  const void* entry(u32 function) const { return slots_[function].load(std::memory_order_acquire); }
  bool is_placed(u32 function) const {
    return placed_at_[function].load(std::memory_order_acquire) != 0;
  }
  // The function whose code holds `pc`; for a return address ask for the byte before it, which
  // belongs to the call. Safe in a signal handler.
  const FunctionCode* find(const void* pc) const;
  const u8* code() const { return mapping_.code(); }
  u64 code_bytes() const { return used_.load(std::memory_order_relaxed) - first_function_; }
  ModuleCode* owner() const { return owner_; }

 private:
  CodeSpace(const CodeSpaceLayout& layout, CodeMapping mapping, ModuleCode* owner);
  void write_stubs(std::span<const void* const> stubs);
  Result<FunctionCode*> append(u32 index, const CompiledFunction& function);
  Result<FunctionCode*> reserve(u32 index, const CompiledFunction& function, u32 pcs_bytes,
                                u8*& pcs);
  void populate(const FunctionCode& next);
  bool resolve(const Masm& masm, const CallReloc& reloc, const FunctionCode& record,
               std::vector<PendingCall>* pending);
  bool patch(const Masm& masm, Near kind, u32 field, const void* target);

  const CodeSpaceLayout layout_;
  CodeMapping mapping_;
  std::atomic<const void*>* slots_;
  ZeroedArray<std::atomic<u32>> placed_at_;  // Offset of a function's code, or 0.
  ZeroedArray<FunctionCode> records_;        // In the order of their addresses.
  std::atomic<u32> records_count_{0};
  std::atomic<u64> used_{0};
  std::atomic<u64> populated_{0};  // Pages up to here were asked for, of a module compiled whole.
  u64 first_function_ = 0;
  ModuleCode* owner_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<u8[]>> pcs_chunks_;
  std::vector<std::unique_ptr<const Handlers>> handlers_;
  u8* pcs_free_ = nullptr;
  u32 pcs_left_ = 0;
};

}  // namespace lr::jit
