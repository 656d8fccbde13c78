// Binary modules byte by byte: sections, limits, names, and what is refused where.
#include "frontend/decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "frontend/reader.h"
#include "frontend/validator.h"
#include "frontend/wat_parser.h"

namespace lr {
namespace {

// -- Numbers --------------------------------------------------------------------------------------

struct LebCase {
  std::vector<u8> bytes;
  i64 value;
  const char* error;  // Or null.
};

template <typename Read>
void expect_leb(const LebCase& leb, Read read) {
  Diag diag;
  Reader reader(leb.bytes, 0, leb.bytes.size(), diag, Err::UnexpectedEnd);
  i64 value = read(reader);
  Status status = diag.take();
  if (leb.error != nullptr) {
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().message(), leb.error);
  } else {
    EXPECT_TRUE(status.ok());
    EXPECT_EQ(value, leb.value);
    EXPECT_TRUE(reader.at_end());
  }
}

class LebU32 : public testing::TestWithParam<LebCase> {};
TEST_P(LebU32, Reads) {
  expect_leb(GetParam(), [](Reader& r) { return i64{r.leb_u32()}; });
}
INSTANTIATE_TEST_SUITE_P(
    Numbers, LebU32,
    testing::Values(LebCase{{0x00}, 0, nullptr}, LebCase{{0x7f}, 127, nullptr},
                    LebCase{{0x80, 0x01}, 128, nullptr}, LebCase{{0x83, 0x00}, 3, nullptr},
                    LebCase{{0xff, 0xff, 0xff, 0xff, 0x0f}, 0xffffffff, nullptr},
                    LebCase{{0xff, 0xff, 0xff, 0xff, 0x1f}, 0, "integer too large"},
                    LebCase{
                        {0x80, 0x80, 0x80, 0x80, 0x80, 0}, 0, "integer representation too long"},
                    LebCase{{0x80}, 0, "unexpected end"}, LebCase{{}, 0, "unexpected end"}));

class LebS32 : public testing::TestWithParam<LebCase> {};
TEST_P(LebS32, Reads) {
  expect_leb(GetParam(), [](Reader& r) { return i64{r.leb_s32()}; });
}
INSTANTIATE_TEST_SUITE_P(
    Numbers, LebS32,
    testing::Values(LebCase{{0x3f}, 63, nullptr}, LebCase{{0x40}, -64, nullptr},
                    LebCase{{0xff, 0x00}, 127, nullptr}, LebCase{{0x80, 0x7f}, -128, nullptr},
                    LebCase{{0x80, 0x80, 0x80, 0x80, 0x78}, -2147483648LL, nullptr},
                    LebCase{{0xff, 0xff, 0xff, 0xff, 0x07}, 2147483647, nullptr},
                    LebCase{{0xff, 0xff, 0xff, 0xff, 0x0f}, 0, "integer too large"},
                    LebCase{{0x80, 0x80, 0x80, 0x80, 0x70}, 0, "integer too large"}));

class LebS64 : public testing::TestWithParam<LebCase> {};
TEST_P(LebS64, Reads) {
  expect_leb(GetParam(), [](Reader& r) { return r.leb_s64(); });
}
INSTANTIATE_TEST_SUITE_P(
    Numbers, LebS64,
    testing::Values(LebCase{{0x7f}, -1, nullptr},
                    LebCase{{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f},
                            std::numeric_limits<i64>::min(),
                            nullptr},
                    LebCase{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00},
                            std::numeric_limits<i64>::max(),
                            nullptr},
                    LebCase{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
                            0,
                            "integer too large"}));

TEST(Utf8, IsStrict) {
  auto valid = [](std::vector<u8> bytes) { return is_utf8(bytes); };
  EXPECT_TRUE(valid({'a', 0xc3, 0xa4, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80}));
  EXPECT_FALSE(valid({0xc0, 0x80}));
  EXPECT_FALSE(valid({0xe0, 0x80, 0x80}));
  EXPECT_FALSE(valid({0xed, 0xa0, 0x80}));
  EXPECT_FALSE(valid({0xf4, 0x90, 0x80, 0x80}));
  EXPECT_FALSE(valid({0xe2, 0x82}));
}

