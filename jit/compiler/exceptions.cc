// Throwing, trying and catching, in both encodings.
//
// Code that is not thrown through pays nothing but what keeps locals where a landing pad finds
// them: see Compiler::TryHomes. The pads of a try_table are emitted where its target labels end,
// each with an ordinary edge to the label; an arm of a legacy try is its own pad.
#include <algorithm>
#include <utility>

#include "jit/compiler/compiler.h"
#include "jit/exception.h"

namespace lr::jit {

u32 Handlers::region_at(u32 code_offset) const {
  const auto at =
      std::lower_bound(sites.begin(), sites.end(), code_offset,
                       [](const Site& site, u32 offset) { return site.code_offset < offset; });
  return at != sites.end() && at->code_offset == code_offset ? at->region : kNoRegion;
}

void Handlers::clear() {
  sites.clear();
  regions.clear();
  clauses.clear();
}

// -- Trying ---------------------------------------------------------------------------------------

void Compiler::open_region(Control& control) {
  Region region;
  region.parent = region_;
  if (region_ != kNone) {
    region.homes = regions_[region_].homes;
  } else {
    TryHomes homes;
    for (RegSet rest = valid_ & target_.callee_saved; !rest.empty();) {
      const Reg reg = rest.take_first();
      homes.owners[homes.regs.size()] = owner_[reg.code];
      homes.regs.add(reg);
    }
    region.homes = static_cast<u32>(try_homes_.size());
    try_homes_.push_back(homes);
  }
  region_ = control.region = static_cast<u32>(regions_.size());
  regions_.push_back(region);
}

u32 Compiler::add_clause(u32 region, u32 tag, bool keeps) {
  clauses_.push_back({region, {.tag = tag, .keeps = keeps}});
  return static_cast<u32>(clauses_.size() - 1);
}

void Compiler::try_table() {
  flush();
  Control& control = open(Control::Form::TryTable);
  open_region(control);
  for (u32 count = reader_.u32_leb(); count > 0; count--) {
    const u8 kind = reader_.byte();
    const bool with_ref = (kind & 1) != 0;
    const u32 tag = kind < 2 ? reader_.u32_leb() : Handlers::kAnyTag;
    Control& to = target_of(reader_.u32_leb() + 1);  // Seen from outside.
    pads_.push_back({add_clause(control.region, tag, with_ref), with_ref, to.pads});
    to.pads = static_cast<u32>(pads_.size() - 1);
  }
}

void Compiler::try_() {
  flush();
  open_region(open(Control::Form::Try));
}

void Compiler::catch_(bool all) {
  Control& control = control_.back();
  const u32 tag = all ? Handlers::kAnyTag : reader_.u32_leb();
  if (reachable_) {
    move_results(control);
    follow_edge(control);
    masm_.jump(control.label);
  }
  control.form = Control::Form::Catch;
  region_ = control.outer_region;
  control.clause = add_clause(control.region, tag, false);
  if (!regions_[control.region].used) return become_unreachable();
  begin_pad(control.clause, control.base);
  if (control.exception_slot < 0) control.exception_slot = new_slot(Kind::Ref);
  masm_.store(Store::I64, frame(control.exception_slot), target_.int_results[0]);
  push_payload(tag, false);
}

// The end of a try without arms: what is thrown in it goes on where it would if it were thrown at
// the label.
void Compiler::delegate() {
  Control& control = control_.back();
  const Control& to = target_of(reader_.u32_leb() + 1);
  const bool catches = to.form == Control::Form::TryTable || to.form == Control::Form::Try;
  Region& region = regions_[control.region];
  region.parent = catches ? to.region : to.outer_region;
  if (region.used) mark_used(region.parent);
  end();
}

// -- Throwing -------------------------------------------------------------------------------------

void Compiler::mark_used(u32 region) {
  for (; region != kNone && !regions_[region].used; region = regions_[region].parent) {
    regions_[region].used = true;
  }
}

void Compiler::record_site(u32 region) {
  if (region == kNone) return;
  mark_used(region);
  out_->handlers.sites.push_back({masm_.offset(), region});
}

void Compiler::prepare_to_throw() {
  const TryHomes& homes = try_homes_[regions_[region_].homes];
  RegSet kept;
  u32 i = 0;
  for (RegSet rest = homes.regs; !rest.empty(); i++) {
    const Reg reg = rest.take_first();
    const u32 local = homes.owners[i];
    if (!in_register(local)) {
      if (facts_->locals[local].end < op_offset_) continue;
      load_home(local);
    }
    kept.add(reg);
  }
  store_dirty(homes_.all() - kept);
}

void Compiler::throw_() {
  const u32 tag = reader_.u32_leb();
  const std::span<const ValType> types = defined_type(module_->tags[tag]).params;
  const u32 count = static_cast<u32>(types.size());
  effects_++;
  if (count > 0 && top().where == Value::Where::Compare) materialise_compare();
  if (region_ != kNone) prepare_to_throw();
  u32 words = 0;
  for (const ValType& type : types) words += static_cast<u32>(slot_words(type.kind));
  if (words > throw_words_) {
    throw_words_ = words;
    throw_slot_ = slots_;
    slots_ += static_cast<i32>(words);
  }
  i32 slot = throw_slot_;
  for (u32 i = 0; i < count; i++) {
    store_value(top(count - 1 - i), frame(slot));
    slot += slot_words(types[i].kind);
  }
  masm_.move_imm(Width::W32, target_.call_target, static_cast<u32>(frame(throw_slot_).disp));
  masm_.move_imm(Width::W32, target_.scratch, tag);
  out_->relocs.push_back(masm_.call_near(Near::Stub, static_cast<u32>(Stub::Throw)));
  record_pc(op_offset_, static_cast<u32>(sp_shift_));
  record_site(region_);
  become_unreachable();
}

void Compiler::throw_ref() {
  effects_++;
  if (region_ != kNone) prepare_to_throw();
  const Reg exception = pop_reg();
  trap_if_null(exception, Trap::NullReference);
  emit_throw_ref(exception);
  release(exception);
  become_unreachable();
}

void Compiler::rethrow() {
  const Control& control = target_of(reader_.u32_leb());
  effects_++;
  if (region_ != kNone) prepare_to_throw();
  clauses_[control.clause].out.keeps = true;
  masm_.load(Load::I64, target_.call_target, frame(control.exception_slot));
  emit_throw_ref(target_.call_target);
  become_unreachable();
}

void Compiler::emit_throw_ref(Reg exception) {
  masm_.move(Width::W64, target_.call_target, exception);
  out_->relocs.push_back(masm_.call_near(Near::Stub, static_cast<u32>(Stub::ThrowRef)));
  record_pc(op_offset_, static_cast<u32>(sp_shift_));
  record_site(region_);
}

// -- Landing pads ---------------------------------------------------------------------------------

// The code that follows is where the clause goes on.
void Compiler::begin_pad(u32 clause, u32 base) {
  clauses_[clause].out.code_offset = masm_.offset();
  drop_to(base);
  valid_ = dirty_ = RegSet();
  checked_regs_ = RegSet();
  checked_constant_ = {};
  forget_constants();
  effects_++;
  reachable_ = true;
  const TryHomes& homes = try_homes_[regions_[clauses_[clause].region].homes];
  u32 i = 0;
  for (RegSet rest = homes.regs; !rest.empty(); i++) {
    const Reg reg = rest.take_first();
    const u32 local = homes.owners[i];
    if (facts_->locals[local].end < op_offset_) continue;
    owner_[reg.code] = local;
    valid_.add(reg);
    dirty_.add(reg);
  }
}

// The exception is in the first result register.
void Compiler::push_payload(u32 tag, bool with_ref) {
  const Reg exception = target_.int_results[0];
  take(exception);
  if (tag != Handlers::kAnyTag) {
    i32 offset = kExceptionPayload;
    for (const ValType& type : defined_type(module_->tags[tag]).params) {
      const Reg reg = allocate(type.kind);
      masm_.load(slot_load(type.kind, reg), reg, {exception, kNoReg, 0, offset});
      push_reg(type.kind, reg);
      offset += 8 * slot_words(type.kind);
    }
  }
  if (with_ref) {
    push_reg(Kind::Ref, exception);
  } else {
    release(exception);
  }
}

void Compiler::land_pads(Control& to) {
  const bool is_function = to.form == Control::Form::Function;
  if (reachable_) masm_.jump(to.label);
  for (u32 i = to.pads; i != kNone; i = pads_[i].next) {
    const Pad& pad = pads_[i];
    const Clause& clause = clauses_[pad.clause];
    if (!regions_[clause.region].used) continue;
    begin_pad(pad.clause, to.base);
    push_payload(clause.out.tag, pad.with_ref);
    if (is_function) {
      emit_return();
      continue;
    }
    move_results(to);
    follow_edge(to);
    masm_.jump(to.label);
  }
}

// The code goes on behind them as before.
void Compiler::land_loop_pads(Control& loop) {
  Label over;
  const bool falls = reachable_;
  std::vector<Value> values;
  if (falls) {
    flush();
    masm_.jump(over);
    values.assign(stack_.begin() + loop.base, stack_.end());
  }
  const RegSet valid = valid_;
  const RegSet dirty = dirty_;
  reachable_ = false;
  land_pads(loop);
  drop_to(loop.base);
  reachable_ = falls;
  if (!falls) return;
  for (const Value& value : values) push_again(value);
  canonical_ = height();
  valid_ = valid;
  dirty_ = dirty;
  masm_.bind(over);
}

// Clauses in the order of their regions; those of one region stay in theirs.
void Compiler::finish_handlers() {
  if (regions_.empty()) return;
  Handlers& handlers = out_->handlers;
  for (const Region& region : regions_) handlers.regions.push_back({.parent = region.parent});
  for (const Clause& clause : clauses_) handlers.regions[clause.region].clauses_count++;
  u32 first = 0;
  for (Handlers::Region& region : handlers.regions) {
    region.clauses_first = first;
    first += std::exchange(region.clauses_count, 0);
  }
  handlers.clauses.resize(first);
  for (const Clause& clause : clauses_) {
    Handlers::Region& region = handlers.regions[clause.region];
    handlers.clauses[region.clauses_first + region.clauses_count++] = clause.out;
  }
}

}  // namespace lr::jit
