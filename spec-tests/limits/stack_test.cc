// The end of the stack, met by everything that can be met at the end of a recursion: imports,
// helpers, traps, throws, first calls, calls of another instance. At every remaining depth each of
// them does what it does elsewhere, or the stack is exhausted; and it is exhausted once and for
// all.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/executor.h"
#include "frontend/wat_parser.h"
#include "jit/engine.h"
#include "jit/test_process.h"

namespace lr::limits {
namespace {

// What a recursion ends in; all leave an i32, the same each time.
constexpr const char* kEnds[] = {
    "(i32.const 7)",
    "(call $host (i32.const 1) (i64.const 2) (f64.const 3))",
    "(call $host_many (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5)"
    " (i64.const 6) (i64.const 7) (i64.const 8) (i64.const 9) (i64.const 10)) (drop) (drop)"
    " (i32.wrap_i64)",
    "(call $other (i64.const 1) (v128.const i64x2 1 2) (i64.const 3) (i64.const 4) (i64.const 5)"
    " (i64.const 6) (i64.const 7) (i64.const 8))",
    "(call_indirect $t (type $host) (i32.const 1) (i64.const 2) (f64.const 3) (i32.const 0))",
    "(call_indirect $t (type $leaf) (i32.const 1))",
    "(call_ref $leaf (ref.func $leaf))",
    "(memory.grow (i32.const 0))",
    "(memory.fill (i32.const 0) (i32.const 1) (i32.const 70000)) (i32.const 1)",
    "(memory.copy (i32.const 0) (i32.const 1) (i32.const 70000)) (i32.const 1)",
    "(memory.init $bytes (i32.const 0) (i32.const 1) (i32.const 2)) (i32.const 1)",
    "(data.drop $dropped) (i32.const 1)",
    "(table.grow $t (ref.null func) (i32.const 0))",
    "(table.fill $u (i32.const 0) (ref.func $leaf) (i32.const 3)) (i32.const 1)",
    "(table.copy $u $t (i32.const 0) (i32.const 0) (i32.const 2)) (i32.const 1)",
    "(table.init $u $funcs (i32.const 0) (i32.const 0) (i32.const 1)) (i32.const 1)",
    "(elem.drop $gone) (i32.const 1)",
    "(ref.is_null (ref.func $leaf))",
    "(array.len (array.new $longs (i64.const 1) (local.get 0)))",
    "(array.len (array.new $longs (i64.const 1) (i32.const 5000)))",
    "(struct.get $s 0 (struct.new $s (i32.const 4)))",
    "(array.len (array.new_data $bytes_array $bytes (i32.const 0) (i32.const 5)))",
    "(array.len (array.new_elem $refs $funcs (i32.const 0) (i32.const 1)))",
    "(array.fill $longs (global.get $array) (i32.const 0) (i64.const 1) (i32.const 10))"
    " (i32.const 1)",
    "(array.copy $longs $longs (global.get $array) (i32.const 0) (global.get $array)"
    " (i32.const 1) (i32.const 10)) (i32.const 1)",
    "(memory.atomic.notify (i32.const 0) (i32.const 1))",
    "(i32.load (i32.const 0x7fff_fff0))",
    "(i32.load8_u (i32.const 65535))",
    "(i32.div_u (i32.const 1) (local.get 0))",
    "(unreachable)",
    "(throw $e (i64.const 1))",
    "(block $caught (result i64)"
    " (try_table (catch $e $caught) (call $thrower)) (unreachable)) (i32.wrap_i64)",
    "(return_call $leaf)",
    "(return_call $other (i64.const 1) (v128.const i64x2 1 2) (i64.const 3) (i64.const 4)"
    " (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8))",
    "(call $large)",
    "(loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1)))"
    " (i32.const 100)))) (local.get 0)",
};

std::string module_text() {
  std::string text = R"((module
    (type $host (func (param i32 i64 f64) (result i32)))
    (type $leaf (func (result i32)))
    (type $longs (array (mut i64))) (type $bytes_array (array (mut i8)))
    (type $refs (array (mut funcref))) (type $s (struct (field i32)))
    (import "host" "few" (func $host (type $host)))
    (import "host" "many" (func $host_many (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
      (result i64 i64 i64)))
    (import "other" "f" (func $other (param i64 v128 i64 i64 i64 i64 i64 i64) (result i32)))
    (memory 2 4) (tag $e (param i64))
    (table $t 4 funcref) (table $u 4 funcref)
    (elem (table $t) (i32.const 0) func $host $leaf)
    (elem $funcs func $leaf) (elem $gone func $leaf) (elem declare func $leaf)
    (data $bytes "0123456789") (data $dropped "0")
    (global $array (ref $longs) (array.new $longs (i64.const 1) (i32.const 20)))
    (func $leaf (type $leaf) (i32.const 3))
    (func $thrower (throw $e (i64.const 9)))
    (func $large (result i32) (local v128 v128 v128 v128 v128 v128 v128 v128 i64)
      (local.set 0 (v128.const i64x2 1 2)) (local.set 7 (v128.const i64x2 3 4))
      (call $nothing)
      (i32x4.extract_lane 0 (i32x4.add (local.get 0) (local.get 7))))
    (func $nothing)
)";
  for (u32 i = 0; i < std::size(kEnds); i++) {
    text += fmt::format("(func $end{0} (param i32) (result i32) {1})\n", i, kEnds[i]);
    // A first call of this one ends each test of a new instance.
    text += fmt::format(R"((func $down{0} (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then (return (call $end{0} (local.get 0)))))
      (i32.or (call $down{0} (i32.sub (local.get 0) (i32.const 1))) (i32.const 0)))
    (func (export "end{0}") (param i32) (result i32) (call $down{0} (local.get 0)))
    (func (export "odd{0}") (param i32) (result i32) (local v128)
      (local.set 1 (i32x4.splat (local.get 0)))
      (call $down{0} (local.get 0))
      (i32.or (i32.and (i32x4.extract_lane 0 (local.get 1)) (i32.const 0))))
)",
                        i);
  }
  return text + ")";
}

