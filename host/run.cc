#include "host/run.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "frontend/type_registry.h"
#include "host/death_log.h"
#include "host/lunatic/lunatic.h"
#include "host/runtime.h"
#include "host/wasi/grants.h"
#include "host/wasi/wasi.h"

namespace lr {
namespace {

// What a program gets without being told more: its descriptors (standard streams, and the
// directories of the command line), arguments, clocks, random numbers, the right to end itself, and
// processes.
constexpr PermissionSet kRootPermissions = {
    Permission::Arguments,   Permission::Environment, Permission::Clocks,   Permission::Randomness,
    Permission::Descriptors, Permission::Exit,        Permission::Messages, Permission::Processes,
    Permission::Timers,      Permission::Registry};

// An address space too small for a guarded memory and much else.
constexpr u64 kLittleAddressSpace = 16 * kGiB;

jit::MemoryClass choose_class(RunOptions::MemoryClass wanted) {
  if (wanted == RunOptions::MemoryClass::Dense) return jit::MemoryClass::Dense;
  if (wanted == RunOptions::MemoryClass::Guarded) return jit::MemoryClass::Guarded;
  rlimit limit{};
  const bool is_small = ::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
                        limit.rlim_cur < kLittleAddressSpace;
  return is_small ? jit::MemoryClass::Dense : jit::MemoryClass::Guarded;
}

// Ends the process when time is up, unless told to stop before.
class Watchdog {
 public:
  Watchdog(sched::Scheduler& scheduler, Process& process, u64 timeout_ns) {
    if (timeout_ns == 0) return;
    const u64 deadline = sched::now_ns() + timeout_ns;
    thread_ = std::thread([this, &scheduler, &process, deadline] {
      if (stopped_.wait_until(deadline)) return;
      barked_ = true;
      scheduler.request(process, kRequestKill);
    });
  }
  ~Watchdog() { stop(); }
  // True if it was too late.
  bool stop() {
    if (thread_.joinable()) {
      stopped_.signal();
      thread_.join();
    }
    return barked_;
  }

 private:
  sched::Completion stopped_;
  bool barked_ = false;
  std::thread thread_;
};

// A program on its way from module to outcome.
class Run {
 public:
  explicit Run(RunOptions options) : options_(std::move(options)) {}

  Result<RunOutcome> run() {
    TRY(load());
    TRY(check_entry());
    TRY(start_process());
    Watchdog watchdog(runtime_->scheduler(), process_->process(), options_.timeout_ns);
    if (options_.observer != nullptr) options_.observer->started(*runtime_, process_->process());
    const u64 started = sched::now_ns();
    call_guest();
    outcome_.stats.run_ns = sched::now_ns() - started;
    if (watchdog.stop() && outcome_.guest.kind == Outcome::Kind::Killed) {
      outcome_.kind = RunOutcome::Kind::TimedOut;
    }
    if (options_.observer != nullptr) options_.observer->ended();
    outcome_.stats.scheduler = runtime_->scheduler().stats();
    if (const Result<jit::ModuleCode*> code = module_->code(class_); code.ok()) {
      outcome_.stats.code = code.value()->stats();
    }
    return std::move(outcome_);
  }

 private:
  Status load() {
    const u64 begun = sched::now_ns();
    runtime_ = TRY(create_runtime(options_));
    outcome_.stats.module_bytes = options_.module.size();
    module_ = TRY(runtime_->load(std::move(options_.module), options_.name));
    outcome_.stats.load_ns = sched::now_ns() - begun;
    return ok_status();
  }

  // The function to call and its arguments, before anything runs.
  Status check_entry() {
    const Module& module = module_->module();
    entry_name_ = options_.invoke.value_or("_start");
    const Export* entry = module.find_export(entry_name_);
    if (entry == nullptr || entry->kind != ExternKind::Func) return no_entry();
    const DefinedType& type = defined_type(module.functions[entry->index].type);
    if (!options_.invoke) {
      if (type.params.empty() && type.results.empty()) return ok_status();
      return make_error(Err::NothingToRun, "_start must have no parameters and no results");
    }
    if (type.params.size() != options_.arguments.size()) {
      return make_error(Err::BadArgument,
                        fmt::format("{} takes {} arguments, {} given", entry_name_,
                                    type.params.size(), options_.arguments.size()));
    }
    for (usize i = 0; i < type.params.size(); ++i) {
      values_.push_back(TRY(parse_value(type.params[i], options_.arguments[i])));
    }
    results_ = type.results;
    return ok_status();
  }

  // Says what there is instead.
  Error no_entry() const {
    constexpr usize kShown = 10;
    std::vector<std::string_view> names;
    for (const Export& entry : module_->module().exports) {
      if (entry.kind == ExternKind::Func) names.push_back(entry.name);
    }
    const usize count = names.size();
    if (count > kShown) names.resize(kShown);
    const std::string others =
        count == 0 ? std::string("no function")
                   : fmt::format("{}{}", fmt::join(names, ", "), count > kShown ? ", ..." : "");
    return make_error(
        Err::NothingToRun,
        fmt::format("the module has no function '{}' to call; it exports {}{}", entry_name_, others,
                    count > 0 && !options_.invoke ? " (see --invoke)" : ""));
  }

