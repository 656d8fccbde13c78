// Runs the boundary matrix (cases.h) and compares trap, value and every byte of memory with a
// model:
//
//   boundary                all of it
//   boundary --slice 2/50   the second of 50 parts
//
// Dense memories lie between pages that hold a pattern and, beyond those, addresses that fault;
// guarded ones have the same on both sides of their reservation. Whatever is written there is found
// after each module; a wild access further away is a crash, whose module is the last one named by
// --verbose.
#include <fmt/format.h>
#include <sys/mman.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "frontend/type_registry.h"
#include "frontend/wat_parser.h"
#include "jit/engine.h"
#include "jit/test_process.h"
#include "spec-tests/boundary/cases.h"

namespace lr::boundary {
namespace {

constexpr u64 kCanaryBytes = 256 * kKiB;
constexpr u64 kFaultBytes = 9 * kGiB;  // An index and an offset of 32 bits.
constexpr u8 kCanary = 0xc5;
constexpr u64 kHostPage = 4 * kKiB;
constexpr u64 kShownMax = 20;

u64 round_up(u64 bytes) { return (bytes + kHostPage - 1) & ~(kHostPage - 1); }

// Areas with canaries around them.
class CanarySource final : public jit::MemorySource {
 public:
  jit::MemoryArea acquire(u64 bytes) override {
    const u64 all = kCanaryBytes + round_up(bytes) + kCanaryBytes + kFaultBytes;
    void* map = mmap(nullptr, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) return {};
    u8* const base = static_cast<u8*>(map) + kCanaryBytes;
    mprotect(map, all - kFaultBytes, PROT_READ | PROT_WRITE);
    areas_.push_back({base, bytes});
    std::memset(base - kCanaryBytes, kCanary, kCanaryBytes);
    // From the last byte on, not from the last page.
    std::memset(base + bytes, kCanary, round_up(bytes) - bytes + kCanaryBytes);
    return areas_.back();
  }
  jit::MemoryArea enlarge(jit::MemoryArea, u64, u64) override { return {}; }
  void release(jit::MemoryArea area, u64 /*used*/) override {
    std::erase_if(areas_, [&](const auto& other) { return other.base == area.base; });
    munmap(area.base - kCanaryBytes,
           kCanaryBytes + round_up(area.capacity) + kCanaryBytes + kFaultBytes);
  }

  bool intact() const {
    return std::ranges::all_of(areas_, [](const jit::MemoryArea& area) {
      return holds_pattern(area.base - kCanaryBytes, kCanaryBytes) &&
             holds_pattern(area.base + area.capacity,
                           round_up(area.capacity) - area.capacity + kCanaryBytes);
    });
  }

  static bool holds_pattern(const u8* at, u64 bytes) {
    return at[0] == kCanary && std::memcmp(at, at + 1, bytes - 1) == 0;
  }

 private:
  std::vector<jit::MemoryArea> areas_;
};

// A page with the pattern at a fixed address, if there is one and nothing is there yet.
class CanaryPage {
 public:
  explicit CanaryPage(u8* at) {
    if (at == nullptr) return;
    void* map = mmap(at, kHostPage, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (map == MAP_FAILED) return;
    page_ = static_cast<u8*>(map);
    std::memset(page_, kCanary, kHostPage);
  }
  ~CanaryPage() {
    if (page_ != nullptr) munmap(page_, kHostPage);
  }
  CanaryPage(const CanaryPage&) = delete;
  CanaryPage& operator=(const CanaryPage&) = delete;
  bool intact() const { return page_ == nullptr || CanarySource::holds_pattern(page_, kHostPage); }

 private:
  u8* page_ = nullptr;
};

struct Mode {
  const char* name;
  jit::MemoryClass memory_class;
  bool exact_extent = false;
  bool no_homes = false;
  bool spill_all = false;
};
constexpr Mode kModes[] = {
    {"guarded", jit::MemoryClass::Guarded},
    {"dense", jit::MemoryClass::Dense},
    {"guarded, no homes", jit::MemoryClass::Guarded, false, true},
    {"dense, exact extent, no homes", jit::MemoryClass::Dense, true, true},
    {"guarded, spilled", jit::MemoryClass::Guarded, false, false, true},
    {"dense, exact extent, spilled", jit::MemoryClass::Dense, true, false, true},
};

jit::HostStatus see(jit::Context*, const jit::HostFunction*, u64*) {
  return jit::HostStatus::Done;  // The argument's word, all of it, is the result.
}

struct SeeResolver final : jit::Resolver {
  std::optional<jit::Extern> resolve(const Module&, const Import&) override {
    return jit::Extern::of(function);
  }
  const jit::HostFunction* function = nullptr;
};

class Matrix {
 public:
  explicit Matrix(bool verbose) : verbose_(verbose) {
    for (const Mode& mode : kModes) {
      jit::EngineOptions options;
      options.no_homes = mode.no_homes;
      options.spill_all = mode.spill_all;
      engines_.push_back(std::move(jit::Engine::create(options)).value());
    }
    const ValType params[] = {kI32}, results[] = {kI64};
    see_.fn = see;
    see_.type = TypeRegistry::enter_function(params, results, types_).value();
    see_.module = "host";
    see_.name = "see";
    resolver_.function = &see_;
  }

