#include "frontend/wast_script.h"

#include "frontend/text_cursor.h"
#include "frontend/wat_parser.h"

namespace lr {

namespace {

using Kind = WastCommand::Kind;
using Value = WastValue::Kind;

struct AssertionRow {
  Word word;
  Kind kind;
  bool takes_module;
  bool takes_action;
  bool takes_text;
};

constexpr AssertionRow kAssertions[] = {
    {Word::AssertReturn, Kind::AssertReturn, false, true, false},
    {Word::AssertTrap, Kind::AssertTrap, true, true, true},
    {Word::AssertExhaustion, Kind::AssertExhaustion, false, true, true},
    {Word::AssertException, Kind::AssertException, false, true, false},
    {Word::AssertInvalid, Kind::AssertInvalid, true, false, true},
    {Word::AssertMalformed, Kind::AssertMalformed, true, false, true},
    {Word::AssertUnlinkable, Kind::AssertUnlinkable, true, false, true},
    {Word::AssertInvalidCustom, Kind::AssertInvalidCustom, true, false, true},
    {Word::AssertMalformedCustom, Kind::AssertMalformedCustom, true, false, true}};

struct ReferenceRow {
  std::string_view text;
  Value kind;
};

constexpr ReferenceRow kReferences[] = {
    {"ref.null", Value::RefNull},   {"ref.func", Value::RefFunc}, {"ref.extern", Value::RefExtern},
    {"ref.host", Value::RefHost},   {"ref.i31", Value::RefI31},   {"ref.struct", Value::RefStruct},
    {"ref.array", Value::RefArray}, {"ref.eq", Value::RefEq},     {"ref.any", Value::RefAny},
    {"ref.exn", Value::RefExn}};

struct HeapRow {
  Word word;
  Heap heap;
};

constexpr HeapRow kHeaps[] = {
    {Word::Func, Heap::Func},         {Word::NoFunc, Heap::NoFunc}, {Word::Extern, Heap::Extern},
    {Word::NoExtern, Heap::NoExtern}, {Word::Any, Heap::Any},       {Word::Eq, Heap::Eq},
    {Word::I31, Heap::I31},           {Word::Struct, Heap::Struct}, {Word::Array, Heap::Array},
    {Word::None, Heap::None},         {Word::Exn, Heap::Exn},       {Word::NoExn, Heap::NoExn}};

bool is_module_field(Word word) {
  switch (word) {
    case Word::Type:
    case Word::Rec:
    case Word::Import:
    case Word::Export:
    case Word::Func:
    case Word::Table:
    case Word::Memory:
    case Word::Global:
    case Word::Tag:
    case Word::Start:
    case Word::Elem:
    case Word::Data:
      return true;
    default:
      return false;
  }
}

class ScriptParser {
 public:
  explicit ScriptParser(const TokenizedText& source) : in_(source) {}

  Result<std::vector<WastCommand>> run();

 private:
  WastCommand command(bool in_thread);
  void module_command(WastCommand& out);
  WastModule module();
  void assertion(const AssertionRow& row, WastCommand& out);
  WastAction action();
  void thread(WastCommand& out);
  WastValue value(bool is_result);
  WastValue plain_value(bool is_result);
  void vector(WastValue& out, bool is_result);
  u64 lane(Word type, bool is_result, NanPattern& nan);
  void reference(WastValue& out);
  std::optional<std::string> id();
  u32 line() { return locate_line(in_.peek().offset); }
  u32 locate_line(u32 offset);
  TextPosition position(u32 offset) { return {locate_line(offset), offset - line_begin_ + 1}; }

