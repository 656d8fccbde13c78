#include "frontend/text_lexer.h"

#include <algorithm>
#include <array>
#include <limits>

#include "frontend/reader.h"
#include "frontend/text_number.h"

namespace lr {

namespace {

constexpr std::string_view kKnownAnnotations[] = {kCustomAnnotation, kNameAnnotation,
                                                  kBranchHintAnnotation};

enum CharClass : u8 { kIllegal, kSpace, kIdChar, kSymbol, kQuote, kParen };

consteval std::array<CharClass, 256> make_char_classes() {
  std::array<CharClass, 256> table{};
  for (u8 c : std::string_view(" \t\n\r")) table[c] = kSpace;
  for (char c = '!'; c <= '~'; c++) table[static_cast<u8>(c)] = kIdChar;
  for (u8 c : std::string_view(",;[]{}")) table[c] = kSymbol;
  for (u8 c : std::string_view("()")) table[c] = kParen;
  table[u8{'"'}] = kQuote;
  return table;
}

constexpr std::array<CharClass, 256> kCharClass = make_char_classes();

CharClass char_class(char c) { return kCharClass[static_cast<u8>(c)]; }

bool is_small_letter(char c) { return c >= 'a' && c <= 'z'; }

i32 hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char small = static_cast<char>(c | 0x20);
  if (small >= 'a' && small <= 'f') return small - 'a' + 10;
  return -1;
}

void append_utf8(std::string& out, u32 c) {
  auto put = [&](u32 byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

class Lexer {
 public:
  Lexer(std::string_view text, TextPosition start) : start_(start) { out_.text = text; }

  Result<TokenizedText> run();

 private:
  std::string_view text() const { return out_.text; }
  char at(usize i) const { return i < text().size() ? text()[i] : '\0'; }
  bool at_end() const { return at_ >= text().size(); }
  bool failed() const { return error_.has_value(); }
  void fail(Err code, usize offset, std::string detail = {});

  // True if something was skipped: white space, a comment.
  bool skip_space();
  void skip_block_comment();
  void annotation();
  Token next_token();
  Token compound_token();
  static TokenKind kind_of(std::string_view token, u32 strings, Word& word);
  void close_paren();

  // Moves past the string that begins at at_. What is wrong with it, or nothing.
  std::optional<Err> scan_string();
  std::optional<Err> scan_escape();

  TokenizedText out_;
  TextPosition start_;
  usize at_ = 0;
  std::vector<u32> open_;  // Indices of Open tokens without their Close.
  std::optional<Error> error_;
};

void Lexer::fail(Err code, usize offset, std::string detail) {
  if (failed()) return;
  Error error = make_error(code, std::move(detail));
  TextPosition position = locate(text(), offset, start_);
  error.offset = offset;
  error.line = position.line;
  error.column = position.column;
  error_ = std::move(error);
  at_ = text().size();
}

void Lexer::skip_block_comment() {
  usize begin = at_;
  u32 depth = 0;
  while (!at_end()) {
    if (at(at_) == '(' && at(at_ + 1) == ';') {
      depth++;
      at_ += 2;
    } else if (at(at_) == ';' && at(at_ + 1) == ')') {
      at_ += 2;
      if (--depth == 0) return;
    } else {
      at_++;
    }
  }
  fail(Err::UnclosedComment, begin);
}

bool Lexer::skip_space() {
  if (at_end()) return false;
  char c = at(at_);
  if (char_class(c) == kSpace) {
    at_++;
    return true;
  }
  if (c == ';' && at(at_ + 1) == ';') {
    at_ = std::min(text().find_first_of("\n\r", at_), text().size());
    return true;
  }
  if (c == '(' && at(at_ + 1) == ';') {
    skip_block_comment();
    return true;
  }
  return false;
}

std::optional<Err> Lexer::scan_escape() {
  char c = at(at_++);
  if (std::string_view("tnr\"'\\").find(c) != std::string_view::npos) return std::nullopt;
  if (c == 'u' && at(at_) == '{') {
    usize close = text().find('}', at_);
    if (close == std::string_view::npos) return Err::IllegalEscape;
    std::string number = "0x" + std::string(text().substr(at_ + 1, close - at_ - 1));
    if (number_shape(number) != NumberShape::Nat) return Err::IllegalEscape;
    std::optional<u64> value = parse_nat(number, 0x10ffff);
    if (!value || (*value >= 0xd800 && *value < 0xe000)) return Err::IllegalEscape;
    at_ = close + 1;
    return std::nullopt;
  }
  if (hex_value(c) < 0 || hex_value(at(at_)) < 0) return Err::IllegalEscape;
  at_++;
  return std::nullopt;
}

std::optional<Err> Lexer::scan_string() {
  at_++;
  while (!at_end()) {
    char c = at(at_++);
    if (c == '"') return std::nullopt;
    if (c == '\n' || c == '\r') return Err::UnclosedString;
    if (static_cast<u8>(c) < 0x20 || c == 0x7f) return Err::IllegalCharacter;
    if (c == '\\') {
      if (std::optional<Err> wrong = scan_escape()) return wrong;
    }
  }
  return Err::UnclosedString;
}

TokenKind Lexer::kind_of(std::string_view token, u32 strings, Word& word) {
  if (strings > 0) {
    bool is_string = strings == 1 && token.front() == '"' && token.back() == '"';
    return is_string ? TokenKind::String : TokenKind::Reserved;
  }
  if (token[0] == '$') return TokenKind::Id;
  switch (number_shape(token)) {
    case NumberShape::Nat:
      return TokenKind::Nat;
    case NumberShape::Int:
      return TokenKind::Int;
    case NumberShape::Float:
      return TokenKind::Float;
    case NumberShape::None:
      break;
  }
  if (!is_small_letter(token[0])) return TokenKind::Reserved;
  for (Word prefix : {Word::OffsetIs, Word::AlignIs}) {
    std::string_view name = lr::text_of(prefix);
    if (!token.starts_with(name)) continue;
    bool is_whole = number_shape(token.substr(name.size())) == NumberShape::Nat;
    word = is_whole ? prefix : Word::Unknown;
    return TokenKind::Keyword;
  }
  word = find_word(token);
  return TokenKind::Keyword;
}

// The longest run of identifier characters and strings.
Token Lexer::compound_token() {
  usize begin = at_;
  u32 strings = 0;
  bool is_quoted_id = at(begin) == '$' && at(begin + 1) == '"';
  while (!at_end()) {
    CharClass c = char_class(at(at_));
    if (c == kIdChar) {
      at_++;
    } else if (c == kQuote) {
      usize string_begin = at_;
      strings++;
      if (std::optional<Err> wrong = scan_string()) {
        bool is_id = is_quoted_id && string_begin == begin + 1;
        fail(is_id ? Err::EmptyIdentifier : *wrong, string_begin);
        return {};
      }
    } else {
      break;
    }
  }
  std::string_view token = text().substr(begin, at_ - begin);
  Token result{static_cast<u32>(begin), static_cast<u32>(token.size())};
  if (token == "$" || token.starts_with("$\"\"")) {
    fail(Err::EmptyIdentifier, begin);
  } else if (is_quoted_id && strings == 1 && token.back() == '"') {
    result.kind = TokenKind::Id;
    if (!is_utf8(decode_string(token.substr(1)))) fail(Err::BadUtf8, begin);
  } else {
    result.kind = kind_of(token, strings, result.word);
  }
  return result;
}

// The token at at_, which is not white space.
Token Lexer::next_token() {
  auto begin = static_cast<u32>(at_);
  char c = at(at_);
  switch (char_class(c)) {
    case kParen:
      at_++;
      return {begin, 1, c == '(' ? TokenKind::Open : TokenKind::Close};
    case kIdChar:
    case kQuote:
      return compound_token();
    case kSymbol:
      at_++;
      return {begin, 1, TokenKind::Reserved};
    case kSpace:
    case kIllegal:
      break;
  }
  fail(Err::IllegalCharacter, at_);
  return {};
}

// From "(@" to the parenthesis that closes it.
void Lexer::annotation() {
  usize begin = at_;
  at_ += 2;
  usize id_begin = at_;
  std::string quoted_id;
  std::string_view id;
  if (at(at_) == '"') {
    if (scan_string()) return fail(Err::EmptyAnnotationId, begin);
    quoted_id = decode_string(text().substr(id_begin, at_ - id_begin));
    if (!is_utf8(quoted_id)) return fail(Err::BadUtf8, begin);
    id = quoted_id;
  } else {
    while (!at_end() && char_class(at(at_)) == kIdChar) at_++;
    id = text().substr(id_begin, at_ - id_begin);
  }
  if (id.empty()) return fail(Err::EmptyAnnotationId, begin);

  const std::string_view* known = std::ranges::find(kKnownAnnotations, id);
  bool is_known = known != std::end(kKnownAnnotations);
  auto first = static_cast<u32>(out_.annotation_tokens.size());
  u64 depth = 1;
  while (!failed()) {
    if (skip_space()) continue;
    if (at_end()) return fail(Err::UnclosedAnnotation, begin);
    Token token = next_token();
    if (token.kind == TokenKind::Open) depth++;
    if (token.kind == TokenKind::Close && --depth == 0) break;
    if (is_known) out_.annotation_tokens.push_back(token);
  }
  if (!is_known) return;
  out_.annotation_tokens.push_back({static_cast<u32>(at_), 0, TokenKind::End});
  out_.annotations.push_back(
      {*known, static_cast<u32>(begin), static_cast<u32>(out_.tokens.size()), first});
}

void Lexer::close_paren() {
  if (open_.empty()) return;  // The parser finds a token that it does not expect.
  out_.tokens[open_.back()].extent = static_cast<u32>(out_.tokens.size());
  open_.pop_back();
}

Result<TokenizedText> Lexer::run() {
  if (text().size() >= std::numeric_limits<u32>::max()) {
    return make_error(Err::LimitExceeded, "a text of 4 GiB");
  }
  if (usize good = utf8_prefix(as_bytes(text())); good < text().size()) fail(Err::BadUtf8, good);
  out_.tokens.reserve(text().size() / 6 + 1);
  while (!failed()) {
    if (skip_space()) continue;
    if (at_end()) break;
    if (at(at_) == '(' && at(at_ + 1) == '@') {
      annotation();
      continue;
    }
    Token token = next_token();
    if (token.kind == TokenKind::Open) open_.push_back(static_cast<u32>(out_.tokens.size()));
    if (token.kind == TokenKind::Close) close_paren();
    out_.tokens.push_back(token);
  }
  if (failed()) return std::move(*error_);
  auto end = static_cast<u32>(out_.tokens.size());
  for (u32 index : open_) out_.tokens[index].extent = end;
  out_.tokens.push_back({static_cast<u32>(text().size()), 0, TokenKind::End});
  return std::move(out_);
}

}  // namespace

TextPosition locate(std::string_view text, usize offset, TextPosition start) {
  TextPosition position = start;
  for (usize i = 0; i < std::min(offset, text.size()); i++) {
    bool ends_line = text[i] == '\n' || (text[i] == '\r' && !text.substr(i + 1).starts_with('\n'));
    if (ends_line) {
      position = {position.line + 1, 1};
    } else {
      position.column++;
    }
  }
  return position;
}

std::string_view TokenizedText::text_of(const Token& token) const {
  if (token.kind == TokenKind::End) return "";
  return text.substr(token.offset, token.kind == TokenKind::Open ? 1 : token.extent);
}

Result<TokenizedText> tokenize(std::string_view text, TextPosition start) {
  return Lexer(text, start).run();
}

std::string decode_string(std::string_view quoted) {
  std::string bytes;
  usize end = quoted.size() - 1;
  for (usize i = 1; i < end; i++) {
    if (quoted[i] != '\\') {
      bytes += quoted[i];
      continue;
    }
    char c = quoted[++i];
    if (c == 'u') {
      usize close = quoted.find('}', i);
      std::string number = "0x" + std::string(quoted.substr(i + 2, close - i - 2));
      append_utf8(bytes, static_cast<u32>(*parse_nat(number, 0x10ffff)));
      i = close;
    } else if (i32 high = hex_value(c); high >= 0) {
      bytes += static_cast<char>(high << 4 | hex_value(quoted[++i]));
    } else {
      bytes += c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
    }
  }
  return bytes;
}

}  // namespace lr
