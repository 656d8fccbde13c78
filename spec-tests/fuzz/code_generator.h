// CodeGenerator: bodies of functions, written instruction by instruction, always valid.
//
//   value(type)     leaves one value of that type on the stack
//   statement()     leaves the stack as it is
//
// Both call each other: a statement may come between the operands of an instruction, so that values
// wait on the stack while locals, memory and control flow change around them. Which kinds of code
// a function prefers is drawn once for each function (Taste), since bugs hide in monotony as well.
//
//   code_generator.cc   entry, locals, leaves, constants, looseness
//   code_values.cc      values
//   code_memory.cc      addresses, loads, stores, bulk operations, tables
//   code_control.cc     statements, blocks, loops, branches, calls
//   code_refs.cc        references, structures, arrays, casts
//   code_exceptions.cc  try, throw
#pragma once

#include <vector>

#include "spec-tests/fuzz/module_plan.h"
#include "spec-tests/fuzz/op_facts.h"

namespace lr::fuzz {

class CodeGenerator {
 public:
  CodeGenerator(const ModulePlan& plan, const OpTables& ops, Choices& choices)
      : plan_(plan), ops_(ops), choices_(choices) {}

  // The body of a function that is not imported, without its size. About `nodes` instructions.
  std::vector<u8> body(u32 function, u32 nodes);

 private:
  struct Label {
    std::vector<Type> types;  // What a branch to it carries.
    bool is_loop = false;
  };
  // How much this function likes each kind of code.
  struct Taste {
    u32 interleave = 0;  // Percent: a statement between operands.
    u32 loads = 0;
    u32 control = 0;
    u32 calls = 0;
    u32 sets = 0;
    u32 hostile = 0;  // Percent: addresses that may trap.
    u32 refs = 0;
    u32 window = 0;  // Locals in use at a time; 0: all of them.
  };

  // -- code_generator.cc
  void choose_taste();
  void declare_locals();
  void write_locals(BinaryWriter& out) const;
  void take_fuel_at_entry();
  u32 pick_local(Type type, bool to_write);  // kNoLocal if there is none.
  u32 add_reserved(Type type);               // A local that others only read.
  u32 temporary(Kind kind);                  // One for each kind; lives shortly.
  bool spend() { return budget_-- > 0 && !choices_.at_end(); }
  bool chance(u32 percent) { return choices_.chance(percent); }
  void op(Op op) { out_.op(op); }
  void op(Op op, u64 index) {
    out_.op(op);
    out_.uleb(index);
  }
  void i32_const(u64 value);
  void i64_const(u64 value);
  void address_const(bool is_64, u64 value) { is_64 ? i64_const(value) : i32_const(value); }
  void constant(Kind kind);
  void zero(Type type);  // A value that traps nowhere and uses nothing.
  void make_exact(Loose loose, Kind kind);
  static Loose loose_of(Kind kind);

  // -- code_values.cc
  // Whether the value may have unspecified NaN bits; never if it must be exact.
  Loose value(Type type, Loose accepts);
  void exact(Type type) { value(type, Loose::No); }
  void loose(Type type) { value(type, loose_of(type.kind)); }
  void condition();
  Loose leaf(Type type);
  Loose produce(Type type);
  Loose operation(Type type);
  void apply(Op op);  // Its operands and itself.
  void operands(Op op);
  void immediates(Op op);
  void divisor(Kind kind);
  bool division_by_constant(Op op);
  Loose operand_looseness(const OpFacts& facts, Kind kind, bool is_last) const;
  void select(Type type);
  void tee(Type type, u32 local);
  void pressure(Type type);
  void between_operands();

  // -- code_memory.cc
  struct Access {
    u32 memory = 0;
    u64 offset = 0;
  };
  Access address(u32 memory, u32 bytes, bool aligned);
  void index_below(u64 limit, bool is_64, bool may_be_hostile);
  void mem_arg(const Access& access, u32 bytes, bool aligned);
  void load(Type type);
  void wait(u32 memory);
  void store();
  void update();  // p[k] = p[k] op x
  void guarded_accesses();
  void access_at(u32 local);
  void walk();  // A loop over memory with a stride.
  void store_float(Op op, const Access& access, u32 local);
  void bulk_memory();
  void bulk_table();
  void table_index(u32 table);
  void memory_size_or_grow();
  void table_size_or_grow();
  u32 pick_table(Type element);  // kNoLocal if there is none.

  // -- code_control.cc
  void statement();
  void statements(u32 count);
  void set_local();
  void rotate_locals();
  void set_global();
  void consume(Type type);  // Takes the newest value away.
  void consume_all(const std::vector<Type>& types);
  void block_type(const std::vector<Type>& results);
  void if_statement();
  void if_value(Type type);
  void block_value(Type type);
  void multi_block();
  void open_label(std::vector<Type> types, bool is_loop);
  void close_label();
  void counted_loop(const Type* result);
  void fuel_loop();
  void take_fuel();  // One less; leaves whether any is left.
  void branch();
  void branch_to(u32 label);  // Values and br; the code behind it is dead.
  void branch_if_value(Type type);
  void branch_table();
  static bool takes_branches(const std::vector<Type>& types);
  void switch_statement();
  void leave();  // return or a tail call, guarded.
  bool call(const Type* result);
  void call_arguments(const std::vector<Type>& params);
  void callee_index(u32 type);
  bool tail_call();
  u32 label_depth(u32 label) const { return static_cast<u32>(labels_.size()) - 1 - label; }

  // -- code_refs.cc
  void reference_value(Type type);
  void reference_leaf(Type type);
  void data_leaf(i32 heap);
  void null(i32 heap);
  u32 pick_data(i32 heap);
  void make_data(u32 type);
  void descriptor(u32 described);
  void field_value(FieldPlan field);
  void object(u32 type);
  void array_index();
  bool data_access(Type result);
  void data_statement();
  void array_statement(u32 type);
  void reference_test();
  i32 pick_top();
  i32 pick_below(i32 top);
  void cast_value(Type type);
  void branch_on_null();
  void cast_branch();

  // -- code_exceptions.cc
  void throw_statement();
  void try_statement();
  void legacy_try();
  bool has(Feature feature) const { return plan_.has(feature); }

  static constexpr u32 kNoLocal = ~u32{0};
  static constexpr u32 kDepthMax = 9;

  const ModulePlan& plan_;
  const OpTables& ops_;
  Choices& choices_;
  BinaryWriter out_;

  u32 function_ = 0;
  const TypePlan* type_ = nullptr;
  bool is_leaf_ = false;
  Taste taste_;
  i64 budget_ = 0;
  i64 budget_whole_ = 0;
  u32 depth_ = 0;
  bool is_calm_ = false;      // No calls, nothing that may move: inside a loop that is to be hot.
  u32 loop_work_ = 1;         // Product of the trip counts around.
  std::vector<Type> locals_;  // Parameters first.
  std::vector<bool> is_reserved_;  // Counters and temporaries: read, not written.
  u32 temporaries_[6] = {};
  std::vector<Label> labels_;
};

}  // namespace lr::fuzz
