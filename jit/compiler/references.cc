// References that may be null: the assertion and the two branches.
#include "jit/compiler/compiler.h"

namespace lr::jit {

void Compiler::ref_as_non_null() {
  const Value value = pop();
  const Reg ref = to_reg(value);
  trap_if_null(ref, Trap::NullReference);
  push_tested(value, ref);
}

// The value whose register is `ref` again.
void Compiler::push_tested(const Value& value, Reg ref) {
  if (value.where == Value::Where::Local) {
    if (!temporaries_.has(ref)) return push_local(value.local, value.type);
    return push_reg(value.type, ref);
  }
  push_reg(value.type, ref);
}

void Compiler::br_on_null() {
  Control& to = target_of(reader_.u32_leb());
  const Value value = pop();
  Compare is_null = test(Width::W64, to_reg(value));
  is_null.negate();
  branch_on(is_null, to);
  push_tested(value, is_null.lhs);
}

// The branch takes the reference along.
void Compiler::br_on_non_null() {
  Control& to = target_of(reader_.u32_leb());
  if (to.form != Control::Form::Function && result_in_register(to)) {
    effects_++;
    move_results(to);
    Compare is_set = test(Width::W64, result_register(Kind::Ref));
    branch_edge(is_set, to);
  } else {
    const Value value = pop();
    const Reg ref = to_reg(value);
    push_tested(value, ref);
    Compare is_set = test(Width::W64, ref);
    branch_on(is_set, to);
  }
  drop_to(height() - 1);
}

}  // namespace lr::jit
