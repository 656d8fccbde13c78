// ModuleBuilder: modules in the binary format that are too large, or too wrong, to be written down.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "frontend/opcode.h"
#include "spec-tests/fuzz/binary_writer.h"

namespace lr::limits {

using fuzz::BinaryWriter;

// How a value type is written.
enum class ValueCode : u8 { I32 = 0x7f, I64 = 0x7e, F32 = 0x7d, F64 = 0x7c, V128 = 0x7b };

// Numbers of the sections that are built from a count and entries.
enum class SectionId : u8 {
  Type = 1,
  Import = 2,
  Function = 3,
  Table = 4,
  Memory = 5,
  Global = 6,
  Export = 7,
  Element = 9,
  Code = 10,
  Data = 11,
};

class ModuleBuilder {
 public:
  ModuleBuilder() { module_.append(std::vector<u8>{0, 'a', 's', 'm', 1, 0, 0, 0}); }

  // The index of a new function type.
  u32 add_type(std::span<const ValueCode> params, std::span<const ValueCode> results) {
    types_.byte(0x60);
    for (const auto list : {params, results}) {
      types_.uleb(list.size());
      for (const ValueCode code : list) types_.byte(static_cast<u32>(code));
    }
    return types_count_++;
  }
  // The index of a new function. `body`: its locals, its instructions and `end`.
  u32 add_function(u32 type, const BinaryWriter& body) {
    functions_.uleb(type);
    bodies_.sized(body.bytes);
    return functions_count_++;
  }
  void add_export(std::string_view name, u32 function) {
    exports_.name(name);
    exports_.byte(0);
    exports_.uleb(function);
    exports_count_++;
  }
  // One function table, filled with these functions, which others see.
  void add_table(std::span<const u32> functions) {
    BinaryWriter table;
    table.byte(0x70);
    table.byte(0);
    table.uleb(functions.size());
    table_ = table;
    exports_.name("table");
    exports_.byte(1);
    exports_.byte(0);
    exports_count_++;
    elements_.byte(0);
    elements_.byte(0x41);
    elements_.byte(0);
    elements_.byte(0x0b);
    elements_.uleb(functions.size());
    for (const u32 function : functions) elements_.uleb(function);
  }

  std::vector<u8> finish() {
    section(SectionId::Type, types_count_, types_);
    section(SectionId::Function, functions_count_, functions_);
    if (!table_.bytes.empty()) section(SectionId::Table, 1, table_);
    section(SectionId::Export, exports_count_, exports_);
    if (!table_.bytes.empty()) section(SectionId::Element, 1, elements_);
    section(SectionId::Code, functions_count_, bodies_);
    return std::move(module_.bytes);
  }

  // One section as it is asked for, whether its entries are there or not.
  void section(SectionId id, u64 count, const BinaryWriter& entries) {
    BinaryWriter content;
    content.uleb(count);
    content.append(entries.bytes);
    module_.byte(static_cast<u32>(id));
    module_.sized(content.bytes);
  }
  std::vector<u8> take() { return std::move(module_.bytes); }

 private:
  BinaryWriter module_, types_, functions_, exports_, bodies_, table_, elements_;
  u32 types_count_ = 0, functions_count_ = 0, exports_count_ = 0;
};

}  // namespace lr::limits
