// Calls of functions, imports and helpers.
//
//   sp when the callee starts:  [return address] [stack arguments] [stack results] [our frame]
//
// Before a call, temporaries below the arguments go to their slots and dirty homes that the call
// loses are stored; after it those homes are loaded again where they are used.
#include <algorithm>

#include "frontend/opcode.h"
#include "jit/compiler/compiler.h"

namespace lr::jit {

u32 Compiler::stack_bytes(std::span<const ValType> types, std::span<const Reg> ints,
                          std::span<const Reg> vectors) {
  usize free_ints = ints.size(), free_vectors = vectors.size();
  u32 bytes = 0;
  for (const ValType& type : types) {
    usize& free = in_vector(type.kind) ? free_vectors : free_ints;
    if (free > 0) {
      free--;
    } else {
      bytes += static_cast<u32>(8 * slot_words(type.kind));
    }
  }
  return (bytes + 15) & ~u32{15};
}

// -- Moving values --------------------------------------------------------------------------------

// Makes all of moves_ at once: each register is written after it has been read.
void Compiler::parallel_move() {
  std::erase_if(moves_, [](const Move& m) { return m.dst == m.src; });
  const auto emit = [&](Reg dst, Reg src) {
    if (dst.is_vector()) {
      masm_.move_vector(dst, src);
    } else {
      masm_.move(Width::W64, dst, src);
    }
  };
  u8 readers[64] = {};
  for (const Move& m : moves_) readers[m.src.code]++;
  while (!moves_.empty()) {
    bool progress = false;
    for (usize i = 0; i < moves_.size();) {
      const Move m = moves_[i];
      if (readers[m.dst.code] != 0) {
        i++;
        continue;
      }
      emit(m.dst, m.src);
      readers[m.src.code]--;
      moves_[i] = moves_.back();
      moves_.pop_back();
      progress = true;
    }
    if (progress || moves_.empty()) continue;
    // Only cycles are left: keep one register aside.
    const Reg kept = moves_[0].dst;
    const Reg aside = kept.is_vector() ? target_.vector_scratch : target_.scratch;
    emit(aside, kept);
    for (Move& m : moves_) {
      if (m.src != kept) continue;
      m.src = aside;
      readers[kept.code]--;
      readers[aside.code]++;
    }
  }
}

void Compiler::place_values(std::span<const ValType> types, std::span<const Reg> ints,
                            std::span<const Reg> vectors, Address area) {
  struct Late {
    Reg dst;
    u32 depth;
  };
  Late late[32];
  u32 late_count = 0;
  usize next_int = 0, next_vector = 0;
  const u32 count = static_cast<u32>(types.size());
  for (u32 i = 0; i < count; i++) {
    const Value& value = top(count - 1 - i);
    const bool vector = in_vector(types[i].kind);
    const std::span<const Reg> regs = vector ? vectors : ints;
    usize& next = vector ? next_vector : next_int;
    if (next == regs.size()) {
      store_value(value, area);
      area.disp += 8 * slot_words(types[i].kind);
      continue;
    }
    const Reg dst = regs[next++];
    if (value.where == Value::Where::Reg) {
      moves_.push_back({dst, value.reg});
    } else if (value.where == Value::Where::Local && in_register(value.local)) {
      moves_.push_back({dst, homes_.of(value.local)});
    } else {
      late[late_count++] = {dst, count - 1 - i};
    }
  }
  parallel_move();
  for (u32 i = 0; i < late_count; i++) load_value(top(late[i].depth), late[i].dst);
}

// -- Calls ----------------------------------------------------------------------------------------

// `extra`, if valid, reaches call_target with the arguments.
template <typename Emit>
void Compiler::emit_call(const Signature& signature, Reg extra, Emit&& emit) {
  effects_++;
  if (height() > 0 && top().where == Value::Where::Compare) materialise_compare();
  const u32 base = height() - static_cast<u32>(signature.params.size());
  flush_registers(base);
  if (region_ == kNone) {
    store_dirty(homes_.all() - target_.callee_saved);
  } else {
    prepare_to_throw();
  }
  const u32 args = stack_bytes(signature.params, target_.int_args, target_.vector_args);
  const u32 results = stack_bytes(signature.results, target_.int_results, target_.vector_results);
  push_down(args + results);
  moves_.clear();
  if (extra.valid()) moves_.push_back({target_.call_target, extra});
  place_values(signature.params, target_.int_args, target_.vector_args, {target_.sp});
  sp_shift_ -= static_cast<i32>(args);
  emit();
  drop_to(base);
  if (extra.valid()) release(extra);
  valid_ = valid_ & target_.callee_saved;
  checked_regs_ = checked_regs_ & target_.callee_saved;
  push_call_results(signature, results);
}

void Compiler::push_call_results(const Signature& signature, u32 stacked) {
  usize next_int = 0, next_vector = 0;
  i32 offset = 0;
  for (const ValType& type : signature.results) {
    const bool vector = in_vector(type.kind);
    const std::span<const Reg> regs = vector ? target_.vector_results : target_.int_results;
    usize& next = vector ? next_vector : next_int;
    if (next < regs.size()) {
      const Reg reg = regs[next++];
      take(reg);
      push_reg(type.kind, reg);
      continue;
    }
    copy_slot(type.kind, {target_.sp, kNoReg, 0, offset}, slot_of_stack(height(), type.kind));
    push_slot(type.kind);
    offset += 8 * slot_words(type.kind);
  }
  if (stacked > 0) {
    masm_.adjust_sp(static_cast<i32>(stacked));
    sp_shift_ -= static_cast<i32>(stacked);
  }
}

void Compiler::call() {
  const u32 function = reader_.u32_leb();
  if (inline_call(function)) return;
  const DefinedType& type = defined_type(module_->functions[function].type);
  emit_call({type.params, type.results}, kNoReg, [&] {
    if (function < module_->imported_functions) {
      masm_.move_imm(Width::W32, target_.scratch, function);
      masm_.call(Address{target_.context, kNoReg, 0, layout_->import_slot(function)});
    } else {
      const Near near = targets_->is_direct(function) ? Near::Function : Near::Slot;
      out_->relocs.push_back(masm_.call_near(near, function));
    }
    record_pc(op_offset_, static_cast<u32>(sp_shift_));
    record_site(region_);
  });
}

void Compiler::push_down(u32 bytes) {
  if (bytes == 0) return;
  masm_.adjust_sp(-static_cast<i32>(bytes));
  sp_shift_ += static_cast<i32>(bytes);
  pushed_max_ = std::max(pushed_max_, static_cast<u32>(sp_shift_));
}

// -- Calls through references ---------------------------------------------------------------------

void Compiler::trap_if_null(Reg ref, Trap trap) {
  Compare null = test(Width::W64, ref);
  null.negate();
  masm_.branch_if(null, cold_[cold_trap(trap)].entry);
}

// A type without subtypes is compared; else the type or the supertype at its depth is.
void Compiler::check_func_type(Reg ref, TypeId id) {
  const DefinedType& type = defined_type(id);
  const Reg actual = allocate(Kind::I64);
  Compare other;
  other.cond = Cond::Ne;
  other.lhs = actual;
  other.rhs = Operand::immediate(static_cast<i32>(id));
  masm_.load(Load::I32, actual, {ref, kNoReg, 0, offsetof(FuncRef, type)});
  const u32 trap = cold_trap(Trap::IndirectCallTypeMismatch);
  if (type.is_final) {
    masm_.branch_if(other, cold_[trap].entry);
    return release(actual);
  }
  Label same;
  Compare equal = other;
  equal.negate();
  masm_.branch_if(equal, same);
  masm_.load(Load::I32, actual, {ref, kNoReg, 0, offsetof(FuncRef, depth)});
  Compare shallow = other;
  shallow.cond = Cond::LeU;
  shallow.rhs = Operand::immediate(static_cast<i32>(type.depth));
  masm_.branch_if(shallow, cold_[trap].entry);
  masm_.load(Load::I64, actual, {ref, kNoReg, 0, offsetof(FuncRef, display)});
  masm_.load(Load::I32, actual, {actual, kNoReg, 0, static_cast<i32>(type.depth * sizeof(TypeId))});
  masm_.branch_if(other, cold_[trap].entry);
  masm_.bind(same);
  release(actual);
}

// A table's own type may say that nothing can be wrong.
Reg Compiler::load_func_ref(u32 table, TypeId type) {
  const ValType element_type = module_->tables[table].type.element;
  const Reg index = pop_reg();
  const Address element = table_element(table, index, Trap::UndefinedElement);
  const Reg ref = element.base;
  masm_.load(Load::I64, ref, element);
  release(index);
  if (element_type.nullable) trap_if_null(ref, Trap::UninitializedElement);
  if (!is_subtype(element_type, ref_to(type, true))) check_func_type(ref, type);
  return ref;
}

Reg Compiler::pop_func_ref() {
  const Reg ref = pop_reg();
  trap_if_null(ref, Trap::NullFunctionReference);
  return ref;
}

void Compiler::call_through(const Signature& signature, Reg ref) {
  emit_call(signature, ref, [&] {
    const Reg callee = target_.call_target;
    Compare other;
    other.width = Width::W64;
    other.cond = Cond::Ne;
    other.lhs = target_.context;
    other.rhs = Address{callee, kNoReg, 0, offsetof(FuncRef, context)};
    Cold& cross = add_cold(Cold::Kind::CrossCall);
    masm_.branch_if(other, cross.entry);
    masm_.call(Address{callee, kNoReg, 0, offsetof(FuncRef, code)});
    record_pc(op_offset_, static_cast<u32>(sp_shift_));
    record_site(region_);
    masm_.bind(cross.back);
  });
}

void Compiler::call_indirect() {
  const TypeId id = module_->types[reader_.u32_leb()];
  const u32 table = reader_.u32_leb();
  const DefinedType& type = defined_type(id);
  call_through({type.params, type.results}, load_func_ref(table, id));
}

void Compiler::call_ref() {
  const DefinedType& type = defined_type(module_->types[reader_.u32_leb()]);
  call_through({type.params, type.results}, pop_func_ref());
}

// -- Helpers --------------------------------------------------------------------------------------

namespace {

std::vector<ValType> types_of(std::string_view letters) {
  std::vector<ValType> types;
  for (const char letter : letters) types.push_back(type_of_letter(letter));
  return types;
}

struct HelperTypes {
  std::vector<ValType> params;
  std::vector<ValType> results;
};

const HelperTypes& types_of(Stub stub) {
  static const std::vector<HelperTypes> table = [] {
    std::vector<HelperTypes> all;
#define HELPER(name, params, results) all.push_back({types_of(params), types_of(results)});
#include "jit/helpers.def"
    return all;
  }();
  return table[static_cast<usize>(stub) - static_cast<usize>(Stub::Helper_MemoryGrow)];
}

}  // namespace

// The instruction's operands are on the stack; `immediates` follow them as i32 arguments.
void Compiler::helper(Stub stub, std::initializer_list<u32> immediates) {
  for (const u32 value : immediates) push_const(Kind::I32, value);
  const HelperTypes& types = types_of(stub);
  emit_call({types.params, types.results}, kNoReg, [&] {
    out_->relocs.push_back(masm_.call_near(Near::Stub, static_cast<u32>(stub)));
    record_pc(op_offset_, static_cast<u32>(sp_shift_));
  });
}

// For a helper that returns an old size, or -1 as an i64, where the instruction returns an i32.
void Compiler::narrow_result() {
  const Reg reg = pop_reg();
  masm_.move(Width::W32, reg, reg);
  push_reg(Kind::I32, reg);
}

void Compiler::memory_grow() {
  const u32 memory = reader_.u32_leb();
  helper(Stub::Helper_MemoryGrow, {memory});
  if (!module_->memories[memory].limits.is_64) narrow_result();
}

void Compiler::table_grow() {
  const u32 table = reader_.u32_leb();
  helper(Stub::Helper_TableGrow, {table, 0});
  if (!module_->tables[table].type.limits.is_64) narrow_result();
}

void Compiler::helper_1(Stub stub) { helper(stub, {reader_.u32_leb()}); }

void Compiler::helper_2(Stub stub) {
  const u32 first = reader_.u32_leb();
  const u32 second = reader_.u32_leb();
  helper(stub, {first, second});
}

void Compiler::ref_func() {
  helper(Stub::Helper_RefFunc, {reader_.u32_leb()});
  top().type = Kind::Ref;
}

}  // namespace lr::jit
