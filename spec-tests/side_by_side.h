// For tests that ask the compiler and the reference interpreter the same: one module in both, and
// calls of its exports.
#pragma once

#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/runtime.h"
#include "spec-tests/engine.h"

namespace lr::spec {

// How the compiler works.
struct Way {
  const char* name;
  u32 stride = 1;  // Only every so many calls are made.
  jit::MemoryClass memory_class = jit::MemoryClass::Guarded;
  const char* cpu = "native";
  bool deterministic = false;
  bool no_homes = false;
  bool spill_all = false;
  bool exact_extent = false;
};
// Those in which accesses to memory differ.
inline constexpr Way kMemoryWays[] = {
    {.name = "guarded"},
    {.name = "dense", .stride = 3, .memory_class = jit::MemoryClass::Dense},
    {.name = "no_homes", .stride = 7, .memory_class = jit::MemoryClass::Dense, .no_homes = true},
    {.name = "spilled", .stride = 7, .memory_class = jit::MemoryClass::Dense, .spill_all = true},
    {.name = "exact_extent",
     .stride = 7,
     .memory_class = jit::MemoryClass::Dense,
     .exact_extent = true},
};
inline void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

// Of the work that could be done, one part in so many is: all of it with LR_MATRIX=full in the
// environment, a sample otherwise.
u32 matrix_sample();

class SideBySide {
 public:
  explicit SideBySide(const Way& way);

  // What the compiler has.
  const FeatureSet& features() const { return runtime_->engine().options().features; }

  // Puts an instance of the module into a new process and a new store.
  Status load(const std::string& wat);
  Status load(const std::vector<u8>& bytes);

  struct Results {
    std::string compiled_end;  // Empty, or the text of the trap.
    std::string reference_end;
    std::vector<u64> compiled;
    std::vector<u64> reference;

    bool agree() const { return compiled_end == reference_end && compiled == reference; }
  };
  // Results of 32 bits are zero-extended. None after a trap.
  Results invoke(std::string_view name, std::span<const u64> args);

 private:
  ProcessConfig config_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<ScriptEngine> compiled_engine_;
  std::unique_ptr<ScriptEngine> reference_engine_;
  EngineInstance* compiled_ = nullptr;
  EngineInstance* reference_ = nullptr;
};

// -- Text of modules ------------------------------------------------------------------------------

// The bits of a value; `high` is of a v128.
struct Words {
  u64 low = 0;
  u64 high = 0;
};

// `letter` is that of a signature in opcodes.def.
std::string type_text(char letter);
std::string constant(char letter, Words value);

}  // namespace lr::spec
