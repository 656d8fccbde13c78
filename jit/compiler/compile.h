// The second pass: machine code for one validated function. See docs/ARCHITECTURE.md.
#pragma once

#include <vector>

#include "base/result.h"
#include "frontend/facts.h"
#include "frontend/module.h"
#include "jit/context.h"
#include "jit/masm/masm.h"
#include "jit/preempt.h"

namespace lr::jit {

// How memory 0 is checked: Guarded leaves 32-bit accesses to guard pages (constant offsets below
// kGuardBytes), Dense compares every access with the extent.
enum class MemoryClass : u8 { Guarded, Dense };
inline constexpr u64 kGuardBytes = 256 * kMiB;

// What a variant of a module's code is made for.
struct CodeOptions {
  MemoryClass memory_class = MemoryClass::Guarded;
  Preempt preempt = Preempt::Flag;
  // Test modes: no local has a register; every value leaves its register at once.
  bool no_homes = false;
  bool spill_all = false;
  // Results that the specification leaves open are those of its deterministic profile: NaNs are
  // positive and canonical, relaxed instructions do the same on every machine.
  bool deterministic = false;

  bool operator==(const CodeOptions&) const = default;
};

// What the compiler asks of the engine about functions of the same module.
class CallTargets {
 public:
  virtual ~CallTargets() = default;
  // May a call to `function` be direct? True if its code is placed, or will be before any code of
  // this compilation runs.
  virtual bool is_direct(u32 function) const = 0;
  // Is the function's body known to be valid, so that it may be compiled in place of a call?
  virtual bool may_inline(u32 function) const = 0;
};

// Why a pc is remarkable: a call (the pc is its return address), or a trap stub's call.
struct PcEntry {
  u32 code_offset = 0;  // From the start of the function: the return address.
  u32 wasm_offset = 0;  // Of the instruction, in the module's bytes.
  // Bytes below the frame at this pc once the callee has popped its arguments (a call's stack
  // results), or kNoFrame when the function's own frame does not exist yet (its stack check).
  static constexpr u32 kNoFrame = ~u32{0};
  u32 pushed_bytes = 0;
};

// For listings: from here on the code is that of the instruction, until the next mark. The last one
// has no instruction (wasm_offset 0): cold code follows.
struct SourceMark {
  u32 code_offset = 0;
  u32 wasm_offset = 0;
};

// What catches exceptions in a function. A throw looks up the return address among the sites, then
// tries the clauses of its region and of the regions around it.
struct Handlers {
  static constexpr u32 kNoRegion = ~u32{0};
  static constexpr u32 kAnyTag = ~u32{0};

  struct Site {
    u32 code_offset = 0;  // A return address, as in PcEntry.
    u32 region = 0;
  };
  struct Region {
    u32 parent = kNoRegion;
    u32 clauses_first = 0;
    u32 clauses_count = 0;
  };
  struct Clause {
    u32 tag = kAnyTag;  // Index in the module.
    // Where it goes on: sp at the frame's bottom, callee-saved registers as at the site, the
    // Exception* in the first integer result register.
    u32 code_offset = 0;
    bool keeps = false;  // The exception may be used beyond its payload, which is read at once.
  };

  std::vector<Site> sites;  // By code_offset.
  std::vector<Region> regions;
  std::vector<Clause> clauses;

  // Of the site, or kNoRegion.
  u32 region_at(u32 code_offset) const;
  void clear();
};

struct CompiledFunction {
  std::span<const u8> code;  // In the Masm, until its next reset.
  std::vector<CallReloc> relocs;
  std::vector<PcEntry> pcs;  // By code_offset.
  Handlers handlers;
  u32 frame_bytes = 0;      // Between sp in the body and the return address (exclusive).
  u32 stack_arg_bytes = 0;  // Above the return address, popped by this function.
  u32 widened_bytes = 0;    // Of these, what its prologue adds to what the caller has pushed.
  RegSet
      saved;  // Callee-saved registers, stored from [sp] upwards in ascending order, 8 bytes each.
  u32 body_offset = 0;  // Code offset of the first instruction after the prologue.
  std::vector<SourceMark>* marks = nullptr;  // The caller's; filled if not null.

  void clear();  // Empties, keeps the capacity.
};

// Reused between functions of one thread.
class Compiler;
struct CompilerDeleter {
  void operator()(Compiler* compiler) const;
};
std::unique_ptr<Compiler, CompilerDeleter> make_compiler(Masm& masm);

// `module`'s function `index` has just been validated, with `facts`. Fails only with LimitExceeded
// (code too large, branch out of range) or FeatureOff (an instruction without a lowering).
Status compile_function(Compiler& compiler, const Module& module, const ContextLayout& layout,
                        u32 index, const FuncFacts& facts, const CodeOptions& options,
                        const CallTargets& targets, CompiledFunction& out);

}  // namespace lr::jit
