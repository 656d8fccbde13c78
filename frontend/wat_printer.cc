#include "frontend/wat_printer.h"

#include <fmt/format.h>

#include <iterator>
#include <optional>
#include <unordered_map>
#include <vector>

#include "frontend/module.h"
#include "frontend/reader.h"
#include "frontend/text_lexer.h"
#include "frontend/type_reader.h"
#include "frontend/wat_ids.h"
#include "frontend/wat_print_code.h"

namespace lr {

namespace {

enum SectionId : u8 {
  kCustom,
  kType,
  kImport,
  kFunc,
  kTable,
  kMemory,
  kGlobal,
  kExport,
  kStart,
  kElem,
  kCode,
  kData,
  kDataCount,
  kTag,
};

// As in (@custom "name" (after word)).
constexpr std::string_view kSectionWords[] = {"",       "type",   "import",    "func",  "table",
                                              "memory", "global", "export",    "start", "elem",
                                              "code",   "data",   "datacount", "tag"};

constexpr std::string_view kExternWords[] = {"func", "table", "memory", "global", "tag"};
constexpr Space kExternSpaces[] = {Space::Func, Space::Table, Space::Memory, Space::Global,
                                   Space::Tag};
constexpr u8 kExactFunc = 0x20;

struct SectionSpan {
  u8 id = 0;
  u32 from = 0;
  u32 to = 0;
};

class WatPrinter {
 public:
  WatPrinter(std::span<const u8> bytes, const FeatureSet& features) {
    module_.bytes = bytes;
    module_.features = features;
  }

  Result<std::string> run();

 private:
  void print_module();
  bool forget_dead_names();
  void find_sections();
  void read_customs();
  void read_hints(Reader reader);
  void print_section(const SectionSpan& section, Reader& reader);
  void print_imports(Reader& reader);
  void print_extern(Reader& reader, u8 kind);
  void print_memories(Reader& reader);
  void print_tables(Reader& reader);
  void print_globals(Reader& reader);
  void print_tags(Reader& reader);
  void print_exports(Reader& reader);
  void print_elements(Reader& reader);
  void print_element_items(Reader& reader, bool has_expressions);
  void print_functions(Reader& reader);
  void print_locals(Reader& reader, u32 params, IdTable* names);
  void print_data(Reader& reader);
  void print_custom(const SectionSpan& section, Reader& reader);

  // "(word $name (;index;)" for the next index of the space, on a line of its own.
  u32 begin_field(std::string_view word, Space space);
  std::string expression(Reader& reader);
  void print_folded(std::string_view word, Reader& reader);
  void add(std::string_view text) { out_ += text; }
  template <typename... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }
  void line(std::string_view text) {
    out_ += "\n  ";
    out_ += text;
  }
  void strings(std::string_view bytes);
  const NameSection& names() const { return module_.names; }

