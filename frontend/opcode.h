// Instructions as the whole project sees them: one `Op` for each row of opcodes.def, the row's
// facts at compile time, and the way from code bytes to the row.
#pragma once

#include <array>
#include <string_view>

#include "base/types.h"
#include "frontend/features.h"
#include "frontend/types.h"

namespace lr {

enum class Op : u16 {
#define OP(code, name, ...) name,
#include "frontend/opcodes.def"
};

// What follows the opcode in the bytes, in this order. Indices are LEB128 u32.
enum class Immediate : u8 {
  None,
  BlockType,  // s33: a type index, a value type, or 0x40 for nothing.
  Label,      // Depth of a label.
  BrTable,    // Count, labels, default label.
  TryTable,   // Block type, count, catch clauses (kind; tag unless catch_all; label).
  FuncIndex,
  TypeIndex,
  CallIndirect,  // Type, table.
  TagIndex,
  LocalIndex,
  GlobalIndex,
  TableIndex,
  MemoryIndex,
  DataIndex,
  ElemIndex,
  MemArg,        // Flags (alignment; bit 6: a memory index follows), memory, u64 offset.
  MemArgAtomic,  // The same; the alignment must be the natural one.
  MemArgLane,    // The same, then a lane of 16 / access bytes.
  MemoryCopy,    // Destination memory, source memory.
  MemoryInit,    // Data segment, memory.
  TableCopy,     // Destination table, source table.
  TableInit,     // Element segment, table.
  I32Const,      // s32.
  I64Const,      // s64.
  F32Const,      // 4 bytes.
  F64Const,      // 8 bytes.
  V128Const,     // 16 bytes.
  Shuffle,       // 16 lanes, each below 32.
  Lane2,         // One byte, below 2; and so on.
  Lane4,
  Lane8,
  Lane16,
  SelectTypes,  // Count (1), value types.
  HeapType,     // s33: a type index or an abstract heap type; 0x62 before it for exact.
  Field,        // Structure type, field.
  ArrayFixed,   // Array type, count.
  ArrayData,    // Array type, data segment.
  ArrayElem,    // Array type, element segment.
  ArrayCopy,    // Destination array type, source array type.
  BrOnCast,     // Flags (bit 0: source nullable, bit 1: target nullable), label, two heap types.
  AtomicFence,  // A zero byte.
};

// The type of an instruction whose typing needs no context, from letters: "ii_i" is
// [i32 i32] -> [i32].
//   i l f d v  i32 i64 f32 f64 v128
//   m          the address type of the memory that the immediate names
//   e a t T    eqref, arrayref, i31ref, (ref i31)
// `special` instructions have their own code in the validator.
struct Signature {
  static constexpr u32 kMaxParams = 4;
  static constexpr u32 kMaxResults = 2;

  bool is_special = false;
  u8 params_count = 0;
  u8 results_count = 0;
  char params[kMaxParams] = {};  // Letters, the first parameter first.
  char results[kMaxResults] = {};
};

namespace internal {

// Not constexpr: where the compiler reaches a call of it, the build ends.
void opcodes_def_is_wrong(const char* why);

constexpr bool is_signature_letter(char c) {
  return std::string_view("ilfdvmeatT").find(c) != std::string_view::npos;
}

consteval Signature parse_signature(std::string_view text) {
  Signature signature;
  if (text == "special") {
    signature.is_special = true;
    return signature;
  }
  usize i = 0;
  for (; text[i] != '_'; i++) {
    if (!is_signature_letter(text[i])) opcodes_def_is_wrong("letter of a signature");
    signature.params[signature.params_count++] = text[i];
  }
  for (i++; i < text.size(); i++) {
    if (!is_signature_letter(text[i])) opcodes_def_is_wrong("letter of a signature");
    signature.results[signature.results_count++] = text[i];
  }
  return signature;
}

}  // namespace internal

// The type of a signature letter; `address` is what `m` stands for.
constexpr ValType type_of_letter(char letter, ValType address = kI32) {
  switch (letter) {
    case 'i':
      return kI32;
    case 'l':
      return kI64;
    case 'f':
      return kF32;
    case 'd':
      return kF64;
    case 'v':
      return kV128;
    case 'm':
      return address;
    case 'e':
      return ref_to(Heap::Eq, true);
    case 'a':
      return ref_to(Heap::Array, true);
    case 't':
      return ref_to(Heap::I31, true);
    case 'T':
      return ref_to(Heap::I31, false);
    default:
      return kBottom;
  }
}

struct OpInfo {
  u32 code = 0;  // The byte, or (prefix << 12) | number.
  std::string_view text;
  Immediate immediate{};
  u8 access_bytes = 0;  // Of a load, store or atomic access, else 0.
  Signature signature;
  Feature feature{};
};

inline constexpr OpInfo kOpInfo[] = {
#define OP(code, name, text, imm, sig, feature) \
  {code, text, Immediate::imm, 0, internal::parse_signature(#sig), Feature::feature},
#define MEM(code, name, text, imm, bytes, sig, feature) \
  {code, text, Immediate::imm, bytes, internal::parse_signature(#sig), Feature::feature},
#include "frontend/opcodes.def"
};
inline constexpr u32 kOpCount = std::size(kOpInfo);

constexpr const OpInfo& info(Op op) { return kOpInfo[static_cast<u32>(op)]; }

// Not an instruction.
inline constexpr Op kNoOp{0xffff};

// The bytes 0xfb to 0xfe open a longer opcode; its number is an LEB128 u32.
constexpr bool is_prefix(u8 byte) { return byte >= 0xfb && byte <= 0xfe; }

namespace internal {

inline constexpr u32 kPrefixedMax = 0x120;  // Numbers behind a prefix are below.

struct OpTables {
  std::array<Op, 256> plain;
  std::array<std::array<Op, kPrefixedMax>, 4> prefixed;
};

consteval OpTables make_op_tables() {
  OpTables tables;
  tables.plain.fill(kNoOp);
  for (auto& table : tables.prefixed) table.fill(kNoOp);
  for (u32 i = 0; i < kOpCount; i++) {
    u32 code = kOpInfo[i].code;
    Op& slot = code < 256 ? tables.plain[code] : tables.prefixed[(code >> 12) - 0xfb][code & 0xfff];
    if (slot != kNoOp) opcodes_def_is_wrong("two rows with one code");
    slot = static_cast<Op>(i);
  }
  return tables;
}

inline constexpr OpTables kOpTables = make_op_tables();

}  // namespace internal

// The instructions that begin a block, ...
constexpr bool opens_block(Op op) {
  return op == Op::Block || op == Op::Loop || op == Op::If || op == Op::Try || op == Op::TryTable;
}
// ... stand between its parts, ...
constexpr bool divides_block(Op op) {
  return op == Op::Else || op == Op::Catch || op == Op::CatchAll;
}
// ... and end it.
constexpr bool closes_block(Op op) { return op == Op::End || op == Op::Delegate; }

// The instruction of a byte that is no prefix, or kNoOp.
constexpr Op op_of_byte(u8 byte) { return internal::kOpTables.plain[byte]; }

// The instruction of a prefix and the number behind it, or kNoOp.
constexpr Op op_of_prefixed(u8 prefix, u32 number) {
  if (number >= internal::kPrefixedMax) return kNoOp;
  return internal::kOpTables.prefixed[prefix - 0xfb][number];
}

static_assert(op_of_byte(0x6a) == Op::I32Add);
static_assert(op_of_prefixed(0xfd, 0x113) == Op::I32x4RelaxedDotAddS);

}  // namespace lr
