// What the compiler may ask of a machine. One subclass per architecture; the only interface to it.
//
// Rules that hold for every method:
//  - `dst` may be the same register as any source.
//  - No register but `dst` and the target's scratch registers changes. (Vector scratch registers
//    exist too; they are not in Target::allocatable. divide() and high_multiply() also change
//    Target::div_clobber.)
//  - Flags do not survive from one call to the next: a compare is consumed by one fused
//    method (branch_if, select_if, set_if).
//  - A W32 operation leaves the upper 32 bits of an integer dst zero and reads only the lower 32
//    of its sources, except registers used in an Address, which are read whole.
//  - The stack pointer appears only as the base of an Address and in move(W64).
//  - Errors (out of memory, a branch out of range) are sticky: see ok().
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/types.h"
#include "jit/masm/reg.h"
#include "jit/masm/target.h"

namespace lr::jit {

enum class Width : u8 { W32, W64 };
enum class FloatWidth : u8 { F32, F64 };

// [base + (index << shift) + disp]; index and base are read as 64 bits. Any disp is legal, though
// one beyond the machine's immediate range costs instructions.
struct Address {
  Reg base;
  Reg index = kNoReg;
  u8 shift = 0;
  i32 disp = 0;
};

// The right operand of a two-operand instruction.
struct Operand {
  enum class Kind : u8 { Register, Immediate, Memory, Constant };
  Kind kind = Kind::Register;
  Reg reg;
  Address address;
  i32 imm = 0;  // Sign-extended to the operation's width; of a Constant its number.

  constexpr Operand(Reg r) : kind(Kind::Register), reg(r) {}        // NOLINT
  constexpr Operand(Address a) : kind(Kind::Memory), address(a) {}  // NOLINT
  static constexpr Operand immediate(i32 value) {
    Operand o{kNoReg};
    o.kind = Kind::Immediate;
    o.imm = value;
    return o;
  }
  constexpr bool is_immediate(i32 value) const { return kind == Kind::Immediate && imm == value; }
};

enum class Alu : u8 { Add, Sub, And, Or, Xor };
enum class AtomicRmw : u8 { Add, Sub, And, Or, Xor, Xchg };
enum class Shift : u8 { Shl, ShrS, ShrU, Rotl, Rotr };
enum class Divide : u8 { DivS, DivU, RemS, RemU };
enum class Unary : u8 { Clz, Ctz, Popcnt, Extend8S, Extend16S, Extend32S, Neg, Not };
enum class FloatBinary : u8 { Add, Sub, Mul, Div, Min, Max, Copysign };
enum class FloatUnary : u8 { Neg, Abs, Sqrt, Ceil, Floor, Trunc, Nearest };

// A v128 as two words; lane 0 is at the low end.
struct V128 {
  u64 low = 0;
  u64 high = 0;
  constexpr bool operator==(const V128&) const = default;
};
enum class VectorShape : u8 { I8x16, I16x8, I32x4, I64x2, F32x4, F64x2 };
enum class VectorUnary : u8 {
#define VECTOR_UNARY(name, nan) name,
#include "jit/masm/vector.def"
};
enum class VectorBinary : u8 {
#define VECTOR_BINARY(name, order, nan) name,
#include "jit/masm/vector.def"
};
enum class VectorTernary : u8 {
#define VECTOR_TERNARY(name, nan) name,
#include "jit/masm/vector.def"
};
enum class VectorLoad : u8 {
#define VECTOR_LOAD(name) name,
#include "jit/masm/vector.def"
};
bool commutes(VectorBinary op);

enum class Cond : u8 { Eq, Ne, LtS, LtU, GtS, GtU, LeS, LeU, GeS, GeU };
// Ordered unless said otherwise: a comparison with a NaN is false, Ne with a NaN is true.
// The Not forms are their negations (true with a NaN, except NotNe), so that any can be inverted.
enum class FloatCond : u8 { Eq, Ne, Lt, Gt, Le, Ge, NotLt, NotGt, NotLe, NotGe };

Cond invert(Cond cond);
Cond swap_operands(Cond cond);
FloatCond invert(FloatCond cond);

// A comparison that has not been made yet.
struct Compare {
  enum class Kind : u8 { Int, Test, Float, AnyTrue, AllTrue };
  Kind kind = Kind::Int;
  Width width = Width::W32;  // Int, Test
  FloatWidth float_width{};  // Float
  // Int: lhs cond rhs. Test: (lhs & rhs) cond 0; Eq, Ne, LtS, GeS. AnyTrue, AllTrue: Ne when some
  // bit, or some bit of each lane, of the vector lhs is set; Eq when not.
  Cond cond = Cond::Eq;
  VectorShape shape{};     // AllTrue
  FloatCond float_cond{};  // Float: lhs cond rhs
  Reg lhs;
  Operand rhs{kNoReg};

