// What machine code sees: one Context per instance, in the pinned context register. The fixed part
// is below; behind it, at offsets that ContextLayout computes from the module, stand the import
// slots, table pointers, memory pointers and globals.
//
//   Context | ImportSlot[imports] | TableView*[tables] | MemoryView*[memories] | Cell[globals]
//
// Contexts come from a pool whose memory is never unmapped (see base/run_state.h).
#pragma once

#include <vector>

#include "base/run_state.h"
#include "base/types.h"
#include "frontend/module.h"

namespace lr::jit {

class Instance;
struct Context;

enum class Trap : u32 {
#define TRAP(name, text) name,
#include "jit/traps.def"
};
const char* text_of(Trap trap);

enum class Stub : u32 {
#define TRAP(name, text) Trap_##name,
#include "jit/traps.def"
#define HELPER(name, params, results) Helper_##name,
#include "jit/helpers.def"
#define STUB(name) name,
#include "jit/stubs.def"
  kCount
};

// A function reference, as tables and reference values hold it (null is 0). Made on demand, owned
// by the instance, at a stable address. For an imported wasm function it is the exporter's own.
struct FuncRef {
  // Entry by the wasm convention when `context` is in the context register already.
  const void* code = nullptr;
  Context* context = nullptr;
  // Entry by the wasm convention from any other instance, with this FuncRef in call_target:
  // changes to `context` and back.
  const void* cross_code = nullptr;
  TypeId type = 0;
  u32 index = 0;  // In its module's function index space.
  // Of the type: display[d] is its supertype at depth d, display[depth] the type itself.
  const TypeId* display = nullptr;
  u32 depth = 0;
};

// What an instance was given for an imported function. Entered with the function's index in
// scratch: `code` finds its slot by it. `target` is the FuncRef* or the HostFunction*.
struct ImportSlot {
  const void* code = nullptr;
  void* target = nullptr;
};

// Tables of any reference type: 8 bytes an element.
struct TableView {
  u64* elements = nullptr;
  u64 size = 0;
};

struct MemoryView {
  u8* base = nullptr;
  u64 extent = 0;  // Bytes that code may touch without asking.
  u64 size = 0;    // Bytes that exist; a multiple of the page size.
  u64 ready = 0;   // Bytes that the host may touch without asking: the extent or less.
};

// A global of this instance; 16 bytes for v128. A mutable imported global's cell holds the
// address of its owner's cell instead.
struct alignas(16) Cell {
  u64 bits = 0;
  u64 high = 0;
};

struct alignas(64) Context {
  Doorbell bell;
  u8* memory_base = nullptr;  // Copies of memory 0's view, loaded into the pinned registers.
  u64 memory_extent = 0;
  RunState* run = nullptr;
  Instance* instance = nullptr;
  MemoryView* memory0 = nullptr;  // Null without a memory.
  u64 activation = 0;             // See jit/invoke.h; in root contexts only.
  // ImportSlot imports[] follows at kImportsOffset.
};

inline constexpr i32 kContextStackLimit = 0;
inline constexpr i32 kContextAlarm = 8;
inline constexpr i32 kContextMemoryBase = 16;
inline constexpr i32 kContextMemoryExtent = 24;
inline constexpr i32 kContextRun = 32;
inline constexpr i32 kContextInstance = 40;
inline constexpr i32 kContextMemory0 = 48;
inline constexpr i32 kImportsOffset = 64;
static_assert(offsetof(Context, memory_base) == kContextMemoryBase);
static_assert(offsetof(Context, memory_extent) == kContextMemoryExtent);
static_assert(offsetof(Context, run) == kContextRun);
static_assert(offsetof(Context, instance) == kContextInstance);
static_assert(offsetof(Context, memory0) == kContextMemory0);
static_assert(sizeof(Context) == kImportsOffset);
static_assert(offsetof(FuncRef, code) == 0);
static_assert(offsetof(FuncRef, context) == 8);
static_assert(offsetof(FuncRef, cross_code) == 16);
static_assert(offsetof(FuncRef, type) == 24);
static_assert(sizeof(ImportSlot) == 16);

// Offsets of the variable part, from the start of the Context.
struct ContextLayout {
  i32 tables = 0;    // TableView*
  i32 memories = 0;  // MemoryView*
  i32 globals = 0;   // Cell
  i32 size = 0;

  explicit ContextLayout(const Module& module);
  i32 import_slot(u32 function) const { return kImportsOffset + static_cast<i32>(function) * 16; }
  i32 table(u32 index) const { return tables + static_cast<i32>(index) * 8; }
  i32 memory(u32 index) const { return memories + static_cast<i32>(index) * 8; }
  i32 global(u32 index) const { return globals + static_cast<i32>(index) * 16; }
};

}  // namespace lr::jit
