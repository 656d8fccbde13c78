// Atomic accesses. An address that is not a multiple of the access's size traps before its bounds
// are checked. Each counts as an effect behind its check, so that no check moves across it.
#include "jit/compiler/compiler.h"

namespace lr::jit {

namespace {

constexpr u32 bytes_of(Store size) { return 1u << static_cast<u8>(size); }

}  // namespace

// An effect that lies between all checks before it and all behind it.
Address Compiler::pop_aligned_address(const MemArg& arg, u32 bytes) {
  effects_++;
  check_alignment(arg, bytes);
  const Address address = pop_address(arg, bytes);
  effects_++;
  return address;
}

// Of the newest value, which stays.
void Compiler::check_alignment(const MemArg& arg, u32 bytes) {
  const u32 mask = bytes - 1;
  const u32 low = static_cast<u32>(arg.offset) & mask;
  if (mask == 0) return;
  if (top().where == Value::Where::Compare) materialise_compare();
  if (top().where == Value::Where::Const) {
    const bool aligned = ((top().bits + low) & mask) == 0;
    if (!aligned) masm_.jump(cold_[cold_trap(Trap::UnalignedAtomic)].entry);
    return;
  }
  const Value value = pop();
  const Reg index = to_reg(value);
  Compare unaligned;
  unaligned.kind = Compare::Kind::Test;
  unaligned.cond = Cond::Ne;
  unaligned.lhs = index;
  unaligned.rhs = Operand::immediate(static_cast<i32>(mask));
  if (low != 0) {
    unaligned.lhs = allocate(Kind::I32);
    masm_.alu(Alu::Add, Width::W32, unaligned.lhs, index,
              Operand::immediate(static_cast<i32>(low)));
    release(unaligned.lhs);
  }
  masm_.branch_if(unaligned, cold_[cold_trap(Trap::UnalignedAtomic)].entry);
  if (temporaries_.has(index)) {
    push_reg(value.type, index);
  } else {
    push_again(value);
  }
}

void Compiler::atomic_load(Load load, u32 bytes, Kind type) {
  const Address address = pop_aligned_address(read_mem_arg(), bytes);
  effects_++;
  const Reg dst = result(type, address.index, registers_of(address));
  masm_.atomic_load(load, dst, address);
  push_result(type, dst);
}

void Compiler::atomic_store(Store size) {
  const MemArg arg = read_mem_arg();
  const Reg value = pop_reg();
  const Address address = pop_aligned_address(arg, bytes_of(size));
  effects_++;
  masm_.atomic_store(size, address, value);
  release(address);
  release(value);
}

void Compiler::atomic_rmw(AtomicRmw op, Store size, Kind type) {
  const MemArg arg = read_mem_arg();
  Reg value = pop_reg();
  const bool loops = op == AtomicRmw::And || op == AtomicRmw::Or || op == AtomicRmw::Xor;
  const Reg fixed = loops ? target_.cmpxchg_expected : kNoReg;
  if (!fixed.valid()) {
    const Address address = pop_aligned_address(arg, bytes_of(size));
    effects_++;
    const Reg dst = result(type, value, registers_of(address));
    masm_.atomic_rmw(op, size, dst, address, value);
    return push_result(type, dst);
  }
  value = out_of_the_way(value, RegSet::of(fixed));
  take(fixed);
  const Address address = pop_aligned_address(arg, bytes_of(size));
  effects_++;
  masm_.atomic_rmw(op, size, fixed, address, value);
  release(address);
  release(value);
  push_reg(type, fixed);
}

void Compiler::atomic_cmpxchg(Store size, Kind type) {
  const MemArg arg = read_mem_arg();
  Reg replacement = pop_reg();
  const Reg fixed = target_.cmpxchg_expected;
  if (!fixed.valid()) {
    const Reg expected = pop_temporary();
    const Address address = pop_aligned_address(arg, bytes_of(size));
    effects_++;
    masm_.atomic_cmpxchg(size, expected, address, expected, replacement);
    release(address);
    release(replacement);
    return push_reg(type, expected);
  }
  replacement = out_of_the_way(replacement, RegSet::of(fixed));
  pop_into(fixed);
  const Address address = pop_aligned_address(arg, bytes_of(size));
  effects_++;
  masm_.atomic_cmpxchg(size, fixed, address, fixed, replacement);
  release(address);
  release(replacement);
  push_reg(type, fixed);
}

void Compiler::atomic_fence() {
  reader_.byte();
  effects_++;
  masm_.fence();
}

// Wait and notify: the operands, then the offset and the number of the memory.
void Compiler::atomic_helper(Stub stub) {
  const MemArg arg = read_mem_arg();
  push_const(Kind::I64, arg.offset);
  helper(stub, {arg.memory});
}

}  // namespace lr::jit
