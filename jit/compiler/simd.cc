// Vectors. Constants are kept aside, since a Value has room for 64 bits only; what is alike goes
// through one function for each number of operands, with the operation as an argument for Masm.
#include <optional>

#include "jit/compiler/compiler.h"

namespace lr::jit {

namespace {

constexpr u8 kPrefix = 0xfd;

enum class Nan : u8 { None, F32, F64 };

constexpr Nan kUnaryNans[] = {
#define VECTOR_UNARY(name, nan) Nan::nan,
#include "jit/masm/vector.def"
};
constexpr Nan kBinaryNans[] = {
#define VECTOR_BINARY(name, order, nan) Nan::nan,
#include "jit/masm/vector.def"
};
constexpr Nan kTernaryNans[] = {
#define VECTOR_TERNARY(name, nan) Nan::nan,
#include "jit/masm/vector.def"
};

// By an instruction's number behind the prefix; relaxed ones are beyond the table.
struct BinaryTable {
  static constexpr u8 kOther = 0xff;
  u8 of[0x100];
};
constexpr BinaryTable kBinaries = [] {
  BinaryTable table;
  for (u8& entry : table.of) entry = BinaryTable::kOther;
  const auto enter = [&](Op op, VectorBinary binary) {
    const u32 number = info(op).code & 0xfff;
    if (number < std::size(table.of)) table.of[number] = static_cast<u8>(binary);
  };
#define VECTOR_BINARY(name, order, nan) enter(Op::name, VectorBinary::name);
#define STRICT_BINARY(name, order, nan)
#include "jit/masm/vector.def"
  return table;
}();

// The two-operand instruction on vectors that comes next; passed over if there is one.
std::optional<VectorBinary> binary_ahead(BodyReader& reader) {
  if (reader.byte() != kPrefix) return std::nullopt;
  const u32 number = reader.u32_leb();
  if (number >= std::size(kBinaries.of) || kBinaries.of[number] == BinaryTable::kOther) {
    return std::nullopt;
  }
  return static_cast<VectorBinary>(kBinaries.of[number]);
}

Kind kind_of_lane(VectorShape shape) {
  constexpr Kind kKinds[] = {Kind::I32, Kind::I32, Kind::I32, Kind::I64, Kind::F32, Kind::F64};
  return kKinds[static_cast<u8>(shape)];
}
u32 bytes_of_lane(VectorShape shape) {
  constexpr u8 kBytes[] = {1, 2, 4, 8, 4, 8};
  return kBytes[static_cast<u8>(shape)];
}

V128 splat_of(VectorShape shape, u64 bits) {
  const u32 width = bytes_of_lane(shape) * 8;
  if (width < 64) bits &= (u64{1} << width) - 1;
  for (u32 i = width; i < 64; i *= 2) bits |= bits << i;
  return {bits, bits};
}

RegSet regs_of(const Operand& operand) {
  RegSet regs;
  const auto add = [&](Reg reg) {
    if (reg.valid()) regs.add(reg);
  };
  if (operand.kind == Operand::Kind::Register) add(operand.reg);
  if (operand.kind == Operand::Kind::Memory) {
    add(operand.address.base);
    add(operand.address.index);
  }
  return regs;
}

void make_deterministic(Masm& masm, Nan nan, Reg dst) {
  if (nan != Nan::None) {
    masm.canonicalise_nans(nan == Nan::F64 ? FloatWidth::F64 : FloatWidth::F32, dst);
  }
}

}  // namespace

// -- Constants and operands -----------------------------------------------------------------------

void Compiler::push_vector(V128 value) {
  push_const(Kind::V128, vectors_.size());
  vectors_.push_back(value);
}

void Compiler::vector_const() {
  const u64 low = reader_.fixed<u64>();
  push_vector({low, reader_.fixed<u64>()});
}

Operand Compiler::pop_vector_operand() {
  const Value value = pop();
  if (value.where == Value::Where::Local && !homes_.of(value.local).valid()) {
    return slot_of_local(value.local);
  }
  if (value.where == Value::Where::Slot) return slot_of_stack(value.slot, Kind::V128);
  const bool pooled = value.where == Value::Where::Const && vectors_[value.bits] != V128{};
  if (pooled) return masm_.vector_constant(vectors_[value.bits]);
  return to_reg(value);
}

// -- Arithmetic -----------------------------------------------------------------------------------

void Compiler::vector_unary(VectorUnary op) {
  const Reg src = pop_reg();
  const Reg dst = result(Kind::V128, src);
  masm_.vector_unary(op, dst, src);
  if (options_.deterministic) make_deterministic(masm_, kUnaryNans[static_cast<u8>(op)], dst);
  push_result(Kind::V128, dst);
}

void Compiler::vector_binary(VectorBinary op) {
  if (op == VectorBinary::V128Andnot && top().where == Value::Where::Const) {
    const V128 value = vectors_[pop().bits];
    push_vector({~value.low, ~value.high});
    op = VectorBinary::V128And;
  }
  if (commutes(op) && top(1).where == Value::Where::Const) swap_top();
  vector_binary(op, masm_.takes_memory(op) ? pop_vector_operand() : Operand(pop_reg()));
}

void Compiler::vector_binary(VectorBinary op, const Operand& rhs) {
  const Reg lhs = pop_reg();
  const bool reuse_rhs = commutes(op) && !temporaries_.has(lhs) &&
                         rhs.kind == Operand::Kind::Register && temporaries_.has(rhs.reg);
  const Reg dst = reuse_rhs ? result(Kind::V128, rhs.reg, RegSet::of(lhs))
                            : result(Kind::V128, lhs, regs_of(rhs));
  masm_.vector_binary(op, dst, lhs, rhs);
  if (options_.deterministic) make_deterministic(masm_, kBinaryNans[static_cast<u8>(op)], dst);
  push_result(Kind::V128, dst);
}

void Compiler::vector_ternary(VectorTernary op) {
  const Reg c = pop_reg();
  const Reg b = pop_reg();
  const Reg a = pop_reg();
  // A sum of products may well be where the sum was.
  const Reg prefer = temporaries_.has(c) ? c : temporaries_.has(b) ? b : a;
  RegSet others = RegSet::of(a, b, c);
  others.remove(prefer);
  const Reg dst = result(Kind::V128, prefer, others);
  masm_.vector_ternary(op, dst, a, b, c);
  if (options_.deterministic) make_deterministic(masm_, kTernaryNans[static_cast<u8>(op)], dst);
  push_result(Kind::V128, dst);
}

void Compiler::relaxed_dot_add() {
  const Reg c = pop_reg();
  const Reg b = pop_reg();
  const Reg a = pop_reg();
  const Reg products = temporaries_.has(a) ? a : allocate(Kind::V128);
  masm_.vector_binary(relaxed(VectorBinary::I16x8RelaxedDotS, VectorBinary::I16x8DotS), products, a,
                      b);
  release(b);
  masm_.vector_unary(VectorUnary::I32x4ExtaddPairwiseI16x8S, products, products);
  const Reg dst = result(Kind::V128, products, RegSet::of(c));
  masm_.vector_binary(VectorBinary::I32x4Add, dst, products, c);
  push_result(Kind::V128, dst);
}

void Compiler::vector_shift(Shift op, VectorShape shape) {
  if (top().where == Value::Where::Const) {
    const u8 count = static_cast<u8>(pop().bits);
    const Reg src = pop_reg();
    const Reg dst = result(Kind::V128, src);
    masm_.vector_shift(op, shape, dst, src, count);
    return push_result(Kind::V128, dst);
  }
  const Reg count = pop_reg();
  const Reg src = pop_reg();
  const Reg dst = result(Kind::V128, src, RegSet::of(count));
  masm_.vector_shift(op, shape, dst, src, count);
  push_result(Kind::V128, dst);
}

void Compiler::vector_test(Compare::Kind kind, VectorShape shape) {
  Compare compare;
  compare.kind = kind;
  compare.cond = Cond::Ne;
  compare.shape = shape;
  compare.lhs = pop_reg();
  push_compare(compare);
}

// -- Lanes ----------------------------------------------------------------------------------------

void Compiler::shuffle() {
  const std::span<const u8, 16> lanes(reader_.at(), 16);
  reader_.skip(16);
  const Reg rhs = pop_reg();
  const Reg lhs = pop_reg();
  const Reg dst = result(Kind::V128, lhs, RegSet::of(rhs));
  masm_.shuffle(dst, lhs, rhs, lanes);
  push_result(Kind::V128, dst);
}

void Compiler::splat(VectorShape shape) {
  if (top().where == Value::Where::Const) return push_vector(splat_of(shape, pop().bits));
  const Reg src = pop_reg();
  const Reg dst = result(Kind::V128, src);
  masm_.splat(shape, dst, src);
  push_result(Kind::V128, dst);
}

void Compiler::extract_lane(VectorShape shape, bool is_signed) {
  const u8 lane = reader_.byte();
  const Kind kind = kind_of_lane(shape);
  const Reg src = pop_reg();
  const Reg dst = result(kind, src);
  masm_.extract_lane(shape, is_signed, dst, src, lane);
  push_result(kind, dst);
}

void Compiler::replace_lane(VectorShape shape) {
  const u8 lane = reader_.byte();
  const Reg value = pop_reg();
  const Reg src = pop_reg();
  const Reg dst = result(Kind::V128, src, RegSet::of(value));
  masm_.replace_lane(shape, dst, src, value, lane);
  push_result(Kind::V128, dst);
}

void Compiler::bitmask(VectorShape shape) {
  const Reg src = pop_reg();
  const Reg dst = result(Kind::I32, src);
  masm_.bitmask(shape, dst, src);
  push_result(Kind::I32, dst);
}

// -- Memory ---------------------------------------------------------------------------------------

// What is loaded becomes the right operand of an operation that follows at once, or behind the
// local that is its other operand.
bool Compiler::vector_load_operate_ahead(const Address& address) {
  if (options_.spill_all) return false;
  BodyReader ahead = reader_;
  u32 local = kNone;
  if (!is_inlining_ && ahead.peek() == info(Op::LocalGet).code) {
    ahead.byte();
    local = ahead.u32_leb();
    if (local_types_[local] != Kind::V128 || !in_register(local)) return false;
  }
  const std::optional<VectorBinary> op = binary_ahead(ahead);
  if (!op || !masm_.takes_memory(*op)) return false;
  if (local == kNone) {
    if (top().where == Value::Where::Const) return false;
  } else {
    if (!commutes(*op)) return false;
    push_local(local, Kind::V128);
  }
  reader_ = ahead;
  vector_binary(*op, address);
  return true;
}

void Compiler::vector_load() {
  const MemArg arg = read_mem_arg();
  const Address address = pop_address(arg, 16);
  if (vector_load_operate_ahead(address)) return;
  const Reg dst = result(Kind::V128, kNoReg, regs_of(address));
  masm_.load(Load::V128, dst, address);
  push_result(Kind::V128, dst);
}

void Compiler::vector_load(VectorLoad load, u32 bytes) {
  const MemArg arg = read_mem_arg();
  const Address address = pop_address(arg, bytes);
  const Reg dst = result(Kind::V128, kNoReg, regs_of(address));
  masm_.load_vector(load, dst, address);
  push_result(Kind::V128, dst);
}

void Compiler::load_lane(VectorShape shape) {
  const MemArg arg = read_mem_arg();
  const u8 lane = reader_.byte();
  const Reg src = pop_reg();
  const Address address = pop_address(arg, bytes_of_lane(shape));
  const Reg dst = result(Kind::V128, src, regs_of(address));
  masm_.load_lane(shape, dst, src, address, lane);
  push_result(Kind::V128, dst);
}

void Compiler::store_lane(VectorShape shape) {
  const MemArg arg = read_mem_arg();
  const u8 lane = reader_.byte();
  const Reg src = pop_reg();
  const Address address = pop_address(arg, bytes_of_lane(shape));
  effects_++;
  masm_.store_lane(shape, address, src, lane);
  release(address);
  release(src);
}

}  // namespace lr::jit
