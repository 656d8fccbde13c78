// Masm for x86-64. Integers, control and frames are in masm_x64.cc, floats in float_x64.cc, vectors
// in vector_x64.cc and lanes_x64.cc, atomics in atomic_x64.cc.
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
    code_end_ = data_begin_ = ~u32{0};
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

  void vector_unary(VectorUnary, Reg dst, Reg src) override;
  bool takes_memory(VectorBinary) const override;
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
  void poll_epoch(const void* counter, Label& cold) override;
  void poll_page() override;
  void charge_fuel(u32 units, Label* cold) override;
  Patch bounds_check(Reg index, u64 end, Label& cold) override;
  bool patch_bounds(Patch, u64 end) override;
  Patch bounds_check_any(Reg index, u64 end, Operand limit, Label& cold, Label* wrapped) override;

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
  static void zero_extend(Out&, Store, Reg dst, Reg src);
  static Patch sum_for_bounds(Out&, Reg index, u64 end);
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
  void vec2(Out&, Op, Reg reg, V128 constant);
  // The same without the restriction; may change xmm15, which is then neither lhs nor rhs.
  void vec_any(Out&, Op, Reg dst, Reg lhs, Reg rhs);
  void vec(Out&, Op, Reg dst, Reg lhs, V128 constant, u32 imm_bytes = 0);
  // An immediate byte behind the operands.
  void vec_imm(Out&, Op, Reg dst, Reg lhs, Reg rhs, u8 imm, bool wide = false);
  void vec2_imm(Out&, Op, Reg dst, Reg src, u8 imm);
  void vec_shift_imm(Out&, u8 opcode, u8 extension, Reg dst, Reg src, u8 count);
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

  // vector_x64.cc
  using Lanes = std::span<const u8, 16>;
  void zero(Out&, Reg dst);
  Flags test_vector(Out&, const Compare&);
  void i64x2_abs(Out&, Reg dst, Reg src);
  void i8x16_popcnt(Out&, Reg dst, Reg src);
  void negate(Out&, Op sub, Reg dst, Reg src);
  void extend_high(Out&, Op extend, Op unpack, bool is_signed, Reg dst, Reg src);
  void pairwise(Out&, VectorUnary, Reg dst, Reg src);
  void convert_vector(Out&, VectorUnary, Reg dst, Reg src);
  void f32x4_from_u32(Out&, Reg dst, Reg src);
  void trunc_sat_f32x4_s(Out&, Reg dst, Reg src);
  void trunc_sat_f32x4_u(Out&, Reg dst, Reg src);
  void trunc_sat_f64x2_s(Out&, Reg dst, Reg src);
  void trunc_sat_f64x2_u(Out&, Reg dst, Reg src);
  void vector_special(Out&, VectorBinary, Reg dst, Reg lhs, Reg rhs);
  void i64x2_mul(Out&, Reg dst, Reg lhs, Reg rhs);
  void extmul(Out&, Op extend, bool high, Reg dst, Reg lhs, Reg rhs);
  void vector_min(Out&, FloatWidth, Reg dst, Reg lhs, Reg rhs);
  void vector_max(Out&, FloatWidth, Reg dst, Reg lhs, Reg rhs);
  void dot_of_bytes(Out&, Reg dst, Reg lhs, Reg rhs);
  void bitselect(Out&, Reg dst, Reg a, Reg b, Reg c);
  void multiply_add(Out&, FloatWidth, bool negated, Reg dst, Reg a, Reg b, Reg c);
  void fused_multiply_add(Out&, FloatWidth, bool negated, Reg dst, Reg a, Reg b, Reg c);
  void shift_bytes(Out&, Shift, Reg dst, Reg src, u8 count);
  void shift_bytes(Out&, Shift, Reg dst, Reg src, Reg count);
  void shift_i64x2_signed(Out&, Reg dst, Reg src);
  void splat_bytes(Out&, Reg dst, Reg src);
  // lanes_x64.cc: false if the lanes are not of that kind.
  bool shuffle_one(Out&, Reg dst, Reg src, Lanes);
  bool shuffle_words(Out&, Reg dst, Reg src, Lanes);
  bool unpack(Out&, Reg dst, Reg lhs, Reg rhs, Lanes);
  bool blend(Out&, Reg dst, Reg lhs, Reg rhs, Lanes);
  bool shuffle_pairs(Out&, Reg dst, Reg lhs, Reg rhs, Lanes);
  bool align_right(Out&, Reg dst, Reg lhs, Reg rhs, Lanes);

  // Eight or sixteen bytes behind the function's code.
  struct Constant {
    V128 bits;
    bool wide;
    Label label;
  };
  Operand constant(V128 bits, bool wide);
  Label& label_of(const Operand& constant) {
    return constants_[static_cast<usize>(constant.imm)].label;
  }
  std::vector<Constant> constants_;
  u32 code_end_ = ~u32{0};    // Padding up to a multiple of 16 follows,
  u32 data_begin_ = ~u32{0};  // and then the constants.

  const Target& target_;
  const CpuFeatures cpu_;
  x64::Buffer buffer_;
};

}  // namespace lr::jit
