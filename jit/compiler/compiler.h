// The compiler's state while it walks one function's bytes, and the operations on it. Each part
// has its own file:
//
//   compiler.cc   entry, the dispatch loop, prologue and epilogue, cold code
//   stack.cc      the operand stack: pushing, popping into registers, spilling
//   locals.cc     locals and their homes
//   control.cc    blocks, branches, joins
//   counted.cc    loops that need no check in each iteration
//   pressure.cc  how many registers a loop's expressions need
//   arith.cc      integers, floats, comparisons, conversions
//   strength.cc   multiplication and division by constants
//   access.cc     memories, globals, tables
//   atomics.cc    atomic accesses, wait and notify
//   gc.cc         structures, arrays, i31
//   casts.cc      tests of reference types
//   simd.cc       vectors
//   inline.cc     small leaf functions in place of their calls
//   fuel.cc       what functions pay where
//   calls.cc      calls of functions, imports and helpers
//   tail_calls.cc calls in place of a return
//   references.cc references that may be null
//   exceptions.cc throwing, trying and catching
//
// Where a local is: a local with a home register is in it if `valid_` has the register (and
// `owner_` names the local), and in its frame slot if `dirty_` does not. Joins and loop headers
// demand a set of valid registers and allow a set of dirty ones; an edge loads and stores what
// differs, which is nothing unless one of its paths made a call.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "frontend/opcode.h"
#include "frontend/type_registry.h"
#include "jit/compiler/compile.h"
#include "jit/compiler/counted.h"
#include "jit/compiler/fuel.h"
#include "jit/compiler/homes.h"
#include "jit/compiler/value.h"
#include "jit/masm/masm.h"

namespace lr::jit {

// Reads a body that has been validated: no bounds checks.
class BodyReader {
 public:
  void start(const u8* base, u32 offset) {
    base_ = base;
    at_ = base + offset;
  }
  u32 offset() const { return static_cast<u32>(at_ - base_); }
  u8 byte() { return *at_++; }
  u8 peek() const { return *at_; }
  const u8* at() const { return at_; }
  void go_to(const u8* at) { at_ = at; }
  void skip(u32 bytes) { at_ += bytes; }
  u32 u32_leb() {
    u32 value = *at_++;
    if (value < 0x80) return value;
    value &= 0x7f;
    for (u32 shift = 7;; shift += 7) {
      const u32 b = *at_++;
      value |= (b & 0x7f) << shift;
      if (b < 0x80) return value;
    }
  }
  u64 u64_leb();
  i64 signed_leb();
  template <typename T>
  T fixed();
  Op op() {
    const u8 first = byte();
    return is_prefix(first) ? op_of_prefixed(first, u32_leb()) : op_of_byte(first);
  }

 private:
  const u8* base_ = nullptr;
  const u8* at_ = nullptr;
};

// Passes over what follows an instruction's opcode, or over the first part of it.
void skip_immediates(BodyReader& reader, Op op);
void skip_block_type(BodyReader& reader);

// Registers and slots of locals at a join, as every edge into it must leave them.
struct JoinState {
  bool known = false;  // Set by the first edge.
  RegSet valid;
  RegSet dirty;
};

struct Control {
  // Catch: an arm of a legacy try.
  enum class Form : u8 { Function, Block, Loop, If, Else, TryTable, Try, Catch };
  Form form = Form::Block;
  bool was_reachable = false;  // The code before it was.
  u32 base = 0;                // Stack height below its parameters.
  u32 begin = 0;               // Offset of its opcode.
  u32 end = 0;                 // Offset of its `end`.
  u32 block_index = 0;         // Into FuncFacts::blocks.
  std::span<const ValType> params;
  std::span<const ValType> results;
  Label label;      // The end; of a loop, the header.
  Label otherwise;  // If: the else arm.
  Label stub;       // Of the br_table whose number is `table`: its edge to this label.
  u32 table = 0;
  bool stub_needed = false;
  i32 results_slot = -1;  // First of the slots of results that do not travel in a register.
  JoinState join;
  JoinState at_if;           // If: what the else arm starts with.
  u32 outer_region = kNone;  // Of the code around it.
  u32 region = kNone;        // TryTable, Try, Catch: its own.
  u32 pads = kNone;          // Newest of the catch clauses that lead to the label.
  u32 clause = kNone;        // Catch: of this arm.
  i32 exception_slot = -1;   // Catch: of the exception, for rethrow.

