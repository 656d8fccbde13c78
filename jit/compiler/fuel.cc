#include "jit/compiler/fuel.h"

#include <algorithm>

#include "jit/compiler/compiler.h"

namespace lr::jit {

u32 fuel_units_of(Op op) {
  switch (op) {
    case Op::Nop:
    case Op::Drop:
    case Op::Block:
    case Op::Loop:
    case Op::Unreachable:
    case Op::Return:
    case Op::Else:
    case Op::End:
      return 0;
    default:
      return 1;
  }
}

void FuelPlan::make(const u8* module, u32 begin, const FuncFacts& facts,
                    const InlinedUnits& inlined_units, u32 short_units) {
  charges_.clear();
  frames_.clear();
  facts_ = &facts;
  next_loop_ = dead_depth_ = 0;
  reachable_ = true;
  BodyReader reader;
  reader.start(module, begin);
  begin_stretch(begin, 0);
  charges_[0].checked = facts.has_call;
  enter(Frame::Form::Block);
  while (!frames_.empty()) {
    const Op op = reader.op();
    if (skip_dead(op, reader)) continue;
    if (reachable_) charges_[now_].units += fuel_units_of(op);
    step(op, reader, inlined_units);
  }
  for (usize i = charges_.size(); i-- > 1;) join_short(charges_[i], short_units);
  std::erase_if(charges_, [](const FuelCharge& c) { return c.units == 0; });
}

// A short stretch that may be skipped is paid for with the one that leads to it, executed or not,
// as long as nobody pays more than twice what is always executed.
void FuelPlan::join_short(FuelCharge& charge, u32 short_units) {
  FuelCharge& before = charges_[charge.before];
  const u32 doubtful = before.doubtful + charge.units;
  if (charge.checked || charge.units > short_units) return;
  if (doubtful > before.units - before.doubtful) return;
  before.doubtful = doubtful;
  before.units += charge.units;
  charge.units = 0;
}

// What can never be executed costs nothing, and its branches lead nowhere.
bool FuelPlan::skip_dead(Op op, BodyReader& reader) {
  const bool ends_arm = divides_block(op) || closes_block(op);
  if (reachable_ || (ends_arm && dead_depth_ == 0)) return false;
  if (op == Op::Loop) next_loop_++;
  if (opens_block(op)) {
    dead_depth_++;
  } else if (closes_block(op)) {
    dead_depth_--;
  }
  skip_immediates(reader, op);
  return true;
}

void FuelPlan::step(Op op, BodyReader& reader, const InlinedUnits& inlined_units) {
  const u8* const immediates = reader.at();
  const auto skip = [&] {
    reader.go_to(immediates);
    skip_immediates(reader, op);
  };
  switch (op) {
    case Op::Call:
      charges_[now_].units += inlined_units(reader.u32_leb());
      return;
    case Op::Block:
      skip();
      return enter(Frame::Form::Block);
    case Op::Try:
      skip();
      return enter(Frame::Form::Arms);
    case Op::TryTable:
      enter_try_table(reader);
      return;
    case Op::Loop:
      skip();
      return enter_loop(facts_->loops[next_loop_++], reader.offset());
    case Op::If:
      skip();
      enter(Frame::Form::If);
      return begin_stretch(reader.offset(), now_);
    case Op::Else:
    case Op::Catch:
    case Op::CatchAll:
      skip();
      return next_arm(reader.offset());
    case Op::End:
    case Op::Delegate:
      skip();
      return leave(reader.offset());
    case Op::BrOnCast:
    case Op::BrOnCastFail:
    case Op::BrOnCastDescEq:
    case Op::BrOnCastDescEqFail:
      reader.byte();
      [[fallthrough]];
    case Op::BrIf:
    case Op::BrOnNull:
    case Op::BrOnNonNull:
      branch(reader.u32_leb());
      skip();
      return begin_stretch(reader.offset(), now_);
    case Op::Br:
      branch(reader.u32_leb());
      reachable_ = false;
      return;
    case Op::BrTable:
      for (u32 count = reader.u32_leb() + 1; count > 0; count--) branch(reader.u32_leb());
      reachable_ = false;
      return;
    case Op::Return:
    case Op::ReturnCall:
    case Op::ReturnCallIndirect:
    case Op::ReturnCallRef:
      branch(static_cast<u32>(frames_.size()) - 1);
      [[fallthrough]];
    case Op::Unreachable:
    case Op::Throw:
    case Op::ThrowRef:
    case Op::Rethrow:
      reachable_ = false;
      [[fallthrough]];
    default:
      skip();
  }
}

void FuelPlan::begin_stretch(u32 offset, u32 before) {
  now_ = static_cast<u32>(charges_.size());
  charges_.push_back({.offset = offset, .before = before});
}

// One that nothing leads back to is a block.
void FuelPlan::enter_loop(const LoopFacts& loop, u32 offset) {
  enter(loop.has_backward_branch ? Frame::Form::Loop : Frame::Form::Block);
  if (!loop.has_backward_branch) return;
  begin_stretch(offset, now_);
  charges_[now_].checked = true;
}

// An exception may lead to each clause's label.
void FuelPlan::enter_try_table(BodyReader& reader) {
  skip_block_type(reader);
  for (u32 count = reader.u32_leb(); count > 0; count--) {
    if (reader.byte() < 2) reader.u32_leb();  // catch, catch_ref: a tag
    branch(reader.u32_leb());
  }
  enter(Frame::Form::Block);
}

void FuelPlan::next_arm(u32 offset) {
  Frame& frame = frames_.back();
  frame.form = Frame::Form::Arms;
  if (reachable_) frame.is_joined = true;
  reachable_ = true;
  begin_stretch(offset, frame.outer);
}

void FuelPlan::branch(u32 depth) {
  const u32 target = static_cast<u32>(frames_.size()) - 1 - depth;
  if (frames_[target].form != Frame::Form::Loop) frames_[target].is_joined = true;
  Frame& from = frames_.back();
  from.escape = std::min(from.escape, target);
}

// Behind the end of a frame the stretch before it goes on, unless a branch out of it leads further.
void FuelPlan::leave(u32 offset) {
  Frame frame = frames_.back();
  frames_.pop_back();
  if (frames_.empty()) return;
  if (frame.form == Frame::Form::If) frame.is_joined = true;  // Its condition may be false.
  if (frame.form == Frame::Form::Arms && reachable_) frame.is_joined = true;
  const bool escapes = frame.escape < frames_.size();
  Frame& parent = frames_.back();
  if (escapes) parent.escape = std::min(parent.escape, frame.escape);
  reachable_ = reachable_ || frame.is_joined;
  if (!reachable_ || (!frame.is_joined && frame.form == Frame::Form::Block)) return;
  if (escapes) {
    begin_stretch(offset, frame.outer);
  } else {
    now_ = frame.outer;
  }
}

// -- In the compiler ------------------------------------------------------------------------------

void Compiler::plan_fuel() {
  next_charge_ = 0;
  fuel_.make(module_->bytes.data(), body_begin_, *facts_, [this](u32 callee) {
    return will_inline(callee) ? units_of_straight(module_->functions[callee]) : 0;
  });
}

u32 Compiler::units_of_straight(const Function& function) const {
  BodyReader reader;
  reader.start(module_->bytes.data(), function.body_offset);
  reader.u32_leb();  // No locals.
  u32 units = 0;
  for (Op op = reader.op(); op != Op::End; op = reader.op()) {
    units += fuel_units_of(op);
    skip_immediates(reader, op);
  }
  return units;
}

// What is due before the instruction that is compiled next.
void Compiler::pay_fuel() {
  const std::span<const FuelCharge> charges = fuel_.charges();
  for (; next_charge_ < charges.size() && charges[next_charge_].offset <= op_offset_;
       next_charge_++) {
    const FuelCharge& charge = charges[next_charge_];
    u32 units = charge.units;
    for (; units > Masm::kFuelChargeMax; units -= Masm::kFuelChargeMax) {
      masm_.charge_fuel(Masm::kFuelChargeMax, nullptr);
    }
    if (!charge.checked) {
      masm_.charge_fuel(units, nullptr);
      continue;
    }
    Cold& cold = add_cold(Cold::Kind::Fuel);
    masm_.charge_fuel(units, &cold.entry);
    masm_.bind(cold.back);
  }
}

}  // namespace lr::jit
