// Masm for AArch64. Integers, control and frames are in masm_a64.cc, floats in float_a64.cc,
// atomics in atomic_a64.cc.
//
// x16 and x17, v30 and v31 are scratch. Addresses that no load can express are computed in x17,
// everything else in x16, which is Target::scratch. Between enter_frame and leave_frame the link
// register is in the frame, and a method that needs a third register takes it.
#pragma once

#include "jit/masm/encode_a64.h"
#include "jit/masm/masm.h"

namespace lr::jit {

class alignas(128) MasmA64 final : public Masm {
 public:
  explicit MasmA64(const CpuFeatures& cpu)
      : target_(target_a64(cpu)), lse_(cpu.lse), buffer_(asmjit::Arch::kAArch64) {}

  const Target& target() const override { return target_; }

  void reset() override;
  u32 offset() const override { return buffer_.offset(); }
  std::span<const u8> code() const override { return buffer_.code(); }
  bool ok() const override { return buffer_.ok(); }
  void set_far_branches(bool far) override { far_branches_ = far; }
  bool branch_out_of_range() const override { return out_of_range_; }
  void align(u32 bytes) override;

  void move(Width, Reg dst, Reg src) override;
  void move_imm(Width, Reg dst, u64 value) override;
  void move_vector(Reg dst, Reg src) override;
  void move_float_imm(FloatWidth, Reg dst, u64 bits) override;
  Operand float_constant(FloatWidth, u64 bits) override;
  void emit_constants() override {}  // They are made where they are used.
  void move_vector_imm(Reg dst, V128 value) override;
  Operand vector_constant(V128 value) override;
  void bitcast(Width, Reg dst, Reg src) override;
  void load(Load, Reg dst, Address) override;
  void store(Store, Address, Reg src) override;
  void store_imm(Store, Address, i32 value) override;

  void atomic_load(Load, Reg dst, Address) override;
  void atomic_store(Store, Address, Reg src) override;
  void atomic_rmw(AtomicRmw, Store, Reg dst, Address, Reg src) override;
  void atomic_cmpxchg(Store, Reg dst, Address, Reg expected, Reg replacement) override;
  void fence() override;

  void alu(Alu, Width, Reg dst, Reg lhs, Operand rhs) override;
  void alu_memory(Alu, Width, Address dst, Operand rhs) override;
  void add_scaled(Width, Reg dst, Reg lhs, Reg rhs, u8 shift, i32 disp) override;
  void multiply(Width, Reg dst, Reg lhs, Operand rhs) override;
  void high_multiply(Width, bool is_signed, Reg dst, Reg lhs, Reg rhs) override;
  void multiply_wide(bool is_signed, Reg lo, Reg hi, Reg lhs, Reg rhs) override;
  void add_wide(bool subtract, Reg lo, Reg hi, Operand rhs_lo, Operand rhs_hi) override;
  Reg divide(Divide, Width, Reg dst, Reg lhs, Reg rhs, Label* by_zero, Label* overflow) override;
  void shift(Shift, Width, Reg dst, Reg lhs, Reg count) override;
  void shift(Shift, Width, Reg dst, Reg lhs, u8 count) override;
  void unary(Unary, Width, Reg dst, Reg src) override;

  void float_binary(FloatBinary, FloatWidth, Reg dst, Reg lhs, Operand rhs) override;
  void float_unary(FloatUnary, FloatWidth, Reg dst, Reg src) override;
  void convert(Convert, Reg dst, Reg src, Label* invalid, Label* overflow) override;
  void canonicalise_nan(FloatWidth, Reg dst) override;
  void canonicalise_nans(FloatWidth, Reg dst) override;

  // Target::has_vectors is not set: these fail.
  void vector_unary(VectorUnary, Reg dst, Reg src) override;
  bool takes_memory(VectorBinary) const override { return false; }
  void vector_binary(VectorBinary, Reg dst, Reg lhs, Operand rhs) override;
  void vector_ternary(VectorTernary, Reg dst, Reg a, Reg b, Reg c) override;
  void vector_shift(Shift, VectorShape, Reg dst, Reg src, Reg count) override;
  void vector_shift(Shift, VectorShape, Reg dst, Reg src, u8 count) override;
  void shuffle(Reg dst, Reg lhs, Reg rhs, std::span<const u8, 16> lanes) override;
  void splat(VectorShape, Reg dst, Reg src) override;
  void extract_lane(VectorShape, bool is_signed, Reg dst, Reg src, u8 lane) override;
  void replace_lane(VectorShape, Reg dst, Reg src, Reg value, u8 lane) override;
  void bitmask(VectorShape, Reg dst, Reg src) override;
  void load_vector(VectorLoad, Reg dst, Address) override;
  void load_lane(VectorShape, Reg dst, Reg src, Address, u8 lane) override;
  void store_lane(VectorShape, Address, Reg src, u8 lane) override;

