#include "jit/compiler/compiler.h"

#include <algorithm>
#include <cstring>

#include "frontend/opcode.h"

namespace lr::jit {

// -- Reading ------------------------------------------------------------------------------------

u64 BodyReader::u64_leb() {
  u64 value = 0;
  for (u32 shift = 0;; shift += 7) {
    const u64 b = *at_++;
    value |= (b & 0x7f) << shift;
    if (b < 0x80) return value;
  }
}

i64 BodyReader::signed_leb() {
  u64 value = 0;
  for (u32 shift = 0;;) {
    const u64 b = *at_++;
    value |= (b & 0x7f) << shift;
    shift += 7;
    if (b < 0x80) {
      if (shift < 64 && (b & 0x40) != 0) value |= ~u64{0} << shift;
      return static_cast<i64>(value);
    }
  }
}

template <typename T>
T BodyReader::fixed() {
  T value;
  std::memcpy(&value, at_, sizeof(T));
  at_ += sizeof(T);
  return value;
}
template u32 BodyReader::fixed<u32>();
template u64 BodyReader::fixed<u64>();

void CompiledFunction::clear() {
  code = {};
  relocs.clear();
  pcs.clear();
  handlers.clear();
  frame_bytes = stack_arg_bytes = widened_bytes = body_offset = 0;
  saved = RegSet();
  if (marks != nullptr) marks->clear();
}

// -- Entry --------------------------------------------------------------------------------------

std::unique_ptr<Compiler, CompilerDeleter> make_compiler(Masm& masm) {
  return std::unique_ptr<Compiler, CompilerDeleter>(new Compiler(masm));
}

namespace {

constexpr u32 kShortBodyBytes = 1000;

}  // namespace

void CompilerDeleter::operator()(Compiler* compiler) const { delete compiler; }

Status compile_function(Compiler& compiler, const Module& module, const ContextLayout& layout,
                        u32 index, const FuncFacts& facts, const CodeOptions& options,
                        const CallTargets& targets, CompiledFunction& out) {
  return compiler.compile(module, layout, index, facts, options, targets, out);
}

Status Compiler::compile(const Module& module, const ContextLayout& layout, u32 index,
                         const FuncFacts& facts, const CodeOptions& options,
                         const CallTargets& targets, CompiledFunction& out) {
  module_ = &module;
  layout_ = &layout;
  facts_ = &facts;
  targets_ = &targets;
  options_ = options;
  out_ = &out;
  index_ = index;
  if (facts.has_simd && !target_.has_vectors) {
    return make_error(Err::FeatureOff, "simd is not compiled for this machine yet");
  }
  // Most leaves need no frame, and the frames of most short bodies are small: assume so, and start
  // again if not.
  frameless_ = target_.return_address_bytes > 0 && !facts.has_call;
  small_frame_ = !facts.has_call || module.functions[index].body_size < kShortBodyBytes;
  widened_wanted_ = 0;
  for (;;) {
    widened_ = widened_wanted_;
    start(index);
    if (!run()) break;
    finish();
    const bool wrong_frameless = frameless_ && slots_ > 0;
    const bool wrong_small = small_frame_ && stack_bytes_max() > target_.leaf_share_bytes;
    if (!wrong_frameless && !wrong_small && widened_ == widened_wanted_) break;
    frameless_ = frameless_ && !wrong_frameless;
    small_frame_ = small_frame_ && !wrong_small;
  }
  if (has_failed_) return make_error(failed_, fail_detail_);
  if (!masm_.ok()) return make_error(Err::LimitExceeded, "a function's machine code is too large");
  out.code = masm_.code();
  return ok_status();
}

void Compiler::start(u32 index) {
  masm_.reset();
  out_->clear();
  has_failed_ = false;
  const Function& function = module_->functions[index];
  type_ = &defined_type(function.type);
  reader_.start(module_->bytes.data(), function.body_offset);
  read_locals();
  body_begin_ = op_offset_ = reader_.offset();

  if (options_.preempt == Preempt::Fuel) plan_fuel();

  if (options_.no_homes) {
    homes_.assign_none(static_cast<u32>(local_types_.size()));
  } else {
    homes_.assign(*facts_, local_types_, arrival_, body_begin_,
                  function.body_offset + function.body_size, target_);
  }
  if (!homes_.saved().empty()) frameless_ = false;

  stack_.clear();
  canonical_ = 0;
  stack_slot_.clear();
  wide_stack_slot_.clear();
  vectors_.clear();
  temporaries_ = (target_.allocatable - target_.callee_saved) - homes_.all();
  result_int_ = (temporaries_ & kAllInts).first();
  result_vector_ = (temporaries_ & kAllVectors).first();
  swaps_.clear();
  used_ = RegSet();
  std::fill(std::begin(temp_owner_), std::end(temp_owner_), kNone);
  std::fill(std::begin(owner_), std::end(owner_), kNone);
  std::fill(std::begin(last_read_), std::end(last_read_), kNone);
  local_slot_.assign(local_types_.size(), -1);
  newest_ref_.assign(local_types_.size(), kNone);
  valid_ = dirty_ = RegSet();
  destination_ = kNone;
  checked_regs_ = RegSet();
  checked_constant_ = {};
  constants_count_ = 0;
  control_.clear();
  region_ = kNone;
  regions_.clear();
  try_homes_.clear();
  clauses_.clear();
  pads_.clear();
  throw_words_ = 0;
  sp_shift_ = 0;
  pushed_max_ = 0;
  frame_patches_.clear();
  check_patches_.clear();
  epilogue_ = Label();
  cold_.clear();
  next_block_ = next_loop_ = 0;
  reachable_ = true;
  done_ = false;
  out_->saved = homes_.saved();
  slots_ = static_cast<i32>(homes_.saved().size());
}

void Compiler::read_locals() {
  local_types_.clear();
  arrival_.clear();
  usize ints = 0, vectors = 0;
  for (const ValType& type : type_->params) {
    local_types_.push_back(type.kind);
    const std::span<const Reg> regs = in_vector(type.kind) ? target_.vector_args : target_.int_args;
    usize& next = in_vector(type.kind) ? vectors : ints;
    arrival_.push_back(next < regs.size() ? regs[next++] : kNoReg);
  }
  for (u32 groups = reader_.u32_leb(); groups > 0; groups--) {
    const u32 count = reader_.u32_leb();
    const u8 code = reader_.byte();
    Kind kind = Kind::Ref;
    switch (code) {
      case 0x7f:
        kind = Kind::I32;
        break;
      case 0x7e:
        kind = Kind::I64;
        break;
      case 0x7d:
        kind = Kind::F32;
        break;
      case 0x7c:
        kind = Kind::F64;
        break;
      case 0x7b:
        kind = Kind::V128;
        break;
      case 0x63:
      case 0x64:  // A reference with a heap type behind it.
        if (reader_.peek() == 0x62) reader_.byte();
        reader_.signed_leb();
        break;
      default:
        break;
    }
    local_types_.insert(local_types_.end(), count, kind);
  }
}

bool Compiler::run() {
  out_->stack_arg_bytes =
      widened_ + stack_bytes(type_->params, target_.int_args, target_.vector_args);
  out_->widened_bytes = widened_;
  prologue();
  Control body;
  body.form = Control::Form::Function;
  body.was_reachable = true;
  body.results = type_->results;
  body.end = ~u32{0};
  control_.push_back(body);
  while (!done_ && !has_failed_) {
    if (!reachable_) skip_unreachable();
    op_offset_ = reader_.offset();
    if (out_->marks != nullptr) out_->marks->push_back({masm_.offset(), op_offset_});
    if (options_.preempt == Preempt::Fuel) pay_fuel();
    step(reader_.op());
  }
  return !has_failed_;
}

// One case for each row of lowering.def.
void Compiler::step(Op op) {
  switch (op) {
#define CUSTOM(name, call) \
  case Op::name:           \
    return call;
#define BINARY(name, alu, width) CUSTOM(name, binary(Alu::alu, Width::width))
#define SHIFT(name, which, width) CUSTOM(name, shift(Shift::which, Width::width))
#define DIVIDE(name, which, width) CUSTOM(name, divide(Divide::which, Width::width))
#define UNARY(name, which, width) CUSTOM(name, unary(Unary::which, Width::width))
#define COMPARE(name, cond, width) CUSTOM(name, compare(Cond::cond, Width::width))
#define FLOAT_COMPARE(name, cond, width) \
  CUSTOM(name, float_compare(FloatCond::cond, FloatWidth::width))
#define FLOAT_BINARY(name, which, width) \
  CUSTOM(name, float_binary(FloatBinary::which, FloatWidth::width))
#define FLOAT_UNARY(name, which, width) \
  CUSTOM(name, float_unary(FloatUnary::which, FloatWidth::width))
#define CONVERT(name, from, to, traps) CUSTOM(name, convert(Convert::name, Kind::to, traps))
#define LOAD(name, which, bytes, kind) CUSTOM(name, load(Load::which, bytes, Kind::kind))
#define STORE(name, which, bytes) CUSTOM(name, store(Store::which, bytes))
#define VECTOR_UNARY(name) CUSTOM(name, vector_unary(VectorUnary::name))
#define VECTOR_BINARY(name) CUSTOM(name, vector_binary(VectorBinary::name))
#define VECTOR_TERNARY(name) CUSTOM(name, vector_ternary(VectorTernary::name))
#define RELAXED_UNARY(name, strict) \
  CUSTOM(name, vector_unary(relaxed(VectorUnary::name, VectorUnary::strict)))
#define RELAXED_BINARY(name, strict) \
  CUSTOM(name, vector_binary(relaxed(VectorBinary::name, VectorBinary::strict)))
#define RELAXED_TERNARY(name, strict) \
  CUSTOM(name, vector_ternary(relaxed(VectorTernary::name, VectorTernary::strict)))
#define VECTOR_SHIFT(name, which, shape) \
  CUSTOM(name, vector_shift(Shift::which, VectorShape::shape))
#define VECTOR_LOAD(name) CUSTOM(name, vector_load(VectorLoad::name, info(op).access_bytes))
#define LATER(name) CUSTOM(name, unsupported(op))
#include "jit/compiler/lowering.def"
#undef CUSTOM
#undef BINARY
#undef SHIFT
#undef DIVIDE
#undef UNARY
#undef COMPARE
#undef FLOAT_COMPARE
#undef FLOAT_BINARY
#undef FLOAT_UNARY
#undef CONVERT
#undef LOAD
#undef STORE
#undef VECTOR_UNARY
#undef VECTOR_BINARY
#undef VECTOR_TERNARY
#undef RELAXED_UNARY
#undef RELAXED_BINARY
#undef RELAXED_TERNARY
#undef VECTOR_SHIFT
#undef VECTOR_LOAD
#undef LATER
  }
}

namespace {

// A switch warns of a missing row; this also finds one that is named twice under another shape.
constexpr Op kLowered[] = {
#define CUSTOM(name, ...) Op::name,
#define BINARY CUSTOM
#define SHIFT CUSTOM
#define DIVIDE CUSTOM
#define UNARY CUSTOM
#define COMPARE CUSTOM
#define FLOAT_COMPARE CUSTOM
#define FLOAT_BINARY CUSTOM
#define FLOAT_UNARY CUSTOM
#define CONVERT CUSTOM
#define LOAD CUSTOM
#define STORE CUSTOM
#define VECTOR_UNARY CUSTOM
#define VECTOR_BINARY CUSTOM
#define VECTOR_TERNARY CUSTOM
#define RELAXED_UNARY CUSTOM
#define RELAXED_BINARY CUSTOM
#define RELAXED_TERNARY CUSTOM
#define VECTOR_SHIFT CUSTOM
#define VECTOR_LOAD CUSTOM
#define LATER CUSTOM
#include "jit/compiler/lowering.def"
};
static_assert(std::size(kLowered) == kOpCount,
              "lowering.def must name every row of opcodes.def exactly once");

}  // namespace

void Compiler::nop() {}

void Compiler::unreachable() {
  masm_.jump(cold_[cold_trap(Trap::Unreachable)].entry);
  become_unreachable();
}

void Compiler::drop() { drop_to(height() - 1); }

void Compiler::i32_const() { push_const(Kind::I32, static_cast<u32>(reader_.signed_leb())); }
void Compiler::i64_const() { push_const(Kind::I64, static_cast<u64>(reader_.signed_leb())); }
void Compiler::f32_const() { push_const(Kind::F32, reader_.fixed<u32>()); }
void Compiler::f64_const() { push_const(Kind::F64, reader_.fixed<u64>()); }

void Compiler::unsupported(Op op) {
  has_failed_ = true;
  failed_ = Err::FeatureOff;
  fail_detail_ = std::string(info(op).text) + " is not compiled yet";
}

void Compiler::fail_later(const char* what) {
  has_failed_ = true;
  failed_ = Err::FeatureOff;
  fail_detail_ = std::string(what) + " is not compiled yet";
}

// -- Prologue and epilogue ------------------------------------------------------------------------

void Compiler::prologue() {
  if (facts_->has_call || !small_frame_) {
    Cold& cold = add_cold(Cold::Kind::StackCheck);
    masm_.bind(cold.back);
    if (small_frame_) {
      masm_.stack_check_small(cold.entry);
    } else {
      check_patches_.push_back(masm_.stack_check(cold.entry));
    }
  }
  masm_.move_return_address(-static_cast<i32>(widened_));
  if (!frameless_) frame_patches_.push_back(masm_.enter_frame());
  i32 slot = 0;
  for (RegSet saved = homes_.saved(); !saved.empty();) {
    masm_.store(Store::I64, frame(slot++), saved.take_first());
  }
  receive_params();
  zero_locals();
  out_->body_offset = masm_.offset();
}

void Compiler::receive_params() {
  const u32 count = static_cast<u32>(type_->params.size());
  const auto wanted = [&](u32 i) {
    return facts_->locals[i].used && facts_->locals[i].from_entry();
  };
  moves_.clear();
  for (u32 i = 0; i < count; i++) {
    if (!wanted(i)) continue;
    const Reg home = homes_.of(i);
    if (home.valid()) {
      own_home(i);
      if (arrival_[i].valid() && arrival_[i] != home) moves_.push_back({home, arrival_[i]});
    } else if (arrival_[i].valid()) {
      masm_.store(slot_store(local_types_[i], arrival_[i]), slot_of_local(i), arrival_[i]);
    }
  }
  parallel_move();

  if (out_->stack_arg_bytes == widened_) return;
  const Reg from = allocate(Kind::I64);
  frame_patches_.push_back(masm_.frame_end(from));
  i32 offset = static_cast<i32>(target_.return_address_bytes + widened_);
  for (u32 i = 0; i < count; i++) {
    if (arrival_[i].valid()) continue;
    const Address address{from, kNoReg, 0, offset};
    const Kind kind = local_types_[i];
    offset += 8 * slot_words(kind);
    if (!wanted(i)) continue;
    if (const Reg home = homes_.of(i); home.valid()) {
      masm_.load(slot_load(kind, home), home, address);
    } else {
      copy_slot(kind, address, slot_of_local(i));
    }
  }
  release(from);
}

void Compiler::zero_locals() {
  for (u32 i = static_cast<u32>(type_->params.size()); i < local_types_.size(); i++) {
    const LocalFacts& local = facts_->locals[i];
    if (!local.used || !local.from_entry()) continue;
    const Reg home = homes_.of(i);
    if (!home.valid()) {
      Address slot = slot_of_local(i);
      for (i32 words = slot_words(local_types_[i]); words > 0; words--, slot.disp += 8) {
        masm_.store_imm(Store::I64, slot, 0);
      }
      continue;
    }
    own_home(i);
    if (local_types_[i] == Kind::V128) {
      masm_.move_vector_imm(home, {});
    } else if (home.is_vector()) {
      masm_.move_float_imm(FloatWidth::F64, home, 0);
    } else {
      masm_.move_imm(Width::W64, home, 0);
    }
  }
}

void Compiler::restore_saved() {
  i32 slot = 0;
  for (RegSet saved = homes_.saved(); !saved.empty();) {
    masm_.load(Load::I64, saved.take_first(), frame(slot++));
  }
}

// The results are on the stack; they stay there.
void Compiler::emit_return() {
  const u32 count = static_cast<u32>(type_->results.size());
  if (count > 0 && top().where == Value::Where::Compare) materialise_compare();
  const u32 stacked = stack_bytes(type_->results, target_.int_results, target_.vector_results);
  Reg area;
  if (stacked > 0) {
    area = allocate(Kind::I64);
    frame_patches_.push_back(masm_.frame_end(area));
  }
  const i32 disp = static_cast<i32>(target_.return_address_bytes + out_->stack_arg_bytes);
  place_values(type_->results, target_.int_results, target_.vector_results,
               {area, kNoReg, 0, disp});
  if (area.valid()) release(area);

  if (homes_.saved().empty()) {
    if (!frameless_) frame_patches_.push_back(masm_.leave_frame());
    masm_.ret(out_->stack_arg_bytes);
  } else {
    masm_.jump(epilogue_);
  }
}

// -- Cold code ------------------------------------------------------------------------------------

Compiler::Cold& Compiler::add_cold(Cold::Kind kind) {
  Cold cold;
  cold.kind = kind;
  cold.wasm_offset = op_offset_;
  cold.pushed = static_cast<u32>(sp_shift_);
  cold.region = region_;
  cold_.push_back(cold);
  return cold_.back();
}

u32 Compiler::cold_trap(Trap trap) {
  effects_++;
  add_cold(Cold::Kind::Trap).trap = trap;
  return static_cast<u32>(cold_.size() - 1);
}

void Compiler::record_pc(u32 wasm_offset, u32 pushed) {
  out_->pcs.push_back({masm_.offset(), wasm_offset, pushed});
}

void Compiler::near_stub(Stub stub, const Cold& cold) {
  out_->relocs.push_back(masm_.call_near(Near::Stub, static_cast<u32>(stub)));
  record_pc(cold.wasm_offset, cold.pushed);
}

// index + end is in the scratch register. For any memory but the first it goes on the stack, with
// the memory's number.
void Compiler::extent_miss(Cold& cold) {
  if (cold.memory == 0) {
    near_stub(Stub::ExtentMiss, cold);
  } else {
    constexpr i32 kArgumentBytes = 16;
    masm_.adjust_sp(-kArgumentBytes);
    masm_.store(Store::I64, {target_.sp, kNoReg, 0, 8}, target_.scratch);
    masm_.store_imm(Store::I64, {target_.sp}, static_cast<i32>(cold.memory));
    cold.pushed += kArgumentBytes;
    near_stub(Stub::ExtentMissAny, cold);
    masm_.adjust_sp(kArgumentBytes);
  }
  masm_.jump(cold.back);
}

// Once in many iterations: looks whether somebody has rung, and goes back if not.
void Compiler::sparse_poll(Cold& cold) {
  if (options_.preempt == Preempt::Page) {
    masm_.poll_page();
    record_pc(cold.wasm_offset, cold.pushed);
    return masm_.jump(cold.back);
  }
  Label rung;
  if (options_.preempt == Preempt::Flag) {
    masm_.poll(rung);
  } else {
    masm_.poll_epoch(&epoch_counter(), rung);
  }
  masm_.jump(cold.back);
  masm_.bind(rung);
  near_stub(Stub::Yield, cold);
  masm_.jump(cold.back);
}

void Compiler::emit_cold() {
  for (Cold& cold : cold_) {
    masm_.bind(cold.entry);
    switch (cold.kind) {
      case Cold::Kind::Trap:
        near_stub(static_cast<Stub>(cold.trap), cold);
        break;
      case Cold::Kind::Yield:
        near_stub(Stub::Yield, cold);
        masm_.jump(cold.back);
        break;
      case Cold::Kind::SparsePoll:
        sparse_poll(cold);
        break;
      case Cold::Kind::Fuel:
        near_stub(Stub::Fuel, cold);
        masm_.jump(cold.back);
        break;
      case Cold::Kind::StackCheck:
        masm_.move_imm(Width::W32, target_.scratch, stack_bytes_max());
        out_->relocs.push_back(masm_.call_stub_before_frame(static_cast<u32>(Stub::StackCheck)));
        record_pc(cold.wasm_offset, PcEntry::kNoFrame);
        masm_.jump(cold.back);
        break;
      case Cold::Kind::Extent:
        extent_miss(cold);
        break;
      case Cold::Kind::CrossCall:
        masm_.move(Width::W64, target_.scratch, target_.call_target);
        masm_.call(Address{target_.scratch, kNoReg, 0, offsetof(FuncRef, cross_code)});
        record_pc(cold.wasm_offset, cold.pushed);
        record_site(cold.region);
        masm_.jump(cold.back);
        break;
      case Cold::Kind::Allocate:
        if (cold.end.valid()) {
          masm_.alu(Alu::Sub, Width::W64, target_.scratch, cold.end, cold.object);
        } else {
          masm_.move_imm(Width::W32, target_.scratch, cold.bytes);
        }
        near_stub(Stub::GcAllocate, cold);
        masm_.move(Width::W64, cold.object, target_.scratch);
        masm_.jump(cold.back);
        break;
      case Cold::Kind::TailCross:
        out_->relocs.push_back(masm_.jump_near(Near::Stub, static_cast<u32>(Stub::TailCross)));
        break;
    }
  }
}

void Compiler::finish() {
  if (epilogue_.used()) {
    masm_.bind(epilogue_);
    restore_saved();
    frame_patches_.push_back(masm_.leave_frame());
    masm_.ret(out_->stack_arg_bytes);
  }
  // With the return address the frame is a multiple of 16.
  u32 bytes = 0;
  if (!frameless_) {
    const u32 pushed = target_.return_address_bytes;
    const u32 inside = static_cast<u32>(-target_.return_address_offset);
    bytes = ((static_cast<u32>(slots_) * 8 + pushed + inside + 15) & ~u32{15}) - pushed;
  }
  out_->frame_bytes = bytes;
  if (out_->marks != nullptr) out_->marks->push_back({masm_.offset(), 0});
  emit_cold();
  masm_.emit_constants();
  finish_handlers();
  for (const Patch patch : frame_patches_) masm_.patch_frame(patch, bytes);
  for (const Patch patch : check_patches_) masm_.patch_stack_check(patch, stack_bytes_max());
}

// -- Unreachable code -----------------------------------------------------------------------------

void Compiler::become_unreachable() {
  reachable_ = false;
  drop_to(control_.back().base);
}

// Reads on to the `else` or `end` that makes code reachable again, counting what it passes.
void Compiler::skip_unreachable() {
  for (u32 nested = 0;;) {
    const u8 byte = reader_.peek();
    const Op op_plain = op_of_byte(byte);
    if (nested == 0 && (divides_block(op_plain) || closes_block(op_plain))) return;
    reader_.byte();
    const Op op = is_prefix(byte) ? op_of_prefixed(byte, reader_.u32_leb()) : op_plain;
    if (op == Op::Loop) next_loop_++;
    if (opens_block(op)) {
      next_block_++;
      nested++;
    } else if (closes_block(op)) {
      nested--;
    }
    skip_immediates(reader_, op);
  }
}

}  // namespace lr::jit
