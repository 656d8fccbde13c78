// A decoded and checked module (specification section 2.5 "Modules"): what the bytes say, with
// every type canonical and every index known to be in range. It owns its bytes; spans and
// string_views point into them. Immutable once validated, shared by all instances.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "frontend/features.h"
#include "frontend/type_registry.h"
#include "frontend/types.h"

namespace lr {

enum class ExternKind : u8 { Func = 0, Table = 1, Memory = 2, Global = 3, Tag = 4 };

struct Limits {
  u64 min = 0;
  std::optional<u64> max;
  bool is_64 = false;  // Addresses are i64.
  bool is_shared = false;
};

struct MemoryType {
  Limits limits;           // In pages.
  u8 page_size_log2 = 16;  // 0 or 16.
};

struct TableType {
  ValType element;
  Limits limits;
};

struct GlobalType {
  ValType type;
  bool is_mutable = false;
};

// A constant expression: its bytes, `end` included, validated. A reader evaluates it.
struct ConstExpr {
  u32 offset = 0;
  u32 size = 0;
};

struct Import {
  std::string_view module;
  std::string_view name;
  ExternKind kind{};
  u32 index = 0;       // In the index space of its kind.
  bool exact = false;  // exact function import (custom descriptors)
};

struct Export {
  std::string_view name;
  ExternKind kind{};
  u32 index = 0;
};

struct Function {
  TypeId type = 0;
  bool exact = false;   // Custom descriptors: an import of exactly this type.
  u32 body_offset = 0;  // Of the locals vector (after the size); 0 for an import.
  u32 body_size = 0;    // Bytes from body_offset to the end of the body.
  const DefinedType* signature = nullptr;  // defined_type(type)
};

struct Table {
  TableType type;
  std::optional<ConstExpr> init;  // Absent: ref.null.
  // Neither exported nor imported, and functions only call through it: its content never changes
  // after instantiation and nobody sees an element, so it may be built once per module.
  bool is_private = false;
};

struct Global {
  GlobalType type;
  ConstExpr init;  // Meaningless for an import.
};

enum class SegmentMode : u8 { Passive, Active, Declarative };

struct ElementSegment {
  SegmentMode mode{};
  u32 table = 0;
  ConstExpr offset;
  ValType type;
  // Function indices, or (when uses_exprs) constant expressions.
  bool uses_exprs = false;
  std::vector<u32> funcs;
  std::vector<ConstExpr> exprs;
  u32 size() const { return static_cast<u32>(uses_exprs ? exprs.size() : funcs.size()); }
};

struct DataSegment {
  SegmentMode mode{};
  u32 memory = 0;
  ConstExpr offset;
  std::span<const u8> bytes;
};

struct CustomSection {
  std::string_view name;
  u32 offset = 0;  // Of the payload after the name.
  std::span<const u8> bytes;
};

// Views into the module's bytes.
struct NameTable {
  std::string_view module;
  std::vector<std::string_view> functions;
};

struct Module {
  std::vector<u8> bytes;
  FeatureSet features;  // What it was validated with.

  std::vector<TypeId> types;  // Module type index to canonical type.
  std::vector<Import> imports;
  std::vector<Export> exports;
  // Index spaces, imports first.
  std::vector<Function> functions;
  std::vector<Table> tables;
  std::vector<MemoryType> memories;
  std::vector<Global> globals;
  std::vector<TypeId> tags;
  u32 imported_functions = 0;
  u32 imported_tables = 0;
  u32 imported_memories = 0;
  u32 imported_globals = 0;
  u32 imported_tags = 0;
  std::optional<u32> start;
  std::vector<ElementSegment> elements;
  std::vector<DataSegment> data;
  std::optional<u32> data_count;
  std::vector<CustomSection> customs;
  std::vector<bool> declared_functions;  // May be the operand of ref.func in a body.
  u32 code_offset = 0;                   // Of the code section's payload.
  u32 code_size = 0;
  TypeRefs type_refs;  // Keeps `types` alive.

  // From the name section; empty if there is none. Decoded on demand.
  std::string_view module_name() const;
  // The name section's name, else an export's name, else empty.
  std::string_view function_name(u32 index) const;
  const Export* find_export(std::string_view name) const;
  const NameTable& names() const;

 private:
  mutable std::once_flag names_once_;
  mutable NameTable names_;
};

}  // namespace lr