  void negate() {
    if (kind == Kind::Float) {
      float_cond = invert(float_cond);
    } else {
      cond = invert(cond);
    }
  }
};

// Memory accesses of wasm and of frames. The name says the register's type, then what is read:
// I64Load32S reads 32 bits and sign-extends them to an i64.
enum class Load : u8 {
  I32Load8S,
  I32Load8U,
  I32Load16S,
  I32Load16U,
  I32,
  I64Load8S,
  I64Load8U,
  I64Load16S,
  I64Load16U,
  I64Load32S,
  I64Load32U,
  I64,
  F32,
  F64,
  V128
};
enum class Store : u8 { I8, I16, I32, I64, F32, F64, V128 };

// Conversions between the four number types, named by the specification (section 4.3). The
// `Trunc` forms trap through the labels given; the `TruncSat` forms do not.
enum class Convert : u8 {
#define CONVERT(dst, name, src) name,
#include "jit/masm/convert.def"
};

// A place in the code. Forward references are chained in the Masm, newest first. Copyable before
// its first use; a label that is never bound leaves its references undefined.
struct Label {
  i32 position = -1;  // Offset once bound.
  i32 chain = -1;     // Last forward reference.
  bool bound() const { return position >= 0; }
  bool used() const { return bound() || chain >= 0; }
};

// A field to be filled in later (frame size, bounds limit).
struct Patch {
  u32 offset = 0;
};

// What a near call or jump reaches: a function's code, the code whose address an entry slot holds
// (for a function that may still be absent), or one of the engine's stubs (jit/stubs.def), of which
// every code range has a copy.
enum class Near : u8 { Function, Slot, Stub };

// Where a near call's target must be written when the code is placed.
struct CallReloc {
  u32 offset = 0;  // Of the machine's displacement field or instruction.
  u32 index = 0;   // Function index (Function, Slot) or stub number.
  Near kind{};
};

class Masm {
 public:
  virtual ~Masm() = default;
  virtual const Target& target() const = 0;

  // -- The code buffer ------------------------------------------------------------------------
  // Starts a new function; keeps the memory.
  virtual void reset() = 0;
  virtual u32 offset() const = 0;
  virtual std::span<const u8> code() const = 0;
  virtual bool ok() const = 0;
  // Conditional branches of AArch64 reach 1 MiB. A function that failed because one did not (see
  // branch_out_of_range) is compiled again after set_far_branches(true), which makes each longer
  // by an instruction and stays in force until it is taken back. No effect on x86-64.
  virtual void set_far_branches(bool far) = 0;
  virtual bool branch_out_of_range() const = 0;
  virtual void align(u32 bytes) = 0;  // With no-ops that cost little when executed.

  // -- Moves ----------------------------------------------------------------------------------
  virtual void move(Width, Reg dst, Reg src) = 0;  // Integer to integer.
  virtual void move_imm(Width, Reg dst, u64 value) = 0;
  virtual void move_vector(Reg dst, Reg src) = 0;  // All 128 bits.
  virtual void move_float_imm(FloatWidth, Reg dst, u64 bits) = 0;
  // A right operand of a float operation or comparison in this function.
  virtual Operand float_constant(FloatWidth, u64 bits) = 0;
  // Places the constants that the code refers to; at the function's end, once. Until then ok() is
  // false if there are any.
  virtual void emit_constants() = 0;
  virtual void move_vector_imm(Reg dst, V128 value) = 0;
  // A right operand of vector_binary in this function, if takes_memory() says so.
  virtual Operand vector_constant(V128 value) = 0;
  // Bits between an integer and a vector register, either way.
  virtual void bitcast(Width, Reg dst, Reg src) = 0;

