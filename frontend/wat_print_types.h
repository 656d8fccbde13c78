// What the printer knows of the module, and types from bytes to text.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "frontend/features.h"
#include "frontend/reader.h"
#include "frontend/types.h"
#include "frontend/wat_ids.h"

namespace lr {

// What the printer knows of a type of the module.
struct PrintedType {
  bool is_func = false;
  u32 fields = 0;               // Of a structure.
  std::vector<ValType> params;  // Raw.
  std::vector<ValType> results;
};

struct PrintedModule {
  std::span<const u8> bytes;
  FeatureSet features;
  std::vector<PrintedType> types;
  NameSection names;
  std::array<u32, kSpaceCount> defined{};  // Indices that were printed, by space.

  // What stands behind the word that defines the next index of the space: its name and the index.
  std::string define(Space space);

  // A raw type.
  std::string text_of(ValType type) const;
  // A raw heap type, as behind ref.null.
  std::string text_of_heap(ValType type) const;
  // " (param t*)" and " (result t*)" of a function type. `locals` may be null.
  std::string signature(const PrintedType& type, const IdTable* locals) const;
  // " (type x)" and, if it is a function type, its signature.
  std::string type_use(u32 type, const IdTable* locals) const;
};

// Each reads what it is named after.
void print_type_section(PrintedModule& module, Reader& reader, std::string& out);
std::string read_field_type_text(const PrintedModule& module, Reader& reader);
std::string read_global_type_text(const PrintedModule& module, Reader& reader);
// A space before each part: " i64 1 2 shared".
std::string read_limits_text(Reader& reader, bool is_memory);

}  // namespace lr
