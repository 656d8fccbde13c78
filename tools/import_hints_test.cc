#include "tools/import_hints.h"

#include <gtest/gtest.h>

namespace lr::cli {
namespace {

TEST(ImportHints, MatchModulesAndBeginningsOfNames) {
  EXPECT_TRUE(import_hint("wasi_unstable", "fd_write").starts_with("WASI from before 2020"));
  EXPECT_TRUE(import_hint("wasi:cli/environment@0.2.0", "x").starts_with("WASI preview 2"));
  EXPECT_TRUE(import_hint("wasi", "thread-spawn").starts_with("wasi-threads"));
  EXPECT_TRUE(import_hint("env", "emscripten_memcpy_js").starts_with("Emscripten"));
  EXPECT_TRUE(import_hint("env", "my_function").starts_with("C functions"));
  EXPECT_TRUE(import_hint("go", "debug").starts_with("Go's js port"));
  EXPECT_TRUE(import_hint("./glue_bg.js", "f").starts_with("JavaScript glue"));
}

TEST(ImportHints, SayNothingAboutTheRest) {
  EXPECT_EQ(import_hint("google", "x"), "");
  EXPECT_EQ(import_hint("wasi", "x"), "");
  EXPECT_EQ(import_hint("", ""), "");
}

}  // namespace
}  // namespace lr::cli
