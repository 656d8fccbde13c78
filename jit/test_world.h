// World: an engine, a process and an instance or more, for tests of whole modules.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "frontend/type_registry.h"
#include "frontend/wat_parser.h"
#include "jit/engine.h"
#include "jit/test_process.h"

namespace lr::jit {

struct RunOptions {
  MemoryClass memory_class = MemoryClass::Guarded;
  bool compile_all = false;
  bool move_always = false;
  bool ring_always = false;
  bool exact_extent = false;
  bool spill_all = false;
  bool no_homes = false;
  Preempt preempt = Preempt::Flag;
  bool yields_always = false;  // Under Preempt::Signal: signals as often as can be.
  u64 fuel_max = FuelAccount::kUnlimited;
  u64 stack_bytes = 16 * kKiB;
  u64 stack_bytes_max = 1 * kMiB;
};

// One engine, one process, host functions of the module "host".
class World {
 public:
  explicit World(const RunOptions& options = {})
      : options_(options),
        engine_(make_engine(options)),
        process({.stack_bytes = options.stack_bytes,
                 .stack_bytes_max = options.stack_bytes_max,
                 .move_always = options.move_always,
                 .ring_always = options.ring_always,
                 .signal_always = options.yields_always && options.preempt == Preempt::Signal}),
        store(*engine_, process.run, store_options(options)) {}

  Engine& engine() { return *engine_; }
  Resolver& resolver() { return resolver_; }

  // Adds (func (import "host" NAME)).
  void add_host(const char* name, HostFn fn, std::vector<ValType> params,
                std::vector<ValType> results, void* data = nullptr) {
    const auto type = TypeRegistry::enter_function(params, results, types_);
    hosts_.push_back(
        {.fn = fn, .type = type.value(), .data = data, .module = "host", .name = name});
  }

  Result<Instance*> load(std::string_view wat) {
    auto bytes = TRY(parse_wat(wat));
    SerialExecutor executor;
    auto module = TRY(engine_->load(std::move(bytes), "test", executor));
    const auto imports = TRY(resolve_imports(module->module(), resolver_));
    Instance* instance = TRY(store.instantiate(module, imports));
    if (options_.compile_all) TRY(instance->code().compile_all(executor));
    last_ = instance;
    return instance;
  }
  // Fails the test if the module is refused.
  Instance* need(std::string_view wat) {
    auto instance = load(wat);
    EXPECT_TRUE(instance.ok()) << instance.error().message();
    return instance.ok() ? instance.value() : nullptr;
  }

  std::optional<Trap> call(Instance* instance, std::string_view name, std::vector<u64>& values) {
    const auto found = instance->find_export(name);
    CHECK(found && found->func != nullptr);
    values.resize(std::max<usize>(values.size(), value_words(found->func->type)));
    return process.call(store, found->func, values.data());
  }
  // The first result; the trap's text if there is one.
  std::string run(Instance* instance, std::string_view name, std::vector<u64> values = {}) {
    const auto trap = call(instance, name, values);
    if (trap) return text_of(*trap);
    return values.empty() ? "" : std::to_string(values[0]);
  }

  // Instances that later ones import from.
  std::vector<std::pair<std::string, Instance*>> named;

 private:
  struct HostResolver final : Resolver {
    explicit HostResolver(World& owner) : world(owner) {}
    std::optional<Extern> resolve(const Module&, const Import& import) override {
      for (const auto& [name, instance] : world.named) {
        if (name == import.module) return instance->find_export(import.name);
      }
      if (import.module != "host") return std::nullopt;
      for (const HostFunction& host : world.hosts_) {
        if (import.name == host.name) return Extern::of(&host);
      }
      return std::nullopt;
    }
    World& world;
  };

  static std::unique_ptr<Engine> make_engine(const RunOptions& options) {
    EngineOptions engine;
    engine.spill_all = options.spill_all;
    engine.no_homes = options.no_homes;
    engine.preempt = options.preempt;
    return std::move(Engine::create(engine)).value();
  }
  static ProcessStoreOptions store_options(const RunOptions& options) {
    return {.memory = {.memory_class = options.memory_class,
                       .exact_extent = options.exact_extent,
                       .move_always = options.move_always},
            .fuel_max = options.fuel_max,
            .yields_always = options.yields_always && options.preempt != Preempt::Signal};
  }

  RunOptions options_;
  std::unique_ptr<Engine> engine_;
  TypeRefs types_;
  std::deque<HostFunction> hosts_;
  HostResolver resolver_{*this};
  Instance* last_ = nullptr;

 public:
  TestProcess process;
  ProcessStore store;
};

inline std::string name_of_options(const testing::TestParamInfo<RunOptions>& info) {
  const RunOptions& o = info.param;
  std::string name = o.memory_class == MemoryClass::Guarded ? "Guarded" : "Dense";
  if (o.compile_all) name += "Eager";
  if (o.move_always) name += "Moving";
  if (o.ring_always) name += "Rung";
  if (o.exact_extent) name += "Exact";
  if (o.spill_all) name += "Spilled";
  if (o.no_homes) name += "Homeless";
  if (o.yields_always) name += "Yielding";
  if (o.preempt != Preempt::Flag) name += "By" + std::string(name_of(o.preempt));
  return name;
}

// The thread sanitizer keeps signals back until the program calls something that it knows, which
// machine code does not.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LR_SIGNALS_ARE_KEPT_BACK 1
#endif
#endif
#ifdef LR_SIGNALS_ARE_KEPT_BACK
inline constexpr bool kSignalsArrive = false;
#else
inline constexpr bool kSignalsArrive = true;
#endif

// Each way to interrupt code, at every check.
inline std::vector<RunOptions> yielding_options(RunOptions options = {}) {
  std::vector<RunOptions> all;
  options.yields_always = true;
  for (const Preempt preempt : kPreempts) {
    options.preempt = preempt;
    if (preempt != Preempt::None) all.push_back(options);
  }
  return all;
}

}  // namespace lr::jit
