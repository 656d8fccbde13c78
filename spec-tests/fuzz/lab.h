// Lab: one engine for each row of configs.def, in which modules are run side by side. Modules and
// instances are thrown away after each run; engines, and the stacks of their processes, stay.
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
};
const std::vector<Configuration>& configurations();

struct Divergence {
  std::string configuration;  // Which does not agree with the first one.
  std::string what;
};

class Bench;

class Lab {
 public:
  // `only` names the configurations to use beside the first one; empty: all.
  explicit Lab(const FeatureSet& features, const std::string& only = "");
  ~Lab();

  // Decodes and validates.
  Result<std::shared_ptr<const Module>> load(std::vector<u8> bytes) const;
  // Runs the module in all configurations, and if asked to in the reference interpreter.
  std::optional<Divergence> compare(const std::shared_ptr<const Module>& module,
                                    bool with_reference);
  // In the first one.
  Outcome run(const std::shared_ptr<const Module>& module);

 private:
  FeatureSet features_;
  std::vector<std::unique_ptr<Bench>> benches_;
};

}  // namespace lr::fuzz
