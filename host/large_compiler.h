// Compiles large functions for processes that have called them, on the helper pool: however many
// ask for the same one, it is compiled once, and all of them park until it is ready.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "jit/engine.h"
#include "sched/scheduler.h"

namespace lr {

class LargeCompiler final : public jit::LargeCompiler {
 public:
  // Outlives the scheduler's helpers. Before processes run: whose helpers.
  void use(sched::HelperPool& helpers) { helpers_ = &helpers; }

  void compile_for(RunState& run, const std::shared_ptr<jit::CompiledModule>& module,
                   jit::ModuleCode& code, u32 function) override;

 private:
  struct Compilation;
  void finish(Compilation& compilation);

  sched::HelperPool* helpers_ = nullptr;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Compilation>> under_way_;
};

}  // namespace lr
