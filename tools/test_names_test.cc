#include "tools/test_names.h"

#include <gtest/gtest.h>

namespace lr::cli {
namespace {

struct NameCase {
  std::string_view entry;
  std::string_view name;
  bool is_ignored = false;
  std::optional<std::string> panic;
};

class TestNames : public testing::TestWithParam<NameCase> {};

TEST_P(TestNames, AreParsed) {
  const std::optional<TestName> test = parse_test_name(GetParam().entry);
  ASSERT_TRUE(test.has_value());
  EXPECT_EQ(test->entry, GetParam().entry);
  EXPECT_EQ(test->name, GetParam().name);
  EXPECT_EQ(test->is_ignored, GetParam().is_ignored);
  EXPECT_EQ(test->panic, GetParam().panic);
}

INSTANTIATE_TEST_SUITE_P(
    All, TestNames,
    testing::Values(NameCase{"#lunatic_test_a::b", "a::b", false, {}},
                    NameCase{"#lunatic_test_#ignore_a::b", "a::b", true, {}},
                    NameCase{"#lunatic_test_#panic_#a::b", "a::b", false, ""},
                    NameCase{"#lunatic_test_#panic_boom: x#a::b", "a::b", false, "boom: x"},
                    NameCase{"#lunatic_test_#panic_no \\#1#a::b", "a::b", false, "no #1"},
                    NameCase{"#lunatic_test_#ignore_#panic_x#a::b", "a::b", true, "x"},
                    NameCase{"#lunatic_test_#panic_never ends", "", false, "never ends"},
                    NameCase{"#lunatic_test_", "", false, {}}));

TEST(TestNames, OtherExportsAreNoTests) {
  EXPECT_FALSE(parse_test_name("_start").has_value());
  EXPECT_FALSE(parse_test_name("lunatic_test_a").has_value());
  EXPECT_FALSE(parse_test_name("").has_value());
}

struct PanicCase {
  std::string_view output;
  std::optional<std::string> message;
};

class Panics : public testing::TestWithParam<PanicCase> {};

TEST_P(Panics, AreFound) { EXPECT_EQ(find_panic(GetParam().output), GetParam().message); }

constexpr std::string_view kNote =
    "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";

INSTANTIATE_TEST_SUITE_P(
    Old, Panics,
    testing::Values(PanicCase{"thread 'main' panicked at 'boom', src/lib.rs:3:5\n", "boom"},
                    PanicCase{"thread '<unnamed>' panicked at 'boom', src/lib.rs:3:5", "boom"},
                    PanicCase{"said before\nthread 'main' panicked at 'boom', a.rs:3:5\n", "boom"},
                    PanicCase{"thread 'main' panicked at 'two\nlines', a.rs:3:5\n", "two\nlines"},
                    PanicCase{"thread 'main' panicked at 'it's 'a', b', a.rs:3:5\n", "it's 'a', b"},
                    PanicCase{"thread 'main' panicked at 'odd', nowhere\n", "odd"},
                    PanicCase{"thread 'main' panicked at 'first', a.rs:1:1\n"
                              "thread 'main' panicked at 'second', a.rs:2:2\n",
                              "first"}));

INSTANTIATE_TEST_SUITE_P(
    New, Panics,
    testing::Values(
        PanicCase{"thread 'main' panicked at src/lib.rs:3:5:\nboom\n", "boom"},
        PanicCase{"thread 'main' (1) panicked at src/lib.rs:3:5:\nboom\n", "boom"},
        PanicCase{"\nthread 'main' (12345) panicked at a.rs:3:5:\ntwo\nlines", "two\nlines"},
        PanicCase{"thread 'main' panicked at a.rs:3:5:\ntwo\nlines\nnote: run with\n",
                  "two\nlines"},
        PanicCase{"thread 'main' panicked at a.rs:3:5:\nboom\nstack backtrace:\n   0: x\n", "boom"},
        PanicCase{"thread 'main' panicked at a.rs:3:5:\n\nnote: run with\n", ""},
        PanicCase{"thread 'main' panicked at a.rs:3:5:\nnote: run with\n", ""},
        PanicCase{"thread 'main' panicked at C:\\a b.rs:3:5:\nboom\n", "boom"}));

INSTANTIATE_TEST_SUITE_P(
    None, Panics,
    testing::Values(PanicCase{"", {}}, PanicCase{kNote, {}},
                    PanicCase{"a thread 'main' panicked at 'boom', a.rs:3:5\n", {}},
                    PanicCase{"thread 'main' panicked at 'boom", {}},
                    PanicCase{"thread 'main' panicked at a.rs:\nboom\n", {}},
                    PanicCase{"thread 'main' panicked at a.rs:3:5:", {}},
                    PanicCase{"thread 'main\n' panicked at 'boom', a.rs:3:5\n", {}},
                    PanicCase{"thread 'main' (1 panicked at 'boom', a.rs:3:5\n", {}}));

}  // namespace
}  // namespace lr::cli
