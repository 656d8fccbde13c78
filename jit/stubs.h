// StubSpace: the machine code that belongs to no module. The fixed part is in entry_*.S; for each
// shape of a signature this generates, at first use:
//
//   host call   from machine code to a HostFunction and back: builds the array of arguments on the
//   process
//               stack, hops to the worker's stack, calls, hops back
//   cross       from one instance to another: changes the context, the memory registers and the
//               doorbell, and back
//   tail        from one instance to another for good: reuses the frame of a cross stub if the
//   caller
//               returns into one, so that instances can call one another's tails for ever
//   thunk       from an ActivationRecord's array into a function and back
//
// Signatures that travel alike share their stubs. One StubSpace per engine; any thread.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "jit/code_mapping.h"
#include "jit/context.h"
#include "jit/convention.h"
#include "jit/host_function.h"
#include "jit/masm/masm.h"

namespace lr::jit {

// What the unwinder needs of a stub.
struct StubFrame {
  u32 offset = 0;  // Of its code.
  u32 size = 0;
  u32 frame_bytes = 0;      // From sp, behind its call, to the return address.
  u32 pop_bytes = 0;        // Stack arguments of its own.
  i32 context_offset = -1;  // Cross: of the caller's context, from sp behind its call; else -1.
  u32 check_end = 0;        // Offset behind its stack check's call, where it has no frame; or 0.
};

class StubSpace {
 public:
  static Result<std::unique_ptr<StubSpace>> create(const CpuFeatures& cpu);
  ~StubSpace();
  StubSpace(const StubSpace&) = delete;
  StubSpace& operator=(const StubSpace&) = delete;

  const Target& target() const { return masm_->target(); }
  // Where each Stub is, for CodeSpace::create().
  std::span<const void* const> addresses() const { return addresses_; }

  // ImportSlot::code of a host function. Null when the space is full.
  const void* host_import(TypeId type);
  // Of the others there is a stub that traps with CompileFailed when the space is full.
  bool is_refusal(const void* stub) const { return stub == refusal_; }
  // FuncRef::cross_code of a host function, whose FuncRef::code is the HostFunction.
  const void* host_ref(TypeId type);
  // FuncRef::cross_code of a wasm function. Without a lock for what fits into registers.
  const void* cross(TypeId type);
  const void* thunk(TypeId type);

  // The stub that `pc` lies in. Takes the lock: not for signal handlers.
  bool find(const void* pc, StubFrame* frame) const;
  u32 offset_of(const void* pc) const {
    return static_cast<u32>(static_cast<const u8*>(pc) - mapping_.code());
  }

 private:
  explicit StubSpace(const CpuFeatures& cpu);
  const void* cached(char kind, const DefinedType& type);
  const void* or_refusal(char kind, const DefinedType& type);
  u64 cross_end(const Convention& convention) const;
  const void* helper(const HostFunction* function, const char* params, const char* results);
  const void* finish(const StubFrame& frame, const std::vector<CallReloc>& relocs,
                     std::optional<u64> cross_end);
  void place_fixed(Stub stub, const void* code) { addresses_[static_cast<usize>(stub)] = code; }
  const u8* cross_begin() const;

  mutable std::mutex mutex_;
  std::unique_ptr<Masm> masm_;
  CodeMapping mapping_;
  u32 used_ = 0;
  u32 cross_used_ = 0;
  const void* refusal_ = nullptr;
  const void* cross_plain_ = nullptr;  // For signatures that travel in registers alone.
  std::vector<const void*> addresses_;
  std::vector<StubFrame> frames_;  // In the order of their addresses.
  std::unordered_map<std::string, const void*> cache_;
};

}  // namespace lr::jit