  std::span<const ValType> label_types() const { return form == Form::Loop ? params : results; }
};

class alignas(128) Compiler {  // Two of them share no cache line.
 public:
  explicit Compiler(Masm& masm) : masm_(masm), target_(masm.target()) {}

  Status compile(const Module& module, const ContextLayout& layout, u32 index,
                 const FuncFacts& facts, const CodeOptions& options, const CallTargets& targets,
                 CompiledFunction& out);

 private:
  // What cold code does; see emit_cold().
  struct Cold {
    enum class Kind : u8 {
      Trap,
      Yield,
      SparsePoll,
      Fuel,
      StackCheck,
      Extent,
      CrossCall,
      TailCross,
      Allocate
    };
    Kind kind;
    Trap trap{};  // Trap
    u32 wasm_offset = 0;
    u32 pushed = 0;  // Bytes below the frame.
    Reg object;      // Allocate: the result.
    Reg end;         //   Its size is end - object, if valid;
    u32 bytes = 0;   //   else this.
    u32 region = kNone;
    u32 memory = 0;  // Extent
    Label entry;
    Label back;  // Where it goes on, if it does.
  };

  // -- compiler.cc
  void start(u32 index);
  void read_locals();
  bool run();
  void step(Op op);
  void nop();
  void unreachable();
  void drop();
  void i32_const();
  void i64_const();
  void f32_const();
  void f64_const();
  void prologue();
  void receive_params();
  void zero_locals();
  void emit_return();
  void restore_saved();
  void emit_cold();
  void sparse_poll(Cold& cold);
  void extent_miss(Cold& cold);
  void finish();
  // What the function may push altogether before somebody else checks.
  u32 stack_bytes_max() const { return out_->frame_bytes + pushed_max_ + widened_; }
  u32 cold_trap(Trap trap);  // Index into cold_; its entry label is valid until the next one.
  Cold& add_cold(Cold::Kind kind);
  void record_pc(u32 wasm_offset, u32 pushed);
  void near_stub(Stub stub, const Cold& cold);
  void unsupported(Op op);
  void fail_later(const char* what);  // Not compiled yet.
  void skip_unreachable();

  // -- stack.cc
  Value& top(u32 depth = 0) { return stack_[stack_.size() - 1 - depth]; }
  u32 height() const { return static_cast<u32>(stack_.size()); }
  void push_const(Kind type, u64 bits);
  void push_reg(Kind type, Reg reg);
  void push_local(u32 local, Kind type);
  void push_slot(Kind type);  // Its value is in its slot already.
  // Takes the newest value away. A register it had stays in use until release().
  Value pop();
  void drop_to(u32 height);  // Forgets values above.
  Reg pop_reg();             // Into a register: a home, or a temporary.
  Reg pop_temporary();       // Into a register that is free to change.
  Reg to_reg(const Value& value);
  // An operand for Masm: an immediate if it fits, the register, or the frame slot.
  Operand pop_operand(Width width);
  Operand pop_float_operand();
  void release(Reg reg);  // A home is left alone.
  void release(const Operand& operand);
  void release(const Address& address);
  Reg allocate(Kind type);
  Reg allocate_in(RegSet pool);
  void take(Reg reg);     // A given register: whatever is in it moves away.
  void spill(u32 index);  // Into its slot.
  void spill_one(RegSet pool);
  void flush();                     // Everything but constants into slots: before a join.
  void flush_registers(u32 below);  // Every register value below that height into its slot.
  void load_value(const Value& value, Reg dst);
  void store_value(const Value& value, Address to);  // May need a temporary.
  i32 new_slot(Kind type);
  Address slot_of_stack(u32 index, Kind type);
  void copy_slot(Kind type, Address from, Address to);
  Address frame(i32 slot) const { return {target_.sp, kNoReg, 0, slot * 8 + sp_shift_}; }

