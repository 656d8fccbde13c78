// Blocks, branches and joins.
//
// A join wants one value in one agreed register, or several in slots of their own; the values
// below are constants or in their slots (flush). The first edge into a join decides which homes
// are valid there; later edges load what they lost and store what they changed. A loop's header
// is decided when it is entered.
#include <algorithm>

#include "jit/compiler/compiler.h"

namespace lr::jit {

namespace {

constexpr u32 kAlignedLoopBytesMax = 128;  // Of wasm.

constexpr ValType kSingles[] = {kI32, kI64, kF32, kF64, kV128, kFuncRef};

std::span<const ValType> single(Kind kind) {
  return {&kSingles[kind == Kind::Ref ? 5 : static_cast<usize>(kind)], 1};
}

}  // namespace

// -- Opening --------------------------------------------------------------------------------------

void Compiler::read_block_type(Control& control) {
  const u8 code = reader_.peek();
  switch (code) {
    case 0x40:
      reader_.byte();
      return;
    case 0x7f:
    case 0x7e:
    case 0x7d:
    case 0x7c:
    case 0x7b:
      reader_.byte();
      control.results = single(static_cast<Kind>(0x7f - code));
      return;
    default:
      break;
  }
  const i64 index = reader_.signed_leb();
  if (index < 0) {  // A reference type, with a heap type behind it if it is not a short form.
    if (code == 0x63 || code == 0x64) {
      if (reader_.peek() == 0x62) reader_.byte();
      reader_.signed_leb();
    }
    control.results = single(Kind::Ref);
    return;
  }
  const DefinedType& type = defined_type(module_->types[static_cast<usize>(index)]);
  control.params = type.params;
  control.results = type.results;
}

Control& Compiler::open(Control::Form form) {
  Control control;
  control.form = form;
  control.begin = op_offset_;
  control.outer_region = region_;
  read_block_type(control);
  control.end = facts_->blocks[next_block_++].end;
  control.base = height() - static_cast<u32>(control.params.size());
  control_.push_back(control);
  return control_.back();
}

void Compiler::block(Control::Form form) {
  flush();
  Control& control = open(form);
  if (form == Control::Form::Loop) loop_header(control);
}

void Compiler::if_() {
  effects_++;
  Compare condition = pop_condition();
  flush();
  condition.negate();
  Control& control = open(Control::Form::If);
  // The else arm finds its parameters in their slots.
  for (u32 i = control.base; i < height(); i++) {
    Value& value = stack_[i];
    if (value.where != Value::Where::Const) continue;
    store_value(value, slot_of_stack(i, value.type));
    value.where = Value::Where::Slot;
    value.slot = i;
  }
  masm_.branch_if(condition, control.otherwise);
  release(condition);
  control.at_if = {true, valid_, dirty_};
}

// Homes that the loop uses are loaded before it; those it would only lose in calls are stored.
// Returns the homes of locals that the loop writes.
RegSet Compiler::prepare_loop(const LoopFacts& loop, const Control& control) {
  RegSet used, written;
  if (loop.locals_overflow) {
    used = written = homes_.all();
    for (RegSet rest = homes_.all(); !rest.empty();) {
      const Reg home = rest.take_first();
      const u32 local = owner_[home.code];
      if (local != kNone && !valid_.has(home) && is_live_at(local, control)) load_home(local);
    }
    return written;
  }
  for (u32 i = 0; i < loop.locals_count; i++) {
    const LoopLocal& l = facts_->loop_locals[loop.locals_first + i];
    const Reg home = homes_.of(l.local);
    if (!home.valid()) continue;
    used.add(home);
    if (l.written) written.add(home);
    if (is_live_at(l.local, control)) load_home(l.local);
  }
  if (loop.has_call) {
    const RegSet lost = (valid_ - used) - target_.callee_saved;
    store_dirty(lost);
    valid_ = valid_ - lost;
  }
  return written;
}

bool Compiler::give_home(const LoopLocal& local, const Control& control, u32 temporaries_min,
                         u32 (&weights)[64]) {
  const Kind type = local_types_[local.local];
  if (swaps_.size() == kSwapsMax) return false;
  const RegSet bank = in_vector(type) ? kAllVectors : kAllInts;
  const u32 control_index = static_cast<u32>(&control - control_.data());
  // A temporary, if enough remain; else the register whose owner the loop uses least.
  RegSet spare = temporaries_ & bank;
  spare.remove(result_register(type));
  const bool enough = (temporaries_ & bank).size() > temporaries_min;
  Reg best = kNoReg;
  if (enough && !spare.empty()) {
    best = spare.take_last();
    temporaries_.remove(best);
    swaps_.push_back({best, kNone, local.local, false, true, control_index});
  } else {
    u32 least = local.weight / 2;  // Swapping costs two moves outside.
    for (RegSet rest = homes_.all() & bank; !rest.empty();) {
      const Reg reg = rest.take_first();
      if (weights[reg.code] < least) {
        least = weights[reg.code];
        best = reg;
      }
    }
    if (!best.valid()) return false;
    const u32 outer = owner_[best.code];
    const bool used = weights[best.code] > 0;
    if (valid_.has(best) && is_live_at(outer, control)) store_dirty(RegSet::of(best));
    swaps_.push_back({best, outer, local.local, used, false, control_index});
    if (used) homes_.set(outer, kNoReg);
  }
  valid_.remove(best);
  dirty_.remove(best);
  weights[best.code] = ~u32{0};
  homes_.set(local.local, best);
  owner_[best.code] = local.local;
  return true;
}

void Compiler::rehome(const LoopFacts& loop, const Control& control) {
  if (options_.no_homes || loop.has_call || loop.locals_overflow) return;
  const std::span<const LoopLocal> locals =
      std::span(facts_->loop_locals).subspan(loop.locals_first, loop.locals_count);
  u32 weights[64] = {};
  std::vector<LoopLocal> homeless;
  for (const LoopLocal& l : locals) {
    const Reg home = homes_.of(l.local);
    if (!home.valid()) {
      homeless.push_back(l);
      continue;
    }
    // A register that has several owners in the loop, or one that is not its owner now, stays.
    const bool simple = weights[home.code] == 0 && owner_[home.code] == l.local;
    weights[home.code] = simple ? l.weight : ~u32{0};
  }
  std::sort(homeless.begin(), homeless.end(),
            [](const LoopLocal& a, const LoopLocal& b) { return a.weight > b.weight; });
  // For each bank; 0 means unknown yet. The first local without a home ends its bank's.
  u32 temporaries_min[] = {kTemporariesMin, 0};
  bool is_full[] = {false, false};
  for (const LoopLocal& l : homeless) {
    const bool bank = in_vector(local_types_[l.local]);
    if (is_full[bank]) continue;
    if (temporaries_min[bank] == 0) temporaries_min[bank] = vector_temporaries_of(loop);
    is_full[bank] = !give_home(l, control, temporaries_min[bank], weights);
  }
}

void Compiler::leave_loop() {
  const u32 control_index = static_cast<u32>(control_.size() - 1);
  while (!swaps_.empty() && swaps_.back().control == control_index) {
    const Swap swap = swaps_.back();
    swaps_.pop_back();
    const bool needed =
        facts_->locals[swap.inner].end > control_.back().end || newest_ref_[swap.inner] != kNone;
    if (reachable_ && needed && valid_.has(swap.reg) && dirty_.has(swap.reg)) {
      masm_.store(slot_store(local_types_[swap.inner], swap.reg), slot_of_local(swap.inner),
                  swap.reg);
    }
    valid_.remove(swap.reg);
    dirty_.remove(swap.reg);
    checked_regs_.remove(swap.reg);
    homes_.set(swap.inner, kNoReg);
    owner_[swap.reg.code] = swap.outer;
    if (swap.is_temporary) {
      temporaries_.add(swap.reg);
    } else if (swap.outer_is_used) {
      homes_.set(swap.outer, swap.reg);
    }
  }
}

void Compiler::loop_header(Control& control) {
  const LoopFacts& loop = facts_->loops[next_loop_++];
  if (!control.params.empty()) emit_results(control);
  rehome(loop, control);
  const RegSet written = prepare_loop(loop, control);
  valid_ = live_at(valid_, control);
  dirty_ = (dirty_ | written) & valid_;
  control.join = {true, valid_, dirty_};
  // The code of a short loop should not straddle more lines than it must.
  if (loop.innermost && loop.end - loop.begin < kAlignedLoopBytesMax) masm_.align(32);
  masm_.bind(control.label);
  if (!control.params.empty()) {
    drop_to(control.base);
    push_label_values(control);
  }
  checked_regs_ = RegSet();
  checked_constant_ = {};
  if (loop.has_backward_branch) check_loop(loop);
  forget_constants();
}

// Where the loop may be interrupted: in each iteration, or in some of those that are counted.
void Compiler::check_loop(const LoopFacts& loop) {
  constexpr u32 kUncheckedInstructions = 4096;
  constexpr u32 kStrideMin = 8;
  const Preempt by = options_.preempt;
  if (by != Preempt::Flag && by != Preempt::Epoch && by != Preempt::Page) return;
  const std::optional<CountedLoop> counted = find_counted(reader_, loop);
  if (!counted) return poll();
  if (const std::optional<i64> start = known_constant(counted->local)) {
    const u64 iterations = counted->iterations(*start).value_or(kUncheckedInstructions);
    if (iterations * counted->instructions <= kUncheckedInstructions) return;
  }
  const u32 stride = counted->stride(kUncheckedInstructions);
  const u32 mask = counted->mask(stride);
  if (stride < kStrideMin || mask == 0 || !in_register(counted->local)) return poll();
  Compare compare = test(Width::W32, homes_.of(counted->local));
  compare.cond = Cond::Eq;
  compare.rhs = Operand::immediate(static_cast<i32>(mask));
  Cold& cold = add_cold(Cold::Kind::SparsePoll);
  masm_.branch_if(compare, cold.entry);
  masm_.bind(cold.back);
}

void Compiler::poll() {
  if (options_.preempt == Preempt::Page) {
    masm_.poll_page();
    return record_pc(op_offset_, static_cast<u32>(sp_shift_));
  }
  if (options_.preempt != Preempt::Flag && options_.preempt != Preempt::Epoch) return;
  Cold& cold = add_cold(Cold::Kind::Yield);
  if (options_.preempt == Preempt::Flag) {
    masm_.poll(cold.entry);
  } else {
    masm_.poll_epoch(&epoch_counter(), cold.entry);
  }
  masm_.bind(cold.back);
}

// -- Joins ----------------------------------------------------------------------------------------

bool Compiler::is_live_at(u32 local, const Control& control) const {
  const LocalFacts& l = facts_->locals[local];
  if (control.form == Control::Form::Loop) {
    return l.begin <= control.begin && l.end >= control.begin;
  }
  return l.end >= control.end;
}

RegSet Compiler::live_at(RegSet regs, const Control& control) const {
  RegSet live;
  for (RegSet rest = regs; !rest.empty();) {
    const Reg reg = rest.take_first();
    if (is_live_at(owner_[reg.code], control)) live.add(reg);
  }
  return live;
}

Reg Compiler::result_register(Kind type) const {
  return in_vector(type) ? result_vector_ : result_int_;
}

void Compiler::emit_results(Control& to) {
  const std::span<const ValType> types = to.label_types();
  const u32 count = static_cast<u32>(types.size());
  if (count == 0) return;
  if (result_in_register(to)) {
    load_value(top(), result_register(types[0].kind));
    return;
  }
  if (to.results_slot < 0) {
    to.results_slot = slots_;
    for (const ValType& type : types) slots_ += slot_words(type.kind);
  }
  i32 slot = to.results_slot;
  for (u32 i = 0; i < count; i++) {
    store_value(top(count - 1 - i), frame(slot));
    slot += slot_words(types[i].kind);
  }
}

void Compiler::move_results(Control& to) {
  if (to.label_types().empty()) return;
  if (top().where == Value::Where::Compare) materialise_compare();
  if (!result_in_register(to)) return emit_results(to);
  const Kind type = to.results[0].kind;
  const Reg reg = result_register(type);
  if (top().where == Value::Where::Reg && top().reg == reg) return;
  const Value value = pop();
  take(reg);
  load_value(value, reg);
  if (value.where == Value::Where::Reg) release(value.reg);
  Value moved;
  moved.where = Value::Where::Reg;
  moved.type = type;
  moved.reg = reg;
  temp_owner_[reg.code] = height();
  stack_.push_back(moved);
}

Compiler::EdgeWork Compiler::edge_to(Control& to) {
  // Registers that loops on the way out took for themselves go back to their owners, who wait in
  // their slots.
  const u32 index = static_cast<u32>(&to - control_.data());
  RegSet returned;
  for (usize i = swaps_.size(); i > 0 && swaps_[i - 1].control > index; i--) {
    returned.add(swaps_[i - 1].reg);
  }
  EdgeWork work;
  work.stores = live_at(returned & dirty_ & valid_, to);
  const RegSet valid = valid_ - returned;
  const RegSet dirty = dirty_ & valid;
  JoinState& join = to.join;
  if (!join.known) {
    join.known = true;
    join.valid = live_at(valid, to);
    join.dirty = dirty & join.valid;
    return work;
  }
  work.loads = join.valid - valid;
  const RegSet stale = dirty - join.dirty;
  work.stores = work.stores | (stale & join.valid) | live_at(stale - join.valid, to);
  return work;
}

// Who owns a register where the label is.
u32 Compiler::owner_at(Reg reg, const Control& control) const {
  const u32 index = static_cast<u32>(&control - control_.data());
  u32 owner = owner_[reg.code];
  for (usize i = swaps_.size(); i > 0 && swaps_[i - 1].control > index; i--) {
    if (swaps_[i - 1].reg == reg) owner = swaps_[i - 1].outer;
  }
  return owner;
}

void Compiler::emit_edge(const EdgeWork& work, const Control& to) {
  for (RegSet rest = work.stores; !rest.empty();) {
    const Reg reg = rest.take_first();
    const u32 local = owner_[reg.code];
    masm_.store(slot_store(local_types_[local], reg), slot_of_local(local), reg);
  }
  for (RegSet rest = work.loads; !rest.empty();) {
    const Reg reg = rest.take_first();
    const u32 local = owner_at(reg, to);
    masm_.load(slot_load(local_types_[local], reg), reg, slot_of_local(local));
  }
}

void Compiler::push_label_values(Control& control) {
  const std::span<const ValType> types = control.label_types();
  if (types.empty()) return;
  if (result_in_register(control)) {
    const Reg reg = result_register(types[0].kind);
    take(reg);
    push_reg(types[0].kind, reg);
    return;
  }
  i32 slot = control.results_slot;
  for (const ValType& type : types) {
    copy_slot(type.kind, frame(slot), slot_of_stack(height(), type.kind));
    push_slot(type.kind);
    slot += slot_words(type.kind);
  }
}

// The code that follows is reached through the label, and nothing else is known.
void Compiler::enter_join(Control& control) {
  forget_constants();
  masm_.bind(control.label);
  valid_ = control.join.valid;
  dirty_ = control.join.dirty;
  checked_regs_ = RegSet();
  checked_constant_ = {};
  drop_to(control.base);
  reachable_ = true;
  push_label_values(control);
}

// -- Closing --------------------------------------------------------------------------------------

void Compiler::else_() {
  Control& control = control_.back();
  if (reachable_) {
    move_results(control);
    follow_edge(control);
    masm_.jump(control.label);
  }
  masm_.bind(control.otherwise);
  forget_constants();
  control.form = Control::Form::Else;
  valid_ = control.at_if.valid;
  dirty_ = control.at_if.dirty;
  checked_regs_ = RegSet();
  checked_constant_ = {};
  drop_to(control.base);
  for (const ValType& type : control.params) push_slot(type.kind);
  canonical_ = height();
  reachable_ = true;
}

void Compiler::end() {
  if (control_.size() == 1) return end_function();
  Control& control = control_.back();
  if (control.form == Control::Form::If) {
    end_if(control);
  } else if (control.form == Control::Form::Loop) {
    if (control.pads != kNone) land_loop_pads(control);
    leave_loop();
  } else if (control.label.used() || control.pads != kNone) {
    if (reachable_) {
      move_results(control);
      follow_edge(control);
    }
    const bool falls = reachable_;
    if (control.pads != kNone) land_pads(control);
    reachable_ = falls;
    if (falls || control.label.used()) enter_join(control);
  }
  region_ = control.outer_region;
  control_.pop_back();
  if (!reachable_) become_unreachable();
}

// An `if` without an `else`: the condition's false edge leads to the end, parameters as results.
void Compiler::end_if(Control& control) {
  const bool then_reachable = reachable_;
  const bool has_pads = control.pads != kNone;
  if (!control.join.known && (then_reachable || control.label.used() || has_pads)) {
    // The untaken path should cost nothing: it decides.
    std::swap(valid_, control.at_if.valid);
    std::swap(dirty_, control.at_if.dirty);
    edge_to(control);
    std::swap(valid_, control.at_if.valid);
    std::swap(dirty_, control.at_if.dirty);
  }
  if (then_reachable) {
    move_results(control);
    follow_edge(control);
  }
  if (has_pads) land_pads(control);
  valid_ = control.at_if.valid;
  dirty_ = control.at_if.dirty;
  drop_to(control.base);
  for (const ValType& type : control.params) push_slot(type.kind);
  canonical_ = height();
  reachable_ = true;
  const EdgeWork work = edge_to(control);
  if (control.params.empty() && work.empty()) {
    masm_.bind(control.otherwise);
  } else {
    if (then_reachable) masm_.jump(control.label);
    masm_.bind(control.otherwise);
    move_results(control);
    emit_edge(work, control);
  }
  enter_join(control);
}

void Compiler::end_function() {
  if (reachable_) emit_return();
  reachable_ = false;
  if (control_.back().pads != kNone) land_pads(control_.back());
  control_.pop_back();
  done_ = true;
}

// -- Branches -------------------------------------------------------------------------------------

void Compiler::br() {
  Control& to = target_of(reader_.u32_leb());
  if (to.form == Control::Form::Function) {
    emit_return();
  } else {
    move_results(to);
    follow_edge(to);
    masm_.jump(to.label);
  }
  become_unreachable();
}

void Compiler::return_() {
  emit_return();
  become_unreachable();
}

void Compiler::br_if() {
  Control& to = target_of(reader_.u32_leb());
  Compare condition = pop_condition();
  branch_on(condition, to);
  release(condition);
}

void Compiler::branch_on(Compare& condition, Control& to) {
  effects_++;
  if (to.form == Control::Form::Function) {
    // What emit_return() does on the taken path must not need a register.
    if (stack_bytes(type_->results, target_.int_results, target_.vector_results) > 0) flush();
    Label skip;
    condition.negate();
    masm_.branch_if(condition, skip);
    emit_return();
    masm_.bind(skip);
    return;
  }
  if (!to.label_types().empty()) {
    if (result_in_register(to)) move_out_of(condition, result_register(to.results[0].kind));
    move_results(to);
  }
  branch_edge(condition, to);
}

void Compiler::branch_edge(Compare& condition, Control& to) {
  const EdgeWork work = edge_to(to);
  if (work.empty()) {
    masm_.branch_if(condition, to.label);
  } else {
    Label skip;
    condition.negate();
    masm_.branch_if(condition, skip);
    emit_edge(work, to);
    masm_.jump(to.label);
    masm_.bind(skip);
  }
}

// The edge of a br_table to this label, out of line.
void Compiler::br_table_stub(Control& to) {
  masm_.bind(to.stub);
  if (to.form == Control::Form::Function) return emit_return();
  emit_results(to);
  follow_edge(to);
  masm_.jump(to.label);
}

void Compiler::br_table() {
  const Reg index = pop_reg();
  flush();
  const u32 count = reader_.u32_leb() + 1;
  br_tables_++;
  table_labels_.clear();
  std::vector<u32> stubs;
  for (u32 i = 0; i < count; i++) {
    Control& to = target_of(reader_.u32_leb());
    if (to.table != br_tables_) {
      to.table = br_tables_;
      to.stub = Label();
      const bool direct =
          to.form != Control::Form::Function && to.label_types().empty() && edge_to(to).empty();
      to.stub_needed = !direct;
      if (!direct) stubs.push_back(static_cast<u32>(&to - control_.data()));
    }
    table_labels_.push_back(to.stub_needed ? &to.stub : &to.label);
  }
  // The index may be a local's home, which jump_table() would change.
  Reg own = index;
  if (!temporaries_.has(index)) {
    own = allocate(Kind::I32);
    masm_.move(Width::W32, own, index);
  }
  masm_.jump_table(own, table_labels_, false);
  release(own);
  for (const u32 i : stubs) br_table_stub(control_[i]);
  become_unreachable();
}

// -- Conditions -----------------------------------------------------------------------------------

Compare Compiler::pop_condition() {
  if (top().where == Value::Where::Compare) {
    stack_.pop_back();
    if (canonical_ > height()) canonical_ = height();
    return pending_;
  }
  return test(Width::W32, pop_reg());
}

void Compiler::release(const Compare& compare) {
  release(compare.lhs);
  if (compare.rhs.kind == Operand::Kind::Register && compare.rhs.reg.valid()) {
    release(compare.rhs.reg);
  }
}

// A condition whose operand is in `reg` gets another register for it.
void Compiler::move_out_of(Compare& compare, Reg reg) {
  const bool in_lhs = compare.lhs == reg;
  const bool in_rhs = compare.rhs.kind == Operand::Kind::Register && compare.rhs.reg == reg;
  if ((!in_lhs && !in_rhs) || !used_.has(reg)) return;
  const RegSet bank = reg.is_vector() ? kAllVectors : kAllInts;
  const Reg other = allocate_in(bank - RegSet::of(reg));
  if (reg.is_vector()) {
    masm_.move_vector(other, reg);
  } else {
    masm_.move(Width::W64, other, reg);
  }
  if (in_lhs) compare.lhs = other;
  if (in_rhs) compare.rhs.reg = other;
  release(reg);
}

}  // namespace lr::jit
