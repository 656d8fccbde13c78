// What a process leaves behind is seen by nobody: memory, tables, globals, stack and objects of a
// new instance are as the specification says, wherever its slot, its pages and its contexts were
// before.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "frontend/wat_parser.h"
#include "host/runtime.h"

namespace lr::limits {
namespace {

// `dirty` writes everywhere; `look` says what it finds that is not zero, as a sum.
constexpr const char* kModule = R"((module
  (memory $m 4 64)
  (memory $n 2)
  (table $t 40 funcref)
  (table $u 3000 externref)
  (type $pair (struct (field (mut i64) (mut v128))))
  (type $longs (array (mut i64)))
  (global $a (mut i32) (i32.const 0))
  (global $b (mut v128) (v128.const i64x2 0 0))
  (global $c (mut (ref null $longs)) (ref.null $longs))
  (func $self (result i32) (i32.const 1))
  (elem declare func $self)

  (func $deep (param $depth i32) (param $value i64) (result i64) (local i64 v128 v128 i64)
    (local.set 2 (i64.mul (local.get $value) (i64.const -3)))
    (local.set 3 (i64x2.splat (local.get 2)))
    (local.set 4 (local.get 3))
    (local.set 5 (local.get 2))
    (if (result i64) (local.get $depth)
      (then (call $deep (i32.sub (local.get $depth) (i32.const 1)) (local.get 2)))
      (else (i64.const 0)))
    (i64.add (i64x2.extract_lane 1 (local.get 4)))
    (i64.add (local.get 5)))
  ;; As many locals, none of them written.
  (func $unset (param $depth i32) (result i64) (local i64 v128 v128 i64) (local externref)
    (if (result i64) (local.get $depth)
      (then (call $unset (i32.sub (local.get $depth) (i32.const 1))))
      (else (i64.const 0)))
    (i64.or (local.get 1)) (i64.or (local.get 4))
    (i64.or (i64x2.extract_lane 0 (local.get 2))) (i64.or (i64x2.extract_lane 1 (local.get 2)))
    (i64.or (i64x2.extract_lane 0 (local.get 3))) (i64.or (i64x2.extract_lane 1 (local.get 3)))
    (i64.or (i64.extend_i32_u (i32.eqz (ref.is_null (local.get 5))))))

  (func (export "dirty") (result i64) (local $i i32)
    (drop (memory.grow $m (i32.const 5)))
    (memory.fill $m (i32.const 0) (i32.const 0xaa) (i32.const 0x90000))
    (memory.fill $n (i32.const 0) (i32.const 0xbb) (i32.const 0x20000))
    (drop (table.grow $t (ref.func $self) (i32.const 50)))
    (table.fill $t (i32.const 0) (ref.func $self) (i32.const 90))
    (table.fill $u (i32.const 0)
      (extern.convert_any (ref.i31 (i32.const 5))) (i32.const 3000))
    (global.set $a (i32.const 77))
    (global.set $b (v128.const i64x2 0x1111 0x2222))
    (loop $next
      (global.set $c (array.new $longs (i64.const 0x5555_5555_5555_5555) (i32.const 300)))
      (drop (struct.new $pair (i64.const 0x6666) (v128.const i64x2 0x7777 0x8888)))
      (br_if $next (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 400))))
    (call $deep (i32.const 300) (i64.const 0x1234567)))

