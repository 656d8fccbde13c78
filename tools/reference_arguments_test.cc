#include "tools/reference_arguments.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace lr::cli {
namespace {

using Words = std::vector<std::string>;

std::string text_of(const ReferenceRunArguments& arguments) {
  return fmt::format("dirs={} guest={}", fmt::join(arguments.directories, ","),
                     fmt::join(arguments.guest, ","));
}

std::string text_of(const TestArguments& arguments) {
  std::string flags;
  if (arguments.ignored) flags += 'i';
  if (arguments.exact) flags += 'e';
  if (arguments.nocapture) flags += 'n';
  if (arguments.show_output) flags += 's';
  if (arguments.list) flags += 'l';
  return fmt::format("filter={} guest={} dirs={} flags={}", arguments.filter,
                     fmt::join(arguments.guest, ","), fmt::join(arguments.directories, ","), flags);
}

template <typename T>
std::string text_of(const Result<T>& result) {
  return result.ok() ? text_of(result.value()) : result.error().detail;
}

struct ArgumentsCase {
  Words words;
  std::string_view expected;
};

class ReferenceRun : public testing::TestWithParam<ArgumentsCase> {};
class TestRunArguments : public testing::TestWithParam<ArgumentsCase> {};

TEST_P(ReferenceRun, AreParsed) {
  EXPECT_EQ(text_of(parse_reference_run(GetParam().words)), GetParam().expected);
}

TEST_P(TestRunArguments, AreParsed) {
  EXPECT_EQ(text_of(parse_test_arguments(GetParam().words)), GetParam().expected);
}

constexpr std::string_view kUnknown =
    "unknown option --foo behind the program; what is for the guest stands behind --";

INSTANTIATE_TEST_SUITE_P(
    All, ReferenceRun,
    testing::Values(ArgumentsCase{{}, "dirs= guest="}, ArgumentsCase{{"a", "b"}, "dirs= guest=a,b"},
                    ArgumentsCase{{"a", "--dir", "d", "b", "--dir=e"}, "dirs=d,e guest=a,b"},
                    ArgumentsCase{{"--bench", "a"}, "dirs= guest=a,--bench"},
                    ArgumentsCase{{"a", "--", "--foo", "--dir", "--"},
                                  "dirs= guest=a,--foo,--dir,--"},
                    ArgumentsCase{{"-", "a"}, "dirs= guest=-,a"},
                    ArgumentsCase{{"--foo"}, kUnknown},
                    ArgumentsCase{{"a", "--dir"}, "--dir needs a value"}));

INSTANTIATE_TEST_SUITE_P(
    All, TestRunArguments,
    testing::Values(
        ArgumentsCase{{}, "filter= guest= dirs= flags="},
        ArgumentsCase{{"name", "a", "b"}, "filter=name guest=a,b dirs= flags="},
        ArgumentsCase{{"--ignored", "name", "--exact"}, "filter=name guest= dirs= flags=ie"},
        ArgumentsCase{{"--nocapture", "--show-output"}, "filter= guest= dirs= flags=ns"},
        ArgumentsCase{{"--dir", "d", "--dir=e"}, "filter= guest= dirs=d,e flags="},
        ArgumentsCase{{"--list", "--format", "terse"}, "filter= guest= dirs= flags=l"},
        ArgumentsCase{{"--format=terse", "--list", "x"}, "filter=x guest= dirs= flags=l"},
        ArgumentsCase{{"--list"}, "--list needs --format terse"},
        ArgumentsCase{{"--list", "--format", "pretty"}, "--list needs --format terse"},
        ArgumentsCase{{"x", "--", "--foo"}, "filter=x guest=--foo dirs= flags="},
        ArgumentsCase{{"--foo"}, kUnknown}));

TEST(TestExecutable, IsKnownByItsPlace) {
  EXPECT_TRUE(is_test_executable("/a/target/wasm32-wasi/debug/deps/x-12.wasm"));
  EXPECT_TRUE(is_test_executable("/target/wasm32-wasip1/release/deps/x.wasm"));
  EXPECT_TRUE(is_test_executable("b/target/wasm32-unknown-unknown/debug/deps/x.wasm"));
  EXPECT_FALSE(is_test_executable("target/wasm32-wasi/debug/deps/x.wasm"));
  EXPECT_FALSE(is_test_executable("/target/wasm32-wasi/debug/x.wasm"));
  EXPECT_FALSE(is_test_executable("/target/wasm32-wasi/bench/deps/x.wasm"));
  EXPECT_FALSE(is_test_executable("/target/wasm32-wasi/debug/deps/.wasm"));
  EXPECT_FALSE(is_test_executable("/target/wasm32-wasi/debug/deps/x.wat"));
  EXPECT_FALSE(is_test_executable("/target/x86_64/debug/deps/x.wasm"));
  EXPECT_FALSE(is_test_executable("/target/wasm32-wasi/debug/deps/more/x.wasm"));
  EXPECT_FALSE(is_test_executable("x.wasm"));
}

}  // namespace
}  // namespace lr::cli