// -- Modules --------------------------------------------------------------------------------------

std::string message_of(std::vector<u8> sections) {
  std::vector<u8> bytes = {0, 'a', 's', 'm', 1, 0, 0, 0};
  bytes.insert(bytes.end(), sections.begin(), sections.end());
  auto module = decode_module(std::move(bytes), FeatureSet::all());
  return module.ok() ? "" : module.error().message();
}

TEST(Decoder, Header) {
  auto refusal = [](std::vector<u8> bytes) {
    auto module = decode_module(std::move(bytes), FeatureSet::defaults());
    return module.ok() ? "" : module.error().message();
  };
  EXPECT_EQ(refusal({}), "unexpected end");
  EXPECT_EQ(refusal({0, 'a', 's'}), "unexpected end");
  EXPECT_EQ(refusal({0x7f, 'E', 'L', 'F', 2, 1, 1, 0}), "magic header not detected");
  EXPECT_EQ(refusal({0, 'a', 's', 'm', 2, 0, 0, 0}), "unknown binary version");
  EXPECT_EQ(refusal({0, 'a', 's', 'm', 0x0d, 0, 1, 0}),
            "unknown binary version: this is a component, not a module");
  EXPECT_EQ(refusal({0, 'a', 's', 'm', 1, 0, 0, 0}), "");
}

struct SectionCase {
  std::vector<u8> sections;
  const char* message;
};

class Sections : public testing::TestWithParam<SectionCase> {};

TEST_P(Sections, Decoding) { EXPECT_EQ(message_of(GetParam().sections), GetParam().message); }

INSTANTIATE_TEST_SUITE_P(
    Decoder, Sections,
    testing::Values(
        SectionCase{{14, 0}, "malformed section id"},
        SectionCase{{1, 5, 0}, "length out of bounds"},
        SectionCase{{1, 2, 0, 0}, "section size mismatch"},
        SectionCase{{1, 1, 0, 1, 1, 0}, "unexpected content after last section"},
        SectionCase{{5, 3, 1, 0, 1, 4, 4, 1, 0x70, 0, 0}, "unexpected content after last section"},
        SectionCase{{0, 1, 0}, ""}, SectionCase{{0, 0}, "unexpected end of section or function"},
        SectionCase{{0, 2, 1, 0xff}, "malformed UTF-8 encoding"},
        SectionCase{{1, 4, 1, 0x60, 0, 0}, ""},
        SectionCase{{1, 4, 1, 0x61, 0, 0}, "malformed definition type"},
        SectionCase{{1, 5, 1, 0x60, 1, 0x20, 0}, "malformed value type"},
        SectionCase{{1, 6, 1, 0x60, 1, 0x64, 1, 0}, "unknown type 1"},
        SectionCase{{3, 2, 1, 0}, "unknown type 0"},
        SectionCase{{1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0},
                    "function and code section have inconsistent lengths"},
        SectionCase{{5, 4, 1, 1, 2, 1}, "size minimum must not be greater than maximum: 2 to 1"},
        SectionCase{{5, 3, 1, 0x10, 1}, "malformed limits flags"},
        SectionCase{{5, 3, 1, 2, 1}, "shared memory must have maximum"},
        SectionCase{{5, 5, 1, 0, 0x81, 0x80, 0x04},
                    "memory size must be at most 65536 pages (4GiB)"},
        SectionCase{{12, 1, 1}, "data count and data section have inconsistent lengths"},
        SectionCase{{7, 4, 1, 0, 0, 0}, "unknown function 0"},
        SectionCase{{8, 1, 0}, "unknown function 0"},
        SectionCase{{6, 6, 1, 0x7f, 0, 0x41, 0, 0x0b}, ""},
        SectionCase{{6, 6, 1, 0x7e, 0, 0x41, 0, 0x0b}, "type mismatch: end needs i64, got i32"},
        SectionCase{{6, 6, 1, 0x7f, 0, 0x23, 0, 0x0b}, "unknown global 0"},
        SectionCase{{6, 5, 1, 0x7f, 0, 0x00, 0x0b},
                    "constant expression required: unreachable is not constant"}));

