// Reference instructions (specification section 4.6.6): functions, null, i31, conversions, casts,
// and the tests of custom descriptors.
#include "spec-tests/interpreter/matching.h"
#include "spec-tests/interpreter/steps.h"

namespace lr::interp {

void exec_RefNull(Machine& m, const Inst&) { m.push(kNull); }

void exec_RefIsNull(Machine& m, const Inst&) { m.replace(1, u32{m.top(1)->as<Ref>() == kNull}); }

void exec_RefFunc(Machine& m, const Inst& inst) { m.push(ref_of(m.instance().funcs[inst.index])); }

void exec_RefEq(Machine& m, const Inst&) {
  const Ref b = m.pop<Ref>();
  m.replace(1, u32{m.top(1)->as<Ref>() == b});
}

void exec_RefAsNonNull(Machine& m, const Inst&) {
  if (m.top(1)->as<Ref>() == kNull) m.trap(Trap::NullReference);
}

void exec_RefI31(Machine& m, const Inst&) { m.replace(1, i31_ref(m.top(1)->as<u32>())); }

void exec_I31GetU(Machine& m, const Inst&) {
  const Ref ref = m.top(1)->as<Ref>();
  if (ref == kNull) return m.trap(Trap::NullI31);
  m.replace(1, i31_bits(ref));
}

void exec_I31GetS(Machine& m, const Inst&) {
  const Ref ref = m.top(1)->as<Ref>();
  if (ref == kNull) return m.trap(Trap::NullI31);
  const u32 bits = i31_bits(ref);
  m.replace(1, bits | (bits & 0x4000'0000) << 1);
}

// Both hierarchies have the same references.
void exec_AnyConvertExtern(Machine&, const Inst&) {}
void exec_ExternConvertAny(Machine&, const Inst&) {}

// -- Casts ----------------------------------------------------------------------------------------

namespace {

// The type that the instruction tests for; its immediate does not say whether null belongs to it.
ValType tested(Machine& m, const Inst& inst, bool nullable) {
  ValType type = m.code().casts[inst.index].target;
  type.nullable = nullable;
  return type;
}

void test(Machine& m, const Inst& inst, bool nullable) {
  m.replace(1, u32{has_type(m.top(1)->as<Ref>(), tested(m, inst, nullable))});
}

void cast(Machine& m, const Inst& inst, bool nullable) {
  if (!has_type(m.top(1)->as<Ref>(), tested(m, inst, nullable))) m.trap(Trap::CastFailure);
}

}  // namespace

void exec_RefTest(Machine& m, const Inst& inst) { test(m, inst, false); }
void exec_RefTestNull(Machine& m, const Inst& inst) { test(m, inst, true); }
void exec_RefCast(Machine& m, const Inst& inst) { cast(m, inst, false); }
void exec_RefCastNull(Machine& m, const Inst& inst) { cast(m, inst, true); }

void exec_BrOnCast(Machine& m, const Inst& inst) {
  const ValType target = m.code().casts[inst.value].target;
  if (has_type(m.top(1)->as<Ref>(), target)) m.branch(inst.index);
}

void exec_BrOnCastFail(Machine& m, const Inst& inst) {
  const ValType target = m.code().casts[inst.value].target;
  if (!has_type(m.top(1)->as<Ref>(), target)) m.branch(inst.index);
}

// -- Descriptors ----------------------------------------------------------------------------------

namespace {

// Only structures have descriptors.
bool is_described_by(Ref ref, Ref descriptor) {
  return ref != kNull && !is_i31(ref) && !is_host(ref) && object_of(ref).descriptor == descriptor;
}

void cast_by_descriptor(Machine& m, bool nullable) {
  const Ref descriptor = m.pop<Ref>();
  if (descriptor == kNull) return m.trap(Trap::NullDescriptor);
  const Ref ref = m.top(1)->as<Ref>();
  if (ref == kNull && nullable) return;
  if (!is_described_by(ref, descriptor)) m.trap(Trap::DescriptorCastFailure);
}

void branch_by_descriptor(Machine& m, const Inst& inst, bool when) {
  const Ref descriptor = m.pop<Ref>();
  if (descriptor == kNull) return m.trap(Trap::NullDescriptor);
  const Ref ref = m.top(1)->as<Ref>();
  const bool is_target =
      ref == kNull ? m.code().casts[inst.value].target.nullable : is_described_by(ref, descriptor);
  if (is_target == when) m.branch(inst.index);
}

}  // namespace

void exec_RefGetDesc(Machine& m, const Inst&) {
  const Ref ref = m.top(1)->as<Ref>();
  if (ref == kNull) return m.trap(Trap::NullReference);
  m.replace(1, object_of(ref).descriptor);
}

void exec_RefCastDescEq(Machine& m, const Inst&) { cast_by_descriptor(m, false); }
void exec_RefCastDescEqNull(Machine& m, const Inst&) { cast_by_descriptor(m, true); }
void exec_BrOnCastDescEq(Machine& m, const Inst& inst) { branch_by_descriptor(m, inst, true); }
void exec_BrOnCastDescEqFail(Machine& m, const Inst& inst) { branch_by_descriptor(m, inst, false); }

}  // namespace lr::interp
