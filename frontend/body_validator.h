// The validator of one body. For validator.cc and the body_*.cc files only.
//
// Two loops in one: a fast path (body_fast.cc) takes the frequent instructions when everything
// about them is plain: short immediates, operands of exactly the right type, above the frame's
// base. Whatever it does not take, it leaves untouched to step(), which can do everything and is
// where errors come from.
#pragma once

#include <bit>
#include <deque>
#include <span>
#include <vector>

#include "frontend/effects.h"
#include "frontend/fact_collector.h"
#include "frontend/instr_reader.h"
#include "frontend/type_registry.h"
#include "frontend/validator.h"

namespace lr {

// A ValType as one integer.
using TypeBits = u64;
constexpr TypeBits bits_of(ValType type) { return std::bit_cast<TypeBits>(type); }
constexpr ValType type_of(TypeBits bits) { return std::bit_cast<ValType>(bits); }
inline constexpr TypeBits kBottomBits = bits_of(kBottom);

struct ControlFrame {
  Op op = Op::Block;  // Of the arm: Else, Catch and CatchAll replace what they follow.
  bool unreachable = false;
  bool is_target = false;
  bool ends_plainly = false;  // No loop, no parameters, no results.
  u8 outer_effects = 0;       // Loop: of the code before it.
  u32 height = 0;             // Of the operand stack at the bottom of the frame.
  u32 block = 0;              // Index in FuncFacts::blocks.
  u32 sets_height = 0;        // Of ValidatorState::sets at the start of the arm.
  u32 table_serial = 0;       // The last br_table that named it.
  std::span<const ValType> params;
  std::span<const ValType> results;

  std::span<const ValType> label_types() const { return op == Op::Loop ? params : results; }
};

struct ValidatorState {
  std::vector<TypeBits> stack;
  std::vector<ControlFrame> frames;
  std::vector<LocalState> locals;
  std::vector<u32> sets;            // Locals without a default value that were written.
  std::deque<ValType> block_types;  // Results of blocks that are no shorthand.
  FactCollector collector;
  FuncFacts facts;  // Where the caller wants none.
  Instr instr;
  bool use_fast_path = true;
  std::vector<u32> named_functions;
  std::vector<bool>
      used_tables;  // Not only called through, by any function checked with this state.
};

struct FastRow;

class BodyValidator {
 public:
  BodyValidator(const Module& module, ValidatorState& state, Reader& reader, FuncFacts& facts)
      : module_(module), state_(state), in_(reader), facts_(facts) {}

  void check_function(u32 index);
  void check_constant(ValType type);

 private:
  // -- body_validator.cc: set-up, one instruction, operands, indices --
  void begin(std::span<const ValType> params, std::span<const ValType> results);
  void read_locals(const DefinedType& type);
  void finish_facts();
  void grow_stack();

  // One instruction, whatever it is.
  void step();
  void general();
  void check_is_constant(Op op);
  void apply_signature(const Signature& signature, ValType address);
  void memory_access(const Instr& instr);
  void special(const Instr& instr);

  // -- Operands --
  u32 height() const { return static_cast<u32>(sp_ - stack_); }
  void push(TypeBits type) {
    if (sp_ == limit_) grow_stack();
    *sp_++ = type;
    if (sp_ > max_) max_ = sp_;
  }
  void push(ValType type) { push(bits_of(type)); }
  void push_all(std::span<const ValType> types) {
    for (const ValType& type : types) push(type);
  }
  TypeBits pop_any();
  TypeBits pop(ValType expected) {
    if (sp_ != base_ && sp_[-1] == bits_of(expected)) [[likely]]
      return *--sp_;
    return pop_slow(expected);
  }
  TypeBits pop_slow(ValType expected);
  void pop_all(std::span<const ValType> types) {
    for (usize i = types.size(); i-- > 0;) pop(types[i]);
  }
  // Any reference, or Bottom.
  ValType pop_ref();
  // What branching with the stack as it is needs; leaves the types of the label.
  void check_branch(const ControlFrame& target) {
    std::span<const ValType> types = target.label_types();
    pop_all(types);
    push_all(types);
  }
  void check_operands(std::span<const ValType> types);
  void set_unreachable();
  void fail(Err code, std::string detail = {});
  void fail_type(ValType expected, const TypeBits* actual);
  std::string name(ValType type) const;
  std::string heap_name(ValType type) const;
  bool ok() const { return in_.ok(); }

  // -- Indices in range, or an error and null --
  ControlFrame* label(u32 depth) {
    auto& frames = state_.frames;
    if (depth < frames.size()) [[likely]]
      return &frames[frames.size() - 1 - depth];
    fail(Err::UnknownLabel, std::to_string(depth));
    return nullptr;
  }
  const DefinedType* func_type(u32 type_index);
  const DefinedType* composite(u32 type_index, Composite kind);
  const Table* table(u32 index);
  const MemoryType* memory(u32 index);
  bool check_data(u32 index);
  bool check_elem(u32 index);
  TypeId type_id(u32 index);
  ValType resolved(ValType raw);

  // -- body_fast.cc --
  struct Hot;
  void run();
  Hot load() const;
  void save(const Hot& hot);
  bool fast(Hot& hot);
  bool fast_local_get(Hot& hot);
  bool fast_local_set(Hot& hot, bool is_tee);
  bool fast_global(Hot& hot, bool is_set);
  bool fast_block(Hot& hot, Op op);
  bool fast_end(Hot& hot);
  bool fast_branch(Hot& hot, bool is_conditional);
  bool fast_call(Hot& hot);
  bool fast_load(Hot& hot, const FastRow& row);
  bool fast_store(Hot& hot, const FastRow& row);

