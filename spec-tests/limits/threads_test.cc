// Eight threads on one engine: modules are loaded, compiled, called and dropped while others call
// through types that all of them have, and through some that come and go.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/executor.h"
#include "frontend/wat_parser.h"
#include "jit/engine.h"
#include "jit/test_process.h"

namespace lr::limits {
namespace {

// Calls through a table of its own with a type that all modules have, one that some have, and a
// recursive group with a subtype; `number` is in every result.
std::string module_text(u32 number) {
  std::string params;
  for (u32 i = 0; i < number % 7; i++) params += " i64";
  return fmt::format(R"((module
    (type $all (func (param i32) (result i32)))
    (type $some (func (param{0}) (result i32)))
    (rec (type $node (sub (struct (field i32) (field (ref null $node)))))
         (type $method (sub (func (param (ref $node)) (result i32)))))
    (type $more{1} (sub $node (struct (field i32) (field (ref null $node)) (field i64))))
    (type $own (struct {2}))
    (table $t 4 funcref) (elem (table $t) (i32.const 0) func $a $b $c)
    (func $a (type $all) (i32.add (local.get 0) (i32.const {1})))
    (func $b (type $some) (i32.const {1}))
    (func $c (type $method) (struct.get $node 0 (local.get 0)))
    (func (export "run") (param i32) (result i32)
      (local $sum i32)
      (loop $again
        (local.set $sum (i32.add (local.get $sum) (i32.add
          (call_indirect $t (type $all) (i32.const 1000) (i32.const 0))
          (call_indirect $t (type $method)
            (struct.new $more{1} (i32.const {1}) (ref.null $node) (i64.const 5))
            (i32.const 2)))))
        (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (drop (struct.new_default $own))
      (local.get $sum))
    (func (export "wrong") (result i32)
      (call_indirect $t (type $all) (i32.const 1000) (i32.const 1)))))",
                     params, number, fmt::format("(field i{})", number % 2 == 0 ? 32 : 64));
}

class Visitor {
 public:
  explicit Visitor(jit::Engine& engine) : engine_(engine) {}

  // A module's whole life.
  std::string visit(u32 number, u32 rounds) {
    auto bytes = parse_wat(module_text(number));
    if (!bytes.ok()) return bytes.error().message();
    SerialExecutor executor;
    auto module = engine_.load(std::move(*bytes), "visitor", executor);
    if (!module.ok()) return module.error().message();
    jit::ProcessStore store(engine_, process_.run);
    auto instance = store.instantiate(*module, {});
    if (!instance.ok()) return instance.error().message();
    if (number % 3 == 0 && !(*instance)->code().compile_all(executor).ok()) return "not compiled";
    module->reset();
    std::vector<u64> values(16);
    values[0] = rounds;
    if (process_.call(store, (*instance)->find_export("run")->func, values.data())) return "trap";
    const u32 expected = rounds * (1000 + number + number);
    if (static_cast<u32>(values[0]) != expected) return fmt::format("{}", values[0]);
    const auto trap = process_.call(store, (*instance)->find_export("wrong")->func, values.data());
    return trap == jit::Trap::IndirectCallTypeMismatch ? "" : "no trap";
  }

 private:
  jit::Engine& engine_;
  jit::TestProcess process_;
};

TEST(Threads, LoadCallAndDrop) {
  constexpr u32 kThreads = 8;
  constexpr u32 kVisits = 60;
  jit::EngineOptions options;
  options.features = FeatureSet::all();
  auto engine = jit::Engine::create(options);
  ASSERT_TRUE(engine.ok());
  std::string failures[kThreads];
  std::vector<std::thread> threads;
  for (u32 t = 0; t < kThreads; t++) {
    threads.emplace_back([&, t] {
      Visitor visitor(**engine);
      for (u32 i = 0; i < kVisits && failures[t].empty(); i++) {
        // Odd threads call for long, the others come and go.
        failures[t] = visitor.visit(t % 4 * 100 + i, t % 2 == 1 ? 20'000 : 1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& failure : failures) EXPECT_EQ(failure, "");
}

// One module that threads compile, call and drop together.
TEST(Threads, ShareModules) {
  constexpr u32 kThreads = 8;
  constexpr u32 kModules = 30;
  jit::EngineOptions options;
  options.features = FeatureSet::all();
  auto engine = jit::Engine::create(options);
  ASSERT_TRUE(engine.ok());
  std::vector<std::shared_ptr<jit::CompiledModule>> modules;
  for (u32 i = 0; i < kModules; i++) {
    auto bytes = parse_wat(module_text(i));
    ASSERT_TRUE(bytes.ok()) << bytes.error().message();
    SerialExecutor executor;
    auto module = (*engine)->load(std::move(*bytes), "shared", executor);
    ASSERT_TRUE(module.ok()) << module.error().message();
    modules.push_back(std::move(*module));
  }
  std::atomic<u32> wrong{0};
  std::vector<std::thread> threads;
  for (u32 t = 0; t < kThreads; t++) {
    // Each has its own hold on the modules and lets go of them one by one.
    threads.emplace_back([&, mine = modules]() mutable {
      jit::TestProcess process;
      for (u32 i = 0; i < kModules; i++) {
        jit::ProcessStore store(**engine, process.run);
        auto instance = store.instantiate(mine[i], {});
        mine[i].reset();
        std::vector<u64> values(16);
        values[0] = 100;
        if (!instance.ok() ||
            process.call(store, (*instance)->find_export("run")->func, values.data()) ||
            static_cast<u32>(values[0]) != 100 * (1000 + i + i)) {
          wrong++;
        }
      }
    });
  }
  modules.clear();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0u);
}

}  // namespace
}  // namespace lr::limits