  virtual void load(Load, Reg dst, Address) = 0;
  virtual void store(Store, Address, Reg src) = 0;
  virtual void store_imm(Store, Address, i32 value) = 0;  // I8 to I64, sign-extended.

  // -- Atomics --------------------------------------------------------------------------------
  // All are sequentially consistent. The address is a multiple of the access's size; what is read
  // arrives zero-extended to 64 bits. Loads and stores are those of integers, loads without sign.
  virtual void atomic_load(Load, Reg dst, Address) = 0;
  virtual void atomic_store(Store, Address, Reg src) = 0;
  // dst = what was there; there = that op src. For And, Or and Xor, where the target fixes
  // cmpxchg_expected, that is dst and neither src nor in the address.
  virtual void atomic_rmw(AtomicRmw, Store, Reg dst, Address, Reg src) = 0;
  // dst = what was there; there = replacement if that equals expected, compared in the access's
  // size. Where the target fixes cmpxchg_expected, that is expected and dst, and nothing else.
  virtual void atomic_cmpxchg(Store, Reg dst, Address, Reg expected, Reg replacement) = 0;
  virtual void fence() = 0;

  // -- Integers -------------------------------------------------------------------------------
  virtual void alu(Alu, Width, Reg dst, Reg lhs, Operand rhs) = 0;
  virtual void alu_memory(Alu, Width, Address dst, Operand rhs) = 0;  // rhs: register, immediate
  // dst = lhs + (rhs << shift) + disp, shift 0 to 3. lhs or rhs may be kNoReg.
  virtual void add_scaled(Width, Reg dst, Reg lhs, Reg rhs, u8 shift, i32 disp) = 0;
  virtual void multiply(Width, Reg dst, Reg lhs, Operand rhs) = 0;
  // Upper half of the double-width product. Obeys div_dividend and div_clobber: lhs and dst are
  // div_dividend where the target fixes it.
  virtual void high_multiply(Width, bool is_signed, Reg dst, Reg lhs, Reg rhs) = 0;
  // hi:lo = lhs * rhs, all 64 bits. lo and hi are two registers; where the target fixes them, lhs
  // and lo are div_dividend and hi is div_clobber, and rhs is neither.
  virtual void multiply_wide(bool is_signed, Reg lo, Reg hi, Reg lhs, Reg rhs) = 0;
  // hi:lo = hi:lo + (or -) rhs_hi:rhs_lo, each 64 bits. Of the right operands only rhs_lo may
  // use lo, and only rhs_hi may use hi.
  virtual void add_wide(bool subtract, Reg lo, Reg hi, Operand rhs_lo, Operand rhs_hi) = 0;
  // rhs is neither div_dividend nor div_clobber. Where the target fixes them, lhs is div_dividend
  // and the result is in div_dividend (quotient) or div_clobber (remainder); elsewhere in dst.
  // Returns the register that holds the result. `by_zero` and `overflow` are taken as traps;
  // null when the compiler knows that they cannot happen. RemS of MIN by -1 gives 0.
  virtual Reg divide(Divide, Width, Reg dst, Reg lhs, Reg rhs, Label* by_zero, Label* overflow) = 0;
  virtual void shift(Shift, Width, Reg dst, Reg lhs, Reg count) = 0;  // See shift_count.
  virtual void shift(Shift, Width, Reg dst, Reg lhs, u8 count) = 0;
  virtual void unary(Unary, Width, Reg dst, Reg src) = 0;