TEST(Decoder, SpacesAndNames) {
  auto bytes = parse_wat(
      "(module $m (import \"a\" \"f\" (func $imported)) (import \"a\" \"g\" (global i32))"
      " (func $own) (func (export \"shown\")) (memory (export \"mem\") 1 2) (table 3 funcref)"
      " (global (mut i64) (i64.const 5)) (elem (i32.const 0) $own) (data (i32.const 8) \"xyz\")"
      " (start $own))");
  ASSERT_TRUE(bytes.ok()) << bytes.error().message();
  SerialExecutor executor;
  auto loaded = load_module(*bytes, FeatureSet::defaults(), executor);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  const Module& module = **loaded;
  EXPECT_EQ(module.functions.size(), 3u);
  EXPECT_EQ(module.imported_functions, 1u);
  EXPECT_EQ(module.imported_globals, 1u);
  EXPECT_EQ(module.imports[1].name, "g");
  EXPECT_EQ(module.memories[0].limits.max, 2u);
  EXPECT_EQ(module.tables[0].type.limits.min, 3u);
  EXPECT_TRUE(module.tables[0].is_private);
  EXPECT_TRUE(module.globals[1].type.is_mutable);
  EXPECT_EQ(module.elements[0].funcs, std::vector<u32>{1});
  EXPECT_TRUE(module.declared_functions[1]);
  EXPECT_FALSE(module.declared_functions[0]);
  EXPECT_EQ(module.data[0].bytes.size(), 3u);
  EXPECT_EQ(module.start, 1u);
  ASSERT_NE(module.find_export("mem"), nullptr);
  EXPECT_EQ(module.find_export("mem")->kind, ExternKind::Memory);
  EXPECT_EQ(module.find_export("nothing"), nullptr);
  EXPECT_EQ(module.function_name(2), "shown");
}

TEST(Decoder, WrittenAndExportedTablesAreNotPrivate) {
  auto bytes = parse_wat(
      "(module (table 1 funcref) (table 1 funcref) (table (export \"t\") 1 funcref)"
      " (func (table.set 1 (i32.const 0) (ref.null func))))");
  ASSERT_TRUE(bytes.ok());
  SerialExecutor executor;
  auto loaded = load_module(*bytes, FeatureSet::defaults(), executor);
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_TRUE((*loaded)->tables[0].is_private);
  EXPECT_FALSE((*loaded)->tables[1].is_private);
  EXPECT_FALSE((*loaded)->tables[2].is_private);
}

TEST(Decoder, NameSection) {
  std::vector<u8> bytes = {0, 'a', 's', 'm', 1, 0, 0,  0, 1, 4, 1, 0x60,
                           0, 0,   3,   2,   1, 0, 10, 4, 1, 2, 0, 0x0b};
  std::vector<u8> names = {0, 15, 4, 'n', 'a', 'm', 'e', 0, 2, 1, 'm', 1, 4, 1, 0, 1, 'f'};
  bytes.insert(bytes.end(), names.begin(), names.end());
  auto module = decode_module(bytes, FeatureSet::defaults());
  ASSERT_TRUE(module.ok()) << module.error().message();
  EXPECT_EQ((*module)->module_name(), "m");
  EXPECT_EQ((*module)->function_name(0), "f");
  EXPECT_EQ((*module)->function_name(7), "");
  // A broken name section is no reason to refuse a module.
  bytes.back() = 0xff;
  module = decode_module(bytes, FeatureSet::defaults());
  ASSERT_TRUE(module.ok());
  EXPECT_EQ((*module)->function_name(0), "");
}

