#include "host/runtime.h"

#include <fmt/format.h>

#include <csignal>

#include "frontend/type_registry.h"
#include "host/death_log.h"
#include "host/lunatic/delayed_message.h"
#include "jit/traps.h"

namespace lr {
namespace {

void ignore_sigpipe() {
  struct sigaction now{};
  if (::sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) {
    std::signal(SIGPIPE, SIG_IGN);
  }
}

// What the scheduler does for the way in which code is interrupted.
Result<sched::SchedulerOptions> with(sched::SchedulerOptions options, jit::Preempt preempt) {
  // Slices of fuel end by themselves.
  if (preempt == jit::Preempt::None || preempt == jit::Preempt::Fuel) options.preempt = false;
  if (preempt == jit::Preempt::Epoch) options.epoch = &jit::epoch_counter();
  if (preempt == jit::Preempt::Signal) {
    options.interrupt_signal = TRY(jit::install_interrupt_handler());
  }
  return options;
}

}  // namespace

ProcessHandle::ProcessHandle(Runtime& runtime, sched::ProcessRef process,
                             std::unique_ptr<sched::Completion> ended)
    : runtime_(runtime), process_(std::move(process)), ended_(std::move(ended)) {}

ProcessHandle::~ProcessHandle() {
  if (!ended_->done()) kill();
  join();
}

void ProcessHandle::kill() { runtime_.scheduler().request(*process_, kRequestKill); }

void ProcessHandle::join() { runtime_.scheduler().drive(*ended_); }

Result<jit::Instance*> ProcessHandle::instantiate(
    const std::shared_ptr<jit::CompiledModule>& module, std::span<jit::Resolver* const> others) {
  std::vector<jit::Resolver*> resolvers(others.begin(), others.end());
  resolvers.push_back(&runtime_.linker());
  const std::vector<jit::Extern> imports = TRY(link_imports(module->module(), resolvers));
  jit::Instance* instance = TRY(store().instantiate(module, imports));
  if (jit::FuncRef* start = instance->start(); start != nullptr) {
    std::vector<u64> none;
    const Outcome outcome = call(start, none);
    if (!outcome.returned()) return make_error(Err::StartFailed, outcome.message);
  }
  return instance;
}

Outcome ProcessHandle::call(jit::FuncRef* function, std::vector<u64>& values) {
  sched::Completion done;
  values.resize(std::max<usize>(values.size(), jit::value_words(function->type)));
  Outcome outcome;
  GuestCall call;
  call.function = function;
  call.values = values.data();
  call.outcome = &outcome;
  call.done = &done;
  post(call);
  runtime_.scheduler().drive(done);
  return outcome;
}

Outcome ProcessHandle::call(jit::Instance& instance, std::string_view name,
                            std::vector<u64>& values) {
  const std::optional<jit::Extern> found = instance.find_export(name);
  if (!found || found->func == nullptr) {
    return Outcome::trapped(jit::Trap::Host, fmt::format("no exported function {}", name));
  }
  return call(found->func, values);
}

Runtime::Runtime()
    : environment_(std::make_shared<Environment>(*this, 1)),
      delayed_messages_(std::make_unique<lunatic::DelayedMessages>()) {}

Runtime::~Runtime() {
  // What runs until now ends with its program; that is no news.
  is_quiet_.store(true, std::memory_order_relaxed);
  if (scheduler_ != nullptr) scheduler_->stop();
  // Ended processes that wait to be used again have slots of the scheduler's.
  last_ended_.reset();
  for (const std::weak_ptr<LinkedModule>& known : modules_) {
    if (const ModuleRef module = known.lock()) module->warm().close();
  }
}

void Runtime::log_deaths(int fd, DeathDetail detail) {
  death_log_ = std::make_unique<DeathLog>(fd, detail);
}

Result<std::unique_ptr<Runtime>> Runtime::create(const RuntimeOptions& options) {
  ignore_sigpipe();
  std::unique_ptr<Runtime> runtime(new Runtime);
  runtime->engine_ = TRY(jit::Engine::create(options.engine));
  const sched::SchedulerOptions scheduler = TRY(with(options.scheduler, options.engine.preempt));
  runtime->scheduler_ = TRY(sched::Scheduler::create(scheduler));
  runtime->last_ended_ = std::make_unique<LastEnded[]>(runtime->scheduler_->workers_max());
  runtime->shared_memory_ =
      std::make_unique<SharedMemorySource>(runtime->scheduler_->slots().account());
  return runtime;
}

Result<std::shared_ptr<jit::CompiledModule>> Runtime::load(std::vector<u8> bytes,
                                                           std::string name) {
  return engine_->load(std::move(bytes), std::move(name), scheduler_->helpers());
}

Result<ModuleRef> Runtime::link(const std::shared_ptr<jit::CompiledModule>& module) {
  const std::lock_guard lock(modules_mutex_);
  std::erase_if(modules_, [](const auto& known) { return known.expired(); });
  for (const std::weak_ptr<LinkedModule>& known : modules_) {
    ModuleRef linked = known.lock();
    if (linked != nullptr && linked->compiled() == module) return linked;
  }
  ModuleRef linked = TRY(LinkedModule::create(module, linker_));
  modules_.push_back(linked);
  return linked;
}

Result<std::unique_ptr<ProcessHandle>> Runtime::create_process(const ProcessConfig& config) {
  std::unique_ptr<Process> process =
      TRY(Process::create(environment_, std::make_shared<const ProcessConfig>(config)));
  auto ended = std::make_unique<sched::Completion>();
  process->set_ended(ended.get());
  sched::ProcessRef reference = TRY(scheduler_->spawn(std::move(process)));
  return std::make_unique<ProcessHandle>(*this, std::move(reference), std::move(ended));
}

}  // namespace lr