  TextCursor in_;
  // The last position that was asked for; questions come in the order of the text.
  u32 line_offset_ = 0;
  u32 line_begin_ = 0;
  u32 line_ = 1;
};

u32 ScriptParser::locate_line(u32 offset) {
  std::string_view text = in_.source().text;
  for (; line_offset_ < offset; line_offset_++) {
    char c = text[line_offset_];
    bool ends = c == '\n' || (c == '\r' && !text.substr(line_offset_ + 1).starts_with('\n'));
    if (!ends) continue;
    line_++;
    line_begin_ = line_offset_ + 1;
  }
  return line_;
}

Result<std::vector<WastCommand>> ScriptParser::run() {
  std::vector<WastCommand> commands;
  if (is_module_field(in_.open_word())) {
    WastCommand only;
    only.line = 1;
    only.module = WastModule{};
    only.module->source = in_.source().text;
    commands.push_back(std::move(only));
    return commands;
  }
  while (in_.ok() && !in_.at(TokenKind::End)) commands.push_back(command(false));
  if (!in_.ok()) return in_.take_error();
  return commands;
}

std::optional<std::string> ScriptParser::id() {
  std::optional<std::string_view> id = in_.accept_id();
  if (!id) return std::nullopt;
  return std::string(*id);
}

WastCommand ScriptParser::command(bool in_thread) {
  WastCommand out;
  out.line = line();
  Word word = in_.open_word();
  if (word == Word::Module) {
    module_command(out);
  } else if (word == Word::Invoke || word == Word::Get) {
    out.kind = Kind::Action;
    out.action = action();
  } else if (in_.accept_open(Word::Register)) {
    out.kind = Kind::Register;
    out.text = in_.name();
    out.of = id();
    in_.close();
  } else if (!in_thread && in_.accept_open(Word::Thread)) {
    thread(out);
  } else if (in_.accept_open(Word::Wait)) {
    out.kind = Kind::Wait;
    out.name = id();
    if (!out.name) in_.unexpected("the name of a thread");
    in_.close();
  } else {
    for (const AssertionRow& row : kAssertions) {
      if (row.word != word) continue;
      assertion(row, out);
      return out;
    }
    in_.expect(TokenKind::Open);
    in_.unexpected("a command");
  }
  return out;
}

void ScriptParser::module_command(WastCommand& out) {
  bool is_instance = in_.peek(2).kind == TokenKind::Keyword && in_.peek(2).word == Word::Instance;
  if (!is_instance) {
    out.module = module();
    out.name = out.module->name;
    return;
  }
  in_.expect_open(Word::Module);
  in_.next();
  out.kind = Kind::Instance;
  out.name = id();
  out.of = id();
  in_.close();
}

// (module definition? id? (binary string* | quote string* | field*))
WastModule ScriptParser::module() {
  WastModule out;
  u32 close = in_.peek().extent;
  in_.expect_open(Word::Module);
  out.is_definition = in_.accept(Word::Definition);
  out.name = id();
  if (in_.at(Word::Binary) || in_.at(Word::Quote)) {
    out.form = in_.next().word == Word::Binary ? WastModule::Form::Binary : WastModule::Form::Quote;
  }
  // Not at the next token: annotations in between belong to the module.
  const Token& last = in_.token(in_.index() - 1);
  u32 begin = last.offset + last.extent;
  u32 end = in_.token(close).offset;
  out.position = position(begin);
  in_.seek(close);
  in_.close();
  if (in_.ok()) out.source = in_.source().text.substr(begin, end - begin);
  return out;
}

void ScriptParser::assertion(const AssertionRow& row, WastCommand& out) {
  in_.expect_open(row.word);
  out.kind = row.kind;
  Word inner = in_.open_word();
  if (row.takes_module && inner == Word::Module) {
    out.module = module();
  } else if (row.takes_action) {
    out.action = action();
  } else {
    in_.expect_open(Word::Module);
  }
  if (row.kind == Kind::AssertReturn) {
    while (in_.at(TokenKind::Open)) out.results.push_back(value(true));
  }
  if (row.takes_text) out.text = in_.string();
  in_.close();
}

WastAction ScriptParser::action() {
  WastAction out;
  out.is_get = in_.at_open(Word::Get);
  in_.expect_open(out.is_get ? Word::Get : Word::Invoke);
  out.module = id();
  out.name = in_.name();
  while (!out.is_get && in_.at(TokenKind::Open)) out.arguments.push_back(value(false));
  in_.close();
  return out;
}

// (thread id (shared (module id))* command*)
void ScriptParser::thread(WastCommand& out) {
  out.kind = Kind::Thread;
  out.name = id();
  if (!out.name) in_.unexpected("the name of a thread");
  while (in_.accept_open(Word::Shared)) {
    in_.expect_open(Word::Module);
    out.of = id();
    in_.close();
    in_.close();
  }
  while (in_.at(TokenKind::Open)) out.commands.push_back(command(true));
  in_.close();
}

WastValue ScriptParser::value(bool is_result) {
  if (!is_result || !in_.accept_open(Word::Either)) return plain_value(is_result);
  WastValue out;
  out.kind = Value::Either;
  while (in_.at(TokenKind::Open)) out.alternatives.push_back(plain_value(true));
  in_.close();
  return out;
}

u64 ScriptParser::lane(Word type, bool is_result, NanPattern& nan) {
  bool is_float = type == Word::F32 || type == Word::F64;
  if (is_result && is_float) {
    if (in_.accept(Word::NanCanonical)) nan = NanPattern::Canonical;
    if (nan == NanPattern::None && in_.accept(Word::NanArithmetic)) nan = NanPattern::Arithmetic;
    if (nan != NanPattern::None) return 0;
  }
  return in_.number(type);
}

void ScriptParser::vector(WastValue& out, bool is_result) {
  const LaneShape* shape = in_.accept_lane_shape();
  if (shape == nullptr) return;
  out.shape =
      static_cast<WastShape>(static_cast<u32>(shape->shape) - static_cast<u32>(Word::I8x16));
  u32 bits = number_bits(shape->lane);
  for (u32 i = 0; i < shape->count && in_.ok(); i++) {
    u32 at = i * bits;
    out.bits[at / 64] |= lane(shape->lane, is_result, out.nan[i % 4]) << (at % 64);
  }
}

void ScriptParser::reference(WastValue& out) {
  if (out.kind == Value::RefNull) {
    for (const HeapRow& row : kHeaps) {
      if (!out.heap && in_.accept(row.word)) out.heap = row.heap;
    }
  } else if (in_.at(TokenKind::Nat)) {
    out.number = in_.nat32();
  }
}

WastValue ScriptParser::plain_value(bool is_result) {
  WastValue out;
  in_.expect(TokenKind::Open);
  Token token = in_.peek();
  std::string_view text = in_.text_of(token);
  bool is_known = true;
  if (text == info(Op::I32Const).text) {
    in_.next();
    out.bits[0] = in_.number(Word::I32);
  } else if (text == info(Op::I64Const).text) {
    in_.next();
    out.kind = Value::I64;
    out.bits[0] = in_.number(Word::I64);
  } else if (text == info(Op::F32Const).text || text == info(Op::F64Const).text) {
    in_.next();
    bool is_32 = text == info(Op::F32Const).text;
    out.kind = is_32 ? Value::F32 : Value::F64;
    out.bits[0] = lane(is_32 ? Word::F32 : Word::F64, is_result, out.nan[0]);
  } else if (text == info(Op::V128Const).text) {
    in_.next();
    out.kind = Value::V128;
    vector(out, is_result);
  } else {
    is_known = false;
    for (const ReferenceRow& row : kReferences) {
      if (row.text != text) continue;
      in_.next();
      is_known = true;
      out.kind = row.kind;
      reference(out);
    }
  }
  if (!is_known) in_.unexpected(is_result ? "a result" : "a constant");
  in_.close();
  return out;
}

// The strings of a binary or quoted module, as one.
Result<std::string> joined_strings(std::string_view source, TextPosition start) {
  TokenizedText tokens = TRY(tokenize(source, start));
  TextCursor in(tokens, start);
  std::string bytes;
  while (in.at(TokenKind::String)) bytes += in.string();
  in.expect(TokenKind::End);
  if (!in.ok()) return in.take_error();
  return bytes;
}

}  // namespace

Result<std::vector<u8>> WastModule::encode(bool narrow_limits) const {
  WatOptions options;
  options.narrow_limits = narrow_limits;
  if (name) options.module_name = *name;
  if (form == Form::Text) {
    options.start = position;
    return parse_wat(source, options);
  }
  std::string bytes = TRY(joined_strings(source, position));
  if (form == Form::Quote) return parse_wat(bytes, options);
  return std::vector<u8>(bytes.begin(), bytes.end());
}

Result<std::vector<WastCommand>> parse_wast(std::string_view text) {
  TokenizedText tokens = TRY(tokenize(text));
  return ScriptParser(tokens).run();
}

}  // namespace lr