  // -- Floats ---------------------------------------------------------------------------------
  virtual void float_binary(FloatBinary, FloatWidth, Reg dst, Reg lhs, Operand rhs) = 0;
  virtual void float_unary(FloatUnary, FloatWidth, Reg dst, Reg src) = 0;
  // `invalid`: taken when the operand is a NaN; `overflow`: when out of range. Null for forms
  // that cannot trap.
  virtual void convert(Convert, Reg dst, Reg src, Label* invalid, Label* overflow) = 0;

  // Every NaN in dst becomes the positive canonical one: in the lowest lane, or in all.
  virtual void canonicalise_nan(FloatWidth, Reg dst) = 0;
  virtual void canonicalise_nans(FloatWidth, Reg dst) = 0;

  // -- Vectors --------------------------------------------------------------------------------
  virtual void vector_unary(VectorUnary, Reg dst, Reg src) = 0;
  // May rhs be memory or a constant?
  virtual bool takes_memory(VectorBinary) const = 0;
  virtual void vector_binary(VectorBinary, Reg dst, Reg lhs, Operand rhs) = 0;
  virtual void vector_ternary(VectorTernary, Reg dst, Reg a, Reg b, Reg c) = 0;
  // Shl, ShrS, ShrU of each lane; the count is taken modulo the lane's width.
  virtual void vector_shift(Shift, VectorShape, Reg dst, Reg src, Reg count) = 0;
  virtual void vector_shift(Shift, VectorShape, Reg dst, Reg src, u8 count) = 0;
  // Bytes of lhs (0 to 15) and rhs (16 to 31).
  virtual void shuffle(Reg dst, Reg lhs, Reg rhs, std::span<const u8, 16> lanes) = 0;
  virtual void splat(VectorShape, Reg dst, Reg src) = 0;
  virtual void extract_lane(VectorShape, bool is_signed, Reg dst, Reg src, u8 lane) = 0;
  virtual void replace_lane(VectorShape, Reg dst, Reg src, Reg value, u8 lane) = 0;
  virtual void bitmask(VectorShape, Reg dst, Reg src) = 0;
  virtual void load_vector(VectorLoad, Reg dst, Address) = 0;
  // Of the four integer shapes.
  virtual void load_lane(VectorShape, Reg dst, Reg src, Address, u8 lane) = 0;
  virtual void store_lane(VectorShape, Address, Reg src, u8 lane) = 0;

  // -- Comparisons ----------------------------------------------------------------------------
  virtual void set_if(const Compare&, Reg dst) = 0;  // 1 or 0
  // dst = compare ? if_true : if_false; integer or vector registers. Of vectors only the width is
  // selected: what lies above it in dst becomes undefined.
  virtual void select_if(const Compare&, Width, Reg dst, Reg if_true, Reg if_false) = 0;
  virtual void select_vector_if(const Compare&, Reg dst, Reg if_true, Reg if_false) = 0;  // v128
  virtual void branch_if(const Compare&, Label&) = 0;

  // -- Control --------------------------------------------------------------------------------
  virtual void bind(Label&) = 0;
  virtual void jump(Label&) = 0;
  // Jumps to targets[index]; index (32 bits, zero-extended) is below targets.size(), or the last
  // target is taken: `checked` says that the compiler knows the former. May change `index`.
  virtual void jump_table(Reg index, std::span<Label* const> targets, bool checked) = 0;
  // A near call or jump within the code range (Slot: through the slot, `call [slot]`); whoever
  // places the code fills it in with patch_call().
  virtual CallReloc call_near(Near kind, u32 index) = 0;
  virtual CallReloc jump_near(Near kind, u32 index) = 0;
  // call_near(Stub) where enter_frame has not run: keeps the function's own return address, which
  // a machine with a link register has only there (it is pushed around the call).
  virtual CallReloc call_stub_before_frame(u32 stub) = 0;
  virtual void call(Address) = 0;
  virtual void call(Reg) = 0;
  virtual void jump(Address) = 0;
  virtual void jump(Reg) = 0;
  // Returns and pops `bytes` of stack arguments (a multiple of 16).
  virtual void ret(u32 bytes) = 0;
  virtual void trap_instruction() = 0;  // Never reached; an illegal instruction.