constexpr const char* kOther = R"((module (memory 1)
  (func (export "f") (param i64 v128 i64 i64 i64 i64 i64 i64) (result i32)
    (i32.wrap_i64 (i64.add (local.get 0) (local.get 7))))))";

jit::HostStatus host_few(jit::Context*, const jit::HostFunction*, u64* args) {
  args[0] = static_cast<u32>(args[0] + args[1]);
  return jit::HostStatus::Done;
}
jit::HostStatus host_many(jit::Context*, const jit::HostFunction*, u64* args) {
  args[1] = args[2] = args[0] + args[9];
  return jit::HostStatus::Done;
}

struct Mode {
  const char* name;
  u64 stack_bytes_max;
  jit::MemoryClass memory_class = jit::MemoryClass::Guarded;
  bool spill_all = false;
};

class Stack : public testing::TestWithParam<Mode> {
 protected:
  Stack()
      : engine_(make_engine()),
        process_({.stack_bytes = 8 * kKiB, .stack_bytes_max = GetParam().stack_bytes_max}),
        store_(*engine_, process_.run, {.memory = {.memory_class = GetParam().memory_class}}) {}

  static std::unique_ptr<jit::Engine> make_engine() {
    jit::EngineOptions options;
    options.features = FeatureSet::all();
    options.spill_all = GetParam().spill_all;
    return std::move(jit::Engine::create(options)).value();
  }

  struct Imports final : jit::Resolver {
    std::optional<jit::Extern> resolve(const Module&, const Import& import) override {
      if (import.module == "other") return other->find_export(import.name);
      return jit::Extern::of(import.name == "few" ? &few : &many);
    }
    jit::HostFunction few{.fn = host_few, .module = "host", .name = "few"};
    jit::HostFunction many{.fn = host_many, .module = "host", .name = "many"};
    jit::Instance* other = nullptr;
  };

