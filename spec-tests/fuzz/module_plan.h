// ModulePlan: what a generated module consists of, decided before the first body is written, so
// that bodies can refer to all of it. encode() writes the module around the bodies.
//
// Every plan obeys these rules, on which whoever runs the module relies:
//  - Global 0 is an exported mutable i32, "fuel". Every call of a function that is not a leaf and
//    every backward branch that is not counted takes one; a module that has none left ends soon.
//  - Functions exported as "f0", "f1", ... have numbers as parameters and results.
//  - Imports are host functions of the module "host", named by kHostImports.
//  - Memories and tables declare small maxima.
#pragma once

#include <string_view>
#include <vector>

#include "base/types.h"
#include "frontend/features.h"
#include "frontend/types.h"
#include "spec-tests/fuzz/binary_writer.h"
#include "spec-tests/fuzz/choices.h"

namespace lr::fuzz {

// Heap types as the binary format numbers them: type indices, and these.
inline constexpr i32 kHeapNoExn = -12;
inline constexpr i32 kHeapNoFunc = -13;
inline constexpr i32 kHeapNoExtern = -14;
inline constexpr i32 kHeapNone = -15;
inline constexpr i32 kHeapFunc = -16;
inline constexpr i32 kHeapExtern = -17;
inline constexpr i32 kHeapAny = -18;
inline constexpr i32 kHeapEq = -19;
inline constexpr i32 kHeapI31 = -20;
inline constexpr i32 kHeapStruct = -21;
inline constexpr i32 kHeapArray = -22;
inline constexpr i32 kHeapExn = -23;

// A value or storage type of the module that is being made.
struct Type {
  Kind kind = Kind::I32;
  bool nullable = true;   // Ref
  i32 heap = 0;           // Ref: a type index or one of the above.
  bool is_exact = false;  // Ref to a type index: to no subtype of it.

  bool operator==(const Type&) const = default;
  bool is_ref() const { return kind == Kind::Ref; }
  bool is_number() const { return kind < Kind::V128; }
};
constexpr Type number(Kind kind) { return {kind}; }
constexpr Type reference(i32 heap, bool nullable = true) { return {Kind::Ref, nullable, heap}; }

struct FieldPlan {
  Type type;
  bool is_mutable = true;
};

struct TypePlan {
  Composite composite = Composite::Func;
  bool is_final = true;
  i32 supertype = -1;
  i32 descriptor = -1;  // The type that describes this one, behind it in the same group,
  i32 describes = -1;   // and the reverse.
  u32 group = 0;        // Types of one recursion group have the same number.
  std::vector<Type> params;
  std::vector<Type> results;
  std::vector<FieldPlan> fields;
};

struct FunctionPlan {
  u32 type = 0;
  bool is_leaf = false;  // Straight-line code without calls: needs no fuel.
  i32 exported = -1;     // N of "fN".
};

struct GlobalPlan {
  Type type;
  bool is_mutable = true;
  u64 bits = 0;  // Numbers; references are null.
};

struct MemoryPlan {
  u32 pages = 1;
  u32 pages_max = 1;
  u32 page_log2 = 16;
  bool is_64 = false;
  bool is_shared = false;

  u64 bytes() const { return u64{pages} << page_log2; }
};

struct TablePlan {
  Type element;
  u32 size = 0;
  u32 size_max = 0;
  bool is_64 = false;
};

struct SegmentPlan {
  bool is_active = false;
  u32 into = 0;  // The memory or table.
  u32 offset = 0;
  Type element;             // Of an element segment.
  std::vector<u8> bytes;    // Data.
  std::vector<i32> values;  // Functions, -1 for null; or i31 numbers.
};

struct TagPlan {
  u32 type = 0;
  u32 block = 0;           // The type of a block that leaves its payload,
  u32 block_with_ref = 0;  // and behind it the exception itself.
};

struct ModulePlan {
  FeatureSet features;
  std::vector<TypePlan> types;
  std::vector<u32> imports;             // Types of imported functions.
  std::vector<FunctionPlan> functions;  // All, imports first.
  std::vector<TablePlan> tables;
  std::vector<MemoryPlan> memories;
  std::vector<GlobalPlan> globals;
  std::vector<TagPlan> tags;
  bool has_legacy_exceptions = false;  // Instead of the others.
  bool has_relaxed = false;            // Vector instructions with one answer only in one profile.
  std::vector<SegmentPlan> data;
  std::vector<SegmentPlan> elements;

  // What table 0 holds at first: functions, -1 for null.
  std::vector<i32> call_table;

  bool has(Feature feature) const { return features.has(feature); }
  // `sub` may stand where `super` is wanted.
  bool is_subtype(const Type& sub, const Type& super) const;
  bool is_heap_subtype(i32 sub, i32 super) const;
};

// The host's functions, in the order in which a module imports them if it has any.
struct HostImport {
  const char* name;
  std::vector<Type> params;
  std::vector<Type> results;
};
const std::vector<HostImport>& host_imports();

ModulePlan make_plan(Choices& choices, const FeatureSet& features);

void write_type(BinaryWriter& out, const Type& type);
void write_heap(BinaryWriter& out, i32 heap);

// `bodies` are those of the functions that are not imported, without their sizes.
std::vector<u8> encode(const ModulePlan& plan, const std::vector<std::vector<u8>>& bodies);

}  // namespace lr::fuzz
