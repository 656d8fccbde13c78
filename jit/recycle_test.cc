// Stores that are used again: nothing of the last process is seen, by any way a guest has.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>

#include "jit/test_world.h"

namespace lr::jit {
namespace {

// Hands out one area, as a process's slot does, at an address that is no page's start.
class SlotSource final : public MemorySource {
 public:
  static constexpr u64 kOffset = 2112;
  static constexpr u64 kCapacity = 192 * kKiB + 4096 - kOffset;

  SlotSource()
      : bytes_(static_cast<u8*>(mmap(nullptr, kOffset + kCapacity, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    CHECK(bytes_ != MAP_FAILED);
  }
  ~SlotSource() override { munmap(bytes_, kOffset + kCapacity); }
  bool charge(u64 bytes) override {
    charged += bytes;
    return true;
  }
  void release_charge(u64 bytes) override { charged -= bytes; }
  MemoryArea acquire(u64 bytes) override {
    if (taken_ || bytes > kCapacity) return MemorySource::acquire(bytes);
    taken_ = true;
    return {bytes_ + kOffset, kCapacity};
  }
  MemoryArea enlarge(MemoryArea area, u64 used, u64 bytes) override {
    if (!owns(area)) return MemorySource::enlarge(area, used, bytes);
    const MemoryArea larger = MemorySource::acquire(bytes);
    std::memcpy(larger.base, area.base, used);
    return larger;
  }
  void release(MemoryArea area, u64 used) override {
    if (!owns(area)) MemorySource::release(area, used);
  }
  bool wipe(MemoryArea area, u64 from, u64 to) override {
    if (!owns(area)) return false;
    std::memset(area.base + from, 0, to - from);
    return true;
  }
  // Whether the kernel has markers or not: what cannot be held is copied.
  bool hold(MemoryArea area, u64 from, u64 to) override {
    constexpr int kGuardInstall = 102;
    const bool held = owns(area) && madvise(area.base + from, to - from, kGuardInstall) == 0;
    holds += held ? 1 : 0;
    return held;
  }
  void let_in(MemoryArea area, u64 from, u64 to) override {
    constexpr int kGuardRemove = 103;
    EXPECT_EQ(madvise(area.base + from, to - from, kGuardRemove), 0);
  }
  static bool can_hold() {
    SlotSource source;
    return source.hold(source.acquire(1), 4096 - kOffset, 8192 - kOffset);
  }
  bool is_clean() const {
    return bytes_[0] == 0 && std::memcmp(bytes_, bytes_ + 1, kOffset + kCapacity - 1) == 0;
  }

  u64 charged = 0;
  u64 holds = 0;

 private:
  bool owns(MemoryArea area) const { return area.base == bytes_ + kOffset; }
  u8* bytes_;
  bool taken_ = false;
};

HostStatus nothing(Context*, const HostFunction*, u64*) { return HostStatus::Done; }

// Looks for a tag everywhere, then leaves it everywhere. `look` returns 0 if all is as new.
constexpr std::string_view kNosy = R"((module
  (type $pair (struct (field (mut i64)) (field (mut i64))))
  (type $f (func (result i32)))
  (import "host" "nothing" (func $nothing))
  (memory (export "memory") 1 3)
  (table $calls 2 funcref)
  (table $mine (export "mine") 3 20 funcref)
  (table $any 2 20 anyref)
  (global $count (mut i64) (i64.const 7))
  (global $wide (mut v128) (v128.const i64x2 1 2))
  (global $ref (mut funcref) (ref.func $one))
  (global $object (mut anyref) (ref.null any))
  (tag $tag (param i64))
  (data (i32.const 100) "initial")
  (data (i32.const 65528) "the edge")
  (data $passive "passive")
  (elem (table $calls) (i32.const 0) func $one $two)
  (elem (table $mine) (i32.const 1) func $two)
  (elem $later func $one $two)
  (elem declare func $one)
  (func $one (type $f) (i32.const 1))
  (func $two (type $f) (i32.const 2))
  (func $differs (param i32) (result i32) (local.get 0))
  (func (export "look") (result i32) (local $i i32)
    (if (i32.ne (memory.size) (i32.const 1)) (then (return (i32.const 1))))
    (if (i64.ne (global.get $count) (i64.const 7)) (then (return (i32.const 2))))
    (if (i64.ne (i64x2.extract_lane 1 (global.get $wide)) (i64.const 2))
      (then (return (i32.const 3))))
    (if (i32.eqz (ref.is_null (global.get $object))) (then (return (i32.const 4))))
    (if (i32.ne (table.size $mine) (i32.const 3)) (then (return (i32.const 5))))
    (if (i32.eqz (ref.is_null (table.get $mine (i32.const 0)))) (then (return (i32.const 6))))
    (if (i32.ne (call_indirect $mine (type $f) (i32.const 1)) (i32.const 2))
      (then (return (i32.const 7))))
    (if (i32.eqz (ref.is_null (table.get $mine (i32.const 2)))) (then (return (i32.const 8))))
    (if (i32.ne (table.size $any) (i32.const 2)) (then (return (i32.const 9))))
    (if (i32.eqz (ref.is_null (table.get $any (i32.const 1)))) (then (return (i32.const 10))))
    (if (i32.ne (call_indirect $calls (type $f) (i32.const 0)) (i32.const 1))
      (then (return (i32.const 11))))
    (if (i32.ne (call $return_it (i32.const 1)) (i32.const 2)) (then (return (i32.const 12))))
    (if (i32.ne (call_ref $f (ref.cast (ref $f) (global.get $ref))) (i32.const 1))
      (then (return (i32.const 13))))
    ;; Every byte of memory but the data is zero.
    (loop $next
      (if (i64.ne (i64.load (local.get $i)) (call $expected (local.get $i)))
        (then (return (i32.const 14))))
      (local.set $i (i32.add (local.get $i) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 65536))))
    ;; What was dropped is there again.
    (memory.init $passive (i32.const 8) (i32.const 0) (i32.const 7))
    (if (i32.ne (i32.load8_u (i32.const 8)) (i32.const 112)) (then (return (i32.const 15))))
    (table.init $mine $later (i32.const 0) (i32.const 0) (i32.const 2))
    (i32.const 0))
  (func $expected (param i32) (result i64)
    (if (i32.eq (local.get 0) (i32.const 96)) (then (return (i64.const 0x74696e6900000000))))
    (if (i32.eq (local.get 0) (i32.const 104)) (then (return (i64.const 0x6c6169))))
    (if (i32.eq (local.get 0) (i32.const 65528)) (then (return (i64.const 0x6567646520656874))))
    (i64.const 0))
  (func $return_it (param i32) (result i32)
    (return_call_indirect $calls (type $f) (local.get 0)))
  (func (export "spoil") (param $tag i64) (param $pages i32)
    (drop (memory.grow (local.get $pages)))
    (memory.fill (i32.const 0) (i32.wrap_i64 (local.get $tag))
      (i32.mul (memory.size) (i32.const 65536)))
    (global.set $count (local.get $tag))
    (global.set $wide (i64x2.splat (local.get $tag)))
    (global.set $ref (ref.func $two))
    (global.set $object (struct.new $pair (local.get $tag) (local.get $tag)))
    (drop (table.grow $mine (ref.func $one) (i32.const 9)))
    (table.fill $mine (i32.const 0) (ref.func $one) (table.size $mine))
    (drop (table.grow $any (global.get $object) (i32.const 9)))
    (table.fill $any (i32.const 0) (global.get $object) (table.size $any))
    (data.drop $passive)
    (elem.drop $later)
    (block $caught (result i64)
      (try_table (catch $tag $caught) (throw $tag (local.get $tag)))
      (i64.const 0))
    (drop)
    (call $nothing)))
)";

struct Life {
  bool copies;              // The first instance is made step by step, all others are copies.
  bool holds_data = false;  // All data waits until it is touched.
};
void PrintTo(const Life& life, std::ostream* out) {
  *out << (life.copies ? "copies" : "first") << (life.holds_data ? ", data held" : "");
}

class Recycling : public testing::TestWithParam<Life> {
 protected:
  Recycling() {
    world.add_host("nothing", nothing, {}, {});
    auto bytes = parse_wat(kNosy);
    EXPECT_TRUE(bytes.ok()) << bytes.error().message();
    module = world.engine().load(std::move(bytes.value()), "nosy", executor).value();
    imports = resolve_imports(module->module(), world.resolver()).value();
    if (GetParam().copies) CHECK(first.instantiate(module, imports).ok());
  }
  ProcessStoreOptions options() {
    return {.memory = {.memory_class = MemoryClass::Dense,
                       .source = &source,
                       .exact_extent = GetParam().holds_data}};
  }
  static u64 call(TestProcess& process, ProcessStore& store, std::string_view name,
                  std::vector<u64> values = {0}) {
    values.resize(2);
    FuncRef* const function = store.first_instance()->find_export(name)->func;
    const auto trap = process.call(store, function, values.data());
    EXPECT_FALSE(trap.has_value()) << text_of(*trap);
    return values[0];
  }