  void run(const Plan& plan, const std::vector<u8>& bytes, usize mode) {
    const std::string name = fmt::format("{}, {}", plan.name(), kModes[mode].name);
    if (verbose_) fmt::print("{}\n", name), std::fflush(stdout);
    jit::TestProcess process;
    jit::ProcessStoreOptions options;
    options.memory.memory_class = kModes[mode].memory_class;
    options.memory.exact_extent = kModes[mode].exact_extent;
    options.memory.source = &source_;
    jit::ProcessStore store(*engines_[mode], process.run, options);
    SerialExecutor executor;
    auto module = engines_[mode]->load(bytes, "boundary", executor);
    if (!module.ok()) return fail(name, module.error().message());
    auto imports = resolve_imports(module.value()->module(), resolver_);
    auto instance = store.instantiate(module.value(), imports.value());
    if (!instance.ok()) return fail(name, instance.error().message());
    call_all(plan, name, process, store, *instance.value());
  }

  int report() const {
    fmt::print("{} combinations in {} modules, {} failed\n", combinations_, modules_, failed_);
    return failed_ == 0 ? 0 : 1;
  }

 private:
  void fail(const std::string& where, const std::string& what) {
    failed_++;
    if (failed_ <= kShownMax) fmt::print("{}: {}\n", where, what);
  }

  void call_all(const Plan& plan, const std::string& name, jit::TestProcess& process,
                jit::ProcessStore& store, jit::Instance& instance) {
    modules_++;
    // The one that is tried is the last.
    jit::Memory& memory = instance.memory(static_cast<u32>(instance.module().memories.size()) - 1);
    std::vector<u8> model(plan.memory().size);
    for (usize i = 0; i < model.size(); i++) model[i] = static_cast<u8>(i * 13 + i / 251);
    // Without raising the extent.
    if (!model.empty()) std::memcpy(memory.view.base, model.data(), model.size());
    const bool guarded = memory.memory_class() == jit::MemoryClass::Guarded;
    constexpr u64 kReserved = 4 * kGiB + jit::kGuardBytes + kHostPage;
    const CanaryPage before(guarded ? memory.view.base - kHostPage : nullptr);
    const CanaryPage behind(guarded ? memory.view.base + kReserved : nullptr);

    for (usize i = 0; i < plan.functions().size(); i++) {
      const Function& function = plan.functions()[i];
      jit::FuncRef* const target = instance.find_export(fmt::format("f{}", i))->func;
      for (const u64 raw : plan.arguments(function)) {
        const Plan::Outcome expected = plan.expect(function, raw, model);
        u64 value = raw;
        const auto trap = process.call(store, target, &value);
        combinations_++;
        if (trap == expected.trap && (trap || value == expected.value)) continue;
        fail(name,
             fmt::format("{} of {} ({:#x}): {} {:#x}, expected {} {:#x}", function.access->text,
                         source_of(function), raw, trap ? text_of(*trap) : "value", value,
                         expected.trap ? text_of(*expected.trap) : "value", expected.value));
      }
    }
    if (std::memcmp(memory.view.base, model.data(), model.size()) != 0) {
      fail(name, "memory differs");
    }
    if (!source_.intact() || !before.intact() || !behind.intact()) fail(name, "a canary is dead");
  }

  static std::string source_of(const Function& function) {
    return function.producer != nullptr ? function.producer->name
                                        : fmt::format("{:#x}", function.constant);
  }

  const bool verbose_;
  CanarySource source_;
  std::vector<std::unique_ptr<jit::Engine>> engines_;
  TypeRefs types_;
  jit::HostFunction see_;
  SeeResolver resolver_;
  u64 combinations_ = 0;
  u64 modules_ = 0;
  u64 failed_ = 0;
};

int run(int argc, char** argv) {
  CLI::App app("Accesses at every boundary of every kind of memory, against a model");
  std::string slice = "1/1";
  bool verbose = false;
  app.add_option("--slice", slice, "part K of N, as K/N");
  app.add_flag("--verbose", verbose, "names every module");
  CLI11_PARSE(app, argc, argv);
  u64 part = 1, parts = 1;
  if (std::sscanf(slice.c_str(), "%lu/%lu", &part, &parts) != 2 || part < 1 || part > parts) {
    fmt::print(stderr, "--slice wants K/N\n");
    return 2;
  }
  Matrix matrix(verbose);
  u64 number = 0;
  for (const Plan& plan : all_plans()) {
    std::vector<u8> bytes;
    for (usize mode = 0; mode < std::size(kModes); mode++) {
      if (number++ % parts != part - 1) continue;
      if (bytes.empty()) {
        auto parsed = parse_wat(plan.text());
        if (!parsed.ok()) {
          fmt::print("{}: {}\n", plan.name(), parsed.error().message());
          return 2;
        }
        bytes = std::move(parsed.value());
      }
      matrix.run(plan, bytes, mode);
    }
  }
  return matrix.report();
}

}  // namespace
}  // namespace lr::boundary

int main(int argc, char** argv) { return lr::boundary::run(argc, argv); }
