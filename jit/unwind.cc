#include "jit/unwind.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "frontend/type_registry.h"
#include "jit/code_registry.h"
#include "jit/gc/object.h"
#include "jit/instance.h"
#include "jit/machine.h"
#include "jit/stubs.h"

namespace lr::jit {

namespace {

// lr_do_throw() is to be called again.
const void* const kCollectFirst = reinterpret_cast<const void*>(1);

u64 word_at(u64 address) { return *reinterpret_cast<const u64*>(address); }
const void* pc_at(u64 address) { return reinterpret_cast<const void*>(word_at(address)); }

// Frame sizes as patch_frame() counts them may include the return address.
u32 without_return_address(u32 frame_bytes) {
  return frame_bytes + static_cast<u32>(host_target(CpuFeatures{}).return_address_offset);
}

UnwindStep step_of_function(const void* pc, const CodeSpace& space) {
  const FunctionCode* function = space.find(static_cast<const u8*>(pc) - 1);
  if (function == nullptr) return {};
  UnwindStep step;
  step.kind = UnwindStep::Kind::Function;
  step.code = space.code() + function->offset;
  const auto offset = static_cast<u32>(static_cast<const u8*>(pc) - step.code);
  if (function->pushes) step.pushed_bytes = function->pc_entry(offset).pushed_bytes;
  step.frame_bytes = without_return_address(function->frame_bytes);
  step.pop_bytes = function->stack_arg_bytes;
  step.saved = function->saved;
  step.handlers = function->handlers;
  if (step.handlers != nullptr) step.region = step.handlers->region_at(offset);
  return step;
}

UnwindStep step_of_stub(const void* pc, const StubSpace& stubs) {
  StubFrame stub;
  if (!stubs.find(pc, &stub) || stub.context_offset < 0) return {};
  UnwindStep step;
  step.kind = UnwindStep::Kind::Cross;
  step.frame_bytes = without_return_address(stub.frame_bytes);
  step.pop_bytes = stub.pop_bytes;
  step.context_offset = stub.context_offset;
  return step;
}

// The clause that catches the exception at this step, or null.
const Handlers::Clause* find_clause(const UnwindStep& step, const Instance& instance,
                                    const Exception& exception) {
  const Handlers* handlers = step.handlers;
  for (u32 at = step.region; at != Handlers::kNoRegion; at = handlers->regions[at].parent) {
    const Handlers::Region& region = handlers->regions[at];
    for (u32 i = 0; i < region.clauses_count; i++) {
      const Handlers::Clause& clause = handlers->clauses[region.clauses_first + i];
      if (clause.tag == Handlers::kAnyTag || instance.tag(clause.tag) == exception.tag) {
        return &clause;
      }
    }
  }
  return nullptr;
}

// The callee-saved registers that a function has saved at the bottom of its frame.
void restore_saved(ThrowState& state, u64 saved, u64 frame) {
  if (saved == 0) return;
  u32 place = 0;
  for (RegSet rest = host_target(CpuFeatures{}).callee_saved; !rest.empty(); place++) {
    if (!RegSet(saved).has(rest.take_first())) continue;
    state.saved[place] = word_at(frame);
    frame += 8;
  }
}

// As a cross stub does it.
void change_context(Context& from, Context& to) {
  if (&from == &to) return;
  to.bell.stack_limit.store(from.bell.stack_limit.load(std::memory_order_relaxed),
                            std::memory_order_relaxed);
  to.bell.alarm.store(from.bell.alarm.load(std::memory_order_relaxed), std::memory_order_relaxed);
  to.run->doorbell.store(&to.bell, std::memory_order_release);
}

const void* trap(ProcessStore& store, Trap why) {
  store.run().trap_code = static_cast<u32>(why);
  return nullptr;
}

// Moves the exception to the heap. False if it has to be collected first, or there is no room at
// all: then the exception is null.
bool keep(ThrowState& state, ProcessStore& store) {
  Exception& from = *state.exception;
  if (from.is_kept) return true;
  const u64 bytes = gc::round_up(kExceptionPayload + from.words * 8);
  auto* object = gc::object_of(state.room);
  if (object == nullptr) {
    gc::Heap* const heap = store.heap();
    const auto grant = heap == nullptr ? gc::Heap::Grant::Refused : heap->allocate(bytes, &object);
    if (grant != gc::Heap::Grant::Done) {
      store.exceptions().free(&from);
      if (grant == gc::Heap::Grant::Refused) state.exception = nullptr;
      state.room = bytes;
      return false;
    }
  }
  std::memcpy(object, &from, kExceptionPayload + from.words * 8);
  state.exception = reinterpret_cast<Exception*>(object);
  state.exception->type = gc::kExceptionTypeWord;
  state.exception->length = kExceptionPayload / 8 - 1 + from.words;
  state.exception->is_kept = true;
  store.exceptions().free(&from);
  return true;
}

const void* land(ThrowState& state, ProcessStore& store, Context& thrower,
                 const Handlers::Clause& clause, const u8* code) {
  change_context(thrower, *state.context);
  if (!clause.keeps && !state.exception->is_kept) store.exceptions().free(state.exception);
  return code + clause.code_offset;
}

const void* nobody_catches(ProcessStore& store, Exception& exception) {
  store.set_uncaught(describe(store, exception));
  if (!exception.is_kept) store.exceptions().free(&exception);
  return trap(store, Trap::UncaughtException);
}

// Throws result->exception from where the process has left.
const void* unwind(ThrowState* result) {
  ThrowState state = *result;
  Context& thrower = *state.context;
  ProcessStore& store = thrower.instance->store();
  UnwindCache& cache = store.unwind_cache();
  u64 sp = store.run().sp + kPcSlotBytes;
  for (const void* pc = pc_at(store.run().sp);;) {
    const UnwindStep& step = cache.step(pc);
    const u64 frame = sp + step.pushed_bytes;
    if (step.kind == UnwindStep::Kind::Function) {
      if (step.region != Handlers::kNoRegion) {
        const auto* clause = find_clause(step, *state.context->instance, *state.exception);
        if (clause != nullptr) {
          if (clause->keeps && !keep(state, store)) {
            result->room = state.room;
            return state.exception == nullptr ? trap(store, Trap::OutOfMemory) : kCollectFirst;
          }
          state.sp = frame;
          *result = state;
          return land(*result, store, thrower, *clause, step.code);
        }
      }
      restore_saved(state, step.saved, frame);
    } else if (step.kind == UnwindStep::Kind::Cross) {
      state.context =
          reinterpret_cast<Context*>(word_at(sp + static_cast<u64>(step.context_offset)));
    } else {
      return nobody_catches(store, *state.exception);
    }
    pc = pc_at(frame + step.frame_bytes);
    sp = frame + step.frame_bytes + kPcSlotBytes + step.pop_bytes;
  }
}

std::string text_of_value(ValType type, const u64* words) {
  const u64 bits = words[0];
  switch (type.kind) {
    case Kind::I32:
      return fmt::format("i32 {}", static_cast<i32>(bits));
    case Kind::I64:
      return fmt::format("i64 {}", static_cast<i64>(bits));
    case Kind::F32:
      return fmt::format("f32 {}", std::bit_cast<float>(static_cast<u32>(bits)));
    case Kind::F64:
      return fmt::format("f64 {}", std::bit_cast<double>(bits));
    case Kind::V128:
      return fmt::format("v128 {:#018x} {:#018x}", bits, words[1]);
    default:
      return bits == 0 ? "null" : name_of(type);
  }
}

// What a module calls it: its own name by export, else that of an import.
std::string name_of_tag(const ProcessStore& store, const Tag* tag) {
  std::string imported;
  for (Instance* instance = store.first_instance(); instance != nullptr;
       instance = instance->next()) {
    const Module& module = instance->module();
    for (u32 i = 0; i < module.tags.size(); i++) {
      if (instance->tag(i) != tag) continue;
      for (const Export& e : module.exports) {
        if (e.kind == ExternKind::Tag && e.index == i) return std::string(e.name);
      }
      for (const Import& import : module.imports) {
        if (import.kind == ExternKind::Tag && import.index == i) imported = import.name;
      }
      if (i >= module.imported_tags && imported.empty()) {
        return fmt::format("{}!tag[{}]", instance->compiled().name(), i);
      }
    }
  }
  return imported;
}

}  // namespace

UnwindStep UnwindCache::look_up(const void* pc) {
  const CodeOwner owner = find_code(pc);
  UnwindStep step;
  if (owner.space != nullptr) step = step_of_function(pc, *owner.space);
  if (owner.stubs != nullptr) step = step_of_stub(pc, *owner.stubs);
  if (step.kind == UnwindStep::Kind::Unknown) step.kind = UnwindStep::Kind::End;
  step.pc = pc;
  return step;
}

std::string describe(const ProcessStore& store, Exception& exception) {
  std::string text = fmt::format("tag \"{}\"", name_of_tag(store, exception.tag));
  const u64* words = exception.payload();
  const char* before = " (";
  for (const ValType type : defined_type(exception.tag->type).params) {
    text += before + text_of_value(type, words);
    words += type.kind == Kind::V128 ? 2 : 1;
    before = ", ";
  }
  return exception.words == 0 ? text : text + ")";
}

}  // namespace lr::jit

using lr::jit::Exception;
using lr::jit::ThrowState;

const void* lr_do_throw(ThrowState* state, lr::u64 payload_offset, lr::u32 index) {
  lr::jit::Context& context = *state->context;
  lr::jit::Tag* const tag = context.instance->tag(index);
  state->exception = context.instance->store().exceptions().allocate(tag, tag->words);
  const lr::u64 from = context.run->sp + lr::jit::kPcSlotBytes + payload_offset;
  std::memcpy(state->exception->payload(), reinterpret_cast<const void*>(from), tag->words * 8);
  return lr::jit::unwind(state);
}

const void* lr_do_throw_ref(ThrowState* state, Exception* exception) {
  state->exception = exception;
  return lr::jit::unwind(state);
}
