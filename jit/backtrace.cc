#include <fmt/format.h>

#include <algorithm>

#include "jit/code_registry.h"
#include "jit/code_space.h"
#include "jit/compiled_module.h"
#include "jit/entry.h"
#include "jit/invoke.h"
#include "jit/machine.h"
#include "jit/stubs.h"

namespace lr::jit {

namespace {

constexpr u32 kMaxCounted = 100'000;

// Walks a suspended stack from its top. Each step knows from the pc how far the frame's return
// address is: from the function's table, from the stub's record, or because it is a resume address
// of entry_*.S.
class StackWalker {
 public:
  explicit StackWalker(const RunState& run) : top_(run.stack_top), sp_(run.sp) { pop_pc(); }

  // The next frame of a function; false at the end of the stack.
  bool next() {
    if (entered_) leave_function();
    while (pc_ != nullptr) {
      const CodeOwner owner = find_code(pc_);
      if (owner.space != nullptr) return enter_function(*owner.space);
      if (owner.stubs != nullptr ? !leave_stub(*owner.stubs) : !leave_fixed()) break;
    }
    return false;
  }

  const ModuleCode* code = nullptr;
  const FunctionCode* function = nullptr;
  PcEntry entry;

 private:
  u64 word_at(u64 address) const { return *reinterpret_cast<const u64*>(address); }
  const void* label(const char* symbol) const { return symbol; }

  // The word at sp is a pc.
  void pop_pc() {
    if (sp_ >= top_) {
      pc_ = nullptr;
      return;
    }
    pc_ = reinterpret_cast<const void*>(word_at(sp_));
    sp_ += kPcSlotBytes;
  }

  // A frame with its return address above it.
  void pop_frame(u64 frame_bytes, u64 pop_bytes) {
    sp_ += frame_bytes;
    pop_pc();
    sp_ += pop_bytes;
  }

  // Frame sizes as patch_frame() counts them may include the return address.
  u64 without_return_address(u64 frame_bytes) const {
    return frame_bytes + static_cast<u64>(i64{target_.return_address_offset});
  }

  bool enter_function(const CodeSpace& space) {
    const auto* before = static_cast<const u8*>(pc_) - 1;
    function = space.find(before);
    // A fault's pc is its instruction, and may be a function's first.
    if (function == nullptr) function = space.find(pc_);
    if (function == nullptr) return false;
    code = space.owner();
    const auto offset =
        static_cast<u32>(static_cast<const u8*>(pc_) - (space.code() + function->offset));
    entry = function->pc_entry(offset);
    if (entry.code_offset == 0) {
      // Not a call, so a fault: nothing is pushed.
      entry = function->pc_entry_near(offset);
      entry.pushed_bytes = 0;
    }
    entered_ = true;
    return true;
  }

  void leave_function() {
    entered_ = false;
    const bool has_frame = entry.pushed_bytes != PcEntry::kNoFrame;
    const u64 frame =
        has_frame ? without_return_address(function->frame_bytes) + entry.pushed_bytes : 0;
    const u32 widened = has_frame ? 0 : function->widened_bytes;
    pop_frame(frame, function->stack_arg_bytes - widened);
  }

  bool leave_stub(const StubSpace& stubs) {
    StubFrame stub;
    if (!stubs.find(pc_, &stub)) return false;
    const u64 code_offset = stubs.offset_of(pc_) - stub.offset;
    const bool has_frame = stub.check_end == 0 || code_offset != stub.check_end;
    pop_frame(has_frame ? without_return_address(stub.frame_bytes) : 0, stub.pop_bytes);
    return true;
  }

  bool leave_fixed() {
    if (pc_ == label(lr_yield_resume) || pc_ == label(lr_stack_check_resume) ||
        pc_ == label(lr_lazy_resume) || pc_ == label(lr_gc_resume)) {
      pop_frame(lr_full_save_bytes, 0);
    } else if (pc_ == label(lr_host_resume)) {
      pop_frame(lr_host_wait_bytes - 2 * kPcSlotBytes, 0);
    } else if (pc_ == label(lr_activation_return)) {
      pop_frame(sizeof(ActivationRecord) - 16, 0);
    } else if (pc_ == label(lr_activation_start)) {
      pop_frame(sizeof(ActivationRecord) - kPcSlotBytes, 0);
    } else {
      return false;
    }
    return true;
  }

  const Target& target_ = host_target(CpuFeatures{});
  const u64 top_;
  u64 sp_;
  const void* pc_ = nullptr;
  bool entered_ = false;
};

bool holds(const Function& function, u32 offset) {
  return offset - function.body_offset < function.body_size;
}

// The function whose body has the offset: another one than the code's where a call was inlined.
u32 function_at(const Module& module, u32 offset, u32 otherwise) {
  if (offset == 0 || holds(module.functions[otherwise], offset)) return otherwise;
  const auto first = module.functions.begin() + module.imported_functions;
  const auto after =
      std::upper_bound(first, module.functions.end(), offset,
                       [](u32 at, const Function& function) { return at < function.body_offset; });
  if (after == first || !holds(after[-1], offset)) return otherwise;
  return static_cast<u32>(after - 1 - module.functions.begin());
}

Frame make_frame(const CompiledModule& module, u32 index, u32 offset) {
  const std::string_view name = module.module().function_name(index);
  return {.module = std::string(module.name()),
          .function = name.empty() ? fmt::format("func[{}]", index) : std::string(name),
          .index = index,
          .wasm_offset = offset != 0 ? offset : module.module().functions[index].body_offset};
}

}  // namespace

Backtrace backtrace(const RunState& run, u32 max) {
  Backtrace trace;
  StackWalker walker(run);
  const auto add = [&](const CompiledModule& module, u32 index, u32 offset) {
    if (trace.frames.size() < max) {
      trace.frames.push_back(make_frame(module, index, offset));
    } else {
      trace.more++;
    }
  };
  while (trace.more < kMaxCounted && walker.next()) {
    const CompiledModule& module = walker.code->owner();
    const u32 index = walker.function->index;
    const u32 offset = walker.entry.wasm_offset;
    const u32 inner = function_at(module.module(), offset, index);
    add(module, inner, offset);
    if (inner != index) add(module, index, 0);
  }
  return trace;
}

std::string format_backtrace(const Backtrace& trace) {
  std::string text;
  for (usize i = 0; i < trace.frames.size(); i++) {
    const Frame& frame = trace.frames[i];
    text += fmt::format("{:4}: {}!{}+{:#x}\n", i, frame.module, frame.function, frame.wasm_offset);
  }
  if (trace.more != 0) text += fmt::format("      and {} more\n", trace.more);
  return text;
}

}  // namespace lr::jit