struct FeatureCase {
  const char* text;
  const char* feature;
};

class Features : public testing::TestWithParam<FeatureCase> {};

// The module is refused with the feature's name, and accepted with the feature.
TEST_P(Features, AreNamed) {
  auto bytes = parse_wat(GetParam().text);
  ASSERT_TRUE(bytes.ok()) << bytes.error().message();
  std::string name = GetParam().feature;
  Feature feature = *find_feature(name);
  SerialExecutor executor;
  auto refused = load_module(*bytes, FeatureSet::all().disable(feature), executor);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message(),
            "feature is off: " + name + " (enable it with --enable=" + name + ")");
  EXPECT_TRUE(load_module(*bytes, FeatureSet::all(), executor).ok());
}

INSTANTIATE_TEST_SUITE_P(
    Decoder, Features,
    testing::Values(FeatureCase{"(module (func (param v128)))", "simd"},
                    FeatureCase{"(module (func (result i32 i32) unreachable))", "multi-value"},
                    FeatureCase{"(module (func (param externref)))", "reference-types"},
                    FeatureCase{"(module (table 1 funcref) (table 1 funcref))", "reference-types"},
                    FeatureCase{"(module (memory 1) (memory 1))", "multi-memory"},
                    FeatureCase{"(module (memory i64 1))", "memory64"},
                    FeatureCase{"(module (memory 1 1 shared))", "threads"},
                    FeatureCase{"(module (memory 1 (pagesize 1)))", "custom-page-sizes"},
                    FeatureCase{"(module (memory 1) (data \"\"))", "bulk-memory"},
                    FeatureCase{"(module (tag))", "exceptions"},
                    FeatureCase{"(module (type (struct)))", "gc"},
                    FeatureCase{"(module (type $f (func)) (func (param (ref $f))))",
                                "function-references"},
                    FeatureCase{"(module (func (try (do))))", "legacy-exceptions"},
                    FeatureCase{"(module (func (return_call 0)))", "tail-call"},
                    FeatureCase{"(module (func (drop (i32.extend8_s (i32.const 0)))))", "sign-ext"},
                    FeatureCase{"(module (func (drop (i32.trunc_sat_f32_s (f32.const 0)))))",
                                "sat-float-to-int"},
                    FeatureCase{"(module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
                                "extended-const"}));

// Bodies that are expensive in a naive validator.
TEST(Decoder, Bombs) {
  SerialExecutor executor;
  std::string text = "(module (func ";
  for (int i = 0; i < 100'000; i++) text += "block ";
  for (int i = 0; i < 100'000; i++) text += "end ";
  auto bytes = parse_wat(text + "))");
  ASSERT_TRUE(bytes.ok()) << bytes.error().message();
  EXPECT_TRUE(load_module(*bytes, FeatureSet::defaults(), executor).ok());

  text = "(module (func (local i32) ";
  for (int i = 0; i < 20'000; i++) text += "loop local.get 0 drop ";
  for (int i = 0; i < 20'000; i++) text += "end ";
  bytes = parse_wat(text + "))");
  ASSERT_TRUE(bytes.ok()) << bytes.error().message();
  EXPECT_TRUE(load_module(*bytes, FeatureSet::defaults(), executor).ok());

  std::vector<u8> locals = {0, 'a',  's', 'm',  1,    0,    0,    0,    1,    4,
                            1, 0x60, 0,   0,    3,    2,    1,    0,    10,   10,
                            1, 8,    1,   0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x0b};
  auto module = load_module(locals, FeatureSet::defaults(), executor);
  ASSERT_FALSE(module.ok());
  EXPECT_EQ(module.error().code, Err::TooManyLocals);
}

}  // namespace
}  // namespace lr
