#include "frontend/wat_sections.h"

#include <algorithm>

#include "frontend/reader.h"

namespace lr {

namespace {

struct SectionInfo {
  SectionKind kind;
  Word word;  // As in (@custom "name" (before word)).
  u8 id;
};

constexpr SectionInfo kSections[] = {
    {SectionKind::First, Word::First, 0},   {SectionKind::Type, Word::Type, 1},
    {SectionKind::Import, Word::Import, 2}, {SectionKind::Func, Word::Func, 3},
    {SectionKind::Table, Word::Table, 4},   {SectionKind::Memory, Word::Memory, 5},
    {SectionKind::Tag, Word::Tag, 13},      {SectionKind::Global, Word::Global, 6},
    {SectionKind::Export, Word::Export, 7}, {SectionKind::Start, Word::Start, 8},
    {SectionKind::Elem, Word::Elem, 9},     {SectionKind::DataCount, Word::DataCount, 12},
    {SectionKind::Code, Word::Code, 10},    {SectionKind::Data, Word::Data, 11},
    {SectionKind::Last, Word::Last, 0}};
static_assert(std::size(kSections) == kSectionCount);

constexpr u8 kCustomSection = 0;

void append_section(WatWriter& out, u8 id, const WatWriter& content) {
  out.byte(id);
  out.sized(content.bytes());
}

void append_customs(WatWriter& out, const std::vector<PlacedCustom>& customs, SectionKind place,
                    bool is_after) {
  for (const PlacedCustom& custom : customs) {
    if (custom.place == place && custom.is_after == is_after) {
      append_section(out, kCustomSection, custom.bytes);
    }
  }
}

// One subsection of the name section: pairs of an index and a name.
class NameMap {
 public:
  void add(u32 index, std::string_view name) {
    count_++;
    pairs_.unsigned_leb(index);
    pairs_.sized(name);
  }
  template <typename Names>
  void add_all(const Names& names) {
    for (u32 i = 0; i < names.size(); i++) {
      if (!names[i].empty()) add(i, names[i]);
    }
  }
  bool empty() const { return count_ == 0; }
  WatWriter bytes() const {
    WatWriter out;
    out.unsigned_leb(count_);
    out.raw(pairs_.bytes());
    return out;
  }

 private:
  u32 count_ = 0;
  WatWriter pairs_;
};

// A subsection that has one name map for each of some indices.
class IndirectNameMap {
 public:
  void add(u32 index, const NameMap& names) {
    if (names.empty()) return;
    count_++;
    maps_.unsigned_leb(index);
    maps_.raw(names.bytes().bytes());
  }
  void append_to(WatWriter& out, u8 id) const {
    if (count_ == 0) return;
    WatWriter content;
    content.unsigned_leb(count_);
    content.raw(maps_.bytes());
    append_section(out, id, content);
  }

