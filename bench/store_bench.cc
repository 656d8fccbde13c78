// What a process's store costs: made step by step, copied from a template, used again; and the slot
// below it. A small module: a page of memory, a table that is only called through, three imports.
#include <benchmark/benchmark.h>

#include "frontend/type_registry.h"
#include "frontend/wat_parser.h"
#include "host/process_memory.h"
#include "jit/engine.h"
#include "jit/instance.h"

namespace lr {
namespace {

constexpr std::string_view kModule = R"((module
  (import "host" "a" (func)) (import "host" "b" (func)) (import "host" "c" (func))
  (memory (export "memory") 1)
  (table 4 funcref) (elem (i32.const 0) func $f $f $f)
  (global $stack (mut i32) (i32.const 65536))
  (data (i32.const 1024) "some words of text")
  (func $f (export "f") (drop (i32.load (i32.const 1024))))))";

jit::HostStatus nothing(jit::Context*, const jit::HostFunction*, u64*) {
  return jit::HostStatus::Done;
}

class Fixture {
 public:
  explicit Fixture(std::string_view text) {
    engine = std::move(jit::Engine::create()).value();
    host.fn = nothing;
    host.type = TypeRegistry::enter_function({}, {}, types_).value();
    SerialExecutor executor;
    module = engine->load(parse_wat(text).value(), "bench", executor).value();
    imports.assign(module->module().imports.size(), jit::Extern::of(&host));
  }

  std::unique_ptr<jit::Engine> engine;
  jit::HostFunction host;
  std::shared_ptr<jit::CompiledModule> module;
  std::vector<jit::Extern> imports;

 private:
  TypeRefs types_;
};

// A process as far as its memory goes.
struct Place {
  Place(Fixture& of, sched::SlotAllocator& slots, u32 lane)
      : slot(slots.allocate(16 * kKiB, 64 * kKiB, lane).value()),
        memory(jit::MemoryArea{slot.memory(), slot.memory_bytes}, ~u64{0}, &slots),
        options{.memory = {.memory_class = jit::MemoryClass::Dense, .source = &memory}},
        store(*of.engine, run, options) {
    CHECK(store.instantiate(of.module, of.imports).ok());
  }
  void touch() { store.first_instance()->memory(0).range(0, 64).value().data()[0] = 1; }

  sched::Slot slot;
  RunState run;
  ProcessMemory memory;
  jit::ProcessStoreOptions options;
  jit::ProcessStore store;
};

void destroy(std::unique_ptr<Place> place, sched::SlotAllocator& slots, u32 lane) {
  const sched::Slot slot = place->slot;
  // Everything that one page of it holds.
  place.reset();
  slots.release(slot, {0, sched::kPage - sched::kMeetingOffset}, lane);
}

// With a module of its own each time, so that nothing is known of it. Its loading is not counted.
void instantiate_first(benchmark::State& state) {
  sched::SlotAllocator slots;
  for (auto _ : state) {
    state.PauseTiming();
    Fixture fixture(kModule);
    state.ResumeTiming();
    auto place = std::make_unique<Place>(fixture, slots, 0);
    benchmark::DoNotOptimize(place->store.first_instance());
    state.PauseTiming();
    destroy(std::move(place), slots, 0);
    state.ResumeTiming();
  }
}
BENCHMARK(instantiate_first)->Iterations(200);

// Slot, store and instance, made and destroyed; the slot is warm.
void instantiate_copy(benchmark::State& state) {
  static Fixture fixture(kModule);
  static sched::SlotAllocator slots;
  const auto lane = static_cast<u32>(state.thread_index());
  for (auto _ : state) {
    auto place = std::make_unique<Place>(fixture, slots, lane);
    place->touch();
    destroy(std::move(place), slots, lane);
  }
}
BENCHMARK(instantiate_copy)->Threads(1)->Threads(2)->UseRealTime();

// What the next process of the same module pays for the last one's.
void reset_store(benchmark::State& state) {
  static Fixture fixture(kModule);
  static sched::SlotAllocator slots;
  Place place(fixture, slots, 0);
  for (auto _ : state) {
    place.touch();
    CHECK(place.store.reset());
  }
  state.counters["bytes"] = static_cast<f64>(place.store.bookkeeping_bytes());
}
BENCHMARK(reset_store)->Threads(1)->Threads(2)->UseRealTime();

void slot_allocate_and_release(benchmark::State& state) {
  static sched::SlotAllocator slots;
  const auto lane = static_cast<u32>(state.thread_index());
  for (auto _ : state) {
    const sched::Slot slot = slots.allocate(16 * kKiB, 64 * kKiB, lane).value();
    slot.memory()[0] = 1;
    slots.release(slot, {1024, 1024}, lane);
  }
}
BENCHMARK(slot_allocate_and_release)->Threads(1)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace lr

BENCHMARK_MAIN();
