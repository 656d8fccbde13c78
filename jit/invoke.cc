#include "jit/invoke.h"

#include "frontend/type_registry.h"
#include "jit/convention.h"
#include "jit/engine.h"
#include "jit/entry.h"
#include "jit/instance.h"
#include "jit/stubs.h"

namespace lr::jit {

namespace {

// Frames of the thunk and of the stub behind it, beside what they copy.
constexpr u64 kStubFrameBytes = 128;

ActivationRecord* innermost(const ProcessStore& store) {
  const u64 distance = store.root_context()->activation;
  if (distance == 0) return nullptr;
  return reinterpret_cast<ActivationRecord*>(store.run().stack_top - distance);
}

// What stands `bytes` above the resume address of a host call that waits.
u64* waiting(const RunState& run, u64 bytes) {
  DCHECK(*reinterpret_cast<const void**>(run.sp) == lr_host_resume);
  return reinterpret_cast<u64*>(run.sp + bytes);
}

}  // namespace

u32 value_words(TypeId id) {
  const DefinedType& type = defined_type(id);
  const auto words = [](std::span<const ValType> types) {
    u32 sum = 0;
    for (const ValType t : types) sum += t == kV128 ? 2 : 1;
    return sum;
  };
  return std::max(words(type.params), words(type.results));
}

bool begin_activation(ProcessStore& store, FuncRef* func, u64* values) {
  RunState& run = store.run();
  const void* thunk = store.thunk(func->type);
  // Arguments and results stand on the stack twice, if they do not fit registers.
  const u64 need = sizeof(ActivationRecord) + 32 * u64{value_words(func->type)} + kStubFrameBytes;
  if (run.sp - need < run.stack_limit) {
    run.stack_need = static_cast<u32>(need);
    return false;
  }
  Context* root = store.root_context();
  auto* record = reinterpret_cast<ActivationRecord*>(run.sp - sizeof(ActivationRecord));
  *record = {.resume = lr_activation_start,
             .unused = 0,
             .thunk = thunk,
             .func = func,
             .values = values,
             .bell = run.doorbell.load(std::memory_order_relaxed),
             .previous = root->activation,
             .root = root};
  run.sp = reinterpret_cast<u64>(record);
  root->activation = run.stack_top - run.sp;
  run.change_doorbell(&root->bell);
  return true;
}

void abandon_activation(ProcessStore& store) {
  RunState& run = store.run();
  const ActivationRecord* record = innermost(store);
  CHECK(record != nullptr);
  run.sp = reinterpret_cast<u64>(record + 1);
  store.root_context()->activation = record->previous;
  // What is left of the fuel stays with the root context.
  run.change_doorbell(&store.root_context()->bell);
  run.change_doorbell(record->bell);
}

u32 activation_count(const ProcessStore& store) {
  u32 count = 0;
  u64 distance = store.root_context()->activation;
  while (distance != 0) {
    distance = reinterpret_cast<ActivationRecord*>(store.run().stack_top - distance)->previous;
    count++;
  }
  return count;
}

u64* host_call_values(const RunState& run) { return waiting(run, lr_host_wait_bytes); }

void complete_host_call(RunState& run, HostStatus status) {
  *waiting(run, lr_host_wait_status) = static_cast<u64>(status);
}

bool may_move_stack(const RunState& run, Leave reason) {
  if (reason == Leave::Trapped) return false;
  if (reason != Leave::Yield) return true;
  const void* const at = *reinterpret_cast<const void**>(run.sp);
  return at != lr_yield_resume && at != lr_interrupted_resume && at != lr_gc_resume;
}

}  // namespace lr::jit
