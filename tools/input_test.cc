#include "tools/input.h"

#include <gtest/gtest.h>

#include <ostream>

namespace lr::cli {
namespace {

using namespace std::string_view_literals;

struct KindCase {
  std::string_view bytes;
  std::string_view reason;  // Empty: it is taken.
};

class KindOf : public testing::TestWithParam<KindCase> {};

TEST_P(KindOf, SaysWhatItIs) {
  const Result<InputKind> kind = kind_of(GetParam().bytes);
  if (GetParam().reason.empty()) {
    EXPECT_TRUE(kind.ok());
  } else {
    ASSERT_FALSE(kind.ok());
    EXPECT_EQ(kind.error().message(), GetParam().reason);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Input, KindOf,
    testing::Values(
        KindCase{"\0asm\1\0\0\0"sv, ""}, KindCase{"\0asm\2\0\0\0"sv, ""},
        KindCase{"(module)"sv, ""}, KindCase{"\n ;; a comment\n(module)"sv, ""},
        KindCase{""sv, "not a WebAssembly module: the file is empty"},
        KindCase{"\0as"sv, "not a WebAssembly module: the file ends within its first four bytes"},
        KindCase{"\x7f"
                 "ELF\2\1\1"sv,
                 "not a WebAssembly module: this is an ELF file: a native program, library or "
                 "object"},
        KindCase{"\0asm\x0d\0\1\0"sv,
                 "not a WebAssembly module: this is a WebAssembly component; only core "
                 "modules are supported"},
        KindCase{"(\1\2\3"sv,
                 "not a WebAssembly module: it begins with 28 01 02 03, neither \\0asm nor text"},
        KindCase{"hello"sv,
                 "not a WebAssembly module: it begins with 68 65 6c 6c, neither \\0asm nor text"}));

TEST(Input, MissingFilesAndDirectoriesAreNamed) {
  EXPECT_EQ(describe("x", read_module_file("/nonexistent/x").error()),
            "x: No such file or directory");
  EXPECT_EQ(describe("/", read_module_file("/").error()), "/: is a directory");
}

TEST(Input, DescribeSaysWhere) {
  Error error = make_error(Err::TypeMismatch, "i32.add needs i32, got f32");
  EXPECT_EQ(describe("a.wasm", error), "a.wasm: type mismatch: i32.add needs i32, got f32");
  error.offset = 42;
  EXPECT_EQ(describe("a.wasm", error),
            "a.wasm: offset 0x2a: type mismatch: i32.add needs i32, got f32");
  error.line = 3;
  error.column = 7;
  EXPECT_EQ(describe("a.wat", error), "a.wat:3:7: type mismatch: i32.add needs i32, got f32");
}

}  // namespace
}  // namespace lr::cli