  // The register for a result, and the end of its operands' use: the home of the local that the
  // next instruction sets, else `prefer` if it is a temporary, else a new one (which is none of
  // `others`).
  Reg result(Kind type, Reg prefer = kNoReg, RegSet others = {});
  Reg wanted_by_control(Kind type, u8 next, Reg prefer, RegSet others);
  void push_result(Kind type, Reg reg);

  // -- locals.cc
  void local_get();
  void local_set(bool tee);
  bool in_register(u32 local) const {
    const Reg home = homes_.of(local);
    return home.valid() && valid_.has(home) && owner_[home.code] == local;
  }
  Reg load_home(u32 local);  // The home, loaded if it was lost.
  Address slot_of_local(u32 local);
  void own_home(u32 local);       // About to be written: valid, dirty, owner.
  void before_write(u32 local);   // Saves the reads that a write to the local would change.
  void save_reads(u32 local);     // Gives the stack's reads of the local values of their own.
  void store_dirty(RegSet regs);  // Homes of live locals into their slots.
  void lose_caller_saved();       // Before a call.
  // What locals were last set to in this straight line, as far as those are constants.
  void note_constant(u32 local, const Value& value);
  void forget_constants() { constants_count_ = 0; }
  std::optional<i64> known_constant(u32 local) const;

  // -- control.cc
  void block(Control::Form form);
  void if_();
  void else_();
  void end();
  void end_function();
  void end_if(Control& control);
  void br();
  void br_if();
  // Branches with the newest values if the condition holds. Its registers stay in use.
  void branch_on(Compare& condition, Control& to);
  void branch_edge(Compare& condition, Control& to);  // The values are where the label wants them.
  void br_table();
  void return_();
  void loop_header(Control& control);
  void check_loop(const LoopFacts& loop);
  void poll();
  RegSet prepare_loop(const LoopFacts& loop, const Control& control);
  // Homes of the loop's own: locals that it uses and that have none get registers of locals that
  // it does not use, or uses less.
  void rehome(const LoopFacts& loop, const Control& control);
  bool give_home(const LoopLocal& local, const Control& control, u32 temporaries_min,
                 u32 (&weights)[64]);
  void leave_loop();  // Undoes rehome() where the loop's end is passed.
  u32 owner_at(Reg reg, const Control& control) const;
  void read_block_type(Control& control);
  Control& target_of(u32 depth) { return control_[control_.size() - 1 - depth]; }
  Control& open(Control::Form form);
  bool is_live_at(u32 local, const Control& control) const;
  RegSet live_at(RegSet regs, const Control& control) const;
  bool result_in_register(const Control& to) const {
    return to.form != Control::Form::Loop && to.results.size() == 1;
  }
  Reg result_register(Kind type) const;
  // Puts the newest values where the label wants them; they stay on the stack.
  void move_results(Control& to);
  void emit_results(Control& to);  // The same without changing what is known of the stack.
  struct EdgeWork {
    RegSet stores;
    RegSet loads;
    bool empty() const { return stores.empty() && loads.empty(); }
  };
  // What the edge from here must do; defines the join if this is its first edge.
  EdgeWork edge_to(Control& to);
  void emit_edge(const EdgeWork& work, const Control& to);
  void follow_edge(Control& to) { emit_edge(edge_to(to), to); }
  void enter_join(Control& control);
  void push_label_values(Control& control);
  void become_unreachable();
  Compare pop_condition();
  void release(const Compare& compare);
  void move_out_of(Compare& compare, Reg reg);
  void br_table_stub(Control& to);

