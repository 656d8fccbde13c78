#include "spec-tests/fuzz/lab.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <bit>
#include <cstring>

#include "frontend/decoder.h"
#include "jit/engine.h"
#include "jit/test_process.h"
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
    release(area);
    return larger;
  }
  void release(jit::MemoryArea area) override {
    if (area.capacity != kAreaBytes) return jit::MemorySource::release(area);
    for (u64 at = 0; at < kAreaBytes; at += kPage) {
      u8* const page = area.base + at;
      if (page[0] != 0 || std::memcmp(page, page + 1, kPage - 1) != 0) std::memset(page, 0, kPage);
    }
    free_.push_back(area);
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
  Bench(const Configuration& configuration, const FeatureSet& features)
      : configuration_(configuration), engine_(make_engine(configuration, features)) {
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

  // With a reference, memories are compared with it, and `memory_differs` is set; else they are
  // copied into the outcome.
  Outcome run(const std::shared_ptr<const Module>& module, const Outcome* reference,
              std::string* memory_differs) {
    if (process_ == nullptr) make_process();
    host_.log = 0;
    jit::ProcessStore store(*engine_, process_->run,
                            {.memory = {.memory_class = configuration_.memory_class,
                                        .source = &areas_,
                                        .exact_extent = configuration_.exact_extent,
                                        .move_always = configuration_.moves},
                             .collects_always = configuration_.collects,
                             .yields_always = configuration_.yields && !by_signal()});
    const auto compiled = std::make_shared<jit::CompiledModule>(*engine_, module, "fuzz");
    Outcome outcome;
    Result<jit::Instance*> instance = instantiate(store, compiled);
    if (!instance.ok()) {
      outcome.refused = instance.error().message();
      return outcome;
    }
    call_exports(store, **instance, outcome);
    look_at(**instance, outcome);
    look_at_memories(**instance, outcome, reference, memory_differs);
    outcome.host_log = host_.log;
    return outcome;
  }

 private:
  static std::unique_ptr<jit::Engine> make_engine(const Configuration& configuration,
                                                  const FeatureSet& features) {
    jit::EngineOptions options;
    options.cpu = jit::restrict_cpu(jit::detect_cpu(), configuration.cpu);
    options.features = features;
    options.preempt = configuration.preempt;
    options.no_homes = configuration.no_homes;
    options.spill_all = configuration.spill_all;
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
      values[0] = mix(host_, values);
      return jit::HostStatus::Done;
    };
  }

  Result<jit::Instance*> instantiate(jit::ProcessStore& store,
                                     const std::shared_ptr<jit::CompiledModule>& compiled) {
    std::vector<jit::Extern> imports;
    for (const Import& import : compiled->module().imports) {
      for (const jit::HostFunction& host : hosts_) {
        if (import.name == host.name) imports.push_back(jit::Extern::of(&host));
      }
    }
    if (imports.size() != compiled->module().imports.size()) {
      return make_error(Err::UnknownImport, "not a function of this host");
    }
    jit::Instance* instance = TRY(store.instantiate(compiled, imports));
    if (configuration_.eager) {
      SerialExecutor executor;
      TRY(instance->code().compile_all(executor));
    }
    return instance;
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
      } else if (differs->empty()) {
        *differs = compare(i, memory, reference->memories[i]);
      }
    }
  }

  // Calls f(page, bytes) for each page that has ever been touched; all others are zero.
  template <typename F>
  static void for_touched(jit::Memory& memory, F&& f) {
    const u64 size = memory.view.size;
    CHECK(memory.range(0, size).has_value());  // Segments that wait are copied.
    std::vector<unsigned char> is_resident((size + kPage - 1) / kPage);
    if (size == 0 || mincore(memory.view.base, size, is_resident.data()) != 0) return;
    for (u64 page = 0; page < is_resident.size(); page++) {
      f(page, (is_resident[page] & 1) != 0 ? memory.view.base + page * kPage : nullptr);
    }
  }

  static MemoryOutcome copy_of(jit::Memory& memory) {
    MemoryOutcome made;
    made.pages = memory.pages();
    made.bytes.resize(memory.view.size);
    made.is_zero.resize((memory.view.size + kPage - 1) / kPage, true);
    for_touched(memory, [&](u64 page, const u8* bytes) {
      if (bytes == nullptr) return;
      u8* const to = made.bytes.data() + page * kPage;
      std::memcpy(to, bytes, kPage);
      made.is_zero[page] = to[0] == 0 && std::memcmp(to, to + 1, kPage - 1) == 0;
    });
    return made;
  }

  static std::string compare(u32 index, jit::Memory& memory, const MemoryOutcome& expected) {
    if (memory.pages() != expected.pages) {
      return fmt::format("memory {} has {} pages, not {}", index, memory.pages(), expected.pages);
    }
    std::string differs;
    for_touched(memory, [&](u64 page, const u8* bytes) {
      if (!differs.empty()) return;
      const u8* const wanted = expected.bytes.data() + page * kPage;
      if (bytes == nullptr ? expected.is_zero[page] : std::memcmp(bytes, wanted, kPage) == 0) {
        return;
      }
      u64 at = 0;
      while (bytes != nullptr && bytes[at] == wanted[at]) at++;
      differs = fmt::format("memory {} at {:#x}: {:#x}, not {:#x}", index, page * kPage + at,
                            bytes != nullptr ? bytes[at] : 0, wanted[at]);
    });
    return differs;
  }

  const Configuration& configuration_;
  std::unique_ptr<jit::Engine> engine_;
  TypeRefs types_;
  std::vector<jit::HostFunction> hosts_;
  Host host_;
  RecycledAreas areas_;
  std::unique_ptr<jit::TestProcess> process_;
};

Lab::Lab(const FeatureSet& features, const std::string& only) : features_(features) {
  for (const Configuration& configuration : configurations()) {
    if (!benches_.empty() && !only.empty() && only != configuration.name) continue;
    benches_.push_back(std::make_unique<Bench>(configuration, features));
  }
}
Lab::~Lab() = default;

Result<std::shared_ptr<const Module>> Lab::load(std::vector<u8> bytes) const {
  SerialExecutor executor;
  return load_module(std::move(bytes), features_, executor);
}

std::optional<Divergence> Lab::compare(const std::shared_ptr<const Module>& module,
                                       bool with_reference) {
  const Outcome expected = benches_[0]->run(module, nullptr, nullptr);
  if (with_reference) {
    const std::string what = difference_from_reference(run_reference(module), expected);
    if (!what.empty()) return Divergence{"reference", what};
  }
  for (usize i = 1; i < benches_.size(); i++) {
    std::string differs;
    const Outcome actual = benches_[i]->run(module, &expected, &differs);
    const std::string what = difference(expected, actual);
    if (!what.empty() || !differs.empty()) {
      return Divergence{benches_[i]->configuration().name, what.empty() ? differs : what};
    }
  }
  return std::nullopt;
}

Outcome Lab::run(const std::shared_ptr<const Module>& module) {
  return benches_[0]->run(module, nullptr, nullptr);
}

}  // namespace lr::fuzz
