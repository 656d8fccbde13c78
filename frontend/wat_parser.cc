// Modules of the text format (specification section 6.6), in two passes over the tokens: the first
// binds the identifiers of all fields, since any may be used before it is defined; the second
// reads the fields and writes their bytes.
#include "frontend/wat_parser.h"

#include <fmt/format.h>

#include <optional>
#include <span>

#include "frontend/wat_code.h"
#include "frontend/wat_sections.h"
#include "frontend/wat_segments.h"
#include "frontend/wat_types.h"

namespace lr {

namespace {

struct FieldKind {
  Word word;
  Space space;
  u8 code;  // Of imports and exports.
  Err import_after;
};

// What can be imported and exported.
constexpr FieldKind kExternKinds[] = {{Word::Func, Space::Func, 0, Err::ImportAfterFunction},
                                      {Word::Table, Space::Table, 1, Err::ImportAfterTable},
                                      {Word::Memory, Space::Memory, 2, Err::ImportAfterMemory},
                                      {Word::Global, Space::Global, 3, Err::ImportAfterGlobal},
                                      {Word::Tag, Space::Tag, 4, Err::ImportAfterTag}};

constexpr u8 kExactFunc = 0x20;
constexpr u16 kTableWithInit = 0x0040;  // The bytes 40 00.

const FieldKind* extern_kind(Word word) {
  for (const FieldKind& kind : kExternKinds) {
    if (kind.word == word) return &kind;
  }
  return nullptr;
}

struct Field {
  Word word;
  u32 token;  // Index of its parenthesis.
  u32 index;  // The first index it defines in its space.
};

class WatModule {
 public:
  WatModule(const TokenizedText& source, const WatOptions& options)
      : context_(source, options.start), names_(options.names) {
    context_.narrow_limits = options.narrow_limits;
    out_.module_name = options.module_name;
  }

  Result<std::vector<u8>> run();

 private:
  // First pass.
  void collect_fields(TokenKind until);
  void collect_field();
  void collect_types();
  void collect_import();
  void collect_extern(const FieldKind& kind);
  void bind(Space space);
  void note_import(const Token& token);

  // Second pass.
  void parse_field(const Field& field);
  void parse_import();
  void parse_export();
  void parse_start();
  void parse_func(u32 index);
  void parse_locals(const TypeUse& use, WatWriter& out);
  void parse_body(u32 index, const TypeUse& use);
  void parse_table(u32 index);
  void parse_memory(u32 index);
  void parse_global(u32 index);
  void parse_tag(u32 index);

  void inline_exports(Space space, u32 index);
  // The names of an inline import go to the import section, which waits for the description.
  bool inline_import();
  void import_description(Word kind);
  void parse_memory_rest(TextLimits& limits);

