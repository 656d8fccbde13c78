// Throwing: from a call of the stub Throw or ThrowRef over frames of functions and cross stubs to
// the nearest clause that catches, restoring on the way what each frame has saved. Nothing is
// changed before a catcher is found, so that an exception that nobody catches is a trap at the
// throw.
//
// What a frame looks like follows from the return address into it; a store remembers that for the
// addresses it has met, which stay right as long as it lives.
#pragma once

#include <string>

#include "base/types.h"
#include "jit/compiler/compile.h"
#include "jit/context.h"
#include "jit/exception.h"

namespace lr::jit {

class ProcessStore;

// What entry_*.S hands over and takes back.
struct ThrowState {
  u64 saved[4] = {};  // Target::callee_saved in the order of their numbers.
  Context* context = nullptr;
  u64 sp = 0;
  Exception* exception = nullptr;
  // A reference to the exception is wanted. In: room for that in the heap, or null. Out, if the
  // heap has to be collected first: how many bytes it needs.
  u64 room = 0;
};
static_assert(offsetof(ThrowState, context) == 32 && offsetof(ThrowState, sp) == 40 &&
              offsetof(ThrowState, exception) == 48 && offsetof(ThrowState, room) == 56);

// How to leave the frame into which a return address leads.
struct UnwindStep {
  enum class Kind : u8 { Unknown, Function, Cross, End };

  const void* pc = nullptr;
  Kind kind = Kind::Unknown;
  u32 pushed_bytes = 0;      // From sp to the frame,
  u32 frame_bytes = 0;       // from the frame to its return address,
  u32 pop_bytes = 0;         // and stack arguments behind that.
  i32 context_offset = 0;    // Cross: of the caller's context, from sp.
  u64 saved = 0;             // Function: RegSet bits of what stands at the frame's bottom.
  const u8* code = nullptr;  // Function: its first instruction,
  const Handlers* handlers = nullptr;  // and what it catches
  u32 region = Handlers::kNoRegion;    // at this address.
};

class UnwindCache {
 public:
  const UnwindStep& step(const void* pc) {
    UnwindStep& step = steps_[(reinterpret_cast<u64>(pc) * 0x9e37'79b9'7f4a'7c15) >> (64 - kBits)];
    if (step.pc != pc) step = look_up(pc);
    return step;
  }

 private:
  static constexpr u32 kBits = 7;
  static UnwindStep look_up(const void* pc);

  UnwindStep steps_[1 << kBits];
};

// "tag \"name\" (i32 5)": what an error says of an exception.
std::string describe(const ProcessStore& store, Exception& exception);

}  // namespace lr::jit

extern "C" {

extern const char lr_throw[];
extern const char lr_throw_ref[];

// Called by the two above on the worker's stack, with the throw's return address on top of the
// process stack. Where to go on, with the state changed; null: run.trap_code is set; 1: to be
// called again with room in the heap.
const void* lr_do_throw(lr::jit::ThrowState* state, lr::u64 payload_offset, lr::u32 tag);
const void* lr_do_throw_ref(lr::jit::ThrowState* state, lr::jit::Exception* exception);

}  // extern "C"
