#include "frontend/text_cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "frontend/reader.h"
#include "frontend/text_number.h"

namespace lr {

namespace {

// A token as messages show it.
std::string shown(std::string_view text) {
  constexpr usize kLongest = 40;
  if (text.empty()) return "the end of the text";
  if (text.size() <= kLongest) return std::string(text);
  usize cut = kLongest;
  while ((static_cast<u8>(text[cut]) & 0xc0) == 0x80) cut--;
  return std::string(text.substr(0, cut)) + "...";
}

constexpr LaneShape kLaneShapes[] = {{Word::I8x16, Word::I8, 16}, {Word::I16x8, Word::I16, 8},
                                     {Word::I32x4, Word::I32, 4}, {Word::I64x2, Word::I64, 2},
                                     {Word::F32x4, Word::F32, 4}, {Word::F64x2, Word::F64, 2}};

}  // namespace

u32 number_bits(Word type) {
  switch (type) {
    case Word::I8:
      return 8;
    case Word::I16:
      return 16;
    case Word::I32:
    case Word::F32:
      return 32;
    default:
      return 64;
  }
}

void TextCursor::seek(u32 index) {
  if (ok()) index_ = index;
}

const Token& TextCursor::token(u64 index) const {
  return source_.tokens[std::min<u64>(index, source_.tokens.size() - 1)];
}

bool TextCursor::at_open(Word word) const { return open_word() == word; }

Word TextCursor::open_word() const {
  if (!at(TokenKind::Open) || peek(1).kind != TokenKind::Keyword) return Word::Unknown;
  return peek(1).word;
}

Token TextCursor::next() {
  Token token = peek();
  if (token.kind != TokenKind::End) index_++;
  return token;
}

bool TextCursor::accept(Word word) {
  if (!at(word)) return false;
  index_++;
  return true;
}

bool TextCursor::accept_open(Word word) {
  if (!at_open(word)) return false;
  index_ += 2;
  return true;
}

bool TextCursor::accept(TokenKind kind) {
  if (!at(kind)) return false;
  next();
  return true;
}

void TextCursor::expect(Word word) {
  if (!accept(word)) unexpected(lr::text_of(word));
}

void TextCursor::expect_open(Word word) {
  if (accept_open(word)) return;
  accept(TokenKind::Open);
  unexpected(fmt::format("({}", lr::text_of(word)));
}

void TextCursor::expect(TokenKind kind) {
  if (accept(kind)) return;
  switch (kind) {
    case TokenKind::Open:
      return unexpected("'('");
    case TokenKind::Close:
      return unexpected("')'");
    case TokenKind::String:
      return unexpected("a string");
    case TokenKind::Nat:
      return unexpected("a number");
    case TokenKind::End:
      return unexpected("the end of the text");
    case TokenKind::Id:
    case TokenKind::Int:
    case TokenKind::Float:
    case TokenKind::Keyword:
    case TokenKind::Reserved:
      return unexpected("something else");
  }
}

void TextCursor::skip_parens() {
  if (!at(TokenKind::Open)) return expect(TokenKind::Open);
  seek(peek().extent);
  close();
}

std::string_view TextCursor::decode_id(const Token& token) {
  std::string_view text = text_of(token).substr(1);
  if (!text.starts_with('"')) return text;
  return decoded_ids_.emplace_back(decode_string(text));
}

std::optional<std::string_view> TextCursor::accept_id() {
  if (!at(TokenKind::Id)) return std::nullopt;
  return decode_id(next());
}

std::string TextCursor::string() {
  if (!at(TokenKind::String)) {
    expect(TokenKind::String);
    return {};
  }
  return decode_string(text_of(next()));
}

std::string TextCursor::name() {
  Token token = peek();
  std::string bytes = string();
  if (!is_utf8(bytes)) fail_at(token, Err::BadUtf8);
  return bytes;
}

u32 TextCursor::nat32() {
  if (!at(TokenKind::Nat)) {
    expect(TokenKind::Nat);
    return 0;
  }
  std::optional<u64> value = parse_nat(text_of(peek()), std::numeric_limits<u32>::max());
  if (!value) fail(Err::I32ConstantOutOfRange, shown(text_of(peek())));
  next();
  return static_cast<u32>(value.value_or(0));
}

u64 TextCursor::nat64() {
  if (!at(TokenKind::Nat)) {
    expect(TokenKind::Nat);
    return 0;
  }
  std::optional<u64> value = parse_nat(text_of(peek()), std::numeric_limits<u64>::max());
  if (!value) fail(Err::I64ConstantOutOfRange, shown(text_of(peek())));
  next();
  return value.value_or(0);
}

u64 TextCursor::number(Word type) {
  bool is_float = type == Word::F32 || type == Word::F64;
  Token token = peek();
  if (!is_number(token.kind) || (!is_float && token.kind == TokenKind::Float)) {
    unexpected(is_float ? "a number" : "an integer");
    return 0;
  }
  std::string_view text = text_of(token);
  std::optional<u64> bits;
  if (!is_float) {
    bits = parse_int(text, number_bits(type));
  } else if (type == Word::F64) {
    bits = parse_f64(text);
  } else if (std::optional<u32> narrow = parse_f32(text)) {
    bits = *narrow;
  }
  if (!bits) fail(Err::ConstantOutOfRange, shown(text));
  next();
  return bits.value_or(0);
}

bool TextCursor::at_lane(u32 ahead) const {
  const Token& token = peek(ahead);
  bool is_pattern = token.word == Word::NanCanonical || token.word == Word::NanArithmetic;
  return is_number(token.kind) || is_pattern;
}

const LaneShape* TextCursor::accept_lane_shape() {
  for (const LaneShape& row : kLaneShapes) {
    if (!accept(row.shape)) continue;
    u32 count = 0;
    while (count <= row.count && at_lane(count)) count++;
    TokenKind behind = peek(count).kind;
    bool ends = behind == TokenKind::Open || behind == TokenKind::Close;
    // Anything else but a lane is an error of its own.
    if (count > row.count || (count < row.count && ends)) {
      fail(Err::WrongNumberOfLanes, fmt::format("expected {}", row.count));
      return nullptr;
    }
    return &row;
  }
  unexpected("a shape such as i32x4");
  return nullptr;
}

void TextCursor::fail_at(const Token& token, Err code, std::string detail) {
  fail_at_offset(token.offset, code, std::move(detail));
}

void TextCursor::fail_at_offset(u32 offset, Err code, std::string detail) {
  if (!ok()) return;
  Error error = make_error(code, std::move(detail));
  TextPosition position = locate(source_.text, offset, start_);
  error.offset = offset;
  error.line = position.line;
  error.column = position.column;
  error_ = std::move(error);
  index_ = static_cast<u32>(source_.tokens.size() - 1);
}

void TextCursor::unexpected(std::string_view expected) {
  if (!ok()) return;
  Token token = peek();
  std::string_view text = text_of(token);
  bool is_word = token.kind == TokenKind::Keyword;
  if (token.kind == TokenKind::Reserved || (is_word && token.word == Word::Unknown)) {
    std::string detail = shown(text);
    std::string_view nearest = is_word ? nearest_word(text) : "";
    if (!nearest.empty()) detail += fmt::format(" (did you mean {}?)", nearest);
    return fail(Err::UnknownOperator, std::move(detail));
  }
  fail(Err::UnexpectedToken, fmt::format("{}, expected {}", shown(text), expected));
}

}  // namespace lr
