#include "host/large_compiler.h"

#include <algorithm>

#include "host/process.h"
#include "jit/compiled_module.h"

namespace lr {

// Kept by those that wait for it, too: their wait records point at `done`.
struct LargeCompiler::Compilation : sched::HelperJob {
  Compilation(LargeCompiler& compiler, std::shared_ptr<jit::CompiledModule> its_module,
              jit::ModuleCode& its_code, u32 its_function)
      : sched::HelperJob([](sched::HelperJob& job) {
          auto& self = static_cast<Compilation&>(job);
          self.owner.finish(self);
        }),
        owner(compiler),
        module(std::move(its_module)),
        code(its_code),
        function(its_function) {}

  LargeCompiler& owner;
  const std::shared_ptr<jit::CompiledModule> module;
  jit::ModuleCode& code;
  const u32 function;
  std::atomic<bool> done{false};
  std::vector<sched::ProcessRef> waiting;  // Under the lock.
};

void LargeCompiler::compile_for(RunState& run, const std::shared_ptr<jit::CompiledModule>& module,
                                jit::ModuleCode& code, u32 function) {
  auto& process = static_cast<Process&>(sched::Process::from(&run));
  std::shared_ptr<Compilation> fresh;
  {
    const std::lock_guard lock(mutex_);
    const auto same = std::ranges::find_if(under_way_, [&](const auto& other) {
      return &other->code == &code && other->function == function;
    });
    const bool is_new = same == under_way_.end();
    if (is_new) fresh = std::make_shared<Compilation>(*this, module, code, function);
    const std::shared_ptr<Compilation>& compilation = is_new ? fresh : *same;
    compilation->waiting.emplace_back(process);
    process.wait_for_code(
        std::shared_ptr<const std::atomic<bool>>(compilation, &compilation->done));
    if (is_new) under_way_.push_back(fresh);
  }
  if (fresh != nullptr) helpers_->submit(*fresh);
}

// On a helper thread.
void LargeCompiler::finish(Compilation& compilation) {
  // An error stays with the function, where those who wait find it.
  static_cast<void>(compilation.code.compile_or_wait(compilation.function));
  std::shared_ptr<Compilation> last;
  std::vector<sched::ProcessRef> waiting;
  {
    const std::lock_guard lock(mutex_);
    const auto mine = std::ranges::find_if(
        under_way_, [&](const auto& other) { return other.get() == &compilation; });
    last = std::move(*mine);
    under_way_.erase(mine);
    waiting = std::move(compilation.waiting);
  }
  compilation.done.store(true, std::memory_order_release);
  for (const sched::ProcessRef& process : waiting) static_cast<Process&>(*process).wake();
}

}  // namespace lr
