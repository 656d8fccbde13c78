#include "jit/stubs.h"

#include <algorithm>
#include <cstring>

#include "frontend/opcode.h"
#include "frontend/type_registry.h"
#include "jit/code_registry.h"
#include "jit/compiler/value.h"
#include "jit/entry.h"
#include "jit/helpers.h"
#include "jit/machine.h"
#include "jit/unwind.h"

namespace lr::jit {

namespace {

constexpr u64 kSpaceBytes = 16 * kMiB;
// Cross stubs have the end of the space to themselves: a return address says whether it is of one.
constexpr u64 kCrossBytes = 4 * kMiB;
// The last of it is for signatures that people write, whatever others have asked for before.
constexpr u64 kCrossReservedBytes = 64 * kKiB;
constexpr u32 kReservedArgsBytes = 16 * 8;
constexpr u32 kReservedResultsBytes = 8 * 8;
// More words than these are copied by a loop.
constexpr u32 kUnrolledBytes = 16 * 8;
// A stub whose frame fits into the reserve needs no stack check.
constexpr u32 kUncheckedFrameBytes = 256;
constexpr u32 kRunSp = offsetof(RunState, sp);
constexpr u32 kRunHostSp = offsetof(RunState, host_sp);
constexpr u32 kRunDoorbell = offsetof(RunState, doorbell);
// ActivationRecord behind its first two words.
constexpr i32 kRecordFunc = offsetof(ActivationRecord, func) - 16;
constexpr i32 kRecordValues = offsetof(ActivationRecord, values) - 16;

// An i32's upper half is zero and stays so.
Store store_of(ValType type) {
  return type.kind == Kind::I32 ? Store::I64 : jit::store_of(type.kind);
}

// One letter a value: types that travel alike have the same.
char letter_of(ValType type) {
  switch (type.kind) {
    case Kind::I32:
      return 'w';
    case Kind::F32:
      return 'f';
    case Kind::F64:
      return 'd';
    case Kind::V128:
      return 'v';
    default:
      return 'i';
  }
}

// To a cross stub only what stands on the stack matters, and of that only the size.
std::string shape_of(char kind, const DefinedType& type, const Convention& convention) {
  std::string shape(1, kind);
  if (kind == 'c') {
    return shape + std::to_string(convention.params.stack_bytes) + '_' +
           std::to_string(convention.results.stack_bytes);
  }
  for (const ValType param : type.params) shape += letter_of(param);
  shape += '_';
  for (const ValType result : type.results) shape += letter_of(result);
  return shape;
}

// Nothing stands on the stack. True for nearly every function, and cheap to find out.
bool fits_registers(const Target& target, const DefinedType& type) {
  const usize ints = std::min(target.int_args.size(), target.vector_args.size());
  const usize results = std::min(target.int_results.size(), target.vector_results.size());
  return type.params.size() <= ints && type.results.size() <= results;
}

u32 words_of(char letter) { return letter == 'v' ? 2 : 1; }

// Emits one stub. All methods leave sp where they found it.
class StubEmitter {
 public:
  StubEmitter(Masm& masm, const Convention& convention)
      : masm_(masm), target_(masm.target()), abi_(c_abi()), convention_(convention) {
    // No argument, no result, no register that calls preserve.
    RegSet free = (target_.allocatable & kAllInts) - target_.callee_saved;
    for (const Reg r : target_.int_args) free.remove(r);
    for (const Reg r : target_.int_results) free.remove(r);
    free.remove(target_.call_target);
    temp_ = free.first();
  }

  StubFrame frame;
  std::vector<CallReloc> relocs;

  enum class From { Import, Ref, Constant };
  void host_call(From from, const HostFunction* function);
  void cross();
  // `cross_begin` is where the cross stubs are.
  void tail_cross(const u8* cross_begin);
  void tail_import(const u8* cross_begin);
  void thunk();
  void refusal();

 private:
  Address at(Reg base, u64 disp) { return {.base = base, .disp = static_cast<i32>(disp)}; }
  void load64(Reg dst, Reg base, u64 disp) { masm_.load(Load::I64, dst, at(base, disp)); }
  void store64(Reg base, u64 disp, Reg src) { masm_.store(Store::I64, at(base, disp), src); }