  // -- Frames and checks ----------------------------------------------------------------------
  // sp -= a constant that is filled in later with patch_frame(). On machines with a link
  // register the return address is saved by enter_frame and restored by leave_frame; the frame
  // size given to patch_frame includes it.
  virtual Patch enter_frame() = 0;
  virtual Patch leave_frame() = 0;
  virtual void patch_frame(Patch, u32 frame_bytes) = 0;
  // dst = sp + the frame's size, filled in later with patch_frame: where the return address (if
  // the machine pushes one) and then the incoming stack arguments stand.
  virtual Patch frame_end(Reg dst) = 0;
  virtual void adjust_sp(i32 bytes) = 0;
  // Where a function finds its return address when it is entered, here in the state before
  // enter_frame or after leave_frame:
  // dst = that address.
  virtual void return_address(Reg dst) = 0;
  // sp += bytes, and the return address stays where it would be found.
  virtual void move_return_address(i32 bytes) = 0;
  // Branches to `cold` if sp minus the frame (filled in later through the Patch) is below
  // the context's stack limit; exact for any frame size, since stacks lie above 4 GiB. Comes
  // before enter_frame. A frame beyond 2 GiB (16 MiB on AArch64) makes ok() false.
  virtual Patch stack_check(Label& cold) = 0;
  // The same for a frame that is at most Target::leaf_share_bytes: compares sp itself.
  virtual void stack_check_small(Label& cold) = 0;
  virtual void patch_stack_check(Patch, u32 frame_bytes) = 0;
  // The alarm word of the context (lr::Alarm), under each way to interrupt code. Branches to `cold`
  // if its lowest byte is not 0,
  virtual void poll(Label& cold) = 0;
  // or if the u64 at `counter` is not below it.
  virtual void poll_epoch(const void* counter, Label& cold) = 0;
  // Loads from where it points, for the sake of the fault.
  virtual void poll_page() = 0;
  // Subtracts `units`, at most kFuelChargeMax; branches to `cold`, if there is one, when the word
  // is negative then.
  static constexpr u32 kFuelChargeMax = 0xffff;
  virtual void charge_fuel(u32 units, Label* cold) = 0;
  // Branches to `cold` with index + end in the scratch register unless that sum is at most
  // memory_extent; index is a register whose upper 32 bits are zero,
  // so nothing wraps. index may be kNoReg. `end` can be raised later with patch_bounds, which
  // is false, and changes nothing, if the form chosen for the first value cannot hold the new one.
  virtual Patch bounds_check(Reg index, u64 end, Label& cold) = 0;
  virtual bool patch_bounds(Patch, u64 end) = 0;
  // The same with any limit, a register or in memory. If `wrapped` is not null, all 64 bits of
  // index may be set, and it is branched to when index + end is 2^64 or more.
  virtual Patch bounds_check_any(Reg index, u64 end, Operand limit, Label& cold,
                                 Label* wrapped) = 0;

  // -- After placement ------------------------------------------------------------------------
  // Writes the displacement of the call or jump whose field is at `at` (in writable memory) to
  // `target` (for Slot: the slot's address); `from` is the address that the field will have when
  // it runs. False if out of reach.
  virtual bool patch_call(Near kind, u8* at, const u8* from, const u8* target) const = 0;

  // The code as text, one instruction a line, addresses counted from the function's start.
  virtual std::string listing() const = 0;
};

std::unique_ptr<Masm> make_masm_x64(const CpuFeatures&);
std::unique_ptr<Masm> make_masm_a64(const CpuFeatures&);
// The Masm of the machine that this program runs on.
std::unique_ptr<Masm> make_host_masm(const CpuFeatures&);

// One instruction a line, as the golden files show it. `base` is the address of the first byte.
std::string disassemble_x64(std::span<const u8> code, u64 base);
std::string disassemble_a64(std::span<const u8> code, u64 base);

}  // namespace lr::jit
