// Code spaces under threads: many processes that call functions nobody has compiled yet.
#include "jit/code_space.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <thread>

#include "frontend/wat_parser.h"
#include "jit/code_registry.h"
#include "jit/engine.h"
#include "jit/test_process.h"

namespace lr::jit {
namespace {

// 300 functions, each of which calls the next two.
std::string chain_module() {
  constexpr int kFunctions = 300;
  std::string text = "(module (memory 1)";
  for (int i = 0; i < kFunctions; i++) {
    text += "(func $f" + std::to_string(i) + " (export \"f" + std::to_string(i) +
            "\") (param i32) (result i32) ";
    if (i + 2 < kFunctions) {
      text += "(if (result i32) (local.get 0) (then (i32.add (i32.const 1) (i32.add (call $f" +
              std::to_string(i + 1) + " (i32.sub (local.get 0) (i32.const 1))) (call $f" +
              std::to_string(i + 2) + " (i32.const 0))))) (else (i32.load (i32.const 0)))))";
    } else {
      text += "(i32.const 0))";
    }
  }
  return text + ")";
}

struct Loaded {
  std::unique_ptr<Engine> engine;
  std::shared_ptr<CompiledModule> module;
};

Loaded load(const std::string& wat) {
  Loaded loaded{std::move(Engine::create()).value(), nullptr};
  SerialExecutor executor;
  auto module = loaded.engine->load(parse_wat(wat).value(), "test", executor);
  CHECK(module.ok());
  loaded.module = std::move(module).value();
  return loaded;
}

u64 call_in_own_process(const Loaded& loaded, const char* name, u64 argument) {
  TestProcess process;
  ProcessStore store(*loaded.engine, process.run);
  Instance* instance = store.instantiate(loaded.module, {}).value();
  u64 values[1] = {argument};
  CHECK(!process.call(store, instance->find_export(name)->func, values));
  return values[0];
}

TEST(CodeSpace, FunctionsAppearOnceWhoeverCallsThemFirst) {
  const Loaded loaded = load(chain_module());
  std::vector<std::thread> threads;
  std::vector<u64> results(8);
  for (usize t = 0; t < results.size(); t++) {
    threads.emplace_back([&, t] { results[t] = call_in_own_process(loaded, "f0", 290); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const u64 result : results) EXPECT_EQ(result, 290u);
  const ModuleCode& code = *loaded.module->code(MemoryClass::Guarded).value();
  EXPECT_EQ(code.stats().functions_ready, 292u);
}

// Starts its iterations on threads of its own.
class ThreadExecutor final : public Executor {
 public:
  u32 width() const override { return 4; }
  void parallel_for(usize count, void* context, Body body) override {
    std::atomic<usize> next{0};
    std::vector<std::thread> threads;
    for (u32 lane = 0; lane < width(); lane++) {
      threads.emplace_back([&, lane] {
        for (usize i = next++; i < count; i = next++) body(context, i, lane);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
};

TEST(CodeSpace, AllAtOnceOnThreadsWhileOthersRun) {
  const Loaded loaded = load(chain_module());
  ModuleCode* code = loaded.module->code(MemoryClass::Guarded).value();
  std::thread other([&] { EXPECT_EQ(call_in_own_process(loaded, "f5", 200), 200u); });
  ThreadExecutor executor;
  EXPECT_TRUE(code->compile_all(executor).ok());
  other.join();
  EXPECT_EQ(call_in_own_process(loaded, "f0", 290), 290u);
  for (u32 i = 0; i < 300; i++) {
    ASSERT_EQ(code->state(i), ModuleCode::State::Ready);
    const FunctionCode* found = code->space().find(code->entry(i));
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->index, i);
    EXPECT_EQ(find_code(code->entry(i)).space, &code->space());
  }
}

TEST(CodeSpace, AFunctionThatFailsIsATrapWhenItIsCalled) {
  EngineOptions options;
  options.lazy_validation = true;
  const auto engine = std::move(Engine::create(options)).value();
  auto bytes = parse_wat(R"((module
    (func (export "good") (result i32) (i32.const 1))
    (func (export "calls") (param i32) (result i32)
      (if (result i32) (local.get 0) (then (call $bad)) (else (i32.const 2))))
    (func $bad (result i32) (i64.const 1))))");
  SerialExecutor executor;
  const auto module = engine->load(std::move(bytes).value(), "test", executor).value();
  TestProcess process;
  ProcessStore store(*engine, process.run);
  Instance* instance = store.instantiate(module, {}).value();
  const Status compiled = instance->code().compile_all(executor);
  ASSERT_FALSE(compiled.ok());
  EXPECT_EQ(compiled.error().phase(), ErrPhase::Invalid);
  const auto call = [&](const char* name, u64 argument) {
    u64 values[1] = {argument};
    const auto trap = process.call(store, instance->find_export(name)->func, values);
    return trap ? std::string(text_of(*trap)) : std::to_string(values[0]);
  };
  EXPECT_EQ(call("good", 0), "1");
  EXPECT_EQ(call("calls", 0), "2");
  EXPECT_EQ(call("calls", 1), "function could not be compiled");
  EXPECT_EQ(store.compile_error()->phase(), ErrPhase::Invalid);
}

TEST(CodeSpace, IsNeverWritableAndExecutable) {
  const Loaded loaded = load(chain_module());
  EXPECT_EQ(call_in_own_process(loaded, "f0", 10), 10u);
  FILE* maps = std::fopen("/proc/self/maps", "r");
  char line[512];
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    EXPECT_EQ(std::strstr(line, "rwxp"), nullptr) << line;
    EXPECT_EQ(std::strstr(line, "rwxs"), nullptr) << line;
  }
  std::fclose(maps);
}

TEST(CodeSpace, IsForgottenWithItsModule) {
  const void* entry = nullptr;
  {
    const Loaded loaded = load(chain_module());
    entry = loaded.module->code(MemoryClass::Dense).value()->entry(0);
    EXPECT_NE(find_code(entry).space, nullptr);
  }
  EXPECT_EQ(find_code(entry).space, nullptr);
}

TEST(FunctionCode, FindsWhereAPcIs) {
  // Code offset, wasm offset and pushed bytes plus one, as differences.
  const u8 packed[] = {10, 100, 1, 5, 3, 0, 0x90, 0x01, 4, 17};
  FunctionCode code{.pcs_bytes = sizeof packed, .pcs = packed};
  EXPECT_EQ(code.pc_entry(10).wasm_offset, 50u);
  EXPECT_EQ(code.pc_entry(10).pushed_bytes, 0u);
  EXPECT_EQ(code.pc_entry(15).wasm_offset, 48u);
  EXPECT_EQ(code.pc_entry(15).pushed_bytes, PcEntry::kNoFrame);
  EXPECT_EQ(code.pc_entry(159).wasm_offset, 50u);
  EXPECT_EQ(code.pc_entry(159).pushed_bytes, 16u);
  EXPECT_EQ(code.pc_entry(16).code_offset, 0u);
  EXPECT_EQ(code.pc_entry_near(16).code_offset, 159u);
}

}  // namespace
}  // namespace lr::jit
