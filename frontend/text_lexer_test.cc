#include "frontend/text_lexer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lr {
namespace {

// One letter for each token: ( ) i(d) s(tring) n(at) -(int) f(loat) k(eyword) r(eserved).
std::string kinds(std::string_view text) {
  Result<TokenizedText> result = tokenize(text);
  if (!result.ok()) return result.error().message();
  std::string letters;
  for (const Token& token : result->tokens) letters += "$()isn-fkr"[static_cast<usize>(token.kind)];
  letters.erase(letters.find('$'), 1);
  return letters;
}

struct LexerCase {
  std::string_view text;
  std::string_view kinds;  // Or the error.
};

class Lexing : public testing::TestWithParam<LexerCase> {};

TEST_P(Lexing, Is) { EXPECT_EQ(kinds(GetParam().text), GetParam().kinds) << GetParam().text; }

INSTANTIATE_TEST_SUITE_P(
    Tokens, Lexing,
    testing::Values(LexerCase{"", ""}, LexerCase{" \t\r\n", ""}, LexerCase{"(module)", "(k)"},
                    LexerCase{"$a $\"b c\" \"s\" 1 -1 1.5 i32.add A", "iisn-fkr"},
                    // What stands together is one token.
                    LexerCase{"0$l", "r"}, LexerCase{"\"a\"\"b\"", "r"}, LexerCase{"\"a\"x", "r"},
                    LexerCase{"$l\"a\"", "r"}, LexerCase{"$\"l\"0", "r"}, LexerCase{"0drop", "r"},
                    LexerCase{"a(b", "k(k"}, LexerCase{"br 0;;x\n(nop)", "kn(k)"},
                    // Numbers behind an equals sign belong to the word.
                    LexerCase{"offset=1 align=0x8", "kk"}));

INSTANTIATE_TEST_SUITE_P(
    Comments, Lexing,
    testing::Values(LexerCase{";; a\nnop", "k"}, LexerCase{";; a\rnop", "k"}, LexerCase{";;", ""},
                    LexerCase{"(; a (; b ;) c ;)nop", "k"}, LexerCase{"(;;)()(;;)", "()"},
                    LexerCase{"(; a", "unclosed comment"}, LexerCase{"(;(;;)", "unclosed comment"},
                    LexerCase{std::string_view("(;\0;)", 5), ""}));

INSTANTIATE_TEST_SUITE_P(Annotations, Lexing,
                         testing::Values(LexerCase{"(@a)", ""},
                                         LexerCase{"nop (@a (b) \"(\" (@c)) nop", "kk"},
                                         LexerCase{"( @a)", "(r)"},
                                         LexerCase{"(@a \"\\u{41}\" 0xg , ; [)", ""},
                                         LexerCase{"(@)", "empty annotation id"},
                                         LexerCase{"(@\"\")", "empty annotation id"},
                                         LexerCase{"(@a", "unclosed annotation"},
                                         LexerCase{"(@a (b)", "unclosed annotation"},
                                         LexerCase{"(@a \x01)", "illegal character"}));

INSTANTIATE_TEST_SUITE_P(
    Refusals, Lexing,
    testing::Values(LexerCase{"$", "empty identifier"}, LexerCase{"$\"\"", "empty identifier"},
                    LexerCase{"$\"a\nb\"", "empty identifier"}, LexerCase{"\"a", "unclosed string"},
                    LexerCase{"\"a\n\"", "unclosed string"}, LexerCase{"\"\\x\"", "illegal escape"},
                    LexerCase{"\"\\0\"", "illegal escape"},
                    LexerCase{"\"\\u{d800}\"", "illegal escape"},
                    LexerCase{"\"\\u{110000}\"", "illegal escape"},
                    LexerCase{"\"\x7f\"", "illegal character"},
                    LexerCase{"\xc3\xa4", "illegal character"},
                    LexerCase{";; \xff", "malformed UTF-8 encoding"},
                    LexerCase{"$\"\\ff\"", "malformed UTF-8 encoding"},
                    LexerCase{"\x7f", "illegal character"}));

TEST(Lexer, DecodesStrings) {
  EXPECT_EQ(decode_string(R"("a\t\n\r\"\'\\\41\u{e4}\u{1F600}b")"),
            "a\t\n\r\"'\\A\xc3\xa4\xf0\x9f\x98\x80"
            "b");
  EXPECT_EQ(decode_string(R"("\ff\00")"), std::string("\xff\0", 2));
}

TEST(Lexer, MatchesParentheses) {
  Result<TokenizedText> result = tokenize("(a (b) (c)");
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->tokens[0].extent, 8);  // Never closed: End.
  EXPECT_EQ(result->tokens[2].extent, 4);
  EXPECT_EQ(result->tokens[5].extent, 7);
}

TEST(Lexer, KeepsKnownAnnotations) {
  Result<TokenizedText> result = tokenize("(module (@name \"m\" (x)) (@other) (@custom))");
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->annotations.size(), 2);
  EXPECT_EQ(result->annotations[0].id, "name");
  EXPECT_EQ(result->annotations[0].before, 2);
  EXPECT_EQ(result->annotations[1].id, "custom");
  EXPECT_EQ(result->annotation_tokens.size(), 6);
}

TEST(Lexer, Positions) {
  std::string_view text = "ab\ncd\r\ne\rf";
  auto at = [&](usize offset) {
    TextPosition position = locate(text, offset, {10, 5});
    return std::pair(position.line, position.column);
  };
  EXPECT_EQ(at(0), std::pair(10u, 5u));
  EXPECT_EQ(at(1), std::pair(10u, 6u));
  EXPECT_EQ(at(3), std::pair(11u, 1u));
  EXPECT_EQ(at(7), std::pair(12u, 1u));
  EXPECT_EQ(at(9), std::pair(13u, 1u));
}

TEST(Lexer, DeepNestingNeedsNoStack) {
  constexpr usize kDepth = 1'000'000;
  EXPECT_TRUE(tokenize(std::string(kDepth, '(')).ok());
  std::string comment;
  for (usize i = 0; i < kDepth; i++) comment += "(;";
  EXPECT_EQ(kinds(comment), "unclosed comment");
}

TEST(Keywords, EveryInstructionIsFound) {
  for (const OpInfo& row : kOpInfo) {
    Word word = find_word(row.text);
    ASSERT_NE(word, Word::Unknown) << row.text;
    EXPECT_EQ(text_of(word), row.text);
  }
  EXPECT_EQ(find_word("ref.test"), static_cast<Word>(Op::RefTest));
  EXPECT_EQ(find_word("block"), Word::Block);
  EXPECT_EQ(find_word("i32.ad"), Word::Unknown);
}

TEST(Keywords, Nearest) {
  EXPECT_EQ(nearest_word("i32.ad"), "i32.add");
  EXPECT_EQ(nearest_word("locl.get"), "local.get");
  EXPECT_EQ(nearest_word("get_local"), "local.get");
  EXPECT_EQ(nearest_word("modul"), "module");
  EXPECT_EQ(nearest_word("frobnicate"), "");
}

}  // namespace
}  // namespace lr