  void set_if(const Compare&, Reg dst) override;
  void select_if(const Compare&, Width, Reg dst, Reg if_true, Reg if_false) override;
  void select_vector_if(const Compare&, Reg dst, Reg if_true, Reg if_false) override;
  void branch_if(const Compare&, Label&) override;

  void bind(Label&) override;
  void jump(Label&) override;
  void jump_table(Reg index, std::span<Label* const> targets, bool checked) override;
  CallReloc call_near(Near kind, u32 index) override;
  CallReloc jump_near(Near kind, u32 index) override;
  CallReloc call_stub_before_frame(u32 stub) override;
  void call(Address) override;
  void call(Reg) override;
  void jump(Address) override;
  void jump(Reg) override;
  void ret(u32 bytes) override;
  void trap_instruction() override;

  Patch enter_frame() override;
  Patch leave_frame() override;
  void patch_frame(Patch, u32 frame_bytes) override;
  Patch frame_end(Reg dst) override;
  void adjust_sp(i32 bytes) override;
  void return_address(Reg dst) override;
  void move_return_address(i32 bytes) override;
  Patch stack_check(Label& cold) override;
  void patch_stack_check(Patch, u32 frame_bytes) override;
  void stack_check_small(Label& cold) override;
  void poll(Label& cold) override;
  void poll_epoch(const void* counter, Label& cold) override;
  void poll_page() override;
  void charge_fuel(u32 units, Label* cold) override;
  Patch bounds_check(Reg index, u64 end, Label& cold) override;
  bool patch_bounds(Patch, u64 end) override;
  Patch bounds_check_any(Reg index, u64 end, Operand limit, Label& cold, Label* wrapped) override;

  bool patch_call(Near kind, u8* at, const u8* from, const u8* target) const override;

  std::string listing() const override { return disassemble_a64(code(), 0); }

 private:
  using Out = a64::Out;
  using Cc = a64::Cc;
  using MemOp = a64::MemOp;

  static void mov_imm(Out&, bool wide, u32 rd, u64 value);
  // op rd, rn, #imm with the constant in `temp` where the machine's field cannot hold it.
  static void alu_imm(Out&, Alu, bool wide, u32 rd, u32 rn, i32 imm, u32 temp);
  // rd = rn + value, either of which may be sp.
  static void add_constant(Out&, u32 rd, u32 rn, i64 value, u32 temp);
  static void access(Out&, MemOp, u32 rt, const Address&);
  static u32 plain_address(Out&, const Address&);
  // The constant part of a bounds check: scratch = index + end.
  static Patch sum_for_bounds(Out&, Reg index, u64 end, bool sets_carry);
  static void jump_through(Out&, u32 op, const Address&);
  static void compare_imm(Out&, bool wide, u32 rn, i32 imm);
  static bool compares_with_zero(const Compare&);
  Cc compare(Out&, const Compare&);
  Cc compare_float(Out&, const Compare&);
  static void make_constant(Out&, bool f64, u32 rd, u64 bits);
  u32 float_operand(Out&, bool f64, const Operand&);
  static void copysign(Out&, bool f64, u32 rd, u32 rn, u32 rm);
  void truncate_32(Out&, Convert, u32 rd, u32 rn, Label& invalid, Label& overflow);
  void truncate_64(Out&, Convert, u32 rd, u32 rn, Label& invalid, Label& overflow);

  void branch(Out&, Cc, Label&);
  void branch_zero(Out&, u32 op, bool wide, u32 rt, Label&);
  void branch_over(Out&, u32 op, u32 inverted, Label&);
  void long_branch(Out&, Label&);
  CallReloc near_transfer(u32 direct, u32 indirect, Near kind, u32 index);
  void apply(const Fixup&, u32 position);
  void out_of_range();

  const Target& target_;
  const bool lse_;
  a64::Buffer buffer_;
  std::vector<u64> constants_;
  bool far_branches_ = false;
  bool out_of_range_ = false;
};

}  // namespace lr::jit