  // -- body_control.cc --
  ControlFrame& add_frame(Op op, u32 frame_height) {
    ControlFrame& frame = state_.frames.emplace_back();
    frame.op = op;
    frame.ends_plainly = true;
    frame.height = frame_height;
    frame.block = static_cast<u32>(facts_.blocks.size());
    frame.sets_height = static_cast<u32>(state_.sets.size());
    facts_.blocks.emplace_back();
    u32 depth = static_cast<u32>(state_.frames.size()) - 1;
    if (depth > facts_.control_depth_max) deepened_to(depth);
    state_.collector.enter_frame();
    return frame;
  }
  void deepened_to(u32 depth);
  void push_frame(Op op, std::span<const ValType> params, std::span<const ValType> results);
  void block_signature(const BlockType& block, std::span<const ValType>& params,
                       std::span<const ValType>& results);
  void open_block(Op op, const BlockType& block);
  void block(Op op);
  void else_arm();
  void end();
  void check_missing_else(const ControlFrame& frame);
  void close_arm();
  void next_arm(Op op);
  void mark_target(ControlFrame& target);
  void br(u32 depth);
  void br_if(u32 depth);
  void br_table();
  void br_table_again();
  void br_on_null(u32 depth);
  void br_on_non_null(u32 depth);
  bool check_cast(ValType from, ValType to);
  void br_on_cast(const Instr& instr, bool on_failure);
  void call(u32 function, bool is_tail);
  void call_type(const DefinedType& type, bool is_tail);
  void call_indirect(const Instr& instr, bool is_tail);
  void call_ref(u32 type_index, bool is_tail);
  void return_();
  const DefinedType* tag_type(u32 index);
  void throw_(u32 tag);
  void throw_ref();
  void try_table(const Instr& instr);
  void check_catch(const Catch& clause);
  void catch_(u32 tag);
  void catch_all();
  void delegate(u32 depth);
  void rethrow(u32 depth);

  // -- body_operations.cc: variables, references, tables, bulk memory --
  void select();
  void select_typed(const Instr& instr);
  void local_get(u32 index);
  void local_set(u32 index, bool is_tee);
  void reset_sets(u32 height) {
    if (state_.sets.size() > height) [[unlikely]]
      reset_sets_slow(height);
  }
  void reset_sets_slow(u32 height);
  void global_get(u32 index);
  void global_set(u32 index);
  void note_table_use(u32 index);
  void table_get(u32 index);
  void table_set(u32 index);
  void table_size(u32 index);
  void table_grow(u32 index);
  void table_fill(u32 index);
  void table_copy(u32 to, u32 from);
  void table_init(u32 elem, u32 index);
  void memory_copy(u32 to, u32 from);
  void memory_init(u32 data, u32 index);
  void ref_null(const Instr& instr);
  void ref_func(u32 index);
  void ref_is_null();
  void ref_as_non_null();
  void convert(Heap from, Heap to);
  void ref_test(const Instr& instr, bool nullable);
  void ref_cast(const Instr& instr, bool nullable);

  // -- body_gc.cc: structures, arrays, descriptors --
  void struct_new(u32 index, bool is_default, bool with_descriptor);
  void struct_get(const Instr& instr);
  void struct_set(const Instr& instr);
  void array_new(const Instr& instr);
  void array_new_segment(const Instr& instr);
  void array_get(const Instr& instr);
  void array_set(u32 index);
  void array_fill(u32 index);
  void array_copy(u32 to, u32 from);
  void array_init(const Instr& instr);
  bool check_packing(Op op, ValType field);
  bool check_array_segment(const FieldType& field, u32 segment, bool is_data);
  const FieldType* mutable_array(u32 index);
  void push_new(u32 type_index);
  bool pop_descriptor(ValType target);
  void ref_get_desc(u32 index);
  void ref_cast_desc(const Instr& instr, bool nullable);
  void br_on_cast_desc(const Instr& instr, bool on_failure);
  void finish_cast_branch(u32 depth, ValType taken, ValType left);

  bool has(Feature feature) const { return module_.features.has(feature); }

  const Module& module_;
  ValidatorState& state_;
  Reader& in_;
  FuncFacts& facts_;

  TypeBits* stack_ = nullptr;
  TypeBits* sp_ = nullptr;
  TypeBits* base_ = nullptr;          // Bottom of the innermost frame.
  TypeBits* max_ = nullptr;           // Highest sp_.
  TypeBits* limit_ = nullptr;         // End of the buffer.
  u32 start_ = 0;                     // Offset of the instruction.
  Op op_ = Op::Nop;                   // The instruction, for errors.
  u32 effects_ = 0;                   // Of the innermost loop so far.
  const u8* constant_end_ = nullptr;  // Where the last i32.const or i64.const ended.
  u32 table_serial_ = 0;
  // Indices below have one byte and are in range.
  u32 short_locals_ = 0;
  u32 short_globals_ = 0;
  TypeBits memory_address_ = 0;  // i32 if memory 0 has such addresses, else no type at all.
  bool is_constant_ = false;     // In a constant expression.
  bool may_be_fast_ = false;
};

}  // namespace lr