  u32 enter(u32 bytes);
  void leave(u32 pop);
  void check_stack(u32 bytes);
  void finish_check();
  void copy_words(u32 bytes, Reg from, u64 from_disp, u64 to_disp, Reg temp);
  void copy_many(u32 bytes, u64 from_disp, u64 to_disp);
  u32 saved_registers_bytes() const;
  void save_registers(u64 disp);
  void reload_memory();
  void change_context(Reg to);
  void call_host();

  Masm& masm_;
  const Target& target_;
  const CAbi& abi_;
  const Convention& convention_;
  Reg temp_;
  Patch frame_patch_;
  Label check_;
  Label check_cold_;
  u32 checked_bytes_ = 0;
};

// Makes a frame with `bytes` at its bottom; returns its size as patch_frame counts it. With the
// return address it is a multiple of 16: nothing needs that, but vectors in frames are faster.
u32 StubEmitter::enter(u32 bytes) {
  const u32 return_address = static_cast<u32>(-target_.return_address_offset);
  const u32 pushed = target_.return_address_bytes;
  frame.frame_bytes = ((bytes + return_address + pushed + 15) & ~15u) - pushed;
  masm_.patch_frame(masm_.enter_frame(), frame.frame_bytes);
  return frame.frame_bytes;
}

void StubEmitter::leave(u32 pop) {
  masm_.patch_frame(masm_.leave_frame(), frame.frame_bytes);
  frame.pop_bytes = pop;
  masm_.ret(pop);
}

// Before enter(), with the call target in its register.
void StubEmitter::check_stack(u32 bytes) {
  if (bytes <= kUncheckedFrameBytes) return;
  checked_bytes_ = bytes + kUncheckedFrameBytes;
  masm_.bind(check_);
  masm_.patch_stack_check(masm_.stack_check(check_cold_), checked_bytes_);
}

void StubEmitter::finish_check() {
  if (checked_bytes_ == 0) return;
  masm_.bind(check_cold_);
  masm_.move_imm(Width::W32, target_.scratch, checked_bytes_);
  relocs.push_back(masm_.call_stub_before_frame(static_cast<u32>(Stub::StackCheck)));
  frame.check_end = masm_.offset();
  masm_.jump(check_);
}

void StubEmitter::copy_words(u32 bytes, Reg from, u64 from_disp, u64 to_disp, Reg temp) {
  for (u32 i = 0; i < bytes; i += 8) {
    load64(temp, from, from_disp + i);
    store64(target_.sp, to_disp + i, temp);
  }
}

// Within the stack, by a stub that is about to load the memory registers anew.
void StubEmitter::copy_many(u32 bytes, u64 from_disp, u64 to_disp) {
  if (bytes <= kUnrolledBytes) return copy_words(bytes, target_.sp, from_disp, to_disp, temp_);
  const Reg left = target_.memory_base;
  const auto word = [&](u64 disp) {
    return Address{.base = target_.sp, .index = left, .disp = static_cast<i32>(disp) - 8};
  };
  Label next;
  masm_.move_imm(Width::W64, left, bytes);
  masm_.bind(next);
  masm_.load(Load::I64, temp_, word(from_disp));
  masm_.store(Store::I64, word(to_disp), temp_);
  masm_.alu(Alu::Sub, Width::W64, left, left, Operand::immediate(8));
  masm_.branch_if(
      {.width = Width::W64, .cond = Cond::Ne, .lhs = left, .rhs = Operand::immediate(0)}, next);
}

u32 StubEmitter::saved_registers_bytes() const {
  const u32 bytes = target_.callee_saved.size() * 8;
  return (bytes + target_.frame_alignment - 1) / target_.frame_alignment * target_.frame_alignment;
}

void StubEmitter::save_registers(u64 disp) {
  for (RegSet rest = target_.callee_saved; !rest.empty(); disp += 8) {
    store64(target_.sp, disp, rest.take_first());
  }
}

void StubEmitter::reload_memory() {
  load64(target_.memory_base, target_.context, kContextMemoryBase);
  load64(target_.memory_extent, target_.context, kContextMemoryExtent);
}

// Carries the doorbell's state from this context to the one in `to`, which takes its place. The
// limit may have changed meanwhile; a ring that is lost in between is repeated.
void StubEmitter::change_context(Reg to) {
  const Reg scratch = target_.scratch;
  load64(scratch, target_.context, kContextStackLimit);
  store64(to, kContextStackLimit, scratch);
  load64(scratch, target_.context, kContextAlarm);
  store64(to, kContextAlarm, scratch);
  load64(scratch, to, kContextRun);
  store64(scratch, kRunDoorbell, to);
  masm_.move(Width::W64, target_.context, to);
  reload_memory();
}

// The HostFunction is in the second C argument register, the array at sp.
void StubEmitter::call_host() {
  const auto [run, other] = abi_.temps;
  masm_.move(Width::W64, abi_.args[0], target_.context);
  masm_.move(Width::W64, abi_.args[2], target_.sp);
  load64(run, target_.context, kContextRun);
  store64(run, kRunSp, abi_.args[2]);
  load64(other, run, kRunHostSp);
  masm_.move(Width::W64, target_.sp, other);
  masm_.call(at(abi_.args[1], offsetof(HostFunction, fn)));
  // The stack may have moved.
  load64(run, target_.context, kContextRun);
  load64(other, run, kRunSp);
  masm_.move(Width::W64, target_.sp, other);
}

void StubEmitter::host_call(From from, const HostFunction* function) {
  const ValuePlaces& params = convention_.params;
  const ValuePlaces& results = convention_.results;
  const Reg sp = target_.sp;
  const u32 array_bytes = (std::max(params.words, results.words) * 8 + 15) & ~15u;
  // Anything else may change the scratch register.
  if (from == From::Import) masm_.move(Width::W64, target_.call_target, target_.scratch);
  // A helper may collect garbage, so what its caller keeps in registers must be on the stack.
  const u32 saved_bytes = from == From::Constant ? saved_registers_bytes() : 0;
  check_stack(array_bytes + saved_bytes);
  const u32 size = enter(array_bytes + saved_bytes);
  if (from == From::Constant) save_registers(array_bytes);
  const u32 incoming = size + target_.return_address_bytes;

  for (const ValuePlace& p : params.values) {
    if (p.reg.valid()) masm_.store(store_of(p.type), at(sp, p.word * 8), p.reg);
  }
  for (const ValuePlace& p : params.values) {
    if (p.reg.valid()) continue;
    copy_words(p.type == kV128 ? 16 : 8, sp, incoming + p.stack_offset, p.word * 8, abi_.temps[0]);
  }
  const Reg callee = abi_.args[1];
  Label again;
  masm_.bind(again);
  if (from == From::Import) {
    masm_.shift(Shift::Shl, Width::W64, target_.call_target, target_.call_target, u8{4});
    masm_.load(Load::I64, callee,
               {.base = target_.context,
                .index = target_.call_target,
                .disp = kImportsOffset + i32{offsetof(ImportSlot, target)}});
  } else if (from == From::Ref) {
    load64(callee, target_.call_target, offsetof(FuncRef, code));
  } else {
    masm_.move_imm(Width::W64, callee, reinterpret_cast<u64>(function));
  }
  call_host();

  Label not_done;
  Label done;
  masm_.branch_if(
      {.width = Width::W32, .cond = Cond::Ne, .lhs = abi_.result, .rhs = Operand::immediate(0)},
      not_done);
  masm_.bind(done);
  for (const ValuePlace& p : results.values) {
    if (p.reg.valid()) continue;
    copy_words(p.type == kV128 ? 16 : 8, sp, p.word * 8,
               incoming + params.stack_bytes + p.stack_offset, temp_);
  }
  for (const ValuePlace& p : results.values) {
    if (p.reg.valid()) masm_.load(load_of(p.type.kind), p.reg, at(sp, p.word * 8));
  }
  reload_memory();
  leave(params.stack_bytes);

  masm_.bind(not_done);
  masm_.move_imm(Width::W64, target_.scratch, reinterpret_cast<u64>(lr_host_leave));
  masm_.call(target_.scratch);
  if (from == From::Constant) {
    masm_.branch_if({.width = Width::W32,
                     .cond = Cond::Eq,
                     .lhs = abi_.result,
                     .rhs = Operand::immediate(static_cast<i32>(HostStatus::Again))},
                    again);
  }
  masm_.jump(done);
  finish_check();
}

//   sp -> [stack arguments][stack results][caller's context] return address [...][...]
void StubEmitter::cross() {
  const u32 args = convention_.params.stack_bytes;
  const u32 results = convention_.results.stack_bytes;
  const u32 context_slot = std::max(8u, target_.frame_alignment);
  const Reg sp = target_.sp;
  check_stack(args + results);
  const u32 size = enter(args + results + context_slot);
  const u32 incoming = size + target_.return_address_bytes;
  copy_many(args, incoming, 0);
  store64(sp, args + results, target_.context);
  load64(temp_, target_.call_target, offsetof(FuncRef, context));
  change_context(temp_);
  masm_.call(at(target_.call_target, offsetof(FuncRef, code)));
  // The arguments have been popped.
  copy_many(results, 0, incoming);
  load64(temp_, sp, results);
  change_context(temp_);
  frame.frame_bytes -= args;
  frame.context_offset = static_cast<i32>(results);
  leave(args);
  finish_check();
}

// As a function would be entered that returns to our caller's caller. If that is a cross stub, its
// frame keeps the context to return to, and the results have their place above it already.
void StubEmitter::tail_cross(const u8* cross_begin) {
  Label plain;
  masm_.return_address(temp_);
  masm_.move_imm(Width::W64, target_.scratch, reinterpret_cast<u64>(cross_begin));
  masm_.alu(Alu::Sub, Width::W64, temp_, temp_, target_.scratch);
  masm_.branch_if({.width = Width::W64,
                   .cond = Cond::GeU,
                   .lhs = temp_,
                   .rhs = Operand::immediate(i32{kCrossBytes})},
                  plain);
  load64(temp_, target_.call_target, offsetof(FuncRef, context));
  masm_.branch_if(
      {.width = Width::W64, .cond = Cond::Eq, .lhs = temp_, .rhs = Operand::immediate(0)}, plain);
  change_context(temp_);
  masm_.jump(at(target_.call_target, offsetof(FuncRef, code)));
  masm_.bind(plain);  // The host, or the first change of contexts.
  masm_.jump(at(target_.call_target, offsetof(FuncRef, cross_code)));
}

void StubEmitter::tail_import(const u8* cross_begin) {
  const Reg index = target_.call_target;
  const auto load_slot = [&](Reg dst, u64 member) {
    masm_.shift(Shift::Shl, Width::W64, temp_, index, u8{4});
    masm_.load(Load::I64, dst,
               {.base = target_.context,
                .index = temp_,
                .disp = kImportsOffset + static_cast<i32>(member)});
  };
  Label host;
  masm_.move(Width::W64, index, target_.scratch);
  load_slot(temp_, offsetof(ImportSlot, code));
  masm_.move_imm(Width::W64, target_.scratch, reinterpret_cast<u64>(lr_import_cross));
  masm_.branch_if({.width = Width::W64, .cond = Cond::Ne, .lhs = temp_, .rhs = target_.scratch},
                  host);
  load_slot(target_.call_target, offsetof(ImportSlot, target));
  tail_cross(cross_begin);
  masm_.bind(host);
  masm_.move(Width::W64, target_.scratch, index);
  masm_.jump(temp_);
}

//   sp -> [stack arguments][stack results] return address | ActivationRecord
void StubEmitter::thunk() {
  const ValuePlaces& params = convention_.params;
  const ValuePlaces& results = convention_.results;
  const Reg sp = target_.sp;
  const u32 size = enter(params.stack_bytes + results.stack_bytes);
  const u32 record = size + target_.return_address_bytes;
  const Reg values = temp_;
  load64(values, sp, record + kRecordValues);
  load64(target_.call_target, sp, record + kRecordFunc);
  for (const ValuePlace& p : params.values) {
    if (p.reg.valid()) continue;
    copy_words(p.type == kV128 ? 16 : 8, values, p.word * 8, p.stack_offset, target_.int_args[0]);
  }
  for (const ValuePlace& p : params.values) {
    if (p.reg.valid()) masm_.load(load_of(p.type.kind), p.reg, at(values, p.word * 8));
  }
  masm_.call(at(target_.call_target, offsetof(FuncRef, cross_code)));
  // The arguments have been popped.
  load64(values, sp, record - params.stack_bytes + kRecordValues);
  for (const ValuePlace& p : results.values) {
    if (p.reg.valid()) masm_.store(store_of(p.type), at(values, p.word * 8), p.reg);
  }
  for (const ValuePlace& p : results.values) {
    if (p.reg.valid()) continue;
    for (u32 i = 0; i < words_of(letter_of(p.type)) * 8; i += 8) {
      load64(target_.call_target, sp, p.stack_offset + i);
      store64(values, p.word * 8 + i, target_.call_target);
    }
  }
  frame.frame_bytes -= params.stack_bytes;
  leave(0);
}

// Stands in for the stubs that there is no room for.
void StubEmitter::refusal() {
  enter(0);
  relocs.push_back(masm_.call_near(Near::Stub, static_cast<u32>(Trap::CompileFailed)));
}

std::vector<ValType> helper_types(std::string_view letters) {
  std::vector<ValType> types;
  for (const char letter : letters) types.push_back(type_of_letter(letter));
  return types;
}

}  // namespace

Result<std::unique_ptr<StubSpace>> StubSpace::create(const CpuFeatures& cpu) {
  std::unique_ptr<StubSpace> space(new StubSpace(cpu));
  space->mapping_ = TRY(CodeMapping::create(0, kSpaceBytes));

  // In the order of Stub. What is not fixed is generated here.
#define TRAP(name, text) \
  space->addresses_.push_back(lr_trap_entries + static_cast<u32>(Trap::name) * kTrapEntryBytes);
#include "jit/traps.def"
  space->addresses_.resize(static_cast<usize>(Stub::kCount));
  space->place_fixed(Stub::Yield, lr_yield);
  space->place_fixed(Stub::Fuel, lr_fuel);
  space->place_fixed(Stub::StackCheck, lr_stack_check);
  space->place_fixed(Stub::ExtentMiss, lr_extent_miss);
  space->place_fixed(Stub::ExtentMissAny, lr_extent_miss_any);
  space->place_fixed(Stub::LazyCompile, lr_lazy);
  space->place_fixed(Stub::GcAllocate, lr_gc_allocate);
  space->place_fixed(Stub::Throw, lr_throw);
  space->place_fixed(Stub::ThrowRef, lr_throw_ref);

  space->used_ = static_cast<u32>(space->addresses_.size()) * kStubJumpBytes;
  space->cross_used_ = static_cast<u32>(kSpaceBytes - kCrossBytes);
  u32 index = 0;
#define HELPER(name, params, results) \
  space->place_fixed(Stub::Helper_##name, space->helper(&kHelpers[index++], params, results));
#include "jit/helpers.def"
  space->place_fixed(Stub::TailCross, space->cached('x', DefinedType{}));
  space->place_fixed(Stub::TailImport, space->cached('i', DefinedType{}));
  space->refusal_ = space->cached('f', DefinedType{});
  space->cross_plain_ = space->cached('c', DefinedType{});
  for (usize i = 0; i < space->addresses_.size(); i++) {
    write_stub_jump(space->mapping_.writable() + i * kStubJumpBytes, space->addresses_[i]);
  }
  flush_instructions(space->mapping_.code(), space->used_);
  register_code(space->mapping_.code(), kSpaceBytes, {.stubs = space.get()});
  return space;
}

StubSpace::StubSpace(const CpuFeatures& cpu) : masm_(make_host_masm(cpu)) {}

StubSpace::~StubSpace() {
  if (mapping_.code_bytes() != 0) unregister_code(mapping_.code());
}

const void* StubSpace::host_import(TypeId type) { return cached('h', defined_type(type)); }
const void* StubSpace::host_ref(TypeId type) { return or_refusal('r', defined_type(type)); }
const void* StubSpace::thunk(TypeId type) { return or_refusal('t', defined_type(type)); }

const void* StubSpace::cross(TypeId id) {
  const DefinedType& type = defined_type(id);
  if (fits_registers(target(), type)) return cross_plain_;
  return or_refusal('c', type);
}

const void* StubSpace::or_refusal(char kind, const DefinedType& type) {
  const void* const stub = cached(kind, type);
  return stub != nullptr ? stub : refusal_;
}

const void* StubSpace::cached(char kind, const DefinedType& type) {
  const std::lock_guard lock(mutex_);
  const Convention convention(target(), type.params, type.results);
  const auto [entry, is_new] = cache_.try_emplace(shape_of(kind, type, convention), nullptr);
  if (!is_new) return entry->second;
  masm_->reset();
  StubEmitter emitter(*masm_, convention);
  switch (kind) {
    case 'h':
      emitter.host_call(StubEmitter::From::Import, nullptr);
      break;
    case 'r':
      emitter.host_call(StubEmitter::From::Ref, nullptr);
      break;
    case 'c':
      emitter.cross();
      return entry->second = finish(emitter.frame, emitter.relocs, cross_end(convention));
    case 'x':
      emitter.tail_cross(cross_begin());
      break;
    case 'i':
      emitter.tail_import(cross_begin());
      break;
    case 'f':
      emitter.refusal();
      break;
    default:
      emitter.thunk();
  }
  return entry->second = finish(emitter.frame, emitter.relocs, std::nullopt);
}

const void* StubSpace::helper(const HostFunction* function, const char* params,
                              const char* results) {
  const Convention convention(target(), helper_types(params), helper_types(results));
  masm_->reset();
  StubEmitter emitter(*masm_, convention);
  emitter.host_call(StubEmitter::From::Constant, function);
  return finish(emitter.frame, emitter.relocs, std::nullopt);
}

u64 StubSpace::cross_end(const Convention& convention) const {
  const bool is_reserved = convention.params.stack_bytes <= kReservedArgsBytes &&
                           convention.results.stack_bytes <= kReservedResultsBytes;
  return is_reserved ? kSpaceBytes : kSpaceBytes - kCrossReservedBytes;
}

const u8* StubSpace::cross_begin() const { return mapping_.code() + (kSpaceBytes - kCrossBytes); }

// Copies what has been emitted into the space. Cross stubs say where they must end.
const void* StubSpace::finish(const StubFrame& frame, const std::vector<CallReloc>& relocs,
                              std::optional<u64> cross_end) {
  CHECK(masm_->ok());
  const std::span<const u8> code = masm_->code();
  u32& used = cross_end ? cross_used_ : used_;
  const u64 end = cross_end.value_or(kSpaceBytes - kCrossBytes);
  const u32 offset = (used + 15) & ~15u;
  if (offset + code.size() > end) return nullptr;
  u8* const out = mapping_.writable() + offset;
  const u8* const from = mapping_.code() + offset;
  std::memcpy(out, code.data(), code.size());
  for (const CallReloc& reloc : relocs) {
    CHECK(reloc.kind == Near::Stub);
    const u8* const target = mapping_.code() + u64{reloc.index} * kStubJumpBytes;
    CHECK(masm_->patch_call(reloc.kind, out + reloc.offset, from + reloc.offset, target));
  }
  flush_instructions(from, code.size());
  StubFrame placed = frame;
  placed.offset = offset;
  placed.size = static_cast<u32>(code.size());
  frames_.insert(std::upper_bound(frames_.begin(), frames_.end(), offset,
                                  [](u32 at, const StubFrame& stub) { return at < stub.offset; }),
                 placed);
  used = offset + placed.size;
  return from;
}

bool StubSpace::find(const void* pc, StubFrame* frame) const {
  const u64 offset = static_cast<u64>(static_cast<const u8*>(pc) - mapping_.code());
  const std::lock_guard lock(mutex_);
  const auto after =
      std::upper_bound(frames_.begin(), frames_.end(), offset,
                       [](u64 at, const StubFrame& stub) { return at < stub.offset; });
  if (after == frames_.begin()) return false;
  const StubFrame& stub = *(after - 1);
  if (offset - stub.offset >= stub.size) return false;
  *frame = stub;
  return true;
}

}  // namespace lr::jit
