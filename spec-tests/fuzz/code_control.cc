// Statements, blocks, loops, branches, calls.
#include <algorithm>

#include "spec-tests/fuzz/code_generator.h"
#include "spec-tests/fuzz/constants.h"

namespace lr::fuzz {

namespace {

constexpr u32 kLoopWorkMax = 32;

}  // namespace

// -- Statements -----------------------------------------------------------------------------------

void CodeGenerator::statement() {
  if (!spend() || depth_ > kDepthMax || is_leaf_) return;
  depth_++;
  const u32 memory = taste_.loads;
  u32 what = choices_.below(6 + 2 * taste_.sets + 2 * memory + 2 * taste_.control + taste_.calls +
                            taste_.refs);
  const auto is = [&](u32 weight) {
    if (what < weight) return true;
    what -= weight;
    return false;
  };
  if (is(6)) {
    chance(50) ? set_local() : set_global();
  } else if (is(2 * taste_.sets)) {
    chance(75) ? set_local() : rotate_locals();
  } else if (is(2 * memory)) {
    const u32 which = choices_.below(is_calm_ ? 6 : 9);
    if (which == 8) walk();
    if (which < 4) store();
    if (which == 4) update();
    if (which == 5) guarded_accesses();
    if (which == 6) bulk_memory();
    if (which == 7) {
      memory_size_or_grow();
      consume(number(Kind::I32));
    }
  } else if (is(2 * taste_.control)) {
    switch (choices_.below(9)) {
      case 0:
      case 1:
        if_statement();
        break;
      case 2:
        counted_loop(nullptr);
        break;
      case 3:
        fuel_loop();
        break;
      case 4:
        multi_block();
        break;
      case 5:
        branch();
        break;
      case 6:
        switch_statement();
        break;
      case 7:
        leave();
        break;
      default:
        branch_table();
    }
  } else if (is(taste_.calls)) {
    call(nullptr);
  } else if (!is_calm_) {
    const u32 which = choices_.below(4);
    if (which == 0) bulk_table();
    if (which == 1) data_statement();
    if (which == 2) try_statement();
    if (which == 3) chance(50) ? cast_branch() : throw_statement();
  }
  depth_--;
}

void CodeGenerator::statements(u32 count) {
  for (; count > 0; count--) statement();
}

void CodeGenerator::set_local() {
  if (locals_.empty()) return;
  const u32 any = choices_.below(static_cast<u32>(locals_.size()));
  const Type type = locals_[any];
  const u32 local = pick_local(type, true);
  if (local == kNoLocal) return;
  loose(locals_[local]);
  op(Op::LocalSet, local);
}

// Several locals read, then written in another order.
void CodeGenerator::rotate_locals() {
  if (locals_.empty()) return;
  const Type type = locals_[choices_.below(static_cast<u32>(locals_.size()))];
  u32 chosen[4];
  const u32 count = choices_.between(2, 4);
  for (u32 i = 0; i < count; i++) {
    chosen[i] = pick_local(type, true);
    if (chosen[i] == kNoLocal) return;
  }
  if (type.is_ref()) return;
  for (u32 i = 0; i < count; i++) {
    op(Op::LocalGet, chosen[i]);
    if (chance(20)) between_operands();
  }
  const u32 turn = choices_.below(count);
  for (u32 i = 0; i < count; i++) {
    const u32 to = chosen[(i + turn) % count];
    if (chance(15)) {
      op(Op::LocalTee, to);
      consume(type);
    } else {
      op(Op::LocalSet, to);
    }
  }
}

void CodeGenerator::set_global() {
  const u32 global = choices_.below(static_cast<u32>(plan_.globals.size()));
  if (global == 0 || !plan_.globals[global].is_mutable) return set_local();
  loose(plan_.globals[global].type);
  op(Op::GlobalSet, global);
}

void CodeGenerator::consume(Type type) {
  const u32 local = chance(70) ? pick_local(type, true) : kNoLocal;
  if (local != kNoLocal) return op(Op::LocalSet, local);
  op(Op::Drop);
}

void CodeGenerator::consume_all(const std::vector<Type>& types) {
  for (usize i = types.size(); i > 0; i--) {
    consume(types[i - 1]);
    if (i > 1) between_operands();
  }
}

// -- Blocks ---------------------------------------------------------------------------------------

void CodeGenerator::open_label(std::vector<Type> types, bool is_loop) {
  labels_.push_back({std::move(types), is_loop});
}

void CodeGenerator::close_label() { labels_.pop_back(); }

// Blocks without parameters and at most one result.
void CodeGenerator::block_type(const std::vector<Type>& results) {
  if (results.empty()) return out_.byte(0x40);
  write_type(out_, results[0]);
}

void CodeGenerator::if_statement() {
  condition();
  op(Op::If);
  block_type({});
  open_label({}, false);
  statements(choices_.between(1, 3));
  if (chance(50)) {
    if (chance(10)) branch_to(choices_.below(static_cast<u32>(labels_.size())));
    op(Op::Else);
    statements(choices_.between(1, 3));
  }
  op(Op::End);
  close_label();
}

void CodeGenerator::if_value(Type type) {
  condition();
  op(Op::If);
  block_type({type});
  open_label({type}, false);
  if (chance(40)) statement();
  loose(type);
  op(Op::Else);
  if (chance(40)) statement();
  loose(type);
  op(Op::End);
  close_label();
}

void CodeGenerator::block_value(Type type) {
  op(Op::Block);
  block_type({type});
  open_label({type}, false);
  statements(choices_.below(3));
  loose(type);
  op(Op::End);
  close_label();
}

// A block, loop or if with parameters and results of a function type.
void CodeGenerator::multi_block() {
  if (!has(Feature::MultiValue)) return;
  const u32 type_index = choices_.below(static_cast<u32>(plan_.types.size()));
  const TypePlan& type = plan_.types[type_index];
  if (type.composite != Composite::Func || type.params.size() + type.results.size() > 24) return;
  for (const Type& param : type.params) {
    loose(param);
    between_operands();
  }
  const u32 form = choices_.below(3);
  if (form == 2) condition();
  op(form == 0 ? Op::Block : form == 1 ? Op::Loop : Op::If);
  out_.sleb(type_index);
  const bool is_loop = form == 1;
  open_label(is_loop ? type.params : type.results, is_loop);
  for (u32 arm = 0; arm < (form == 2 ? 2 : 1); arm++) {
    if (arm == 1) op(Op::Else);
    consume_all(type.params);
    statements(choices_.below(3));
    if (is_loop && chance(60)) {  // Around again, with new parameters.
      take_fuel();
      op(Op::If);
      block_type({});
      open_label({}, false);
      for (const Type& param : type.params) loose(param);
      op(Op::Br, 1);
      op(Op::End);
      close_label();
    }
    for (const Type& result : type.results) loose(result);
  }
  op(Op::End);
  close_label();
  consume_all(type.results);
}

// -- Loops ----------------------------------------------------------------------------------------

void CodeGenerator::counted_loop(const Type* result) {
  const u32 room = kLoopWorkMax / loop_work_;
  if (room < 2) {
    if (result != nullptr) leaf(*result);
    return;
  }
  const u32 trips = choices_.between(1, std::min(room, 9u));
  const u32 counter = add_reserved(number(Kind::I32));
  const bool down = chance(40);
  i32_const(down ? trips : 0);
  op(Op::LocalSet, counter);
  op(Op::Loop);
  std::vector<Type> results;
  if (result != nullptr) results.push_back(*result);
  block_type(results);
  // Others may not branch to it: they would not count.
  open_label({}, true);
  const u32 label = static_cast<u32>(labels_.size()) - 1;
  labels_[label].types.push_back(reference(kHeapNoExn, false));  // What nobody has.
  loop_work_ *= trips;
  const Taste taste = taste_;
  const bool was_calm = is_calm_;
  if (chance(50)) {
    is_calm_ = true;
    taste_.calls = taste_.refs = 0;
    taste_.sets += 4;
  }
  statements(choices_.between(1, is_calm_ ? 8 : 4));
  taste_ = taste;
  is_calm_ = was_calm;
  if (result != nullptr && chance(50)) {
    loose(*result);
    consume(*result);
  }
  op(Op::LocalGet, counter);
  i32_const(1);
  op(down ? Op::I32Sub : Op::I32Add);
  op(Op::LocalTee, counter);
  if (!down) {
    i32_const(trips);
    op(Op::I32LtU);
  }
  op(Op::BrIf, 0);
  loop_work_ /= trips;
  if (result != nullptr) loose(*result);
  op(Op::End);
  close_label();
}

void CodeGenerator::fuel_loop() {
  op(Op::Loop);
  block_type({});
  open_label({}, true);
  statements(choices_.between(1, 4));
  take_fuel();
  if (chance(70)) {
    condition();
    op(Op::I32And);
  }
  op(Op::BrIf, 0);
  op(Op::End);
  close_label();
}

// -- Branches -------------------------------------------------------------------------------------

// Of a reference that is not nullable there may be no value at hand. Counted loops say so, too.
bool CodeGenerator::takes_branches(const std::vector<Type>& types) {
  return std::none_of(types.begin(), types.end(),
                      [](const Type& type) { return type.is_ref() && !type.nullable; });
}

// Values for the label, and away. Towards a loop only while there is fuel.
void CodeGenerator::branch_to(u32 label) {
  const std::vector<Type> types = labels_[label].types;
  if (!takes_branches(types)) return;
  if (labels_[label].is_loop) {
    take_fuel();
    op(Op::If);
    block_type({});
    open_label({}, false);
    for (const Type& type : types) loose(type);
    op(Op::Br, label_depth(label));
    op(Op::End);
    return close_label();
  }
  for (const Type& type : types) loose(type);
  op(Op::Br, label_depth(label));
}

void CodeGenerator::branch() {
  const u32 label = choices_.below(static_cast<u32>(labels_.size()));
  const Label& to = labels_[label];
  if (chance(5)) return branch_to(label);  // What follows is dead.
  if (to.types.empty() && !to.is_loop && chance(60)) {
    condition();
    return op(Op::BrIf, label_depth(label));
  }
  condition();
  op(Op::If);
  block_type({});
  open_label({}, false);
  statements(choices_.below(2));
  branch_to(label);
  op(Op::End);
  close_label();
}

// br_if with a value that stays if the branch is not taken.
void CodeGenerator::branch_if_value(Type type) {
  for (u32 tries = 4; tries > 0; tries--) {
    const u32 label = choices_.below(static_cast<u32>(labels_.size()));
    const Label& to = labels_[label];
    if (to.is_loop || to.types.size() != 1 || to.types[0] != type) continue;
    loose(type);
    between_operands();
    condition();
    return op(Op::BrIf, label_depth(label));
  }
  select(type);
}

// br_table to labels that all take the same, in an `if`.
void CodeGenerator::branch_table() {
  const u32 count = static_cast<u32>(labels_.size());
  const std::vector<Type> types = labels_[choices_.below(count)].types;
  std::vector<u32> fitting;
  for (u32 i = 0; i < count; i++) {
    if (!labels_[i].is_loop && labels_[i].types == types) fitting.push_back(i);
  }
  if (fitting.empty() || !takes_branches(types)) return;
  condition();
  op(Op::If);
  block_type({});
  open_label({}, false);
  for (const Type& type : types) loose(type);
  exact(number(Kind::I32));
  if (chance(50)) {
    i32_const(7);
    op(Op::I32And);
  }
  const u32 entries = chance(5) ? choices_.between(50, 300) : choices_.below(6);
  op(Op::BrTable, entries);
  for (u32 i = 0; i <= entries; i++) {
    out_.uleb(label_depth(fitting[choices_.below(static_cast<u32>(fitting.size()))]));
  }
  op(Op::End);
  close_label();
}

void CodeGenerator::switch_statement() {
  const u32 cases = choices_.between(2, 5);
  for (u32 i = 0; i < cases; i++) {
    op(Op::Block);
    block_type({});
    open_label({}, false);
  }
  exact(number(Kind::I32));
  if (chance(70)) {
    i32_const(choices_.between(1, 7));
    op(Op::I32And);
  }
  op(Op::BrTable, cases - 1);
  for (u32 i = 0; i < cases; i++) out_.uleb(chance(80) ? i : choices_.below(cases));
  for (u32 i = 0; i < cases; i++) {
    op(Op::End);
    close_label();
    statements(1);
    if (i + 1 < cases && chance(60)) op(Op::Br, cases - 2 - i);
  }
}

void CodeGenerator::leave() {
  if (!chance(10)) {  // Else what follows is dead.
    condition();
    op(Op::If);
    block_type({});
    open_label({}, false);
    if (!(chance(50) && tail_call())) {
      for (const Type& type : type_->results) loose(type);
      op(Op::Return);
    }
    op(Op::End);
    return close_label();
  }
  if (chance(20)) return op(Op::Unreachable);
  for (const Type& type : type_->results) loose(type);
  op(Op::Return);
}

// -- Calls ----------------------------------------------------------------------------------------

void CodeGenerator::call_arguments(const std::vector<Type>& params) {
  for (const Type& param : params) {
    loose(param);
    between_operands();
  }
}

// Of a function of that type in table 0, if nobody has changed it.
void CodeGenerator::callee_index(u32 type) {
  const u32 size = static_cast<u32>(plan_.call_table.size());
  const u32 first = choices_.below(size);
  for (u32 i = 0; i < size && !chance(taste_.hostile * 4); i++) {
    const u32 index = (first + i) % size;
    const i32 function = plan_.call_table[index];
    if (function < 0 || plan_.functions[static_cast<u32>(function)].type != type) continue;
    address_const(plan_.tables[0].is_64, index);
    if (chance(50)) {  // Not a constant.
      exact(number(plan_.tables[0].is_64 ? Kind::I64 : Kind::I32));
      address_const(plan_.tables[0].is_64, 0);
      op(plan_.tables[0].is_64 ? Op::I64And : Op::I32And);
      op(plan_.tables[0].is_64 ? Op::I64Or : Op::I32Or);
    }
    return;
  }
  table_index(0);
}

// Of a function whose last result is `result`, which stays; or of any, whose results go.
bool CodeGenerator::call(const Type* result) {
  const u32 count = static_cast<u32>(plan_.functions.size());
  const u32 first = choices_.below(count);
  for (u32 i = 0; i < count; i++) {
    const u32 callee = (first + i) % count;
    const u32 type_index = plan_.functions[callee].type;
    const TypePlan& type = plan_.types[type_index];
    if (result != nullptr && (type.results.empty() || type.results.back() != *result)) continue;
    call_arguments(type.params);
    if (has(Feature::FunctionReferences) && chance(20)) {
      reference_value(reference(static_cast<i32>(type_index), chance(20)));
      op(Op::CallRef, type_index);
    } else if (chance(25)) {
      callee_index(type_index);
      op(Op::CallIndirect, type_index);
      out_.uleb(0);
    } else {
      op(Op::Call, callee);
    }
    std::vector<Type> results = type.results;
    if (result == nullptr) {
      consume_all(results);
      return true;
    }
    if (results.size() == 1) return true;
    // Only the last one is wanted.
    const u32 kept = add_reserved(*result);
    op(Op::LocalSet, kept);
    results.pop_back();
    consume_all(results);
    op(Op::LocalGet, kept);
    return true;
  }
  return false;
}

bool CodeGenerator::tail_call() {
  if (!has(Feature::TailCall)) return false;
  const u32 count = static_cast<u32>(plan_.functions.size());
  const u32 first = choices_.below(count);
  for (u32 i = 0; i < count; i++) {
    const u32 callee = (first + i) % count;
    const u32 type_index = plan_.functions[callee].type;
    const TypePlan& type = plan_.types[type_index];
    if (type.results != type_->results) continue;
    call_arguments(type.params);
    if (has(Feature::FunctionReferences) && chance(20)) {
      reference_value(reference(static_cast<i32>(type_index), false));
      op(Op::ReturnCallRef, type_index);
    } else if (chance(25)) {
      callee_index(type_index);
      op(Op::ReturnCallIndirect, type_index);
      out_.uleb(0);
    } else {
      op(Op::ReturnCall, callee);
    }
    return true;
  }
  return false;
}

}  // namespace lr::fuzz
