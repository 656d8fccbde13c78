// Objects from machine code: whole modules, in each way of running them.
#include <gtest/gtest.h>

#include "frontend/wat_parser.h"
#include "jit/engine.h"
#include "jit/test_process.h"

namespace lr::jit {
namespace {

struct Way {
  const char* name;
  bool spill_all = false;
  bool no_homes = false;
  bool collects_always = false;
  bool move_always = false;
  bool ring_always = false;
};
constexpr Way kWays[] = {
    {.name = "plain"},
    {.name = "collects", .collects_always = true},
    {.name = "collects_spilled", .spill_all = true, .no_homes = true, .collects_always = true},
    {.name = "collects_moves", .collects_always = true, .move_always = true, .ring_always = true},
    {.name = "moves", .move_always = true, .ring_always = true},
};

class LimitedSource final : public MemorySource {
 public:
  bool charge(u64 bytes) override {
    if (charged + bytes > limit) return false;
    charged += bytes;
    return true;
  }
  void release_charge(u64 bytes) override { charged -= bytes; }
  u64 limit = ~u64{0} / 2;
  u64 charged = 0;
};

class GcRun : public testing::TestWithParam<Way> {
 protected:
  GcRun()
      : engine_(make_engine(GetParam())),
        process({.move_always = GetParam().move_always, .ring_always = GetParam().ring_always}),
        store(std::make_unique<ProcessStore>(
            *engine_, process.run,
            ProcessStoreOptions{.memory = {.source = &source},
                                .collects_always = GetParam().collects_always})) {}

  static std::unique_ptr<Engine> make_engine(const Way& way) {
    EngineOptions options;
    options.features = FeatureSet::all();
    options.spill_all = way.spill_all;
    options.no_homes = way.no_homes;
    return std::move(Engine::create(options)).value();
  }

  Instance* load(const char* wat, std::span<const Extern> imports = {}) {
    SerialExecutor executor;
    auto bytes = parse_wat(wat);
    EXPECT_TRUE(bytes.ok()) << bytes.error().message();
    auto module = engine_->load(std::move(bytes).value(), "test", executor);
    EXPECT_TRUE(module.ok()) << module.error().message();
    auto instance = store->instantiate(module.value(), imports);
    EXPECT_TRUE(instance.ok()) << instance.error().message();
    return instance.value();
  }

  // The first result, or the trap's text.
  std::string call(Instance* instance, const char* name, std::vector<u64> values = {}) {
    values.resize(8);
    const auto trap = process.call(*store, instance->find_export(name)->func, values.data());
    return trap ? text_of(*trap) : std::to_string(static_cast<i64>(values[0]));
  }

  bool is_stress() const { return GetParam().collects_always; }

  std::unique_ptr<Engine> engine_;
  LimitedSource source;
  TestProcess process;
  std::unique_ptr<ProcessStore> store;
};

INSTANTIATE_TEST_SUITE_P(Ways, GcRun, testing::ValuesIn(kWays),
                         [](const auto& way) { return std::string(way.param.name); });

TEST_P(GcRun, AListOfManyNodes) {
  Instance* i = load(R"((module
    (type $cell (struct (field $n i64) (field $next (ref null $cell))))
    (func (export "sum") (param $count i64) (result i64)
      (local $list (ref null $cell)) (local $sum i64)
      (loop $make
        (local.set $list (struct.new $cell (local.get $count) (local.get $list)))
        (local.set $count (i64.sub (local.get $count) (i64.const 1)))
        (br_if $make (i64.ne (local.get $count) (i64.const 0))))
      (loop $add
        (local.set $sum (i64.add (local.get $sum) (struct.get $cell $n (local.get $list))))
        (local.set $list (struct.get $cell $next (local.get $list)))
        (br_if $add (i32.eqz (ref.is_null (local.get $list)))))
      (local.get $sum))))");
  EXPECT_EQ(call(i, "sum", {is_stress() ? 300u : 1'000'000u}),
            is_stress() ? "45150" : "500000500000");
}

// More references than registers, all of which must outlive the objects made between.
TEST_P(GcRun, ReferencesInRegistersAndSlots) {
  std::string wat = R"((module
    (type $box (struct (field i32)))
    (func $noise (param i32) (drop (struct.new $box (i32.const -1))))
    (func (export "f") (result i32) (local $sum i32) (local $i i32) )";
  for (int n = 0; n < 24; n++) wat += "(local $r" + std::to_string(n) + " (ref null $box))";
  for (int n = 0; n < 24; n++) {
    wat += "(local.set $r" + std::to_string(n) + "(struct.new $box (i32.const " +
           std::to_string(1 << n) + ")))";
  }
  wat += "(loop $l (drop (struct.new $box (i32.const -2))) (call $noise (local.get $i))";
  // On the operand stack while others are made.
  for (int n = 0; n < 24; n++) wat += "(struct.get $box 0 (local.get $r" + std::to_string(n) + "))";
  wat += "(struct.get $box 0 (struct.new $box (i32.const 0)))";
  for (int n = 0; n < 24; n++) wat += "i32.add ";
  wat += R"((local.set $sum)
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 20))))
      (local.get $sum))))";
  EXPECT_EQ(call(load(wat.c_str()), "f"), std::to_string((1 << 24) - 1));
}