  PrintedModule module_;
  Diag diag_;
  std::string out_;
  std::vector<SectionSpan> sections_;
  std::vector<u32> function_types_;  // Of the functions that are not imported.
  std::unordered_map<u32, HintTable> hints_;
  std::optional<u32> names_from_;  // Where the name section that was understood begins.
  bool has_hints_ = false;
  u8 last_section_ = kCustom;
};

Result<std::string> WatPrinter::run() {
  find_sections();
  if (diag_.ok()) read_customs();
  print_module();
  TRY(diag_.take());
  // Names of what does not exist must not be used; how much exists is known only now.
  if (forget_dead_names()) {
    print_module();
    TRY(diag_.take());
  }
  return std::move(out_);
}

bool WatPrinter::forget_dead_names() {
  bool found = false;
  for (usize i = 0; i < kSpaceCount; i++)
    found |= module_.names.spaces[i].truncate(module_.defined[i]);
  for (auto& [type, table] : module_.names.fields) {
    found |= table.truncate(type < module_.types.size() ? module_.types[type].fields : 0);
  }
  return found;
}

void WatPrinter::print_module() {
  out_.clear();
  module_.defined = {};
  module_.types.clear();
  function_types_.clear();
  last_section_ = kCustom;
  add("(module");
  if (!names().module.empty()) print(" {}", id_text(names().module));
  for (const SectionSpan& section : sections_) {
    if (!diag_.ok()) break;
    Reader reader(module_.bytes, section.from, section.to, diag_);
    print_section(section, reader);
    if (diag_.ok() && !reader.at_end()) {
      reader.fail(Err::SectionSizeMismatch, reader.offset());
    }
    if (section.id != kCustom) last_section_ = section.id;
  }
  add(")\n");
}

void WatPrinter::find_sections() {
  constexpr u32 kMagic = 0x6d736100;
  Reader reader(module_.bytes, 0, module_.bytes.size(), diag_, Err::UnexpectedEnd);
  if (reader.fixed_u32() != kMagic) reader.fail(Err::MagicMissing, 0);
  if (reader.fixed_u32() != 1) reader.fail(Err::UnknownVersion, 4);
  while (reader.ok() && !reader.at_end()) {
    u32 at = reader.offset();
    SectionSpan section;
    section.id = reader.byte();
    if (section.id > kTag) return reader.fail(Err::BadSectionId, at);
    u32 size = reader.length();
    section.from = reader.offset();
    section.to = section.from + size;
    reader.skip_to(section.to);
    sections_.push_back(section);
  }
}

// Names and hints are needed before the section in which they stand is reached.
void WatPrinter::read_customs() {
  for (const SectionSpan& section : sections_) {
    if (section.id != kCustom) continue;
    Reader reader(module_.bytes, section.from, section.to, diag_);
    std::string_view name = reader.name();
    if (name == "name" && !names_from_) {
      auto found = read_name_section(module_.bytes, reader.offset(), section.to);
      if (!found) continue;
      module_.names = std::move(*found);
      names_from_ = section.from;
    } else if (name == kBranchHintAnnotation) {
      read_hints(reader);
    }
  }
}

// Hints are advice: what cannot be understood is left out.
void WatPrinter::read_hints(Reader reader) {
  Diag diag;
  Reader hints(module_.bytes, reader.offset(), reader.end_offset(), diag);
  std::unordered_map<u32, HintTable> all;
  u32 functions = hints.vector_count();
  for (u32 i = 0; i < functions && hints.ok(); i++) {
    HintTable& table = all[hints.leb_u32()];
    u32 count = hints.vector_count();
    for (u32 k = 0; k < count && hints.ok(); k++) {
      u32 offset = hints.leb_u32();
      if (hints.leb_u32() != 1) return;
      table.emplace(offset, hints.byte() & 1);
    }
  }
  if (!diag.ok()) return;
  hints_ = std::move(all);
  has_hints_ = true;
}

void WatPrinter::print_section(const SectionSpan& section, Reader& reader) {
  switch (section.id) {
    case kCustom:
      return print_custom(section, reader);
    case kType:
      return print_type_section(module_, reader, out_);
    case kImport:
      return print_imports(reader);
    case kFunc: {
      u32 count = reader.vector_count();
      for (u32 i = 0; i < count && reader.ok(); i++) function_types_.push_back(reader.leb_u32());
      return;
    }
    case kTable:
      return print_tables(reader);
    case kMemory:
      return print_memories(reader);
    case kTag:
      return print_tags(reader);
    case kGlobal:
      return print_globals(reader);
    case kExport:
      return print_exports(reader);
    case kStart:
      return line(fmt::format("(start {})", names()[Space::Func].ref(reader.leb_u32())));
    case kElem:
      return print_elements(reader);
    case kDataCount:
      reader.leb_u32();
      return;
    case kCode:
      return print_functions(reader);
    default:
      return print_data(reader);
  }
}

u32 WatPrinter::begin_field(std::string_view word, Space space) {
  u32 index = module_.defined[static_cast<usize>(space)];
  line("(");
  add(word);
  add(module_.define(space));
  return index;
}

void WatPrinter::print_imports(Reader& reader) {
  u32 count = reader.vector_count();
  for (u32 i = 0; i < count && reader.ok(); i++) {
    std::string_view module = reader.name();
    std::string_view name = reader.name();
    u32 at = reader.offset();
    u8 kind = reader.byte();
    if (kind > 4 && kind != kExactFunc) return reader.fail(Err::BadImportKind, at);
    line(fmt::format("(import {} {} (", quoted(module), quoted(name)));
    print_extern(reader, kind);
    add("))");
  }
}

void WatPrinter::print_extern(Reader& reader, u8 kind) {
  u8 plain = kind == kExactFunc ? u8{0} : kind;
  add(kExternWords[plain]);
  add(module_.define(kExternSpaces[plain]));
  switch (kind) {
    case 0:
      return add(module_.type_use(reader.leb_u32(), nullptr));
    case 1: {
      std::string type = module_.text_of(read_ref_type(reader, module_.features));
      add(read_limits_text(reader, false));
      return print(" {}", type);
    }
    case 2:
      return add(read_limits_text(reader, true));
    case 3:
      return print(" {}", read_global_type_text(module_, reader));
    case kExactFunc:
      return print(" (exact{})", module_.type_use(reader.leb_u32(), nullptr));
    default:
      reader.byte();
      return add(module_.type_use(reader.leb_u32(), nullptr));
  }
}

void WatPrinter::print_tables(Reader& reader) {
  constexpr u8 kWithInit = 0x40;
  u32 count = reader.vector_count();
  for (u32 i = 0; i < count && reader.ok(); i++) {
    begin_field("table", Space::Table);
    bool has_init = reader.peek() == kWithInit;
    if (has_init) reader.bytes(2);
    std::string type = module_.text_of(read_ref_type(reader, module_.features));
    add(read_limits_text(reader, false));
    print(" {}", type);
    if (has_init) print(" {}", expression(reader));
    add(")");
  }
}

void WatPrinter::print_memories(Reader& reader) {
  u32 count = reader.vector_count();
  for (u32 i = 0; i < count && reader.ok(); i++) {
    begin_field("memory", Space::Memory);
    add(read_limits_text(reader, true));
    add(")");
  }
}

void WatPrinter::print_globals(Reader& reader) {
  u32 count = reader.vector_count();
  for (u32 i = 0; i < count && reader.ok(); i++) {
    begin_field("global", Space::Global);
    print(" {}", read_global_type_text(module_, reader));
    print(" {})", expression(reader));
  }
}

void WatPrinter::print_tags(Reader& reader) {
  u32 count = reader.vector_count();
  for (u32 i = 0; i < count && reader.ok(); i++) {
    begin_field("tag", Space::Tag);
    reader.byte();
    print("{})", module_.type_use(reader.leb_u32(), nullptr));
  }
}

void WatPrinter::print_exports(Reader& reader) {
  u32 count = reader.vector_count();
  for (u32 i = 0; i < count && reader.ok(); i++) {
    std::string_view name = reader.name();
    u32 at = reader.offset();
    u8 kind = reader.byte();
    if (kind > 4) return reader.fail(Err::BadExportKind, at);
    std::string ref = names()[kExternSpaces[kind]].ref(reader.leb_u32());
    line(fmt::format("(export {} ({} {}))", quoted(name), kExternWords[kind], ref));
  }
}

std::string WatPrinter::expression(Reader& reader) {
  std::string text;
  return WatCodePrinter(module_, reader, text, nullptr, nullptr).take_expression();
}

// An expression where a single instruction in parentheses needs no word in front of it.
void WatPrinter::print_folded(std::string_view word, Reader& reader) {
  std::string text = expression(reader);
  if (text.starts_with('(')) return print(" {}", text);
  print(" ({} {})", word, text);
}

void WatPrinter::print_elements(Reader& reader) {
  constexpr u32 kNotActive = 1;
  constexpr u32 kExplicit = 2;
  constexpr u32 kExpressions = 4;
  u32 count = reader.vector_count();
  for (u32 i = 0; i < count && reader.ok(); i++) {
    begin_field("elem", Space::Elem);
    u32 at = reader.offset();
    u32 flags = reader.leb_u32();
    if (flags > 7) return reader.fail(Err::BadSegmentKind, at);
    bool is_active = (flags & kNotActive) == 0;
    bool has_expressions = (flags & kExpressions) != 0;
    bool has_explicit = (flags & kExplicit) != 0;
    if (is_active && has_explicit) {
      print(" (table {})", names()[Space::Table].ref(reader.leb_u32()));
    }
    if (is_active) print_folded("offset", reader);
    if (!is_active && has_explicit) add(" declare");
    bool has_type = !is_active || has_explicit;
    if (!has_expressions) {
      if (has_type) reader.byte();
      add(" func");
    } else if (has_type) {
      print(" {}", module_.text_of(read_ref_type(reader, module_.features)));
    } else {
      add(" funcref");
    }
    print_element_items(reader, has_expressions);
    add(")");
  }
}

void WatPrinter::print_element_items(Reader& reader, bool has_expressions) {
  u32 items = reader.vector_count();
  for (u32 i = 0; i < items && reader.ok(); i++) {
    if (!has_expressions) {
      print(" {}", names()[Space::Func].ref(reader.leb_u32()));
      continue;
    }
    print_folded("item", reader);
  }
}

void WatPrinter::print_functions(Reader& reader) {
  u32 at = reader.offset();
  u32 count = reader.vector_count();
  if (count != function_types_.size()) return reader.fail(Err::FunctionCountMismatch, at);
  for (u32 type : function_types_) {
    u32 index = begin_field("func", Space::Func);
    u32 size = reader.length();
    if (!reader.ok()) return;
    u32 from = reader.offset();
    Reader body(module_.bytes, from, from + size, diag_);
    auto locals = module_.names.locals.find(index);
    bool is_known = type < module_.types.size();
    bool has_names = is_known && locals != module_.names.locals.end();
    IdTable* local_names = has_names ? &locals->second : nullptr;
    auto labels = names().labels.find(index);
    auto hints = hints_.find(index);
    add(module_.type_use(type, local_names));
    print_locals(body, is_known ? static_cast<u32>(module_.types[type].params.size()) : 0,
                 local_names);
    WatCodePrinter(module_, body, out_, local_names,
                   labels == names().labels.end() ? nullptr : &labels->second)
        .print_body(from, hints == hints_.end() ? nullptr : &hints->second);
    add(")");
    reader.skip_to(from + size);
    if (!diag_.ok()) return;
  }
}

void WatPrinter::print_locals(Reader& reader, u32 params, IdTable* names) {
  constexpr u32 kLocalsMax = 50'000;
  u32 runs = reader.vector_count();
  u64 index = params;
  if (runs > 0) add("\n   ");
  bool is_open = false;  // A group of locals without names.
  for (u32 i = 0; i < runs && reader.ok(); i++) {
    u32 at = reader.offset();
    u32 count = reader.leb_u32();
    if (index + count > kLocalsMax) return reader.fail(Err::TooManyLocals, at);
    std::string type = module_.text_of(read_val_type(reader, module_.features));
    for (; count > 0; count--, index++) {
      auto local = static_cast<u32>(index);
      bool is_named = names != nullptr && names->has_name(local);
      if (is_open && is_named) add(")");
      if (!is_open || is_named) add(" (local");
      if (is_named) add(names->definition(local));
      print(" {}", type);
      if (is_named) add(")");
      is_open = !is_named;
    }
  }
  if (is_open) add(")");
  if (names != nullptr) names->truncate(static_cast<u32>(index));
}

void WatPrinter::print_data(Reader& reader) {
  u32 count = reader.vector_count();
  for (u32 i = 0; i < count && reader.ok(); i++) {
    begin_field("data", Space::Data);
    u32 at = reader.offset();
    u32 flags = reader.leb_u32();
    if (flags > 2) return reader.fail(Err::BadSegmentKind, at);
    if (flags == 2) {
      print(" (memory {})", names()[Space::Memory].ref(reader.leb_u32()));
    }
    if (flags != 1) print_folded("offset", reader);
    std::span<const u8> bytes = reader.bytes(reader.length());
    strings({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    add(")");
  }
}

// Long content continues on lines of its own.
void WatPrinter::strings(std::string_view bytes) {
  constexpr usize kPerLine = 64;
  if (bytes.size() <= kPerLine) return print(" {}", quoted(bytes));
  for (usize at = 0; at < bytes.size(); at += kPerLine) {
    print("\n    {}", quoted(bytes.substr(at, kPerLine)));
  }
}

void WatPrinter::print_custom(const SectionSpan& section, Reader& reader) {
  std::string_view name = reader.name();
  std::span<const u8> content = reader.bytes(reader.remaining());
  bool is_hints = name == kBranchHintAnnotation && has_hints_;
  if (!diag_.ok() || is_hints || names_from_ == section.from) return;
  std::string place = "(before first)";
  if (last_section_ != kCustom) {
    place = fmt::format("(after {})", kSectionWords[last_section_]);
  }
  if (names_from_ && section.from > *names_from_) place = "(after last)";
  line(fmt::format("(@custom {} {}", quoted(name), place));
  strings({reinterpret_cast<const char*>(content.data()), content.size()});
  add(")");
}

}  // namespace

Result<std::string> print_wat(std::span<const u8> binary, const FeatureSet& features) {
  return WatPrinter(binary, features).run();
}

}  // namespace lr
