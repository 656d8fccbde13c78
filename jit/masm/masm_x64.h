// Masm for x86-64. Integers, control and frames are in masm_x64.cc, floats in float_x64.cc.
#pragma once

#include "jit/masm/encode_x64.h"
#include "jit/masm/masm.h"

namespace lr::jit {

class alignas(128) MasmX64 final : public Masm {
 public:
  explicit MasmX64(const CpuFeatures& cpu)
      : target_(target_x64(cpu)), cpu_(cpu), buffer_(asmjit::Arch::kX64) {}

  const Target& target() const override { return target_; }

  void reset() override {
    buffer_.reset();
    zero_flag_ = {};
    constants_.clear();
    code_end_ = ~u32{0};
  }
  u32 offset() const override { return buffer_.offset(); }
  std::span<const u8> code() const override { return buffer_.code(); }
  bool ok() const override { return buffer_.ok() && constants_.empty(); }
  void set_far_branches(bool) override {}
  bool branch_out_of_range() const override { return false; }
  void align(u32 bytes) override;

  void move(Width, Reg dst, Reg src) override;
  void move_imm(Width, Reg dst, u64 value) override;
  void move_vector(Reg dst, Reg src) override;
  void move_float_imm(FloatWidth, Reg dst, u64 bits) override;
  Operand float_constant(FloatWidth, u64 bits) override;
  void emit_constants() override;
  void bitcast(Width, Reg dst, Reg src) override;
  void load(Load, Reg dst, Address) override;
  void store(Store, Address, Reg src) override;
  void store_imm(Store, Address, i32 value) override;

  void alu(Alu, Width, Reg dst, Reg lhs, Operand rhs) override;
  void alu_memory(Alu, Width, Address dst, Operand rhs) override;
  void add_scaled(Width, Reg dst, Reg lhs, Reg rhs, u8 shift, i32 disp) override;
  void multiply(Width, Reg dst, Reg lhs, Operand rhs) override;
  void high_multiply(Width, bool is_signed, Reg dst, Reg lhs, Reg rhs) override;
  Reg divide(Divide, Width, Reg dst, Reg lhs, Reg rhs, Label* by_zero, Label* overflow) override;
  void shift(Shift, Width, Reg dst, Reg lhs, Reg count) override;
  void shift(Shift, Width, Reg dst, Reg lhs, u8 count) override;
  void unary(Unary, Width, Reg dst, Reg src) override;

  void float_binary(FloatBinary, FloatWidth, Reg dst, Reg lhs, Operand rhs) override;
  void float_unary(FloatUnary, FloatWidth, Reg dst, Reg src) override;
  void convert(Convert, Reg dst, Reg src, Label* invalid, Label* overflow) override;

  void set_if(const Compare&, Reg dst) override;
  void select_if(const Compare&, Width, Reg dst, Reg if_true, Reg if_false) override;
  void branch_if(const Compare&, Label&) override;

  void bind(Label&) override;
  void jump(Label&) override;
  void jump_table(Reg index, std::span<Label* const> targets, bool checked) override;
  CallReloc call_near(Near kind, u32 index) override;
  CallReloc jump_near(Near kind, u32 index) override;
  CallReloc call_stub_before_frame(u32 stub) override { return call_near(Near::Stub, stub); }
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
  Patch bounds_check(Reg index, u64 end, Label& cold) override;
  bool patch_bounds(Patch, u64 end) override;

  bool patch_call(Near kind, u8* at, const u8* from, const u8* target) const override;

  std::string listing() const override;

 private:
  using Out = x64::Out;
  using Cc = x64::Cc;
  using Op = x64::Op;

  // What the flags say after a comparison. Eq and Ne of floats need the parity flag as well,
  // which is set when an operand is a NaN: Eq is E and NP, Ne is NE or P.
  struct Flags {
    enum class Parity : u8 { Ignored, AndNotSet, OrSet };
    Cc cc;
    Parity parity = Parity::Ignored;
  };

