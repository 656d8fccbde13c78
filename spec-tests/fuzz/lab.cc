#include "spec-tests/fuzz/lab.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "frontend/decoder.h"
#include "frontend/wat_parser.h"
#include "jit/engine.h"
#include "jit/test_process.h"
#include "jit/wait_queue.h"
#include "spec-tests/fuzz/constants.h"
#include "spec-tests/fuzz/module_plan.h"
#include "spec-tests/fuzz/reference.h"

namespace lr::fuzz {

namespace {

constexpr u64 kPage = 4096;

Configuration make_configuration(const char* name, jit::MemoryClass memory_class,
                                 jit::Preempt preempt, const char* cpu,
                                 std::initializer_list<bool Configuration::*> flags) {
  Configuration made{name, memory_class, preempt, cpu};
  for (bool Configuration::* flag : flags) made.*flag = true;
  return made;
}

ValType to_valtype(const Type& type) { return {type.kind}; }

// What the hosts of the module "host" have been told, and what they do.
struct Host {
  u64 log = 0;
  bool waits = false;
};

u64 mix(Host& host, const u64* args) {
  u64 hash = (args[0] & 0xffff'ffff) * 31 + args[1];
  hash ^= canonical_bits(Kind::F64, args[2]);
  hash += canonical_bits(Kind::F32, args[3]) << 7;
  host.log = host.log * 1'000'003 + hash;
  return hash;
}

jit::HostStatus host_mix(jit::Context*, const jit::HostFunction* self, u64* args) {
  Host& host = *static_cast<Host*>(self->data);
  if (host.waits) return jit::HostStatus::Wait;
  args[0] = mix(host, args);
  return jit::HostStatus::Done;
}

jit::HostStatus host_tick(jit::Context* context, const jit::HostFunction* self, u64*) {
  Host& host = *static_cast<Host*>(self->data);
  host.log = host.log * 1'000'003 + 1;
  context->run->ring(kRequestYield);
  return jit::HostStatus::Done;
}

// Of one byte at least.
bool is_zero(std::span<const u8> bytes) {
  return bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

// For a process that waits until its time is over, at once.
class Patience final : public jit::Waiter {
 public:
  void wait(i64) override { is_waiting_ = true; }
  void notified() override {}
  // True if there was a wait, which has now timed out.
  bool end() {
    if (!is_waiting_) return false;
    leave();
    is_waiting_ = false;
    return true;
  }

 private:
  bool is_waiting_ = false;
};
constexpr u64 kTimedOut = 2;  // What memory.atomic.wait returns.

// Stands between a module and the host.
constexpr const char* kLink = R"((module
  (import "host" "mix" (func $mix (param i32 i64 f64 f32) (result i64)))
  (import "host" "tick" (func $tick))
  (memory 1)
  (func (export "mix") (param i32 i64 f64 f32) (result i64)
    (i64.store (i32.const 8) (local.get 1))
    (call $mix (local.get 0) (i64.load (i32.const 8)) (local.get 2) (local.get 3)))
  (func (export "tick") (call $tick))))";

// The first byte of a relaxed instruction's code follows its prefix. A constant may look like one:
// then fewer configurations run than could.
bool may_be_relaxed(const Module& module) {
  static constexpr u8 kPrefix = 0xfd;
  const std::vector<u8>& bytes = module.bytes;
  for (usize i = 0; i + 2 < bytes.size(); i++) {
    if (bytes[i] == kPrefix && bytes[i + 2] == 2 && bytes[i + 1] >= 0x80 && bytes[i + 1] <= 0x93) {
      return true;
    }
  }
  return false;
}

// Areas of dense memories are used again and again: mapping one costs more than most runs.
class RecycledAreas final : public jit::MemorySource {
 public:
  ~RecycledAreas() override {
    for (const jit::MemoryArea& area : free_) munmap(area.base, area.capacity);
  }
  jit::MemoryArea acquire(u64 bytes) override {
    if (bytes > kAreaBytes) return jit::MemorySource::acquire(bytes);
    if (free_.empty()) return jit::MemorySource::acquire(kAreaBytes);
    const jit::MemoryArea area = free_.back();
    free_.pop_back();
    return area;
  }
  jit::MemoryArea enlarge(jit::MemoryArea area, u64 used, u64 bytes) override {
    const jit::MemoryArea larger = jit::MemorySource::acquire(bytes);
    if (larger.base == nullptr) return larger;
    std::memcpy(larger.base, area.base, used);
    release(area, used);
    return larger;
  }
  void release(jit::MemoryArea area, u64 used) override {
    if (!wipe(area, 0, used)) return jit::MemorySource::release(area, used);
    free_.push_back(area);
  }
  // Whatever is written beyond `used` shows in the next memory.
  bool wipe(jit::MemoryArea area, u64 from, u64 to) override {
    if (area.capacity != kAreaBytes) return false;
    for (u64 at = from; at < to; at += kPage) {
      const std::span<u8> page(area.base + at, std::min(kPage, to - at));
      if (!is_zero(page)) std::ranges::fill(page, u8{0});
    }
    return true;
  }
  // Where the kernel has no guard markers nothing is held.
  bool hold(jit::MemoryArea area, u64 from, u64 to) override {
    constexpr int kGuardInstall = 102;
    return madvise(area.base + from, to - from, kGuardInstall) == 0;
  }
  void let_in(jit::MemoryArea area, u64 from, u64 to) override {
    constexpr int kGuardRemove = 103;
    CHECK(madvise(area.base + from, to - from, kGuardRemove) == 0);
  }