 private:
  u32 count_ = 0;
  WatWriter maps_;
};

// Subsections of the name section.
enum NameId : u8 {
  kModuleName,
  kFunctionNames,
  kLocalNames,
  kLabelNames,
  kTypeNames,
  kTableNames,
  kMemoryNames,
  kGlobalNames,
  kElemNames,
  kDataNames,
  kFieldNames,
  kTagNames,
};

void append_names(WatWriter& out, const WatContext& context, Space space, NameId id) {
  NameMap names;
  names.add_all(context.spaces[static_cast<usize>(space)].names());
  if (!names.empty()) append_section(out, id, names.bytes());
}

void append_field_names(WatWriter& out, const WatContext& context) {
  IndirectNameMap types;
  for (u32 type = 0; type < context.types.size(); type++) {
    auto fields = context.fields.find(type);
    if (fields == context.fields.end()) continue;
    NameMap names;
    names.add_all(fields->second.names());
    types.add(type, names);
  }
  types.append_to(out, kFieldNames);
}

WatWriter name_section(const WatContext& context, const WatSections& module) {
  WatWriter out;
  if (!module.module_name.empty()) {
    WatWriter name;
    name.sized(module.module_name);
    append_section(out, kModuleName, name);
  }
  append_names(out, context, Space::Func, kFunctionNames);
  IndirectNameMap locals;
  IndirectNameMap labels;
  for (const FunctionNames& function : module.function_names) {
    NameMap local_names;
    local_names.add_all(function.locals);
    locals.add(function.function, local_names);
    NameMap label_names;
    for (const LabelName& label : function.labels) label_names.add(label.index, label.name);
    labels.add(function.function, label_names);
  }
  locals.append_to(out, kLocalNames);
  labels.append_to(out, kLabelNames);
  append_names(out, context, Space::Type, kTypeNames);
  append_names(out, context, Space::Table, kTableNames);
  append_names(out, context, Space::Memory, kMemoryNames);
  append_names(out, context, Space::Global, kGlobalNames);
  append_names(out, context, Space::Elem, kElemNames);
  append_names(out, context, Space::Data, kDataNames);
  append_field_names(out, context);
  append_names(out, context, Space::Tag, kTagNames);
  return out;
}

void append_named_custom(WatWriter& out, std::string_view name, const WatWriter& content) {
  WatWriter section;
  section.sized(name);
  section.raw(content.bytes());
  append_section(out, kCustomSection, section);
}

WatWriter branch_hint_section(const std::vector<FunctionHints>& all) {
  WatWriter out;
  out.unsigned_leb(all.size());
  for (const FunctionHints& function : all) {
    out.unsigned_leb(function.function);
    out.unsigned_leb(function.hints.size());
    for (const BranchHint& hint : function.hints) {
      out.unsigned_leb(hint.offset);
      out.unsigned_leb(1);
      out.byte(hint.value);
    }
  }
  return out;
}

void fail_custom(WatContext& context, const Annotation& annotation, std::string detail) {
  context.in.fail_at_offset(annotation.offset, Err::CustomAnnotation, std::move(detail));
}

// (before section) or (after section); `token` is moved past it.
void parse_place(WatContext& context, const Annotation& annotation, const Token*& token,
                 PlacedCustom& custom) {
  token++;
  bool is_after = token->word == Word::After;
  if (token->kind != TokenKind::Keyword || (!is_after && token->word != Word::Before)) {
    return fail_custom(context, annotation, "malformed placement");
  }
  token++;
  const SectionInfo* section = std::ranges::find(kSections, token->word, &SectionInfo::word);
  bool exists = token->kind == TokenKind::Keyword && section != std::end(kSections);
  // In front of the first section and behind the last one there is a place, not the reverse.
  bool is_reversed = exists && (section->word == Word::First  ? is_after
                                : section->word == Word::Last ? !is_after
                                                              : false);
  if (!exists || is_reversed) return fail_custom(context, annotation, "malformed section kind");
  token++;
  if (token->kind != TokenKind::Close) {
    return fail_custom(context, annotation, "malformed placement");
  }
  token++;
  custom.place = section->kind;
  custom.is_after = is_after;
}

}  // namespace

void parse_custom_annotations(WatContext& context, std::vector<PlacedCustom>& customs) {
  while (const Annotation* annotation = context.take_annotation(kCustomAnnotation)) {
    const Token* token = &context.in.source().annotation_tokens[annotation->first];
    if (token->kind != TokenKind::String) {
      return fail_custom(context, *annotation, "missing section name");
    }
    std::string name = decode_string(context.in.text_of(*token++));
    if (!is_utf8(name)) return fail_custom(context, *annotation, "malformed UTF-8 encoding");
    PlacedCustom custom{SectionKind::Last, true, {}};
    if (token->kind == TokenKind::Open) parse_place(context, *annotation, token, custom);
    custom.bytes.sized(name);
    for (; context.in.ok() && token->kind != TokenKind::End; token++) {
      if (token->kind != TokenKind::String) {
        return fail_custom(context, *annotation, "unexpected token");
      }
      std::string content = decode_string(context.in.text_of(*token));
      custom.bytes.raw(as_bytes(content));
    }
    customs.push_back(std::move(custom));
  }
}

std::vector<u8> WatSections::assemble(const WatContext& context, bool names) {
  constexpr u32 kMagic = 0x6d736100;
  constexpr u32 kVersion = 1;
  WatWriter out;
  out.fixed(kMagic, 4);
  out.fixed(kVersion, 4);
  for (const SectionInfo& info : kSections) {
    append_customs(out, customs, info.kind, false);
    if (info.kind == SectionKind::Code && !hints.empty()) {
      append_named_custom(out, kBranchHintAnnotation, branch_hint_section(hints));
    }
    Section& section = (*this)[info.kind];
    bool is_single = info.kind == SectionKind::Start || info.kind == SectionKind::DataCount;
    if (section.count > 0) {
      WatWriter content;
      if (!is_single) content.unsigned_leb(section.count);
      content.raw(section.bytes.bytes());
      append_section(out, info.id, content);
    }
    if (info.kind == SectionKind::Last && names) {
      WatWriter content = name_section(context, *this);
      if (!content.empty()) append_named_custom(out, "name", content);
    }
    append_customs(out, customs, info.kind, true);
  }
  return out.take();
}

}  // namespace lr