  static void mov(Out&, Width, Reg dst, Reg src);
  static void mov_imm(Out&, Width, Reg dst, u64 value);
  static bool alu_imm(Out&, Alu, Width, Reg dst, i32 imm);
  static bool alu_imm_of(Out&, Alu, Width, Reg dst, Reg lhs, i32 imm);
  static bool alu_reg(Out&, Alu, Width, Reg dst, Reg lhs, Reg rhs);
  static void alu_mem(Out&, Alu, Width, Reg dst, Reg lhs, const Address&);
  static void lea(Out&, Width, Reg dst, const Address&);
  CallReloc near_transfer(u8 opcode, u32 indirect_ext, Near kind, u32 index);
  static void multiply_imm(Out&, Width, Reg dst, Reg lhs, i32 imm);
  void rotate_bmi2(Out&, Shift, Width, Reg dst, Reg lhs, Reg count);
  void shift_cl(Out&, Shift, Width, Reg dst, Reg lhs);
  void count_zeros(Out&, bool leading, Width, Reg dst, Reg src);

  // After which instruction the zero flag tells whether a register is zero.
  struct ZeroFlag {
    u32 offset = ~u32{0};
    Reg reg;
    Width width{};
  };
  ZeroFlag zero_flag_;
  bool zero_flag_is_set_by(const Out&, const Compare&);
  Flags compare(Out&, const Compare&);
  static void compare_int(Out&, const Compare&);
  static void test(Out&, const Compare&);
  Flags compare_float(Out&, const Compare&);
  void select_by_mask(Out&, const Compare&, Reg dst, Reg if_true, Reg if_false);
  void select_vector(Out&, Flags, Reg dst, Reg if_true, Reg if_false);
  static void select_int(Out&, Flags, Width, Reg dst, Reg if_true, Reg if_false);

  // Vector instructions in the form that the processor has. The one with three operands copies
  // lhs to dst first where there is no AVX, so there dst must not be a later operand.
  void vec(Out&, Op, Reg dst, Reg lhs, Reg rhs, bool wide = false);
  void vec(Out&, Op, Reg dst, Reg lhs, const Operand& rhs, u32 imm_bytes = 0);
  void vec2(Out&, Op, Reg reg, Reg rm, bool wide = false);
  void vec2(Out&, Op, Reg reg, const Address& rm);
  void vec2(Out&, Op, Reg reg, const Operand& rm);
  void vec_shift_imm(Out&, u8 opcode, u8 extension, Reg dst, u8 count);
  void move_vec(Out&, Reg dst, Reg src);
  void sign_mask(Out&, FloatWidth, Reg dst);
  void all_but_sign(Out&, FloatWidth, Reg dst);
  void make_constant(Out&, FloatWidth, Reg dst, u64 bits);
  void float_arithmetic(Out&, FloatBinary, FloatWidth, Reg dst, Reg lhs, const Operand& rhs);
  void min_max(Out&, bool is_min, FloatWidth, Reg dst, Reg lhs, Reg rhs);
  void copysign(Out&, FloatWidth, Reg dst, Reg lhs, Reg rhs);
  void truncate_op(Out&, FloatWidth, Width, Reg dst, Reg src);
  void truncate_i32(Out&, FloatWidth, Reg dst, Reg src, Label& invalid, Label& overflow);
  void truncate_u32(Out&, FloatWidth, Reg dst, Reg src, Label& invalid, Label& overflow);
  void truncate_i64(Out&, FloatWidth, Reg dst, Reg src, Label& invalid, Label& overflow);
  void truncate_u64(Out&, FloatWidth, Reg dst, Reg src, Label& invalid, Label& overflow);
  void saturate_signed(Out&, FloatWidth, Width, Reg dst, Reg src);
  void saturate_u32(Out&, FloatWidth, Reg dst, Reg src);
  void saturate_u64(Out&, FloatWidth, Reg dst, Reg src);
  void minus_two_to_63(Out&, FloatWidth, Reg dst, Reg src);
  void float_from_int(Out&, FloatWidth, Width, Reg dst, Reg src);
  void float_from_u64(Out&, FloatWidth, Reg dst, Reg src);
  void convert_float(Out&, FloatWidth from, Reg dst, Reg src);

  // Eight bytes behind the function's code.
  struct Constant {
    u64 bits;
    Label label;
  };
  Label& label_of(const Operand& constant) {
    return constants_[static_cast<usize>(constant.imm)].label;
  }
  std::vector<Constant> constants_;
  u32 code_end_ = ~u32{0};  // Where the constants begin.

  const Target& target_;
  const CpuFeatures cpu_;
  x64::Buffer buffer_;
};

}  // namespace lr::jit