 private:
  static constexpr u64 kAreaBytes = 64 * kKiB;
  std::vector<jit::MemoryArea> free_;
};

}  // namespace

const std::vector<Configuration>& configurations() {
  static const std::vector<Configuration> all = [] {
    using enum jit::MemoryClass;
    std::vector<Configuration> made;
    constexpr auto eager = &Configuration::eager;
    constexpr auto no_homes = &Configuration::no_homes;
    constexpr auto spill_all = &Configuration::spill_all;
    constexpr auto exact_extent = &Configuration::exact_extent;
    constexpr auto moves = &Configuration::moves;
    constexpr auto yields = &Configuration::yields;
    constexpr auto waits = &Configuration::waits;
    constexpr auto collects = &Configuration::collects;
    constexpr auto linked = &Configuration::linked;
    constexpr auto copies = &Configuration::copies;
    constexpr auto resets = &Configuration::resets;
    constexpr auto deterministic = &Configuration::deterministic;
#define CONFIG(name, memory_class, preempt, cpu, ...) \
  made.push_back(make_configuration(name, memory_class, jit::Preempt::preempt, cpu, {__VA_ARGS__}));
#include "spec-tests/fuzz/configs.def"
    return made;
  }();
  return all;
}

// One configuration's engine and process.
class Bench {
 public:
  Bench(const Configuration& configuration, const FeatureSet& features, bool deterministic)
      : configuration_(configuration),
        is_deterministic_(deterministic || configuration.deterministic),
        engine_(make_engine(features)) {
    host_.waits = configuration.waits;
    for (const HostImport& import : host_imports()) {
      std::vector<ValType> params, results;
      for (const Type& type : import.params) params.push_back(to_valtype(type));
      for (const Type& type : import.results) results.push_back(to_valtype(type));
      const auto type = TypeRegistry::enter_function(params, results, types_);
      hosts_.push_back({.fn = std::strcmp(import.name, "mix") == 0 ? host_mix : host_tick,
                        .type = type.value(),
                        .data = &host_,
                        .module = "host",
                        .name = import.name});
    }
  }

  const Configuration& configuration() const { return configuration_; }
  bool is_deterministic() const { return is_deterministic_; }

  // With a reference, memories are compared with it, and `memory_differs` is set; else they are
  // copied into the outcome.
  Outcome run(const std::shared_ptr<const Module>& module, const Outcome* reference,
              std::string* memory_differs) {
    if (process_ == nullptr) make_process();
    Outcome outcome = run_in_process(module, reference, memory_differs);
    // Its thread would interrupt all others, and ends before the stack that signals run on.
    if (by_signal()) process_.reset();
    return outcome;
  }

