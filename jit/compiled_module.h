// CompiledModule: a validated module and its machine code, one ModuleCode for each variant
// (CodeOptions) that is in use. Shared by all instances of all processes; any thread.
//
// A function is absent, compiling or ready. Absent functions are compiled at their first call
// (through the lazy stub, on the calling worker if they are small) or all at once by compile_all().
// Published code never changes and is freed with the CompiledModule, which every Instance keeps
// alive.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/executor.h"
#include "base/result.h"
#include "frontend/module.h"
#include "jit/code_space.h"
#include "jit/compiler/compile.h"
#include "jit/context.h"

namespace lr::jit {

class CompiledModule;
struct CompilerLane;
class Engine;
class InstanceTemplate;

struct CodeStats {
  u64 functions_ready = 0;
  u64 code_bytes = 0;  // Machine code of the functions, without stubs.
  u64 wasm_bytes = 0;  // Bodies they were compiled from.
  u64 compile_ns = 0;  // Sum over all threads, validation for facts included.
};

// The machine code of one variant of a module.
class ModuleCode {
 public:
  enum class State : u8 { Absent, Compiling, Ready, Failed };

  // Larger bodies go to Engine::large_compiler(). Compiling so much takes 0.2 ms.
  static constexpr u32 kSmallBytesMax = 8 * kKiB;

  ~ModuleCode();
  ModuleCode(const ModuleCode&) = delete;
  ModuleCode& operator=(const ModuleCode&) = delete;

  CompiledModule& owner() const { return owner_; }
  const CodeOptions& options() const { return options_; }
  State state(u32 function) const { return states_[function].load(std::memory_order_acquire); }

  // What a call may jump to, by the wasm convention with this module's context in the context
  // register: the function's code, or the stub that compiles it first (an import: that goes
  // through its slot in the context). Good forever, best asked for late.
  const void* entry(u32 function) const { return space_->entry(function); }

  // Makes one function ready. False if another thread is compiling it just now: yield and ask
  // again. An error stays with the function.
  Result<bool> compile(u32 function);
  // The same, but waits while another thread is compiling it.
  Status compile_or_wait(u32 function);
  // Not ready, and compiling it takes longer than a worker may be held.
  bool is_large_and_absent(u32 function) const;
  // Makes every function ready, the largest first, and returns when all are; one of the errors.
  Status compile_all(Executor& executor);

  // Makes a function ready with code from elsewhere. It must be absent.
  Status install(u32 function, const Masm& masm, const CompiledFunction& code);

  // What further instances are copies of; null before the first one that allows it.
  const InstanceTemplate* instance_template() const {
    return instance_template_.load(std::memory_order_acquire);
  }
  // Keeps it, unless there is one. Answers the one that is kept; null if there is none.
  const InstanceTemplate* keep_template(std::unique_ptr<InstanceTemplate> made);

  CodeStats stats() const;
  // The function whose code holds `pc`; see CodeSpace::find().
  const CodeSpace& space() const { return *space_; }

 private:
  friend class CompiledModule;
  ModuleCode(CompiledModule& owner, const CodeOptions& options);

  // What one thread needs to compile, and what it has done.
  struct Work {
    CompilerLane& lane;
    const CallTargets& targets;
    std::vector<PendingCall>* pending = nullptr;
    u64 compile_ns = 0;
    u64 wasm_bytes = 0;
    u64 functions_ready = 0;
  };

  bool claim(u32 function);
  Status compile_claimed(u32 function, Work& work);
  void finish(u32 function, const Status& status);
  void settle(u32 function, State state);
  void add_up(const Work& work);
  Error error_of(u32 function) const;

  CompiledModule& owner_;
  const CodeOptions options_;
  std::unique_ptr<CodeSpace> space_;
  std::atomic<const InstanceTemplate*> instance_template_{nullptr};
  ZeroedArray<std::atomic<State>> states_;
  std::atomic<u64> functions_ready_{0};
  std::atomic<u64> wasm_bytes_{0};
  std::atomic<u64> compile_ns_{0};
  mutable std::mutex errors_mutex_;
  std::vector<std::pair<u32, Error>> errors_;  // Of the functions that failed.
};

class CompiledModule {
 public:
  CompiledModule(Engine& engine, std::shared_ptr<const Module> module, std::string name);
  ~CompiledModule();
  CompiledModule(const CompiledModule&) = delete;
  CompiledModule& operator=(const CompiledModule&) = delete;

  Engine& engine() const { return engine_; }
  const Module& module() const { return *module_; }
  const ContextLayout& layout() const { return layout_; }
  // The name section's, else the one given at load.
  std::string_view name() const { return name_; }

  // The code of a memory class with the engine's other options. Made at first use, without any
  // function; fails when no range of addresses is to be had.
  Result<ModuleCode*> code(MemoryClass memory_class);
  Result<ModuleCode*> code(MemoryClass memory_class, Preempt preempt);
  Result<ModuleCode*> code(const CodeOptions& options);

 private:
  CodeOptions options_of(MemoryClass memory_class, Preempt preempt) const;

  Engine& engine_;
  std::shared_ptr<const Module> module_;
  std::string name_;
  ContextLayout layout_;
  // By memory class, once known: found without the lock.
  std::atomic<ModuleCode*> usual_[2] = {};
  std::mutex mutex_;
  std::vector<std::unique_ptr<ModuleCode>> variants_;
};

}  // namespace lr::jit