  World world;
  SerialExecutor executor;
  std::shared_ptr<CompiledModule> module;
  std::vector<Extern> imports;
  SlotSource source;
  TestProcess other;
  ProcessStore first{world.engine(), other.run};
};
INSTANTIATE_TEST_SUITE_P(Lives, Recycling,
                         testing::Values(Life{false}, Life{true}, Life{false, true},
                                         Life{true, true}));

TEST_P(Recycling, ShowsNothingOfTheLastProcess) {
  TestProcess process;
  ProcessStore store(world.engine(), process.run, options());
  ASSERT_TRUE(store.instantiate(module, imports).ok());
  const u64 lives = GetParam().holds_data ? 500 : 10'000;
  for (u64 life = 0; life < lives; life++) {
    ASSERT_EQ(call(process, store, "look"), 0u) << life;
    call(process, store, "spoil", {0x5a5a5a5a5a5a5a5a, life % 3});
    ASSERT_TRUE(store.reset());
    EXPECT_EQ(process.run.doorbell.load(), nullptr);
    EXPECT_EQ(process.run.heap_limit, 0u);
    EXPECT_FALSE(store.has_heap());
  }
  EXPECT_EQ(source.holds, GetParam().holds_data && SlotSource::can_hold() ? 1u : 0u);
  // Only what the module says is in the slot.
  EXPECT_LE(source.charged, 4 * kKiB);
}

TEST_P(Recycling, LeavesTheSlotClean) {
  {
    TestProcess process;
    ProcessStore store(world.engine(), process.run, options());
    ASSERT_TRUE(store.instantiate(module, imports).ok());
    call(process, store, "spoil", {0x11, 2});
    ASSERT_TRUE(store.reset());
    Memory& memory = store.first_instance()->memory(0);
    EXPECT_EQ(memory.size(), 64 * kKiB);
    // The pages that are kept may have data.
    if (memory.view.extent != 0) std::memset(memory.view.base, 0, memory.view.extent);
    if (source.holds != 0) std::memset(memory.view.base + 65528, 0, 8);
    EXPECT_TRUE(source.is_clean());
  }
  EXPECT_EQ(source.charged, 0u);
}

TEST_P(Recycling, InstancesAreApart) {
  TestProcess one;
  TestProcess two;
  SlotSource second_source;
  ProcessStoreOptions second = options();
  second.memory.source = &second_source;
  ProcessStore a(world.engine(), one.run, options());
  ProcessStore b(world.engine(), two.run, second);
  ASSERT_TRUE(a.instantiate(module, imports).ok());
  ASSERT_TRUE(b.instantiate(module, imports).ok());
  call(one, a, "spoil", {0x77, 1});
  EXPECT_EQ(call(two, b, "look"), 0u);
}

TEST_P(Recycling, RefusesWhatItCannotClean) {
  TestProcess process;
  ProcessStore store(world.engine(), process.run, options());
  EXPECT_FALSE(store.reset());  // There is no instance yet.
  ASSERT_TRUE(store.instantiate(module, imports).ok());
  ProcessStoreOptions guarded = options();
  guarded.memory.memory_class = MemoryClass::Guarded;
  EXPECT_FALSE(store.adopt(guarded));
  ProcessStoreOptions narrow = options();
  narrow.memory.size_max = 1;
  EXPECT_FALSE(store.adopt(narrow));
  EXPECT_TRUE(store.reset());
  ProcessStoreOptions wide = options();
  wide.memory.size_max = kMiB;
  EXPECT_TRUE(store.adopt(wide));
  EXPECT_EQ(store.options().memory.size_max, kMiB);
  ASSERT_TRUE(store.instantiate(module, imports).ok());
  EXPECT_FALSE(store.reset());  // There are two.
}

TEST_P(Recycling, RefusesAMemoryThatHasLeftItsSlot) {
  TestProcess process;
  ProcessStore store(world.engine(), process.run, options());
  Instance* const instance = store.instantiate(module, imports).value();
  ASSERT_TRUE(instance->memory(0).relocate());
  EXPECT_FALSE(store.reset());
}

TEST(Bookkeeping, OfATinyModuleIsSmall) {
  World world({.memory_class = MemoryClass::Dense});
  world.add_host("nothing", nothing, {}, {});
  constexpr std::string_view kTiny = R"((module
    (import "host" "nothing" (func))
    (memory (export "memory") 1)
    (table 4 funcref) (elem (i32.const 0) func $f $f)
    (global (mut i32) (i32.const 65536))
    (func $f (export "f") (drop (i32.load (i32.const 0))))))";
  TestProcess process;
  ASSERT_NE(world.need(kTiny), nullptr);
  SerialExecutor executor;
  auto module = world.engine().load(parse_wat(kTiny).value(), "tiny", executor).value();
  const auto imports = resolve_imports(module->module(), world.resolver()).value();
  ProcessStore first(world.engine(), process.run, world.store.options());
  ASSERT_TRUE(first.instantiate(module, imports).ok());
  TestProcess other;
  ProcessStore store(world.engine(), other.run, world.store.options());
  ASSERT_TRUE(store.instantiate(module, imports).ok());
  EXPECT_LE(store.bookkeeping_bytes(), 512u);
  RecordProperty("bytes", static_cast<int>(store.bookkeeping_bytes()));
  EXPECT_LE(sizeof(Instance), 120u);
  EXPECT_LE(sizeof(Memory), 96u);
}

}  // namespace
}  // namespace lr::jit