 private:
  Outcome run_in_process(const std::shared_ptr<const Module>& module, const Outcome* reference,
                         std::string* memory_differs) {
    const jit::ProcessStoreOptions options{.memory = {.memory_class = configuration_.memory_class,
                                                      .source = &areas_,
                                                      .exact_extent = configuration_.exact_extent,
                                                      .move_always = configuration_.moves},
                                           .collects_always = configuration_.collects,
                                           .yields_always = configuration_.yields && !by_signal(),
                                           .waiter = &patience_};
    const auto compiled = std::make_shared<jit::CompiledModule>(*engine_, module, "fuzz");
    if (configuration_.copies) {
      jit::ProcessStore first(*engine_, process_->run, options);
      (void)instantiate(first, compiled);
    }
    std::optional<jit::ProcessStore> store(std::in_place, *engine_, process_->run, options);
    Outcome outcome;
    Result<jit::Instance*> instance = instantiate(*store, compiled);
    if (!instance.ok()) {
      outcome.refused = instance.error().message();
      return outcome;
    }
    if (configuration_.resets) {
      Outcome first;
      play(*store, **instance, first);
      if (!store->reset() || !store->adopt(options)) {
        store.emplace(*engine_, process_->run, options);
        instance = instantiate(*store, compiled);
      }
    }
    play(*store, **instance, outcome);
    if (outcome.refused.empty()) {
      look_at_memories(**instance, outcome, reference, memory_differs);
    }
    return outcome;
  }

  // Everything but memories.
  void play(jit::ProcessStore& store, jit::Instance& instance, Outcome& outcome) {
    host_.log = 0;
    if (!start(store, instance, outcome)) return;
    call_exports(store, instance, outcome);
    look_at(instance, outcome);
    outcome.host_log = host_.log;
  }

  std::unique_ptr<jit::Engine> make_engine(const FeatureSet& features) const {
    jit::EngineOptions options;
    options.cpu = jit::restrict_cpu(jit::detect_cpu(), configuration_.cpu);
    options.features = features;
    options.preempt = configuration_.preempt;
    options.no_homes = configuration_.no_homes;
    options.spill_all = configuration_.spill_all;
    options.deterministic = is_deterministic_;
    return std::move(jit::Engine::create(options)).value();
  }

  bool by_signal() const { return configuration_.preempt == jit::Preempt::Signal; }

  void make_process() {
    process_ = std::make_unique<jit::TestProcess>(
        jit::TestProcess::Options{.stack_bytes = configuration_.moves ? 8 * kKiB : 64 * kKiB,
                                  .move_always = configuration_.moves,
                                  .signal_always = configuration_.yields && by_signal(),
                                  .yield_always = configuration_.yields && !by_signal()});
    process_->on_wait = [this](jit::TestProcess&, u64* values) {
      values[0] = patience_.end() ? kTimedOut : mix(host_, values);
      return jit::HostStatus::Done;
    };
  }

  Result<jit::Instance*> instantiate(jit::ProcessStore& store,
                                     const std::shared_ptr<jit::CompiledModule>& compiled) {
    std::vector<jit::Extern> imports = TRY(host_functions(compiled->module()));
    if (configuration_.linked && !imports.empty()) {
      if (link_ == nullptr) link_ = TRY(make_link());
      const std::vector<jit::Extern> hosts = TRY(host_functions(link_->module()));
      jit::Instance* link = TRY(store.instantiate(link_, hosts));
      for (usize i = 0; i < imports.size(); i++) {
        imports[i] = *link->find_export(compiled->module().imports[i].name);
      }
    }
    jit::Instance* instance = TRY(store.instantiate(compiled, imports));
    if (configuration_.eager) {
      SerialExecutor executor;
      TRY(instance->code().compile_all(executor));
    }
    return instance;
  }

  Result<std::vector<jit::Extern>> host_functions(const Module& module) const {
    std::vector<jit::Extern> imports;
    for (const Import& import : module.imports) {
      for (const jit::HostFunction& host : hosts_) {
        if (import.name == host.name) imports.push_back(jit::Extern::of(&host));
      }
    }
    if (imports.size() == module.imports.size()) return imports;
    return make_error(Err::UnknownImport, "not a function of this host");
  }

  Result<std::shared_ptr<jit::CompiledModule>> make_link() {
    SerialExecutor executor;
    std::vector<u8> bytes = TRY(parse_wat(kLink));
    return engine_->load(std::move(bytes), "link", executor);
  }

