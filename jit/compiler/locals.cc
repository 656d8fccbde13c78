// Locals: reads are lazy, writes go straight into the home, and a local whose home was lost in a
// call is in its slot.
#include "jit/compiler/compiler.h"

namespace lr::jit {

void Compiler::local_get() {
  const u32 local = reader_.u32_leb();
  push_local(local, local_types_[local]);
}

void Compiler::local_set(bool tee) {
  const u32 local = reader_.u32_leb();
  const Value value = pop();
  const bool same = value.where == Value::Where::Local && value.local == local;
  if (same) {
    if (tee) push_local(local, value.type);
    return;
  }
  before_write(local);
  note_constant(local, value);
  const Reg home = homes_.of(local);
  if (home.valid()) {
    load_value(value, home);
    own_home(local);
    if (value.where == Value::Where::Reg) release(value.reg);
    if (tee) push_local(local, local_types_[local]);
    return;
  }
  store_value(value, slot_of_local(local));
  if (!tee) {
    if (value.where == Value::Where::Reg) release(value.reg);
  } else if (value.where == Value::Where::Reg) {
    push_reg(value.type, value.reg);
  } else {
    push_local(local, local_types_[local]);
  }
}

void Compiler::note_constant(u32 local, const Value& value) {
  u32 kept = 0;
  for (u32 i = 0; i < constants_count_; i++) {
    if (constants_[i].local != local) constants_[kept++] = constants_[i];
  }
  constants_count_ = kept;
  if (value.where != Value::Where::Const || in_vector(value.type)) return;
  // The oldest goes.
  if (kept == kConstantsMax) std::copy(constants_ + 1, constants_ + kept--, constants_);
  const i64 bits =
      value.type == Kind::I32 ? static_cast<i32>(value.bits) : static_cast<i64>(value.bits);
  constants_[kept] = {local, bits};
  constants_count_ = kept + 1;
}

std::optional<i64> Compiler::known_constant(u32 local) const {
  for (u32 i = 0; i < constants_count_; i++) {
    if (constants_[i].local == local) return constants_[i].value;
  }
  return std::nullopt;
}

Address Compiler::slot_of_local(u32 local) {
  if (local_slot_[local] < 0) local_slot_[local] = new_slot(local_types_[local]);
  return frame(local_slot_[local]);
}

Reg Compiler::load_home(u32 local) {
  const Reg home = homes_.of(local);
  if (in_register(local)) return home;
  const u32 owner = owner_[home.code];
  if (owner != local && owner != kNone) save_reads(owner);
  masm_.load(slot_load(local_types_[local], home), home, slot_of_local(local));
  valid_.add(home);
  dirty_.remove(home);
  owner_[home.code] = local;
  checked_regs_.remove(home);
  return home;
}

void Compiler::own_home(u32 local) {
  const Reg home = homes_.of(local);
  valid_.add(home);
  dirty_.add(home);
  owner_[home.code] = local;
  checked_regs_.remove(home);
}

// A local whose uses are over may still be read by values on the stack when the next owner of its
// home moves in, be it in the home or, after a call, in its slot. More than one such local there
// cannot be: each owner's first write comes here.
void Compiler::before_write(u32 local) {
  save_reads(local);
  const Reg home = homes_.of(local);
  if (!home.valid()) return;
  const u32 reader = last_read_[home.code];
  if (reader != local && reader != kNone) save_reads(reader);
}

void Compiler::save_reads(u32 local) {
  const Kind type = local_types_[local];
  const RegSet bank = in_vector(type) ? kAllVectors : kAllInts;
  for (u32 i = newest_ref_[local]; i != kNone;) {
    Value& value = stack_[i];
    const u32 older = value.older;
    if (((bank & temporaries_) - used_).empty()) {
      store_value(value, slot_of_stack(i, type));
      value.where = Value::Where::Slot;
      value.slot = i;
    } else {
      const Reg reg = allocate(type);
      load_value(value, reg);
      value.where = Value::Where::Reg;
      value.reg = reg;
      temp_owner_[reg.code] = i;
    }
    i = older;
  }
  newest_ref_[local] = kNone;
}

void Compiler::store_dirty(RegSet regs) {
  for (RegSet rest = regs & dirty_ & valid_; !rest.empty();) {
    const Reg reg = rest.take_first();
    const u32 local = owner_[reg.code];
    if (facts_->locals[local].end <= op_offset_ && newest_ref_[local] == kNone) continue;
    masm_.store(slot_store(local_types_[local], reg), slot_of_local(local), reg);
  }
  dirty_ = dirty_ - regs;
}

}  // namespace lr::jit