  (func (export "look") (result i64) (local $i i32) (local $found i64) (local $p (ref null $pair))
    (local $l (ref null $longs))
    (local.set $found (call $unset (i32.const 300)))
    (if (i32.ne (memory.size $m) (i32.const 4)) (then (return (i64.const -1))))
    (if (i32.ne (table.size $t) (i32.const 40)) (then (return (i64.const -2))))
    (drop (memory.grow $m (i32.const 5)))
    (loop $next
      (local.set $found (i64.or (local.get $found) (i64.load $m (local.get $i))))
      (br_if $next (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 8))) (i32.const 0x90000))))
    (local.set $i (i32.const 0))
    (loop $next
      (local.set $found (i64.or (local.get $found) (i64.load $n (local.get $i))))
      (br_if $next (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 8))) (i32.const 0x20000))))
    (local.set $i (i32.const 0))
    (drop (table.grow $t (ref.null func) (i32.const 50)))
    (loop $next
      (if (i32.eqz (ref.is_null (table.get $t (local.get $i)))) (then (return (i64.const -3))))
      (br_if $next (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 90))))
    (local.set $i (i32.const 0))
    (loop $next
      (if (i32.eqz (ref.is_null (table.get $u (local.get $i)))) (then (return (i64.const -4))))
      (br_if $next (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3000))))
    (if (i32.or (global.get $a) (v128.any_true (global.get $b))) (then (return (i64.const -5))))
    (if (i32.eqz (ref.is_null (global.get $c))) (then (return (i64.const -6))))
    (local.set $i (i32.const 0))
    (loop $next
      (local.set $p (struct.new_default $pair))
      (local.set $l (array.new_default $longs (i32.const 300)))
      (local.set $found (i64.or (local.get $found) (struct.get $pair 0 (local.get $p))))
      (local.set $found (i64.or (local.get $found)
        (i64.extend_i32_u (v128.any_true (struct.get $pair 1 (local.get $p))))))
      (local.set $found (i64.or (local.get $found) (array.get $longs (local.get $l)
        (i32.rem_u (local.get $i) (i32.const 300)))))
      (br_if $next (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 400))))
    (local.get $found))
))";

class Reuse : public testing::TestWithParam<jit::MemoryClass> {
 protected:
  void SetUp() override {
    auto made = Runtime::create({});
    ASSERT_TRUE(made.ok());
    runtime_ = std::move(*made);
    auto bytes = parse_wat(kModule);
    ASSERT_TRUE(bytes.ok()) << bytes.error().message();
    auto loaded = runtime_->load(std::move(*bytes), "reuse");
    ASSERT_TRUE(loaded.ok()) << loaded.error().message();
    module_ = std::move(*loaded);
  }

  std::unique_ptr<ProcessHandle> new_process() {
    ProcessConfig config;
    config.memory_class = GetParam();
    auto process = runtime_->create_process(config);
    EXPECT_TRUE(process.ok());
    return std::move(*process);
  }
  // A new instance finds nothing; then it is made dirty.
  void look_and_dirty(ProcessHandle& process) {
    auto instance = process.instantiate(module_);
    ASSERT_TRUE(instance.ok()) << instance.error().message();
    std::vector<u64> values(1);
    Outcome outcome = process.call(**instance, "look", values);
    ASSERT_TRUE(outcome.returned()) << outcome.message << outcome.backtrace;
    ASSERT_EQ(values[0], 0u);
    outcome = process.call(**instance, "dirty", values);
    ASSERT_TRUE(outcome.returned()) << outcome.message << outcome.backtrace;
  }

  std::unique_ptr<Runtime> runtime_;
  std::shared_ptr<jit::CompiledModule> module_;
};

TEST_P(Reuse, ByTheNextProcess) {
  for (u32 i = 0; i < 6; i++) {
    const auto process = new_process();
    ASSERT_NO_FATAL_FAILURE(look_and_dirty(*process)) << i;
  }
}

TEST_P(Reuse, ByTheNextInstanceOfAProcess) {
  const auto process = new_process();
  for (u32 i = 0; i < 4; i++) ASSERT_NO_FATAL_FAILURE(look_and_dirty(*process)) << i;
}

TEST_P(Reuse, ByProcessesThatTakeTurns) {
  std::unique_ptr<ProcessHandle> processes[3];
  for (u32 i = 0; i < 9; i++) {
    auto& process = processes[i * 2 % 3];
    process = nullptr;
    process = new_process();
    ASSERT_NO_FATAL_FAILURE(look_and_dirty(*process)) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Classes, Reuse,
                         testing::Values(jit::MemoryClass::Guarded, jit::MemoryClass::Dense),
                         [](const auto& memory_class) {
                           return memory_class.param == jit::MemoryClass::Dense ? "Dense"
                                                                                : "Guarded";
                         });

}  // namespace
}  // namespace lr::limits