  WatContext context_;
  TextCursor& in_ = context_.in;
  bool names_;
  std::vector<Field> fields_;
  std::optional<Err> import_after_;  // Set when something was defined.
  bool has_start_ = false;
  IndexSpace locals_;
  WatSections out_;
};

Result<std::vector<u8>> WatModule::run() {
  bool has_parens = in_.accept_open(Word::Module);
  if (has_parens) {
    if (std::optional<std::string_view> id = in_.accept_id()) out_.module_name = *id;
  }
  if (std::optional<std::string> name = context_.accept_name_annotation()) {
    out_.module_name = std::move(*name);
    if (context_.accept_name_annotation()) {
      in_.fail(Err::NameAnnotation, "multiple module");
    }
  }
  collect_fields(has_parens ? TokenKind::Close : TokenKind::End);
  if (has_parens) in_.close();
  in_.expect(TokenKind::End);
  if (!in_.ok()) return in_.take_error();

  context_.types.resize(context_.space(Space::Type).size());
  for (const Field& field : fields_) {
    if (field.word != Word::Type && field.word != Word::Rec) continue;
    in_.seek(field.token);
    parse_type_field(context_, field.index, out_[SectionKind::Type].entry());
  }
  auto explicit_types = static_cast<u32>(context_.types.size());
  for (const Field& field : fields_) {
    in_.seek(field.token);
    parse_field(field);
  }
  context_.refuse_unused_annotations();
  if (!in_.ok()) return in_.take_error();

  Section& types = out_[SectionKind::Type];
  types.bytes.raw(context_.implicit_types.bytes());
  types.count += static_cast<u32>(context_.types.size()) - explicit_types;
  if (context_.uses_data) {
    out_[SectionKind::DataCount].entry().unsigned_leb(out_[SectionKind::Data].count);
  }
  return out_.assemble(context_, names_);
}

void WatModule::collect_fields(TokenKind until) {
  parse_custom_annotations(context_, out_.customs);
  while (in_.ok() && !in_.at(until)) {
    collect_field();
    parse_custom_annotations(context_, out_.customs);
  }
}

void WatModule::collect_field() {
  Word word = in_.open_word();
  u32 token = in_.index();
  if (!in_.accept(TokenKind::Open)) return in_.unexpected("a module field");
  const FieldKind* kind = extern_kind(word);
  Field field{word, token, 0};
  if (word == Word::Type || word == Word::Rec) {
    field.index = context_.space(Space::Type).size();
    in_.seek(token);
    collect_types();
  } else if (word == Word::Import) {
    field.index = 0;
    in_.next();
    collect_import();
  } else if (kind != nullptr) {
    field.index = context_.space(kind->space).size();
    in_.next();
    collect_extern(*kind);
  } else if (word == Word::Elem || word == Word::Data) {
    in_.next();
    bind(word == Word::Elem ? Space::Elem : Space::Data);
  } else if (word != Word::Export && word != Word::Start) {
    return in_.unexpected("a module field");
  }
  fields_.push_back(field);
  in_.seek(token);
  in_.skip_parens();
}

void WatModule::bind(Space space) {
  context_.space(space).add();
  context_.bind_id(context_.space(space), text_of(space));
}

void WatModule::collect_types() {
  bool is_group = in_.accept_open(Word::Rec);
  do {
    if (is_group && in_.at(TokenKind::Close)) return;
    u32 token = in_.index();
    in_.expect_open(Word::Type);
    bind(Space::Type);
    in_.seek(token);
    in_.skip_parens();
  } while (is_group && in_.ok());
}

void WatModule::note_import(const Token& token) {
  if (import_after_) in_.fail_at(token, *import_after_);
}

void WatModule::collect_import() {
  note_import(in_.peek());
  in_.name();
  in_.name();
  const FieldKind* kind = extern_kind(in_.open_word());
  in_.expect(TokenKind::Open);
  if (kind == nullptr) return in_.unexpected("func, table, memory, global or tag");
  in_.next();
  bind(kind->space);
}

void WatModule::collect_extern(const FieldKind& kind) {
  bind(kind.space);
  while (in_.at_open(Word::Export)) in_.skip_parens();
  if (in_.at_open(Word::Import)) return note_import(in_.peek());
  if (!import_after_) import_after_ = kind.import_after;
  if (kind.word != Word::Table && kind.word != Word::Memory) return;
  // A table or memory may bring its segment along, which has an index too.
  if (!in_.accept(Word::I32)) in_.accept(Word::I64);
  if (kind.word == Word::Table) {
    if (in_.at(TokenKind::Nat)) return;
    if (in_.at(TokenKind::Open)) {
      in_.skip_parens();
    } else {
      in_.next();
    }
    if (in_.at_open(Word::Elem)) context_.space(Space::Elem).add();
  } else {
    if (in_.at_open(Word::PageSize)) in_.skip_parens();
    if (in_.at_open(Word::Data)) context_.space(Space::Data).add();
  }
}

void WatModule::parse_field(const Field& field) {
  if (field.word == Word::Type || field.word == Word::Rec) return;
  in_.next();
  in_.next();
  switch (field.word) {
    case Word::Import:
      parse_import();
      break;
    case Word::Export:
      parse_export();
      break;
    case Word::Func:
      parse_func(field.index);
      break;
    case Word::Table:
      parse_table(field.index);
      break;
    case Word::Memory:
      parse_memory(field.index);
      break;
    case Word::Global:
      parse_global(field.index);
      break;
    case Word::Tag:
      parse_tag(field.index);
      break;
    case Word::Start:
      parse_start();
      break;
    case Word::Elem:
      in_.accept_id();
      parse_elem_segment(context_, out_[SectionKind::Elem]);
      break;
    default:
      in_.accept_id();
      parse_data_segment(context_, out_[SectionKind::Data]);
      break;
  }
  in_.close();
}

void WatModule::parse_import() {
  WatWriter& out = out_[SectionKind::Import].entry();
  out.sized(in_.name());
  out.sized(in_.name());
  in_.next();
  Word kind = in_.next().word;
  in_.accept_id();
  import_description(kind);
  in_.close();
}

// What an import is, behind its names.
void WatModule::import_description(Word kind) {
  WatWriter& out = out_[SectionKind::Import].bytes;
  switch (kind) {
    case Word::Func: {
      bool is_exact = in_.accept_open(Word::Exact);
      out.byte(is_exact ? kExactFunc : 0);
      out.unsigned_leb(parse_type_use(context_, ParamNames::Ignore).type);
      if (is_exact) in_.close();
      return;
    }
    case Word::Table: {
      out.byte(1);
      TextLimits limits;
      parse_address_type(context_, limits);
      parse_limits(context_, limits);
      parse_ref_type(context_, out);
      return limits.write(out);
    }
    case Word::Memory: {
      out.byte(2);
      TextLimits limits;
      parse_address_type(context_, limits);
      parse_memory_rest(limits);
      return limits.write(out);
    }
    case Word::Global:
      out.byte(3);
      return parse_global_type(context_, out);
    default:
      out.byte(4);
      out.byte(0);
      return out.unsigned_leb(parse_type_use(context_, ParamNames::Ignore).type);
  }
}

void WatModule::parse_memory_rest(TextLimits& limits) {
  parse_limits(context_, limits);
  limits.is_shared = in_.accept(Word::Shared);
  parse_page_size(context_, limits);
}

void WatModule::parse_export() {
  WatWriter& out = out_[SectionKind::Export].entry();
  out.sized(in_.name());
  const FieldKind* kind = extern_kind(in_.open_word());
  in_.expect(TokenKind::Open);
  if (kind == nullptr) return in_.unexpected("func, table, memory, global or tag");
  in_.next();
  out.byte(kind->code);
  out.unsigned_leb(context_.index(kind->space));
  in_.close();
}

void WatModule::inline_exports(Space space, u32 index) {
  while (in_.accept_open(Word::Export)) {
    WatWriter& out = out_[SectionKind::Export].entry();
    out.sized(in_.name());
    for (const FieldKind& kind : kExternKinds) {
      if (kind.space == space) out.byte(kind.code);
    }
    out.unsigned_leb(index);
    in_.close();
  }
}

bool WatModule::inline_import() {
  if (!in_.accept_open(Word::Import)) return false;
  WatWriter& out = out_[SectionKind::Import].entry();
  out.sized(in_.name());
  out.sized(in_.name());
  in_.close();
  return true;
}

void WatModule::parse_start() {
  if (has_start_) in_.fail(Err::MultipleStartSections);
  has_start_ = true;
  out_[SectionKind::Start].entry().unsigned_leb(context_.index(Space::Func));
}

void WatModule::parse_func(u32 index) {
  in_.accept_id();
  inline_exports(Space::Func, index);
  if (inline_import()) return import_description(Word::Func);
  locals_.clear();
  TypeUse use = parse_type_use(context_, ParamNames::Ignore, &locals_);
  out_[SectionKind::Func].entry().unsigned_leb(use.type);
  parse_body(index, use);
}

// Runs of locals that have the same type, as the binary has them.
void WatModule::parse_locals(const TypeUse& use, WatWriter& out) {
  struct Run {
    u32 count;
    WatWriter type;
  };
  std::vector<Run> runs;
  auto parse_local = [&] {
    WatWriter type;
    parse_value_type(context_, type);
    if (!runs.empty() && runs.back().type.bytes() == type.bytes()) {
      runs.back().count++;
    } else {
      runs.push_back({1, std::move(type)});
    }
  };
  while (in_.accept_open(Word::Local)) {
    if (context_.at_binder()) {
      // Its index depends on how many parameters the type has.
      if (!use.is_known) in_.fail(Err::UnknownIdentifier, fmt::format("type {}", use.type));
      locals_.add();
      context_.bind_id(locals_, "local");
      parse_local();
    } else {
      while (in_.ok() && !in_.at(TokenKind::Close)) {
        locals_.add();
        parse_local();
      }
    }
    in_.close();
  }
  out.unsigned_leb(runs.size());
  for (const Run& run : runs) {
    out.unsigned_leb(run.count);
    out.raw(run.type.bytes());
  }
}

void WatModule::parse_body(u32 index, const TypeUse& use) {
  WatWriter body;
  parse_locals(use, body);
  WatCode code(context_, locals_, body);
  code.parse_sequence();
  body.byte(static_cast<u8>(info(Op::End).code));
  out_[SectionKind::Code].entry().sized(body.bytes());
  if (!code.hints().empty()) out_.hints.push_back({index, code.hints()});
  if (names_ && (locals_.has_names() || !code.label_names().empty())) {
    out_.function_names.push_back({index, locals_.names(), code.label_names()});
  }
}

void WatModule::parse_table(u32 index) {
  in_.accept_id();
  inline_exports(Space::Table, index);
  if (inline_import()) return import_description(Word::Table);
  WatWriter& out = out_[SectionKind::Table].entry();
  TextLimits limits;
  WatWriter type;
  parse_address_type(context_, limits);
  if (!in_.at(TokenKind::Nat)) {
    parse_ref_type(context_, type);
    limits.min = parse_table_elements(context_, index, limits.is_64, type, out_[SectionKind::Elem]);
    limits.max = limits.min;
    out.raw(type.bytes());
    return limits.write(out);
  }
  parse_limits(context_, limits);
  parse_ref_type(context_, type);
  bool has_init = !in_.at(TokenKind::Close);
  if (has_init) out.fixed(kTableWithInit, 2);
  out.raw(type.bytes());
  limits.write(out);
  if (has_init) parse_expression(context_, out);
}

void WatModule::parse_memory(u32 index) {
  in_.accept_id();
  inline_exports(Space::Memory, index);
  if (inline_import()) return import_description(Word::Memory);
  TextLimits limits;
  parse_address_type(context_, limits);
  if (in_.at(TokenKind::Nat)) {
    parse_memory_rest(limits);
  } else {
    constexpr u32 kDefaultPageSizeLog2 = 16;
    parse_page_size(context_, limits);
    u64 bytes = parse_memory_data(context_, index, limits.is_64, out_[SectionKind::Data]);
    u64 page = u64{1} << limits.page_size_log2.value_or(kDefaultPageSizeLog2);
    limits.min = bytes / page + (bytes % page != 0);
    limits.max = limits.min;
  }
  limits.write(out_[SectionKind::Memory].entry());
}

void WatModule::parse_global(u32 index) {
  in_.accept_id();
  inline_exports(Space::Global, index);
  if (inline_import()) return import_description(Word::Global);
  WatWriter& out = out_[SectionKind::Global].entry();
  parse_global_type(context_, out);
  parse_expression(context_, out);
}

void WatModule::parse_tag(u32 index) {
  in_.accept_id();
  inline_exports(Space::Tag, index);
  if (inline_import()) return import_description(Word::Tag);
  WatWriter& out = out_[SectionKind::Tag].entry();
  out.byte(0);
  out.unsigned_leb(parse_type_use(context_, ParamNames::Ignore).type);
}

}  // namespace

Result<std::vector<u8>> parse_wat(std::string_view text, const WatOptions& options) {
  TokenizedText source = TRY(tokenize(text, options.start));
  return WatModule(source, options).run();
}

}  // namespace lr