TEST_P(GcRun, OperandsLiveWhileTheirObjectIsMade) {
  Instance* i = load(R"((module
    (type $t (struct (field i32) (field (ref null $t)) (field (ref null $t))))
    (func $tree (param $d i32) (result (ref $t))
      (if (result (ref $t)) (local.get $d)
        (then (struct.new $t (local.get $d)
                (call $tree (i32.sub (local.get $d) (i32.const 1)))
                (call $tree (i32.sub (local.get $d) (i32.const 1)))))
        (else (struct.new_default $t))))
    (func $count (param $t (ref null $t)) (result i32)
      (if (result i32) (ref.is_null (local.get $t)) (then (i32.const 0))
        (else (i32.add (i32.const 1)
                (i32.add (call $count (struct.get $t 1 (local.get $t)))
                         (call $count (struct.get $t 2 (local.get $t))))))))
    (func (export "f") (param i32) (result i32) (call $count (call $tree (local.get 0))))))");
  EXPECT_EQ(call(i, "f", {is_stress() ? 7u : 17u}), is_stress() ? "255" : "262143");
}

TEST_P(GcRun, ArraysOfAllKinds) {
  Instance* i = load(R"((module
    (type $bytes (array (mut i8)))
    (type $shorts (array (mut i16)))
    (type $floats (array (mut f64)))
    (type $rows (array (mut (ref null $bytes))))
    (data $d "abcdefgh")
    (func $row (param $n i32) (result (ref $bytes)) (local $b (ref null $bytes))
      (local.set $b (array.new $bytes (local.get $n) (local.get $n)))
      (drop (array.new_default $floats (local.get $n)))
      (ref.cast (ref $bytes) (local.get $b)))
    (func (export "rows") (param $n i32) (result i32)
      (local $rows (ref null $rows)) (local $i i32) (local $sum i32)
      (local.set $rows (array.new_default $rows (local.get $n)))
      (loop $l
        (array.set $rows (local.get $rows) (local.get $i) (call $row (local.get $i)))
        (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
      (loop $l
        (local.set $i (i32.sub (local.get $i) (i32.const 1)))
        (local.set $sum (i32.add (local.get $sum)
          (array.len (array.get $rows (local.get $rows) (local.get $i)))))
        (br_if $l (local.get $i)))
      (local.get $sum))
    (func (export "data") (result i32) (local $a (ref null $shorts))
      (local.set $a (array.new_data $shorts $d (i32.const 2) (i32.const 3)))
      (array.init_data $shorts $d (local.get $a) (i32.const 0) (i32.const 0) (i32.const 1))
      (array.copy $shorts $shorts (local.get $a) (i32.const 1) (local.get $a) (i32.const 0)
        (i32.const 2))
      (array.get_s $shorts (local.get $a) (i32.const 1)))
    (func (export "large") (param $n i32) (result i32) (local $a (ref null $floats))
      (local.set $a (array.new $floats (f64.const 2.5) (local.get $n)))
      (drop (array.new $floats (f64.const 1) (local.get $n)))
      (i32.trunc_f64_s (f64.mul (f64.const 2)
        (array.get $floats (local.get $a) (i32.sub (local.get $n) (i32.const 1))))))))");
  EXPECT_EQ(call(i, "rows", {300}), "44850");
  EXPECT_EQ(call(i, "data"), std::to_string('b' << 8 | 'a'));
  for (const u64 n : {1u, 3u, 1000u, 1100u, 4095u, 100'000u}) EXPECT_EQ(call(i, "large", {n}), "5");
}

TEST_P(GcRun, GlobalsTablesAndSegmentsKeepObjects) {
  Instance* i = load(R"((module
    (type $box (struct (field (mut i32))))
    (global $g (mut (ref null $box)) (struct.new $box (i32.const 1)))
    (table $t (export "t") 4 (ref null $box))
    (table $u 2 2 anyref (array.new $a (i32.const 5) (i32.const 3)))
    (type $a (array i32))
    (elem $e (ref $box) (struct.new $box (i32.const 100)) (struct.new $box (i32.const 200)))
    (func $noise (local $i i32)
      (loop $l (drop (struct.new $box (i32.const 7)))
        (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                            (i32.const 50)))))
    (func (export "f") (result i32)
      (call $noise)
      (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 2))
      (struct.set $box 0 (table.get $t (i32.const 0)) (i32.const 1000))
      (call $noise)
      (table.init $t $e (i32.const 2) (i32.const 0) (i32.const 2))
      (call $noise)
      (i32.add (struct.get $box 0 (global.get $g))
        (i32.add (struct.get $box 0 (table.get $t (i32.const 2)))
          (i32.add (struct.get $box 0 (table.get $t (i32.const 3)))
            (array.len (ref.cast (ref $a) (table.get $u (i32.const 1))))))))))");
  EXPECT_EQ(call(i, "f"), "1204");
  EXPECT_EQ(call(i, "f"), "1204");
}

