// Reading tokens one after the other. The first error wins: from then on every token is End, so
// that parsers need no test after each step, only loops that stop at what they do not expect.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "frontend/text_lexer.h"

namespace lr {

// What v128.const and the results of scripts may be made of.
struct LaneShape {
  Word shape;
  Word lane;  // i8 to f64
  u32 count;
};

// Of the types i8 to f64.
u32 number_bits(Word type);

class TextCursor {
 public:
  // `source` must outlive the cursor; its first byte stands at `start`.
  explicit TextCursor(const TokenizedText& source, TextPosition start = {})
      : source_(source), start_(start) {}

  const TokenizedText& source() const { return source_; }
  u32 index() const { return index_; }
  // Goes on at another token. Without effect after an error.
  void seek(u32 index);

  const Token& peek(u32 ahead = 0) const { return token(u64{index_} + ahead); }
  // The token at that index, or End.
  const Token& token(u64 index) const;
  std::string_view text_of(const Token& token) const { return source_.text_of(token); }
  bool at(TokenKind kind) const { return peek().kind == kind; }
  bool at(Word word) const { return peek().kind == TokenKind::Keyword && peek().word == word; }
  // At a parenthesis and the word behind it.
  bool at_open(Word word) const;
  // At a parenthesis: the word behind it, or Unknown.
  Word open_word() const;

  // Each moves on if it can, and says whether it did.
  bool accept(Word word);
  bool accept_open(Word word);
  bool accept(TokenKind kind);

  Token next();
  void expect(Word word);
  void expect_open(Word word);
  void expect(TokenKind kind);
  void close() { expect(TokenKind::Close); }
  // From an Open token past its Close.
  void skip_parens();

  // Identifiers without their dollar; valid as long as the cursor.
  std::optional<std::string_view> accept_id();
  std::string_view decode_id(const Token& token);
  // A string's bytes; name() insists on UTF-8.
  std::string string();
  std::string name();
  u32 nat32();
  u64 nat64();
  // The bits of a number of one of the types i8 to f64.
  u64 number(Word type);
  // The shape at the cursor, if the right number of lanes follows it; else an error and null.
  const LaneShape* accept_lane_shape();

  bool ok() const { return !error_.has_value(); }
  // Refuses the current token, or the one given.
  void fail(Err code, std::string detail = {}) { fail_at(peek(), code, std::move(detail)); }
  void fail_at(const Token& token, Err code, std::string detail = {});
  void fail_at_offset(u32 offset, Err code, std::string detail = {});
  // "unexpected token", or "unknown operator" if the current token is no word of the format.
  void unexpected(std::string_view expected);
  Error take_error() { return std::move(*error_); }

 private:
  bool at_lane(u32 ahead) const;

  const TokenizedText& source_;
  TextPosition start_;
  u32 index_ = 0;
  std::deque<std::string> decoded_ids_;
  std::optional<Error> error_;
};

}  // namespace lr