  jit::Instance* load(const std::string& text) {
    auto bytes = parse_wat(text);
    EXPECT_TRUE(bytes.ok()) << bytes.error().message();
    SerialExecutor executor;
    auto module = engine_->load(std::move(*bytes), "stack", executor);
    EXPECT_TRUE(module.ok()) << module.error().message();
    // What the module says it imports is what the host has.
    for (const Import& import : (*module)->module().imports) {
      const TypeId type = (*module)->module().functions[import.index].type;
      if (import.name == "few") imports_.few.type = type;
      if (import.name == "many") imports_.many.type = type;
    }
    auto externs = jit::resolve_imports((*module)->module(), imports_);
    EXPECT_TRUE(externs.ok());
    auto instance = store_.instantiate(*module, *externs);
    EXPECT_TRUE(instance.ok()) << instance.error().message();
    return *instance;
  }

  std::string run(const std::string& name, u32 depth) {
    u64 values[1] = {depth};
    const auto trap = process_.call(store_, instance_->find_export(name)->func, values);
    return trap ? std::string(jit::text_of(*trap)) : fmt::format("{}", static_cast<u32>(values[0]));
  }

  Imports imports_;
  std::unique_ptr<jit::Engine> engine_;
  jit::TestProcess process_;
  jit::ProcessStore store_;
  jit::Instance* instance_ = nullptr;
};

TEST_P(Stack, EverythingAtItsEnd) {
  if (GetParam().stack_bytes_max > kMiB) GTEST_SKIP() << "the smaller ones say the same";
  imports_.other = load(kOther);
  instance_ = load(module_text());
  const std::string exhausted(jit::text_of(jit::Trap::StackOverflow));
  for (u32 i = 0; i < std::size(kEnds); i++) {
    for (const char* const start : {"end", "odd"}) {
      SCOPED_TRACE(fmt::format("{}{}: {}", start, i, kEnds[i]));
      const std::string name = fmt::format("{}{}", start, i);
      const std::string expected = run(name, 0);
      ASSERT_NE(expected, exhausted);
      u32 works = 0, fails = 1 << 20;
      while (fails - works > 1) {
        const u32 middle = works + (fails - works) / 2;
        (run(name, middle) == exhausted ? fails : works) = middle;
      }
      for (u32 depth = works - std::min(works, 12u); depth < works + 30; depth++) {
        EXPECT_EQ(run(name, depth), depth <= works ? expected : exhausted) << depth;
      }
      EXPECT_EQ(run(name, 0), expected);
    }
  }
}

// Frames of 800 KB: each local has a value of its own over a call.
TEST_P(Stack, FiftyThousandVectorLocals) {
  constexpr u32 kLocals = 50'000;
  std::string text = "(module (func $f (export \"f\") (param i32) (result i32) (local";
  for (u32 i = 1; i < kLocals; i++) text += " v128";
  text += ")\n";
  for (u32 i = 1; i < kLocals; i++) {
    fmt::format_to(std::back_inserter(text),
                   "(local.set {} (i32x4.splat (i32.add (local.get 0) (i32.const {}))))\n", i, i);
  }
  text +=
      "(if (result i32) (local.get 0)"
      " (then (call $f (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0)))\n";
  for (u32 i = 1; i < kLocals; i++) {
    fmt::format_to(std::back_inserter(text), "(i32.add (i32x4.extract_lane {} (local.get {})))\n",
                   i % 4, i);
  }
  instance_ = load(text + "))");
  u32 expected[6] = {};
  for (u32 n = 0; n < 6; n++) {
    expected[n] =
        (n == 0 ? 0 : expected[n - 1]) + (kLocals - 1) * n + (kLocals - 1) * (kLocals / 2);
  }
  const bool fits = GetParam().stack_bytes_max > kMiB;
  const std::string exhausted(jit::text_of(jit::Trap::StackOverflow));
  for (const u32 depth : {0u, 5u, 100u, 5u, 0u}) {
    EXPECT_EQ(run("f", depth), fits && depth < 6 ? fmt::format("{}", expected[depth]) : exhausted)
        << depth;
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, Stack,
                         testing::Values(Mode{"tight", 8 * kKiB},
                                         Mode{"dense_spilled", 8 * kKiB, jit::MemoryClass::Dense,
                                              true},
                                         Mode{"grows", 16 * kKiB}, Mode{"large", 8 * kMiB}),
                         [](const auto& mode) { return std::string(mode.param.name); });

}  // namespace
}  // namespace lr::limits