TEST_P(GcRun, AnotherInstancesObjects) {
  Instance* owner = load(R"((module
    (type $box (struct (field i32)))
    (global (export "g") (mut (ref null $box)) (ref.null $box))
    (func (export "make") (param i32) (result (ref $box)) (struct.new $box (local.get 0)))))");
  const Extern imports[] = {*owner->find_export("make"), *owner->find_export("g")};
  Instance* user = load(R"((module
    (type $box (struct (field i32)))
    (import "o" "make" (func $make (param i32) (result (ref $box))))
    (import "o" "g" (global $g (mut (ref null $box))))
    (func (export "f") (result i32) (local $a (ref null $box)) (local $i i32)
      (local.set $a (call $make (i32.const 30)))
      (global.set $g (call $make (i32.const 12)))
      (loop $l (drop (call $make (i32.const 1)))
        (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
                            (i32.const 99))))
      (i32.add (struct.get $box 0 (local.get $a)) (struct.get $box 0 (global.get $g))))))",
                        imports);
  EXPECT_EQ(call(user, "f"), "42");
}

TEST_P(GcRun, RefusedMemoryIsATrapAndNoMore) {
  source.limit = 2 * kMiB;
  Instance* i = load(R"((module
    (type $cell (struct (field (ref null $cell))))
    (type $bytes (array (mut i8)))
    (func (export "endless") (local $list (ref null $cell))
      (loop $l (local.set $list (struct.new $cell (local.get $list))) (br $l)))
    (func (export "array") (param i32) (result i32)
      (array.len (array.new $bytes (i32.const 1) (local.get 0))))
    (func (export "fine") (result i32)
      (array.len (array.new_default $bytes (i32.const 100000))))))");
  if (!is_stress()) {
    EXPECT_EQ(call(i, "endless"), "out of memory");
  }
  EXPECT_EQ(call(i, "array", {~u32{0}}), "out of memory");
  EXPECT_EQ(call(i, "array", {3 << 20}), "out of memory");
  EXPECT_EQ(call(i, "array", {1 << 20}), "1048576");
  EXPECT_EQ(call(i, "fine"), "100000");
  store.reset();
  EXPECT_EQ(source.charged, 0u);
}

}  // namespace
}  // namespace lr::jit