  bool start(jit::ProcessStore& store, jit::Instance& instance, Outcome& outcome) {
    jit::FuncRef* const function = instance.start();
    if (function == nullptr) return true;
    const auto trap = process_->call(store, function, nullptr);
    if (trap) outcome.refused = jit::text_of(*trap);
    return !trap;
  }

  void call_exports(jit::ProcessStore& store, jit::Instance& instance, Outcome& outcome) {
    const Export* fuel = instance.module().find_export("fuel");
    std::vector<u64> values;
    for (u32 f = 0; const Export& each : instance.module().exports) {
      if (!is_called(instance.module(), each)) continue;
      const auto found = instance.find_export(each.name);
      const DefinedType& type = defined_type(found->func->type);
      for (u32 round = 0; round < kRounds; round++) {
        if (fuel != nullptr) instance.global_cell(fuel->index)->bits = kFuel;
        values.assign(jit::value_words(found->func->type), 0);
        for (u32 i = 0; i < type.params.size(); i++) {
          values[i] = argument(static_cast<u32>(type.params[i].kind), round * 5 + i + f);
        }
        const auto trap = process_->call(store, found->func, values.data());
        CallOutcome& call = outcome.calls.emplace_back();
        if (trap) {
          call.trap = jit::text_of(*trap);
          continue;
        }
        for (u32 i = 0; i < type.results.size(); i++) {
          call.values.push_back(canonical_bits(type.results[i].kind, values[i]));
        }
      }
      f++;
    }
  }

  static u64 plain_reference(const jit::Instance& instance, const ValType& type, u64 bits) {
    if (bits == 0) return 0;
    const bool is_function =
        type.heap == Heap::Func ||
        (type.heap == Heap::Defined && defined_type(type.type).composite == Composite::Func);
    if (!is_function) return (bits & 1) != 0 ? bits : 2;
    const auto* ref = reinterpret_cast<const jit::FuncRef*>(bits);
    return ref->context == instance.context() ? 0x100 + ref->index : 4;
  }

  static void look_at(jit::Instance& instance, Outcome& outcome) {
    const Module& module = instance.module();
    for (u32 i = 0; i < module.globals.size(); i++) {
      const ValType& type = module.globals[i].type.type;
      const jit::Cell& cell = *instance.global_cell(i);
      outcome.globals.push_back(type.is_ref() ? plain_reference(instance, type, cell.bits)
                                              : canonical_bits(type.kind, cell.bits));
      outcome.globals.push_back(type.kind == Kind::V128 ? cell.high : 0);
    }
    for (u32 i = 0; i < module.tables.size(); i++) {
      const jit::Table& table = instance.table(i);
      std::vector<u64>& elements = outcome.tables.emplace_back();
      for (u64 k = 0; k < table.view.size; k++) {
        elements.push_back(plain_reference(instance, table.type().element, table.view.elements[k]));
      }
    }
  }

  static void look_at_memories(jit::Instance& instance, Outcome& outcome, const Outcome* reference,
                               std::string* differs) {
    for (u32 i = 0; i < instance.module().memories.size(); i++) {
      jit::Memory& memory = instance.memory(i);
      if (reference == nullptr) {
        outcome.memories.push_back(copy_of(memory));
      } else if (differs->empty() && reference->refused.empty()) {
        *differs = compare(i, memory, reference->memories[i]);
      }
    }
  }

  // Calls f(offset, bytes) for each 4 KiB of the memory, of which the last may be fewer: with no
  // bytes if they have never been touched, and are zero.
  template <typename F>
  static void for_touched(jit::Memory& memory, F&& f) {
    const u64 size = memory.view.size;
    CHECK(memory.range(0, size).has_value());  // Segments that wait are copied.
    std::vector<unsigned char> is_resident((size + kPage - 1) / kPage);
    if (size == 0 || mincore(memory.view.base, size, is_resident.data()) != 0) return;
    for (u64 at = 0; at < size; at += kPage) {
      const u8* const bytes = memory.view.base + at;
      const usize count = (is_resident[at / kPage] & 1) != 0 ? std::min(kPage, size - at) : 0;
      f(at, std::span(bytes, count));
    }
  }

