// Engine: what all modules and processes of a program share. The processor's features, the
// machine code that is not a module's own (stubs), and the registry from a program counter to
// the code it lies in. Made once, outlives everything else; all methods may be called from any
// thread.
//
//   Engine ------ CompiledModule --- ModuleCode    shared by all processes
//      |                |                |
//   ProcessStore --- Instance -----------+         of one process each (jit/instance.h)
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/result.h"
#include "frontend/features.h"
#include "jit/compiler/compile.h"
#include "jit/masm/target.h"
#include "jit/table.h"

namespace lr::jit {

class CompiledModule;
class ModuleCode;
struct CompilerLane;
class StubSpace;

struct EngineOptions {
  CpuFeatures cpu = detect_cpu();
  FeatureSet features = FeatureSet::defaults();
  Preempt preempt = Preempt::Flag;
  // Function bodies are validated when they are compiled, not when the module is loaded.
  bool lazy_validation = false;
  u32 table_elements_max = Table::kMaxElements;  // Of each table that a module defines.
  // Test modes, see CodeOptions.
  bool no_homes = false;
  bool spill_all = false;
  bool deterministic = false;  // See CodeOptions.
};

// Compiles large functions on a thread that nobody waits for. Whoever has threads supplies one.
class LargeCompiler {
 public:
  // Called on behalf of the process of `run`, which has called `function` and leaves with HostWait
  // as soon as this returns. Sees to it that ModuleCode::compile_or_wait() is called elsewhere and
  // has the process go on afterwards: it then finds out what has become of the function.
  virtual void compile_for(RunState& run, const std::shared_ptr<CompiledModule>& module,
                           ModuleCode& code, u32 function) = 0;

 protected:
  ~LargeCompiler() = default;
};

class Engine {
 public:
  // Fails with BadArgument on a processor without the baseline. The first engine of a program
  // installs the signal handler for guard pages (jit/traps.h).
  static Result<std::unique_ptr<Engine>> create(const EngineOptions& options = {});
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  const EngineOptions& options() const { return options_; }
  const Target& target() const;

  // Decodes and validates; compiles nothing. `name` is what errors and backtraces call the module
  // if it has no name of its own. Bodies are validated by `executor`'s threads.
  Result<std::shared_ptr<CompiledModule>> load(std::vector<u8> bytes, std::string name,
                                               Executor& executor);

  // Before code runs; stays as long as it does. Without one large functions are compiled like small
  // ones: by the thread that runs the process which calls them first.
  void compile_large_with(LargeCompiler* compiler) { large_compiler_ = compiler; }

  // -- For the rest of jit --------------------------------------------------------------------
  StubSpace& stubs() { return *stubs_; }
  LargeCompiler* large_compiler() const { return large_compiler_; }

 private:
  friend class LaneLease;
  explicit Engine(const EngineOptions& options);
  std::unique_ptr<CompilerLane> take_lane();
  void give_back(std::unique_ptr<CompilerLane> lane);

  EngineOptions options_;
  std::unique_ptr<StubSpace> stubs_;
  LargeCompiler* large_compiler_ = nullptr;
  std::mutex lanes_mutex_;
  std::vector<std::unique_ptr<CompilerLane>> lanes_;  // Those not in use.
};

}  // namespace lr::jit