  // -- fuel.cc
  void plan_fuel();
  void pay_fuel();
  u32 units_of_straight(const Function& function) const;

  // -- pressure.cc
  u32 vector_temporaries_of(const LoopFacts& loop) const;  // The reader is at its first byte.

  // -- arith.cc
  void binary(Alu op, Width width);
  void multiply(Width width);
  void divide(Divide op, Width width);
  void divide_general(Divide op, Width width);
  void shift(Shift op, Width width);
  void unary(Unary op, Width width);
  void eqz(Width width);
  void compare(Cond cond, Width width);
  void float_compare(FloatCond cond, FloatWidth width);
  void push_compare(const Compare& compare);
  static Compare test(Width width, Reg reg);  // reg != 0
  void materialise_compare();
  void float_binary(FloatBinary op, FloatWidth width);
  void float_unary(FloatUnary op, FloatWidth width);
  void convert(Convert op, Kind to, bool traps);
  void bitcast(Kind from, Kind to);
  void wrap();
  void extend(bool is_signed);
  void select();
  void select_typed();
  void ref_null();
  void ref_is_null();
  bool fold_binary(Alu op, Width width);
  bool add_scaled_ahead(Width width, u64 shift_count);

  void push_again(Value value);
  void swap_top();  // The two newest values; one is a constant.
  void add_128(bool subtract);
  void multiply_wide(bool is_signed);
  Reg out_of_the_way(Reg reg, RegSet fixed);
  void pop_into(Reg reg);

  // -- strength.cc: true if it was done.
  bool multiply_by_constant(Width width, i64 factor);
  bool divide_by_constant(Divide op, Width width, u64 divisor);
  bool divide_by_power(Divide op, Width width, u64 divisor);
  bool divide_wide_by_constant(Divide op, u64 divisor);
  struct Magic {
    u64 factor;
    bool has_bit_64;
    u8 shift;
  };
  static Magic choose_multiplier(u64 divisor, u32 precision);
  void divide_u64(Reg quotient, Reg src, Reg temp, u64 divisor);
  void divide_s64(Reg quotient, Reg src, Reg temp, i64 divisor);
  void divide_u32(Reg dst, Reg src, Reg temp, u32 divisor);
  void divide_s32(Reg dst, Reg src, Reg temp, i32 divisor);

  // -- access.cc
  struct MemArg {
    u32 memory = 0;
    u64 offset = 0;
  };
  MemArg read_mem_arg();
  // Pops the address and checks it; the registers in the result are in use (registers_of()).
  Address pop_address(const MemArg& arg, u32 bytes);
  Patch emit_bounds_check(u32 memory, Reg index, u64 end, const Operand& extent);
  Address pop_checked_address(const MemArg& arg, u32 bytes);
  Address fold_offset(Address address, u64 offset);
  // What an access holds: its index, and its base if that is not pinned.
  RegSet registers_of(const Address& address) const;
  void load(Load load, u32 bytes, Kind type);
  bool load_operate_ahead(Address address, Kind type);
  bool operate_store_ahead(const MemArg& arg, u32 bytes, Kind type);
  void store(Store store, u32 bytes);
  void check_bounds(Reg index, u64 end);
  void memory_size();
  void global_get();
  void global_set();
  Address global_address(u32 index);
  void table_get();
  void table_set();
  void table_size();
  Address table_element(u32 table, Reg index, Trap trap);

