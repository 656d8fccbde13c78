#include "jit/const_expr.h"

#include <cstring>
#include <optional>
#include <vector>

#include "frontend/instr_reader.h"
#include "jit/gc/helpers.h"
#include "jit/instance.h"

namespace lr::jit {

namespace {

u64 low32(u64 value) { return static_cast<u32>(value); }

class Evaluator {
 public:
  explicit Evaluator(Instance& instance) : instance_(instance) {}

  std::optional<Error> error;  // Of an object that cannot be made.

  // False for an instruction that is not known here.
  bool step(const Instr& instr) {
    switch (instr.op) {
      case Op::I32Const:
      case Op::I64Const:
      case Op::F32Const:
      case Op::F64Const:
        push(instr.value);
        return true;
      case Op::V128Const: {
        Cell cell;
        std::memcpy(&cell, instr.bytes, 16);
        stack_.push_back(cell);
        return true;
      }
      case Op::RefNull:
        push(0);
        return true;
      case Op::RefFunc:
        push(reinterpret_cast<u64>(instance_.func(instr.index)));
        return true;
      case Op::GlobalGet:
        stack_.push_back(*instance_.global_cell(instr.index));
        return true;
      case Op::RefI31:
        push(gc::i31_reference(static_cast<u32>(take().bits)));
        return true;
      case Op::AnyConvertExtern:
      case Op::ExternConvertAny:
        return true;
      default:
        return gc::makes_object(instr.op) ? object(instr) : arithmetic(instr.op);
    }
  }

  Cell take() {
    const Cell top = stack_.back();
    stack_.pop_back();
    return top;
  }

 private:
  void push(u64 bits) { stack_.push_back(Cell{.bits = bits}); }

  bool object(const Instr& instr) {
    const Result<gc::Made> made = gc::make_object(instance_, instr, stack_);
    if (!made.ok()) {
      error = made.error();
      return false;
    }
    stack_.resize(stack_.size() - made.value().operands);
    push(made.value().reference);
    return true;
  }

  bool arithmetic(Op op) {
    if (stack_.size() < 2) return false;
    const u64 rhs = take().bits;
    const u64 lhs = take().bits;
    switch (op) {
      case Op::I32Add:
        push(low32(lhs + rhs));
        return true;
      case Op::I32Sub:
        push(low32(lhs - rhs));
        return true;
      case Op::I32Mul:
        push(low32(lhs * rhs));
        return true;
      case Op::I64Add:
        push(lhs + rhs);
        return true;
      case Op::I64Sub:
        push(lhs - rhs);
        return true;
      case Op::I64Mul:
        push(lhs * rhs);
        return true;
      default:
        return false;
    }
  }

  Instance& instance_;
  std::vector<Cell> stack_;
};

}  // namespace

Result<Cell> evaluate(Instance& instance, const ConstExpr& expr) {
  const Module& module = instance.module();
  Diag diag;
  Reader reader(module.bytes, expr.offset, expr.offset + expr.size, diag);
  Evaluator evaluator(instance);
  Instr instr;
  for (;;) {
    read_instr(reader, module.features, instr);
    if (instr.op == Op::End) return evaluator.take();
    if (!diag.ok() || !evaluator.step(instr)) {
      if (evaluator.error) return *evaluator.error;
      return make_error(Err::FeatureOff, "an instruction in a constant expression");
    }
  }
}

}  // namespace lr::jit
