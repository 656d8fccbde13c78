// The lexical grammar of the text format (specification section 6.3 "Lexical Format"): from source
// text to tokens. White space and comments disappear; annotations that this project knows stand
// beside the tokens, all others are only checked for their form.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "frontend/text_keywords.h"

namespace lr {

// Lines and columns count from 1, columns in bytes.
struct TextPosition {
  u32 line = 1;
  u32 column = 1;
};

// Where `offset` is, for a text whose first byte stands at `start`.
TextPosition locate(std::string_view text, usize offset, TextPosition start = {});

enum class TokenKind : u8 {
  End,       // Follows the last token.
  Open,      // (
  Close,     // )
  Id,        // $name or $"name"
  String,    // "..." with valid escapes
  Nat,       // A number without a sign.
  Int,       // A number with a sign.
  Float,     // Any other number, inf, nan, nan:0x...
  Keyword,   // Begins with a small letter; `word` says which.
  Reserved,  // Anything else that the grammar sets aside. No construct has one.
};

inline bool is_number(TokenKind kind) {
  return kind == TokenKind::Nat || kind == TokenKind::Int || kind == TokenKind::Float;
}

struct Token {
  u32 offset = 0;
  // Length in bytes; of an Open token the index of its Close token (of End if it has none).
  u32 extent = 0;
  TokenKind kind = TokenKind::End;
  Word word = Word::Unknown;
};

// (@id ...) for an id in kKnownAnnotations.
struct Annotation {
  std::string_view id;
  u32 offset = 0;  // Of its parenthesis.
  u32 before = 0;  // Index of the token that follows it.
  u32 first = 0;   // Its tokens: annotation_tokens[first, ...) up to an End.
};

inline constexpr std::string_view kCustomAnnotation = "custom";
inline constexpr std::string_view kNameAnnotation = "name";
inline constexpr std::string_view kBranchHintAnnotation = "metadata.code.branch_hint";

struct TokenizedText {
  std::string_view text;
  std::vector<Token> tokens;            // Ends with End.
  std::vector<Annotation> annotations;  // In the order of the text.
  std::vector<Token> annotation_tokens;

  std::string_view text_of(const Token& token) const;
};

// The text must outlive the result. The first lexical error, wherever it stands, is the only one.
Result<TokenizedText> tokenize(std::string_view text, TextPosition start = {});

// The bytes that a String token (quotes included) or the string of a quoted id stands for.
std::string decode_string(std::string_view quoted);

}  // namespace lr