  static MemoryOutcome copy_of(jit::Memory& memory) {
    MemoryOutcome made;
    made.pages = memory.pages();
    made.bytes.resize(memory.view.size);
    made.is_zero.resize((memory.view.size + kPage - 1) / kPage, true);
    for_touched(memory, [&](u64 at, std::span<const u8> bytes) {
      std::ranges::copy(bytes, made.bytes.data() + at);
      if (!bytes.empty()) made.is_zero[at / kPage] = is_zero(bytes);
    });
    return made;
  }

  static std::string compare(u32 index, jit::Memory& memory, const MemoryOutcome& expected) {
    if (memory.pages() != expected.pages) {
      return fmt::format("memory {} has {} pages, not {}", index, memory.pages(), expected.pages);
    }
    std::string differs;
    for_touched(memory, [&](u64 page, std::span<const u8> bytes) {
      if (!differs.empty()) return;
      const u8* const wanted = expected.bytes.data() + page;
      if (bytes.empty() ? bool{expected.is_zero[page / kPage]}
                        : std::memcmp(bytes.data(), wanted, bytes.size()) == 0) {
        return;
      }
      u64 at = 0;
      while (!bytes.empty() && bytes[at] == wanted[at]) at++;
      differs = fmt::format("memory {} at {:#x}: {:#x}, not {:#x}", index, page + at,
                            bytes.empty() ? 0 : bytes[at], wanted[at]);
    });
    return differs;
  }

  const Configuration& configuration_;
  const bool is_deterministic_;
  std::unique_ptr<jit::Engine> engine_;
  std::shared_ptr<jit::CompiledModule> link_;
  TypeRefs types_;
  std::vector<jit::HostFunction> hosts_;
  Host host_;
  RecycledAreas areas_;
  Patience patience_;
  std::unique_ptr<jit::TestProcess> process_;
};

namespace {

bool is_chosen(std::string_view choice, std::string_view name) {
  bool chosen = choice.empty() || choice.starts_with('-');
  while (!choice.empty()) {
    std::string_view each = choice.substr(0, choice.find(','));
    choice.remove_prefix(std::min(choice.size(), each.size() + 1));
    const bool leaves_out = each.starts_with('-');
    if (leaves_out) each.remove_prefix(1);
    if (each == name) chosen = !leaves_out;
  }
  return chosen;
}

}  // namespace

Lab::Lab(const FeatureSet& features, const std::string& choice, bool deterministic)
    : features_(features) {
  for (const Configuration& configuration : configurations()) {
    if (!benches_.empty() && !is_chosen(choice, configuration.name)) continue;
    benches_.push_back(std::make_unique<Bench>(configuration, features, deterministic));
  }
}
Lab::~Lab() = default;

Result<std::shared_ptr<const Module>> Lab::load(std::vector<u8> bytes) const {
  SerialExecutor executor;
  return load_module(std::move(bytes), features_, executor);
}

std::optional<Divergence> Lab::compare(const std::shared_ptr<const Module>& module,
                                       bool with_reference) {
  Outcome reference;
  if (with_reference) {
    reference = run_reference(module);
    if (is_too_large(reference)) return std::nullopt;
  }
  const std::vector<Bench*> benches = judges(*module);
  if (benches.empty()) return std::nullopt;
  const Outcome expected = benches[0]->run(module, nullptr, nullptr);
  if (with_reference) {
    const std::string what = difference_from_reference(std::move(reference), expected);
    if (!what.empty()) return Divergence{"reference", what};
  }
  for (usize i = 1; i < benches.size(); i++) {
    std::string differs;
    const Outcome actual = benches[i]->run(module, &expected, &differs);
    const std::string what = difference(expected, actual);
    if (!what.empty() || !differs.empty()) {
      return Divergence{benches[i]->configuration().name, what.empty() ? differs : what};
    }
  }
  return std::nullopt;
}

std::vector<Bench*> Lab::judges(const Module& module) const {
  const bool is_relaxed = features_.has(Feature::RelaxedSimd) && may_be_relaxed(module);
  std::vector<Bench*> benches;
  for (const auto& bench : benches_) {
    if (!is_relaxed || bench->is_deterministic()) benches.push_back(bench.get());
  }
  return benches;
}

Outcome Lab::run(const std::shared_ptr<const Module>& module) {
  return benches_[0]->run(module, nullptr, nullptr);
}

}  // namespace lr::fuzz
