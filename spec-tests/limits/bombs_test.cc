// Modules made to cost more than they weigh. The work for each is counted at three sizes, each
// twice the one before: it must grow as the module does, and what it allocates must be in
// proportion.
//
// Work is basic blocks executed in decoder, validator and compiler where those are built to count
// them (LR_COUNT_STEPS), else allocations.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

#include "base/executor.h"
#include "frontend/decoder.h"
#include "frontend/validator.h"
#include "frontend/wat_parser.h"
#include "jit/compiled_module.h"
#include "jit/engine.h"

namespace {

std::atomic<lr::u64> steps{0}, allocations{0}, live_bytes{0}, peak_bytes{0};

}  // namespace

// Called at the start of each basic block of code that is built to do so.
extern "C" void __sanitizer_cov_trace_pc();
extern "C" void __sanitizer_cov_trace_pc() {
  steps.store(steps.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

void* operator new(std::size_t bytes) {
  void* const memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) std::abort();
  allocations++;
  const lr::u64 live = live_bytes += malloc_usable_size(memory);
  if (live > peak_bytes) peak_bytes = live;
  return memory;
}
void operator delete(void* memory) noexcept {
  if (memory != nullptr) live_bytes -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

namespace lr::limits {
namespace {

std::string repeat(u32 count, std::string_view text) {
  std::string all;
  all.reserve(count * text.size());
  for (u32 i = 0; i < count; i++) all += text;
  return all;
}
std::string counted(u32 count, std::string_view text) {
  std::string all;
  for (u32 i = 0; i < count; i++) {
    fmt::format_to(std::back_inserter(all), fmt::runtime(text), fmt::arg("i", i));
  }
  return all;
}
std::string function(std::string_view body) {
  return fmt::format("(module (func $f (param i32) (local i64 i64 f64) {}))", body);
}

// -- Bombs ----------------------------------------------------------------------------------------

std::string nested(u32 n, const char* open, const char* inside) {
  return function(repeat(n, open) + inside + repeat(n, " end"));
}
std::string blocks(u32 n) { return nested(n, "block ", ""); }
std::string loops(u32 n) { return nested(n, "loop local.get 0 br_if 0 ", ""); }
std::string ifs(u32 n) { return nested(n, "local.get 0 if ", ""); }
std::string elses(u32 n) { return nested(n, "local.get 0 if nop else ", ""); }
std::string tries(u32 n) { return nested(n, "try_table ", "local.get 0 call $f "); }
std::string blocks_with_branches(u32 n) {
  return function(repeat(n, "block ") + counted(n, "local.get 0 br_if {i} ") + repeat(n, "end "));
}
std::string blocks_with_results(u32 n) {
  return function(repeat(n, "block (result i32) ") + "i32.const 1 " +
                  repeat(n, "local.get 0 br_if 0 end ") + "drop");
}
std::string wide_table(u32 n) {
  return function("block block block local.get 0 br_table " + repeat(n / 4, "0 1 2 1 ") +
                  "2 end end end");
}
std::string wide_table_of_blocks(u32 n) {
  return function(repeat(n, "block ") + "local.get 0 br_table " + counted(n, "{i} ") +
                  repeat(n, "end "));
}
std::string empty_functions(u32 n) { return "(module " + repeat(n, "(func)") + ")"; }
std::string signatures(u32 n) {
  std::string text = "(module ";
  for (u32 i = 0; i < n; i++) {
    text += "(type (func (param" + repeat(500, " i32") + repeat(10, i % 2 != 0 ? " i64" : " f64");
    for (u32 bit = 0; bit < 12; bit++) text += (i >> bit & 1) != 0 ? " f32" : " i32";
    text += ") (result" + repeat(500, " i64") + ")))";
  }
  return text + ")";
}
std::string calls_with_many_values(u32 n) {
  const std::string types = "(param" + repeat(1000, " i32") + ") (result" + repeat(1000, " i32");
  return "(module (func $g " + types + ") unreachable) (func " + types + ") " +
         counted(1000, "local.get {i} ") + repeat(n, "call $g ") + "))";
}
std::string names(u32 n) { return "(module " + counted(n, "(func $a_rather_long_name_{i})") + ")"; }
std::string long_name(u32 n) { return "(module $" + repeat(n, "x") + " (func))"; }
std::string exports(u32 n) {
  return "(module (func $f) " + counted(n, "(export \"a name {i}\" (func $f))") + ")";
}
std::string locals(u32 n) {
  return "(module (func (local" + repeat(n, " i64") + ")" +
         counted(n, "(local.set {i} (i64.const {i}))") + "))";
}
std::string operands(u32 n) { return function(repeat(n, "local.get 0 ") + repeat(n, "drop ")); }
std::string blocks_above_operands(u32 n) {
  return function(repeat(n, "local.get 0 ") + repeat(n, "block end ") + repeat(n, "drop "));
}
std::string branches_above_operands(u32 n) {
  return function(repeat(n, "local.get 0 i32.eqz ") + "block " + repeat(n, "local.get 0 br_if 0 ") +
                  "end " + repeat(n, "drop "));
}
std::string ifs_above_operands(u32 n) {
  return function(repeat(n, "local.get 0 i32.eqz ") + repeat(n, "local.get 0 if nop else end ") +
                  repeat(n, "drop "));
}
std::string calls_above_operands(u32 n) {
  return function(repeat(n, "local.get 0 i32.clz ") + repeat(n, "local.get 0 call $f ") +
                  repeat(n, "drop "));
}
std::string writes_under_reads(u32 n) {
  return function(repeat(n, "local.get 1 i64.const 3 local.set 1 ") + repeat(n, "drop "));
}
std::string loops_in_a_row(u32 n) {
  return function(
      repeat(n, "loop local.get 1 i64.const 1 i64.add local.set 1 local.get 0 br_if 0 end "));
}
std::string straight_line(u32 n) {
  return function(repeat(n, "local.get 1 local.get 2 i64.mul local.set 1 "));
}
std::string deep_expression(u32 n) {
  return function(repeat(n, "local.get 1 ") + repeat(n - 1, "i64.add ") + "drop");
}
std::string after_unreachable(u32 n) {
  return function("unreachable " + repeat(n, "i32.add block end select br_if 0 "));
}
std::string data_segments(u32 n) {
  return "(module (memory 1) " + repeat(n, "(data (i32.const 1) \"abc\")") + ")";
}
std::string subtypes(u32 n) {
  return "(module (type $base (sub (struct (field i32)))) " +
         counted(n, "(type (sub $base (struct (field i32) (field i64) (field (ref null {i})))))") +
         ")";
}

struct Bomb {
  const char* name;
  std::string (*text)(u32 n);
  u32 n;  // The smallest of three sizes.
  bool is_nest = false;
};
void PrintTo(const Bomb& bomb, std::ostream* out) { *out << bomb.name; }

constexpr Bomb kBombs[] = {
    {"blocks", blocks, 5'000, true},
    {"loops", loops, 5'000, true},
    {"ifs", ifs, 5'000, true},
    {"elses", elses, 5'000, true},
    {"tries", tries, 5'000, true},
    {"blocks_with_branches", blocks_with_branches, 5'000, true},
    {"blocks_with_results", blocks_with_results, 5'000, true},
    {"wide_table", wide_table, 16'380},
    {"wide_table_of_blocks", wide_table_of_blocks, 5'000, true},
    {"empty_functions", empty_functions, 250'000},
    {"signatures", signatures, 250},
    {"calls_with_many_values", calls_with_many_values, 25},
    {"names", names, 20'000},
    {"long_name", long_name, 250'000},
    {"exports", exports, 20'000},
    {"locals", locals, 12'500},
    {"operands", operands, 10'000},
    {"blocks_above_operands", blocks_above_operands, 5'000},
    {"branches_above_operands", branches_above_operands, 5'000},
    {"ifs_above_operands", ifs_above_operands, 5'000},
    {"calls_above_operands", calls_above_operands, 5'000},
    {"writes_under_reads", writes_under_reads, 5'000},
    {"loops_in_a_row", loops_in_a_row, 5'000},
    {"straight_line", straight_line, 20'000},
    {"deep_expression", deep_expression, 10'000},
    {"after_unreachable", after_unreachable, 10'000},
    {"data_segments", data_segments, 20'000},
    {"subtypes", subtypes, 5'000},
};

// -- What they cost -------------------------------------------------------------------------------

struct Cost {
  u64 bytes = 0;  // Of the module.
  u64 load = 0, compile = 0;
  u64 peak = 0;
};

u64 work() { return steps != 0 ? steps.load() : allocations.load(); }

Cost cost_of(jit::Engine& engine, const Bomb& bomb, u32 n) {
  Cost cost;
  auto bytes = parse_wat(bomb.text(n));
  EXPECT_TRUE(bytes.ok()) << bytes.error().message();
  if (!bytes.ok()) return cost;
  cost.bytes = bytes->size();
  const u64 live_before = live_bytes - malloc_usable_size(bytes->data());
  peak_bytes = live_bytes.load();
  SerialExecutor executor;
  u64 before = work();
  auto module = engine.load(std::move(*bytes), "bomb", executor);
  EXPECT_TRUE(module.ok()) << module.error().message();
  if (!module.ok()) return cost;
  (*module)->module().function_name(0);
  cost.load = work() - before;
  before = work();
  auto code = (*module)->code(jit::MemoryClass::Guarded);
  const Status compiled = (*code)->compile_all(executor);
  EXPECT_TRUE(compiled.ok()) << compiled.error().message();
  cost.compile = work() - before;
  cost.peak = peak_bytes - live_before;
  return cost;
}

class Bombs : public testing::TestWithParam<Bomb> {};

TEST_P(Bombs, CostAsMuchAsTheyWeigh) {
  // What a few allocations more or less may be.
  constexpr u64 kFewSteps = 2'000;
  constexpr u64 kFewBytes = 512 * kKiB;
  // A level of nesting is three bytes of module, and a record in the validator and in the compiler;
  // kNestingMax bounds their number.
  constexpr u64 kLevelBytes = 512;
  jit::EngineOptions options;
  options.features = FeatureSet::all();
  auto engine = jit::Engine::create(options);
  ASSERT_TRUE(engine.ok());
  cost_of(**engine, GetParam(), GetParam().n);  // What lanes keep is there afterwards.
  Cost last;
  for (const u32 factor : {1u, 2u, 4u}) {
    const Cost cost = cost_of(**engine, GetParam(), GetParam().n * factor);
    ASSERT_FALSE(HasFailure());
    fmt::print("{:>9} bytes: {:>9} to load, {:>9} to compile, {:.1f} times the memory\n",
               cost.bytes, cost.load, cost.compile,
               static_cast<f64>(cost.peak) / static_cast<f64>(cost.bytes));
    if (factor != 1) {
      EXPECT_LE(cost.load, last.load * 23 / 10 + kFewSteps);
      EXPECT_LE(cost.compile, last.compile * 23 / 10 + kFewSteps);
    }
    const u64 levels = GetParam().is_nest ? u64{GetParam().n} * factor : 0;
    EXPECT_LE(cost.peak, 20 * cost.bytes + kFewBytes + levels * kLevelBytes);
    last = cost;
  }
}

TEST(BombsLimit, DeeperNestsAreRefused) {
  for (const u32 depth : {kNestingMax, kNestingMax + 1}) {
    SerialExecutor executor;
    auto bytes = parse_wat(blocks(depth));
    ASSERT_TRUE(bytes.ok());
    const auto loaded = load_module(std::move(*bytes), FeatureSet::all(), executor);
    ASSERT_EQ(loaded.ok(), depth == kNestingMax);
    EXPECT_TRUE(loaded.ok() || loaded.error().code == Err::LimitExceeded);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Bombs, testing::ValuesIn(kBombs),
                         [](const auto& bomb) { return std::string(bomb.param.name); });

}  // namespace
}  // namespace lr::limits
