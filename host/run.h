// What `lunatic-run prog.wasm` does, as a library call: load, link against WASI, run as process 1,
// and say how it ended. The command line reads options and files, and prints.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "frontend/types.h"
#include "host/process.h"
#include "host/trace.h"
#include "jit/compiled_module.h"
#include "jit/engine.h"
#include "sched/scheduler.h"

namespace lr {

class Runtime;

// Someone who looks at a program while it runs.
class RunObserver {
 public:
  // Before the first call; `root` is the program's own process, and both last until after ended().
  virtual void started(Runtime& runtime, Process& root) = 0;
  // After the last call, while the program's other processes still may be there. On the thread that
  // drives the runtime's scheduler, as started().
  virtual void ended() = 0;

 protected:
  ~RunObserver() = default;
};

struct RunOptions {
  std::vector<u8> module;                // Binary.
  std::string name;                      // Of the module, for messages and backtraces.
  std::optional<std::string> argv0;      // What the guest sees as its own name; absent: `name`.
  std::vector<std::string> arguments;    // Without argv0.
  std::vector<std::string> environment;  // "NAME=value"
  std::vector<DirectoryGrant> directories;
  std::shared_ptr<wasi::Capture> capture;  // Of what it and its children print; null: none.

  // Instead of _start: an exported function, whose arguments are `arguments`, read by its types.
  std::optional<std::string> invoke;

  u64 timeout_ns = 0;  // 0: none.
  u64 memory_max_bytes = ~u64{0};
  u64 stack_max_bytes = 8 * kMiB;
  enum class MemoryClass : u8 { Auto, Guarded, Dense } memory_class = MemoryClass::Auto;
  bool compile_eagerly = false;
  // Test modes, see ProcessConfig.
  bool exact_extent = false;
  bool move_always = false;
  jit::EngineOptions engine;
  sched::SchedulerOptions scheduler;
  Tracer::Sink trace;  // Empty: no trace.
  // Names processes that fail on this descriptor, as far as RUST_LOG wants them; -1: nowhere.
  int death_log_fd = -1;
  RunObserver* observer = nullptr;    // Null: none.
  ReportSink* report_sink = nullptr;  // Of Environment::set_sink().
};

// A result of --invoke.
struct InvokeResult {
  ValType type;
  u64 bits = 0;
  u64 high = 0;  // Of a v128.
};

struct RunStats {
  u64 load_ns = 0;   // Decoding, validating.
  u64 start_ns = 0;  // Linking, instantiating; with compile_eagerly, compiling.
  u64 run_ns = 0;
  u64 module_bytes = 0;
  jit::CodeStats code;
  sched::SchedulerStats scheduler;
};

struct RunOutcome {
  enum class Kind : u8 { Ended, TimedOut };
  Kind kind = Kind::Ended;
  Outcome guest;
  std::vector<InvokeResult> results;  // Of --invoke.
  RunStats stats;

  // 0 to 255 of the guest's own; 124 timeout; 134 trap.
  int exit_status() const;
};

inline constexpr int kStatusRefused = 1;
inline constexpr int kStatusUsage = 2;
inline constexpr int kStatusTimeout = 124;
inline constexpr int kStatusTrap = 134;

// An error is one of the module or the options: nothing of the guest's has run. `options.module` is
// consumed.
Result<RunOutcome> run_program(RunOptions options);

// Parts of it, for those who run a program in another way: a runtime with all host functions, and
// what a program from the command line may do and has. `tracer` outlives its processes.
Result<std::unique_ptr<Runtime>> create_runtime(const RunOptions& options);
ProcessConfig root_config(const RunOptions& options, Tracer* tracer);

// "3", "-1.5", "0x1p-3", ... as a value of `type`. BadArgument says what is wrong.
Result<u64> parse_value(ValType type, std::string_view text);
// "3", "-1.5", "null", ...
std::string format_value(const InvokeResult& value);

}  // namespace lr