  // -- simd.cc
  template <typename Op>
  Op relaxed(Op op, Op strict) const {
    return options_.deterministic ? strict : op;
  }
  void push_vector(V128 value);
  Operand pop_vector_operand();
  void vector_const();
  void vector_load();
  bool vector_load_operate_ahead(const Address& address);
  void vector_load(VectorLoad load, u32 bytes);
  void vector_unary(VectorUnary op);
  void vector_binary(VectorBinary op);
  void vector_binary(VectorBinary op, const Operand& rhs);  // The left operand is on the stack.
  void vector_ternary(VectorTernary op);
  void relaxed_dot_add();
  void vector_shift(Shift op, VectorShape shape);
  void vector_test(Compare::Kind kind, VectorShape shape);
  void shuffle();
  void splat(VectorShape shape);
  void extract_lane(VectorShape shape, bool is_signed);
  void replace_lane(VectorShape shape);
  void bitmask(VectorShape shape);
  void load_lane(VectorShape shape);
  void store_lane(VectorShape shape);
  // -- atomics.cc
  Address pop_aligned_address(const MemArg& arg, u32 bytes);
  void check_alignment(const MemArg& arg, u32 bytes);
  void atomic_load(Load load, u32 bytes, Kind type);
  void atomic_store(Store store);
  void atomic_rmw(AtomicRmw op, Store size, Kind type);
  void atomic_cmpxchg(Store size, Kind type);
  void atomic_fence();
  void atomic_helper(Stub stub);

  // -- inline.cc
  static constexpr usize kInlineArgsMax = 8;
  struct InlineArg {
    Value value;
    i32 slot = -1;  // Where it is, if it is neither a constant nor a local.
  };
  bool inline_call(u32 callee);  // False if the function is not of the kind.
  bool will_inline(u32 callee) const;
  bool can_inline(const Function& function) const;
  void take_inline_arg(InlineArg& arg);
  void push_inline_arg(const InlineArg& arg);

  // -- calls.cc
  struct Signature {
    std::span<const ValType> params;
    std::span<const ValType> results;
  };
  struct Move {
    Reg dst;
    Reg src;
  };
  void call();
  void call_indirect();
  void call_ref();
  // Pops the index of a table's element; the FuncRef*, which is in use. Traps if it is not to be
  // called as a function of that type.
  Reg load_func_ref(u32 table, TypeId type);
  void check_func_type(Reg ref, TypeId type);
  Reg pop_func_ref();  // The operand of call_ref; traps if it is null.
  void trap_if_null(Reg ref, Trap trap);
  void call_through(const Signature& signature, Reg ref);
  void push_down(u32 bytes);  // sp, for arguments and results.
  void helper(Stub stub, std::initializer_list<u32> immediates);
  void helper_1(Stub stub);  // One index as immediate.
  void helper_2(Stub stub);
  void memory_grow();
  void table_grow();
  void ref_func();
  void narrow_result();
  template <typename Emit>
  void emit_call(const Signature& signature, Reg extra, Emit&& emit);
  // Moves the newest values, which stay on the stack, to the registers and the stack area where
  // the convention wants values of these types, together with what is in moves_ already.
  void place_values(std::span<const ValType> types, std::span<const Reg> ints,
                    std::span<const Reg> vectors, Address area);
  void push_call_results(const Signature& signature, u32 stacked);
  void parallel_move();

  // -- tail_calls.cc
  void return_call();
  void return_call_indirect();
  void return_call_ref();
  template <typename Emit>
  void emit_tail_call(const Signature& signature, Reg extra, Emit&& emit);
  void tail_call_through(const Signature& signature, Reg ref);

  // -- exceptions.cc
  void try_table();
  void try_();
  void catch_(bool all);
  void delegate();
  void throw_();
  void throw_ref();
  void rethrow();
  void emit_throw_ref(Reg exception);
  void open_region(Control& control);
  void mark_used(u32 region);
  u32 add_clause(u32 region, u32 tag, bool keeps);
  // Before an instruction that may throw: locals get to where landing pads look for them.
  void prepare_to_throw();
  void record_site(u32 region);  // The return address is the code's end.
  // The pads of the clauses that lead to the label, each with its edge. Nothing is known
  // afterwards.
  void land_pads(Control& to);
  void land_loop_pads(Control& loop);
  void begin_pad(u32 clause, u32 base);
  void push_payload(u32 tag, bool with_ref);
  void finish_handlers();

