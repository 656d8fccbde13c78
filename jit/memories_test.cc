// Whole modules about memories and tables: long operations, growth, limits, addresses of 64 bits.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>

#include "jit/test_world.h"

namespace lr::jit {
namespace {

class Memories : public testing::TestWithParam<RunOptions> {};

constexpr auto kGuarded = MemoryClass::Guarded;
constexpr auto kDense = MemoryClass::Dense;
INSTANTIATE_TEST_SUITE_P(
    Jit, Memories,
    testing::Values(RunOptions{.memory_class = kGuarded}, RunOptions{.memory_class = kDense},
                    RunOptions{.memory_class = kGuarded, .move_always = true},
                    RunOptions{.memory_class = kDense, .move_always = true, .exact_extent = true},
                    RunOptions{.memory_class = kDense, .no_homes = true},
                    RunOptions{.memory_class = kDense, .move_always = true, .ring_always = true},
                    RunOptions{.memory_class = kGuarded, .spill_all = true}),
    name_of_options);
INSTANTIATE_TEST_SUITE_P(Interrupted, Memories, testing::ValuesIn(yielding_options()),
                         name_of_options);
INSTANTIATE_TEST_SUITE_P(InterruptedDense, Memories,
                         testing::ValuesIn(yielding_options({.memory_class = MemoryClass::Dense,
                                                             .move_always = true})),
                         name_of_options);

// Fills, copies and initialisations that take many pieces, the process leaving after each.
TEST_P(Memories, LongOperationsAreOne) {
  constexpr u64 kBytes = 1'000'003;
  World world(GetParam());
  Instance* instance = world.need(R"((module
    (memory (export "m") 32)
    (memory $other 32)
    (func (export "fill") (param i32 i32 i32)
      (memory.fill (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy") (param i32 i32 i32)
      (memory.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "away") (param i32 i32 i32)
      (memory.copy $other 0 (local.get 0) (local.get 1) (local.get 2)))
    (func (export "back") (param i32 i32 i32)
      (memory.copy 0 $other (local.get 0) (local.get 1) (local.get 2)))))");
  ASSERT_NE(instance, nullptr);
  std::vector<u8> model(32 * 64 * kKiB);
  const auto bytes = [&] { return instance->memory(0).range(0, model.size())->data(); };
  const auto call = [&](const char* name, std::vector<u64> values) {
    const u32 before = world.process.yields;
    EXPECT_EQ(world.call(instance, name, values), std::nullopt);
    EXPECT_GE(world.process.yields - before, 7u);
    EXPECT_EQ(std::memcmp(bytes(), model.data(), model.size()), 0) << name;
  };
  for (usize i = 0; i < model.size(); i++) model[i] = static_cast<u8>(i * 7 + i / 251);
  std::memcpy(bytes(), model.data(), model.size());
  std::memset(model.data() + 5, 0xab, kBytes);
  call("fill", {5, 0x7ab, kBytes});
  for (const u64 distance : {u64{1}, u64{4096}, u64{200'000}}) {
    for (usize i = 0; i < model.size(); i++) model[i] = static_cast<u8>(i * 7 + i / 251);
    std::memcpy(bytes(), model.data(), model.size());
    std::memmove(model.data() + 3 + distance, model.data() + 3, kBytes);
    call("copy", {3 + distance, 3, kBytes});
    std::memmove(model.data() + 3, model.data() + 3 + distance, kBytes);
    call("copy", {3, 3 + distance, kBytes});
  }
  call("away", {17, 90, kBytes});
  std::memmove(model.data() + 1000, model.data() + 90, kBytes);
  call("back", {1000, 17, kBytes});
  // Out of bounds at the end: nothing has changed.
  std::vector<u64> values = {model.size() - kBytes + 1, 0, kBytes};
  EXPECT_EQ(world.call(instance, "fill", values), Trap::MemoryOutOfBounds);
  values = {0, model.size() - kBytes + 1, kBytes};
  EXPECT_EQ(world.call(instance, "copy", values), Trap::MemoryOutOfBounds);
  EXPECT_EQ(std::memcmp(bytes(), model.data(), model.size()), 0);
}

TEST_P(Memories, LongTableOperationsAreOne) {
  World world(GetParam());
  Instance* instance = world.need(R"((module
    (table $t 10 200000 funcref)
    (elem declare func $f $g)
    (type $v (func (result i32)))
    (func $f (result i32) (i32.const 6))
    (func $g (result i32) (i32.const 7))
    (func (export "grow") (param i32) (result i32)
      (table.grow $t (ref.func $f) (local.get 0)))
    (func (export "fill") (param i32 i32)
      (table.fill $t (local.get 0) (ref.func $g) (local.get 1)))
    (func (export "copy") (param i32 i32 i32)
      (table.copy $t $t (local.get 0) (local.get 1) (local.get 2)))
    (func (export "at") (param i32) (result i32)
      (call_indirect $t (type $v) (local.get 0)))))");
  ASSERT_NE(instance, nullptr);
  EXPECT_EQ(world.run(instance, "grow", {150'000}), "10");
  EXPECT_GE(world.process.yields, 9u);
  EXPECT_EQ(world.run(instance, "grow", {49'991}), "4294967295");
  EXPECT_EQ(world.run(instance, "at", {9}), "uninitialized element");
  EXPECT_EQ(world.run(instance, "at", {10}), "6");
  EXPECT_EQ(world.run(instance, "at", {150'009}), "6");
  EXPECT_EQ(world.run(instance, "at", {150'010}), "undefined element");
  world.run(instance, "fill", {20, 40'000});
  EXPECT_EQ(world.run(instance, "at", {19}), "6");
  EXPECT_EQ(world.run(instance, "at", {20}), "7");
  EXPECT_EQ(world.run(instance, "at", {40'019}), "7");
  EXPECT_EQ(world.run(instance, "at", {40'020}), "6");
  world.run(instance, "copy", {30, 20, 100'000});
  EXPECT_EQ(world.run(instance, "at", {29}), "7");
  EXPECT_EQ(world.run(instance, "at", {40'029}), "7");
  EXPECT_EQ(world.run(instance, "at", {40'030}), "6");
  EXPECT_EQ(world.run(instance, "copy", {1, 0, 150'010}), "out of bounds table access");
}

// Growth in the middle of what has cached base, extent or size: a loop, a callee, another memory.
TEST_P(Memories, GrowthBetweenAccesses) {
  World world(GetParam());
  Instance* instance = world.need(R"((module
    (memory 0 100)
    (memory $other 0 100)
    (memory $long i64 0 100)
    (func $grow (drop (memory.grow 0 (i32.const 1))) (drop (memory.grow $other (i32.const 1)))
                (drop (memory.grow $long (i64.const 1))))
    (func (export "f") (param $n i32) (result i64) (local $i i32) (local $end i32) (local $sum i64)
      (loop $again
        (call $grow)
        (local.set $end (i32.mul (i32.add (local.get $i) (i32.const 1)) (i32.const 65536)))
        (i64.store (i32.sub (local.get $end) (i32.const 8)) (i64.const 1))
        (i64.store $other (i32.sub (local.get $end) (i32.const 8)) (i64.const 100))
        (i64.store $long (i64.sub (i64.extend_i32_u (local.get $end)) (i64.const 8))
                         (i64.const 10000))
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                                (local.get $n))))
      (loop $sums
        (local.set $i (i32.sub (local.get $i) (i32.const 1)))
        (local.set $end (i32.mul (i32.add (local.get $i) (i32.const 1)) (i32.const 65536)))
        (local.set $sum (i64.add (local.get $sum) (i64.add
          (i64.add (i64.load offset=65528 (i32.sub (local.get $end) (i32.const 65536)))
                   (i64.load $other (i32.sub (local.get $end) (i32.const 8))))
          (i64.load $long offset=65528
            (i64.sub (i64.extend_i32_u (local.get $end)) (i64.const 65536))))))
        (br_if $sums (local.get $i)))
      (local.get $sum))
    (func (export "beyond") (result i64) (i64.load $long (i64.const -8)))))");
  ASSERT_NE(instance, nullptr);
  EXPECT_EQ(world.run(instance, "f", {40}), "404040");
  EXPECT_EQ(world.run(instance, "beyond"), "out of bounds memory access");
}

// The sum of index and offset at every border of 64 bits.
TEST_P(Memories, SumsOf64BitsDoNotWrap) {
  World world(GetParam());
  Instance* instance = world.need(R"((module
    (memory i64 1)
    (memory $other i64 1)
    (data (i64.const 0) "\01\02\03\04\05\06\07\08")
    (data (memory $other) (i64.const 0) "\01\02\03\04\05\06\07\08")
    (func (export "a0") (param i64) (result i32) (i32.load8_u (local.get 0)))
    (func (export "a1") (param i64) (result i32) (i32.load8_u offset=1 (local.get 0)))
    (func (export "a2") (param i64) (result i32)
      (i32.load8_u offset=0x7fffffff (local.get 0)))
    (func (export "a3") (param i64) (result i32)
      (i32.load8_u offset=0x1_0000_0000 (local.get 0)))
    (func (export "a4") (param i64) (result i32)
      (i32.load8_u offset=0xffff_ffff_ffff_ffff (local.get 0)))
    (func (export "a5") (param i64) (result i32)
      (i32.load8_u offset=0xffff_ffff_ffff_fff8 (local.get 0)))
    (func (export "b0") (param i64) (result i32) (i32.load8_u $other (local.get 0)))
    (func (export "b1") (param i64) (result i32) (i32.load8_u $other offset=1 (local.get 0)))
    (func (export "b2") (param i64) (result i32)
      (i32.load8_u $other offset=0x7fffffff (local.get 0)))
    (func (export "b3") (param i64) (result i32)
      (i32.load8_u $other offset=0x1_0000_0000 (local.get 0)))
    (func (export "b4") (param i64) (result i32)
      (i32.load8_u $other offset=0xffff_ffff_ffff_ffff (local.get 0)))
    (func (export "b5") (param i64) (result i32)
      (i32.load8_u $other offset=0xffff_ffff_ffff_fff8 (local.get 0)))
    (func (export "copy") (param i64 i64 i64)
      (memory.copy (local.get 0) (local.get 1) (local.get 2)))))");
  ASSERT_NE(instance, nullptr);
  constexpr u64 kOffsets[] = {0, 1, 0x7fff'ffff, 0x1'0000'0000, ~u64{0}, ~u64{7}};
  for (u32 i = 0; i < std::size(kOffsets); i++) {
    for (const char memory : {'a', 'b'}) {
      const std::string name = {memory, static_cast<char>('0' + i)};
      for (u64 base : {u64{0}, u64{1} << 31, u64{1} << 32, u64{1} << 63, u64{65536}}) {
        for (const i64 delta : {-9, -8, -1, 0, 1, 7}) {
          const u64 index = base + static_cast<u64>(delta);
          const auto sum = static_cast<unsigned __int128>(index) + kOffsets[i];
          const std::string expected = sum >= 65536 ? "out of bounds memory access"
                                                    : std::to_string(sum < 8 ? u64(sum) + 1 : 0);
          EXPECT_EQ(world.run(instance, name, {index}), expected) << name << " " << index;
          // The index that makes the sum small by wrapping.
          if (kOffsets[i] <= 3) continue;
          EXPECT_EQ(world.run(instance, name, {u64{0} - kOffsets[i] + 3}),
                    "out of bounds memory access");
        }
      }
    }
  }
  EXPECT_EQ(world.run(instance, "copy", {0, ~u64{0}, 2}), "out of bounds memory access");
  EXPECT_EQ(world.run(instance, "copy", {~u64{0}, 0, 2}), "out of bounds memory access");
  EXPECT_EQ(world.run(instance, "copy", {1, 0, ~u64{0}}), "out of bounds memory access");
}

// The stub of a check that fails has something on the stack; the frames are found all the same.
TEST_P(Memories, TrapsOfAnyMemoryHaveABacktrace) {
  World world(GetParam());
  Instance* instance = world.need(R"((module
    (memory 1)
    (memory $other 1)
    (memory $long i64 1)
    (func $other (param i32) (result i32) (i32.load $other offset=8 (local.get 0)))
    (func $long (param i32) (result i32)
      (i32.load $long offset=8 (i64.extend_i32_u (local.get 0))))
    (func $atomic (param i32) (result i32) (i32.atomic.load $other offset=8 (local.get 0)))
    (table funcref (elem $other $long $atomic))
    (func (export "f") (param i32) (result i32)
      (i32.add (i32.const 1) (call_indirect (param i32) (result i32)
        (i32.const 65536) (local.get 0))))))");
  ASSERT_NE(instance, nullptr);
  const char* const names[] = {"other", "long", "atomic"};
  for (u64 i = 0; i < std::size(names); i++) {
    EXPECT_EQ(world.run(instance, "f", {i}), "out of bounds memory access");
    const std::string& trace = world.process.backtrace_text;
    EXPECT_NE(trace.find(std::string("0: test!") + names[i]), std::string::npos) << trace;
    EXPECT_NE(trace.find("1: test!f+"), std::string::npos) << trace;
  }
}

u64 resident_bytes() {
  unsigned long long all = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  const int fields = std::fscanf(file, "%llu %llu", &all, &resident);
  std::fclose(file);
  return fields == 2 ? resident * 4096 : 0;
}

// What is declared and not touched costs nothing; what cannot be is refused, and costs nothing.
TEST(Limits, AbsurdSizesUseNoMemory) {
  struct Row {
    const char* wat;
    bool may_exist;
  };
  const Row rows[] = {
      {"(module (memory 65536))", true},
      {"(module (memory 65536) (memory 65536) (memory 65536))", true},
      {"(module (memory 1 65536 shared))", true},
      {"(module (memory i64 65536))", true},
      {"(module (memory i64 0x1000000))", true},  // 2^40 bytes: addresses there may be.
      {"(module (memory i64 0x100000000))", false},
      {"(module (memory i64 0xffffffffffff))", false},
      {"(module (memory i64 1 0x1000000000000 shared))", false},
      {"(module (memory i64 0xfffffffffffff (pagesize 1)))", false},
      {"(module (memory 0xffffffff (pagesize 1)))", true},
      {"(module (table 10000000 funcref))", true},
      {"(module (table 10000001 funcref))", false},
      {"(module (table 0xffffffff externref))", false},
      {"(module (table i64 0xffffffffffffffff funcref))", false},
      {"(module (table 0 0xffffffff funcref))", true},
      {"(module (table i64 0 0xffffffffffffffff funcref))", true},
  };
  for (const MemoryClass memory_class : {kGuarded, kDense}) {
    for (const Row& row : rows) {
      World world({.memory_class = memory_class});
      const u64 before = resident_bytes();
      const auto instance = world.load(row.wat);
      EXPECT_LT(resident_bytes() - before + kMiB, 3 * kMiB) << row.wat;
      if (!row.may_exist) {
        EXPECT_FALSE(instance.ok()) << row.wat;
      }
      if (!instance.ok()) {
        const ErrPhase phase = instance.error().phase();
        EXPECT_TRUE(phase == ErrPhase::Limit || phase == ErrPhase::System ||
                    phase == ErrPhase::Invalid || phase == ErrPhase::Malformed)
            << instance.error().message();
      }
    }
  }
}

TEST(Limits, GrowthEndsAtThem) {
  World world;
  Instance* instance = world.need(R"((module
    (memory i64 0)
    (table $t 9999990 funcref)
    (table $u i64 0 funcref)
    (func (export "pages") (param i64) (result i64) (memory.grow (local.get 0)))
    (func (export "more") (param i32) (result i32)
      (table.grow $t (ref.null func) (local.get 0)))
    (func (export "long") (param i64) (result i64)
      (table.grow $u (ref.null func) (local.get 0)))))");
  ASSERT_NE(instance, nullptr);
  const std::string refused = std::to_string(~u64{0});
  for (const u64 pages : {u64{1} << 32, u64{1} << 33, u64{1} << 48, u64{1} << 63, ~u64{0}}) {
    EXPECT_EQ(world.run(instance, "pages", {pages}), refused);
    EXPECT_EQ(world.run(instance, "long", {pages}), refused);
  }
  EXPECT_EQ(world.run(instance, "pages", {3}), "0");
  EXPECT_EQ(world.run(instance, "more", {11}), "4294967295");
  EXPECT_EQ(world.run(instance, "more", {0xffff'ffff}), "4294967295");
  EXPECT_EQ(world.run(instance, "more", {10}), "9999990");
  EXPECT_EQ(world.run(instance, "more", {1}), "4294967295");
  EXPECT_EQ(world.run(instance, "long", {10'000'001}), refused);
  EXPECT_EQ(world.run(instance, "long", {10'000'000}), "0");
}

TEST(Limits, WaitingNeedsAProcessThatCan) {
  World world;
  Instance* instance = world.need(R"((module
    (memory 1)
    (memory $shared 1 1 shared)
    (func (export "here") (result i32)
      (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0)))
    (func (export "there") (result i32)
      (memory.atomic.wait32 $shared (i32.const 0) (i32.const 1) (i64.const 0)))
    (func (export "notify") (param i32) (result i32)
      (memory.atomic.notify $shared offset=4 (local.get 0) (i32.const 1)))))");
  ASSERT_NE(instance, nullptr);
  EXPECT_EQ(world.run(instance, "here"), "expected shared memory");
  EXPECT_EQ(world.run(instance, "there"), "expected shared memory");
  EXPECT_EQ(world.run(instance, "notify", {0}), "0");
  EXPECT_EQ(world.run(instance, "notify", {2}), "unaligned atomic");
  EXPECT_EQ(world.run(instance, "notify", {65532}), "out of bounds memory access");
  EXPECT_EQ(world.run(instance, "notify", {0xffff'fffc}), "out of bounds memory access");
}

}  // namespace
}  // namespace lr::jit
