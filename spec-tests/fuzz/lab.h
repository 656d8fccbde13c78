// Lab: one engine for each row of configs.def, in which modules are run side by side. Modules and
// instances are thrown away after each run; engines, and the stacks of their processes, stay.
//
// Relaxed vector instructions have one answer only where the engine is deterministic: modules that
// have any are run in those rows alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "frontend/module.h"
#include "jit/compiler/compile.h"
#include "spec-tests/fuzz/outcome.h"

namespace lr::fuzz {

struct Configuration {
  const char* name;
  jit::MemoryClass memory_class;
  jit::Preempt preempt;
  const char* cpu;
  bool eager = false;         // Everything is compiled before the first call.
  bool no_homes = false;      // No local has a register.
  bool spill_all = false;     // Every value leaves its register.
  bool exact_extent = false;  // The extent rises by exactly what is asked for.
  bool moves = false;         // Stack and memories move whenever they may.
  bool yields = false;        // At every check that can be made to; by signals: all the time.
  bool waits = false;         // Host calls wait.
  bool collects = false;      // Every object that is made collects garbage first.
  bool linked = false;        // Imports come from another instance, which has them from the host.
  bool copies = false;        // The instance is a copy of one that has been made before.
  bool resets = false;        // All is done again in the same store, after a reset.
  bool deterministic = false;
};
const std::vector<Configuration>& configurations();

struct Divergence {
  std::string configuration;  // Which does not agree with the first one.
  std::string what;
};

class Bench;

class Lab {
 public:
  // `choice`: the names of the configurations to use beside the first one, or with a '-' before
  // each those to leave out, divided by commas; empty: all are used. `deterministic` makes every
  // row so: NaNs that the module's maker left as they come have one answer then.
  explicit Lab(const FeatureSet& features, const std::string& choice = "",
               bool deterministic = false);
  ~Lab();

  // Decodes and validates.
  Result<std::shared_ptr<const Module>> load(std::vector<u8> bytes) const;
  // Runs the module in all configurations, and if asked to in the reference interpreter.
  std::optional<Divergence> compare(const std::shared_ptr<const Module>& module,
                                    bool with_reference);
  // In the first one.
  Outcome run(const std::shared_ptr<const Module>& module);

 private:
  // The rows that must agree on a module.
  std::vector<Bench*> judges(const Module& module) const;

  FeatureSet features_;
  std::vector<std::unique_ptr<Bench>> benches_;
};

}  // namespace lr::fuzz
