// Inputs that promise or ask for more than anybody has: an error, no memory used.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

#include "base/executor.h"
#include "frontend/decoder.h"
#include "frontend/wat_parser.h"
#include "jit/engine.h"
#include "jit/test_process.h"
#include "spec-tests/limits/module_builder.h"

namespace lr::limits {
namespace {

constexpr u64 kAllowedBytes = 16 * kMiB;

u64 resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long long all = 0, resident = 0;
  if (std::fscanf(file, "%llu %llu", &all, &resident) != 2) resident = 0;
  std::fclose(file);
  return resident * static_cast<u64>(sysconf(_SC_PAGESIZE));
}

// -- Counts without what they count ---------------------------------------------------------------

constexpr u64 kCounts[] = {1,         1000,        65'536,      1'000'000,
                           1'000'001, 100'000'000, 0x7fff'ffff, 0xffff'ffff};

TEST(Inputs, CountsWithoutEntries) {
  const u64 before = resident_bytes();
  for (u32 id = 1; id <= 13; id++) {
    if (id == 8 || id == 12) continue;  // They have no vector.
    for (const u64 count : kCounts) {
      for (const u32 entry_bytes : {0u, 1u, 100u}) {
        ModuleBuilder module;
        BinaryWriter entries;
        for (u32 i = 0; i < entry_bytes; i++) entries.byte(0);
        module.section(static_cast<SectionId>(id), count, entries);
        SerialExecutor executor;
        const auto loaded = load_module(module.take(), FeatureSet::all(), executor);
        EXPECT_FALSE(loaded.ok()) << id << " " << count << " " << entry_bytes;
      }
    }
  }
  EXPECT_LT(resident_bytes(), before + kAllowedBytes);
}

// Vectors inside of sections: in a type, an element segment, a body's locals, a branch table, a
// name.
TEST(Inputs, CountsInsideOfEntries) {
  const u64 before = resident_bytes();
  struct Nested {
    SectionId section;
    std::vector<u8> start;  // Up to the count.
  };
  const Nested all[] = {
      {SectionId::Type, {0x60}},        // Parameters
      {SectionId::Type, {0x60, 0}},     // Results
      {SectionId::Type, {0x5f}},        // Fields
      {SectionId::Type, {0x4e}},        // A recursive group
      {SectionId::Type, {0x50}},        // Supertypes
      {SectionId::Import, {}},          // A name
      {SectionId::Import, {1, 'a'}},    //
      {SectionId::Export, {}},          //
      {SectionId::Element, {1, 0}},     // Functions
      {SectionId::Element, {5, 0x70}},  // Expressions
      {SectionId::Data, {1}},           // Bytes
      {SectionId::Code, {}},            // A body
  };
  for (const Nested& nested : all) {
    for (const u64 count : kCounts) {
      ModuleBuilder module;
      BinaryWriter entry;
      entry.append(nested.start);
      entry.uleb(count);
      module.section(nested.section, 1, entry);
      SerialExecutor executor;
      const auto loaded = load_module(module.take(), FeatureSet::all(), executor);
      EXPECT_FALSE(loaded.ok()) << static_cast<u32>(nested.section) << " " << count;
    }
  }
  EXPECT_LT(resident_bytes(), before + kAllowedBytes);
}

TEST(Inputs, CountsInBodies) {
  const u64 before = resident_bytes();
  const auto load = [](const BinaryWriter& body) {
    ModuleBuilder module;
    module.add_function(module.add_type({}, {}), body);
    SerialExecutor executor;
    return load_module(module.finish(), FeatureSet::all(), executor);
  };
  for (const u64 count : {u64{50'001}, u64{0xffff'ffff}}) {
    BinaryWriter locals;  // In groups that only together are too many.
    locals.uleb(2);
    for (const u64 each : {u64{1}, count - 1}) {
      locals.uleb(each);
      locals.byte(0x7f);
    }
    locals.op(Op::End);
    const auto loaded = load(locals);
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.error().code, Err::TooManyLocals) << loaded.error().message();
  }
  for (const u64 count : kCounts) {
    BinaryWriter table;
    table.uleb(0);
    table.op(Op::I32Const);
    table.byte(0);
    table.op(Op::BrTable);
    table.uleb(count);
    table.op(Op::End);
    EXPECT_FALSE(load(table).ok()) << count;
  }
  EXPECT_LT(resident_bytes(), before + kAllowedBytes);
}

// -- Memories and tables --------------------------------------------------------------------------

struct Absurd {
  const char* text;
  bool is_made = false;  // Else refused, whenever that is.
};
constexpr Absurd kAbsurd[] = {
    {"(memory 65537)"},
    {"(memory 0x1_0000_0000)"},
    {"(memory i64 0x1_0000_0000_0000)"},
    {"(memory i64 0xffff_ffff_ffff)"},
    {"(memory i64 0xffff_ffff_ffff_ffff)"},
    {"(memory 0xffff_ffff (pagesize 1))", true},
    {"(memory 1 65537)"},
    {"(memory 65536)", true},
    {"(memory 65536) (memory 65536) (memory 65536)", true},
    {"(memory 1 65536 shared)", true},
    {"(memory i64 1 0x1_0000_0000_0000)", true},
    {"(table 10_000_000 funcref)", true},
    {"(table 10_000_001 funcref)"},
    {"(table 0xffff_ffff funcref)"},
    {"(table 0x1_0000_0000 funcref)"},
    {"(table i64 0xffff_ffff_ffff_ffff funcref)"},
    {"(table 1 0xffff_ffff funcref)", true},
    {"(table i64 1 0xffff_ffff_ffff_ffff externref)", true},
    {"(memory 65536 65536) (data (i32.const 0xffff_ffff) \"a\")", true},
    {"(memory 65536) (func (export \"f\") (drop (memory.grow (i32.const 0xffff_ffff))))", true},
    {"(table 10_000_000 funcref) (func (export \"f\")"
     " (drop (table.grow (ref.null func) (i32.const 0xffff_ffff))))",
     true},
};

class AbsurdInputs : public testing::TestWithParam<jit::MemoryClass> {};

TEST_P(AbsurdInputs, UseNoMemory) {
  jit::EngineOptions options;
  options.features = FeatureSet::all();
  auto engine = jit::Engine::create(options);
  ASSERT_TRUE(engine.ok());
  for (const Absurd& absurd : kAbsurd) {
    SCOPED_TRACE(absurd.text);
    const u64 before = resident_bytes();
    auto bytes = parse_wat(fmt::format("(module {})", absurd.text));
    bool is_made = false;
    if (bytes.ok()) {
      SerialExecutor executor;
      auto module = (*engine)->load(std::move(*bytes), "absurd", executor);
      jit::TestProcess process;
      jit::ProcessStore store(**engine, process.run, {.memory = {.memory_class = GetParam()}});
      if (module.ok()) {
        auto instance = store.instantiate(*module, {});
        is_made = instance.ok();
        if (is_made && (*instance)->find_export("f")) {
          u64 values[1] = {};
          EXPECT_FALSE(process.call(store, (*instance)->find_export("f")->func, values));
        }
      }
      EXPECT_LT(resident_bytes(), before + kAllowedBytes);
    }
    EXPECT_EQ(is_made, absurd.is_made);
  }
}

INSTANTIATE_TEST_SUITE_P(Classes, AbsurdInputs,
                         testing::Values(jit::MemoryClass::Guarded, jit::MemoryClass::Dense),
                         [](const auto& memory_class) {
                           return memory_class.param == jit::MemoryClass::Dense ? "Dense"
                                                                                : "Guarded";
                         });

}  // namespace
}  // namespace lr::limits
