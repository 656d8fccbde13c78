// The sections of a module under construction, and their order in the binary.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/wat_code.h"
#include "frontend/wat_context.h"
#include "frontend/wat_writer.h"

namespace lr {

// In the order of the binary, which is not that of the ids.
enum class SectionKind : u8 {
  First,  // The place in front of all sections.
  Type,
  Import,
  Func,
  Table,
  Memory,
  Tag,
  Global,
  Export,
  Start,
  Elem,
  DataCount,
  Code,
  Data,
  Last,  // The place behind all sections.
};
inline constexpr usize kSectionCount = static_cast<usize>(SectionKind::Last) + 1;

struct Section {
  WatWriter bytes;
  u32 count = 0;

  // For the next entry.
  WatWriter& entry() {
    count++;
    return bytes;
  }
};

// A custom section from an annotation.
struct PlacedCustom {
  SectionKind place{};
  bool is_after = false;
  WatWriter bytes;  // Name and content.
};

// Names of what a function contains.
struct FunctionNames {
  u32 function = 0;
  std::vector<std::string> locals;
  std::vector<LabelName> labels;
};

struct FunctionHints {
  u32 function = 0;
  std::vector<BranchHint> hints;
};

struct WatSections {
  Section& operator[](SectionKind kind) { return sections[static_cast<usize>(kind)]; }

  std::array<Section, kSectionCount> sections;
  std::vector<PlacedCustom> customs;
  std::vector<FunctionHints> hints;
  std::vector<FunctionNames> function_names;
  std::string module_name;

  // The binary module. Identifiers of the module's fields are those of `context`.
  std::vector<u8> assemble(const WatContext& context, bool names);
};

// Reads the (@custom ...) annotations in front of the cursor.
void parse_custom_annotations(WatContext& context, std::vector<PlacedCustom>& customs);

}  // namespace lr