  // -- references.cc
  void ref_as_non_null();
  void push_tested(const Value& value, Reg ref);
  void br_on_null();
  void br_on_non_null();
  static u32 stack_bytes(std::span<const ValType> types, std::span<const Reg> ints,
                         std::span<const Reg> vectors);

  // -- gc.cc
  void ref_eq();
  void ref_i31();
  void i31_get(bool is_signed);
  void struct_new(bool is_default, bool with_descriptor);
  void struct_get(bool is_signed);
  void struct_set();
  void array_new();
  void array_new_default();
  void array_new_fixed();
  void array_new_segment(Stub stub);
  void array_get(bool is_signed);
  void array_set();
  void array_len();
  void array_fill();
  void array_copy();
  void array_init(Stub stub);
  TypeId read_type() { return module_->types[reader_.u32_leb()]; }
  void check_not_null(Reg ref, Trap trap);
  // The address of an element, or a trap; pops index and array, which stay in use.
  Address pop_element(Kind kind);
  // A new object of so many bytes (`size` if valid, which is lost): all zero but its type word.
  Reg new_object(u32 bytes, Reg size, TypeId type);
  void store_operand(Kind kind, Address to);  // Pops it; `to` is in a new object.

  // -- casts.cc
  void ref_test(bool nullable);
  void ref_get_desc();
  void ref_cast(bool nullable, bool with_descriptor);
  void br_on_cast(bool on_failure, bool with_descriptor);
  ValType read_heap_type();
  // The newest value, which stays on the stack, in a register that it keeps until something else is
  // allocated, or in one that `is_copy` says is ours.
  Reg peek_reg(bool* is_copy);
  // A value that was popped into `reg` is the newest again.
  void push_back(const Value& value, Reg reg);
  Reg pop_descriptor();  // Not null, or a trap.
  // Falls through if `ref` is of the type and, if there is a descriptor, has that one; `ref` and
  // its home keep their values.
  void branch_unless_type(Reg ref, ValType type, Reg descriptor, Label& otherwise);
  void branch_unless_heap(Reg ref, ValType type, Reg word, Reg rows, Label& otherwise);
  void branch_unless_defined(Reg ref, ValType type, Reg word, Reg rows, Label& otherwise);
  void branch_unless_equal(Reg reg, i32 value, Label& otherwise);
  void load_type_rows(Reg rows);
  void branch_on_tag(Reg ref, i32 mask, Cond cond, Label& target);

  Masm& masm_;
  const Target& target_;

  // The function.
  const Module* module_ = nullptr;
  const ContextLayout* layout_ = nullptr;
  const FuncFacts* facts_ = nullptr;
  const CallTargets* targets_ = nullptr;
  CodeOptions options_;
  CompiledFunction* out_ = nullptr;
  u32 index_ = 0;
  u32 body_begin_ = 0;
  const DefinedType* type_ = nullptr;
  std::vector<Kind> local_types_;
  std::vector<Reg> arrival_;
  BodyReader reader_;
  u32 op_offset_ = 0;  // Of the instruction being compiled.
  bool reachable_ = true;
  bool done_ = false;
  Err failed_{};
  bool has_failed_ = false;
  std::string fail_detail_;
  u32 br_tables_ = 0;
  u32 next_block_ = 0;
  u32 next_loop_ = 0;

  // The operand stack.
  std::vector<Value> stack_;
  u32 canonical_ = 0;                 // Values below are constants or in their slots.
  std::vector<i32> stack_slot_;       // Frame slot of stack index i, or -1.
  std::vector<i32> wide_stack_slot_;  // The same for v128.
  std::vector<V128> vectors_;         // Constants; see Value::bits.
  RegSet temporaries_;                // Allocatable and no home.
  RegSet used_;                       // Temporaries in use.
  u32 temp_owner_[64] = {};           // Stack index of the value in a temporary, or kNone.
  Compare pending_;
  Reg result_int_;  // Where a join wants its one result: never a home.
  Reg result_vector_;