  Status start_process() {
    const u64 begun = sched::now_ns();
    class_ = choose_class(options_.memory_class);
    if (options_.trace) tracer_ = std::make_unique<Tracer>(options_.trace);
    ProcessConfig config = root_config(options_, tracer_.get());
    if (options_.compile_eagerly) {
      jit::ModuleCode* code = TRY(module_->code(class_));
      TRY(code->compile_all(runtime_->scheduler().helpers()));
    }
    TRY(wasi::open_grants(config.directories));
    runtime_->environment().set_sink(options_.report_sink);
    process_ = TRY(runtime_->create_process(config));
    TRY(process_->process().open_wasi());
    ModuleRef linked = TRY(runtime_->link(module_));
    instance_ = TRY(process_->store().instantiate(module_, linked->imports()));
    process_->process().set_module(std::move(linked), instance_);
    outcome_.stats.start_ns = sched::now_ns() - begun;
    return ok_status();
  }

  // The start function, a library's _initialize, and then what was asked for.
  void call_guest() {
    std::vector<u64> none;
    if (jit::FuncRef* start = instance_->start(); start != nullptr) {
      outcome_.guest = process_->call(start, none);
      if (!outcome_.guest.returned()) return;
    }
    if (options_.invoke && instance_->find_export("_initialize").has_value()) {
      outcome_.guest = process_->call(*instance_, "_initialize", none);
      if (!outcome_.guest.returned()) return;
    }
    outcome_.guest = process_->call(*instance_, entry_name_, values_);
    if (!outcome_.guest.returned()) return;
    usize at = 0;
    for (const ValType type : results_) {
      InvokeResult& result = outcome_.results.emplace_back();
      result.type = type;
      result.bits = values_[at++];
      if (type.kind == Kind::V128) result.high = values_[at++];
    }
  }

  RunOptions options_;
  RunOutcome outcome_;
  std::unique_ptr<Tracer> tracer_;
  std::unique_ptr<Runtime> runtime_;
  std::shared_ptr<jit::CompiledModule> module_;
  std::unique_ptr<ProcessHandle> process_;
  jit::MemoryClass class_{};
  jit::Instance* instance_ = nullptr;
  std::string entry_name_;
  std::vector<u64> values_;
  std::span<const ValType> results_;
};

}  // namespace

int RunOutcome::exit_status() const {
  if (kind == Kind::TimedOut) return kStatusTimeout;
  switch (guest.kind) {
    case Outcome::Kind::Returned:
      return 0;
    case Outcome::Kind::Exited:
      return static_cast<int>(guest.exit_status & 0xff);
    case Outcome::Kind::Trapped:
      return kStatusTrap;
    case Outcome::Kind::Killed:
      return 128 + 9;
  }
  return kStatusTrap;
}

Result<std::unique_ptr<Runtime>> create_runtime(const RunOptions& options) {
  RuntimeOptions runtime_options;
  runtime_options.engine = options.engine;
  runtime_options.scheduler = options.scheduler;
  std::unique_ptr<Runtime> runtime = TRY(Runtime::create(runtime_options));
  if (options.death_log_fd >= 0) {
    runtime->log_deaths(options.death_log_fd, death_detail(std::getenv("RUST_LOG")));
  }
  TRY(runtime->linker().add(wasi::functions()));
  TRY(runtime->linker().add(lunatic::functions()));
  return runtime;
}

ProcessConfig root_config(const RunOptions& options, Tracer* tracer) {
  ProcessConfig config;
  config.permissions = kRootPermissions;
  config.may_compile_modules = config.may_create_configs = config.may_spawn = true;
  config.arguments.push_back(options.argv0.value_or(options.name));
  if (!options.invoke) {
    config.arguments.insert(config.arguments.end(), options.arguments.begin(),
                            options.arguments.end());
  }
  config.environment = options.environment;
  config.directories = options.directories;
  // Otherwise chosen for each process; this one may always have addresses to spare.
  const jit::MemoryClass chosen = choose_class(options.memory_class);
  if (options.memory_class != RunOptions::MemoryClass::Auto || chosen == jit::MemoryClass::Dense) {
    config.memory_class = chosen;
  }
  config.memory_max_bytes = options.memory_max_bytes;
  config.stack_max_bytes = options.stack_max_bytes;
  config.exact_extent = options.exact_extent;
  config.move_always = options.move_always;
  config.capture = options.capture;
  config.tracer = tracer;
  return config;
}

Result<RunOutcome> run_program(RunOptions options) { return Run(std::move(options)).run(); }

}  // namespace lr