  // Registers with another owner for the time of a loop, innermost loop last.
  struct Swap {
    Reg reg;
    u32 outer;           // The owner outside, or kNone.
    u32 inner;           // The owner inside.
    bool outer_is_used;  // By the loop: it has no home there.
    bool is_temporary;   // Outside.
    u32 control;         // Of the loop.
  };
  static constexpr u32 kTemporariesMin = 4;
  static constexpr usize kSwapsMax = 64;  // Keeps deep nests linear.
  std::vector<Swap> swaps_;

  // Locals.
  Homes homes_;
  std::vector<i32> local_slot_;  // Frame slot, or -1.
  std::vector<u32> newest_ref_;  // Newest stack entry that reads the local, or kNone.
  RegSet valid_;
  RegSet dirty_;
  u32 owner_[64] = {};
  u32 last_read_[64] = {};  // By home: the local that was pushed last, or kNone.
  struct LocalConstant {
    u32 local;
    i64 value;  // Of an i32 sign-extended.
  };
  static constexpr u32 kConstantsMax = 4;
  LocalConstant constants_[kConstantsMax];
  u32 constants_count_ = 0;
  u32 destination_ = kNone;  // The local whose home result() returned.
  bool destination_tee_ = false;

  // Bounds already checked in this straight line, by index register: index + end is inside. While
  // effects_ has not changed since, the check can be raised instead of making another.
  struct Checked {
    Patch patch;
    u64 end = 0;
    u32 effects = 0;
  };
  RegSet checked_regs_;
  Checked checked_[32];
  Checked checked_constant_;  // For constant addresses; end is 0 if there is none.
  u32 effects_ = 0;           // Stores, calls, possible traps and branches so far.

  std::vector<Control> control_;

  // Exceptions. Where locals are when one is caught: those whose homes calls preserve stay in
  // them, if they were there when the outermost try was entered; all others are in their slots.
  static constexpr usize kTryHomesMax = 4;
  struct TryHomes {
    RegSet regs;
    u32 owners[kTryHomesMax] = {};  // In the order of the registers.
  };
  struct Region {
    u32 parent = kNone;
    u32 homes = 0;      // Into try_homes_.
    bool used = false;  // Something in it may throw.
  };
  struct Clause {
    u32 region;
    Handlers::Clause out;
  };
  struct Pad {
    u32 clause;
    bool with_ref;
    u32 next;  // To the same label.
  };
  u32 region_ = kNone;  // Of the instruction being compiled.
  std::vector<Region> regions_;
  std::vector<TryHomes> try_homes_;
  std::vector<Clause> clauses_;
  std::vector<Pad> pads_;
  i32 throw_slot_ = 0;   // First of the slots from which payloads are thrown,
  u32 throw_words_ = 0;  // and how many.

  FuelPlan fuel_;
  usize next_charge_ = 0;

  InlineArg inline_args_[kInlineArgsMax];
  bool is_inlining_ = false;

  // The frame.
  i32 slots_ = 0;
  i32 sp_shift_ = 0;    // Bytes pushed below the frame right now,
  u32 pushed_max_ = 0;  // and at most.
  // By so many bytes the prologue makes the area of incoming arguments larger: a tail call has
  // more of them than this function. Found out while compiling, which then starts again.
  u32 widened_ = 0;
  u32 widened_wanted_ = 0;
  bool frameless_ = false;
  bool small_frame_ = false;
  std::vector<Patch> frame_patches_;
  std::vector<Patch> check_patches_;
  Label epilogue_;
  std::vector<Cold> cold_;
  std::vector<Move> moves_;
  std::vector<Label*> table_labels_;
};

}  // namespace lr::jit
