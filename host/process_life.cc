// How a process is made, how it ends, and how its block becomes the next one.

#include <algorithm>
#include <utility>

#include "host/lunatic/resources.h"
#include "host/process.h"
#include "host/runtime.h"
#include "host/wasi/open_state.h"
#include "jit/gc/space.h"

namespace lr {
namespace {

// Where a process begins; both grow.
constexpr u64 kFirstStackBytes = 16 * kKiB;
constexpr u64 kFirstMemoryBytes = 64 * kKiB;  // Without a module that says more.

jit::MemoryClass memory_class_for(const ProcessConfig& config, LinkedModule& module) {
  return config.memory_class.value_or(choose_memory_class(
      module.compiled()->module(), config.memory_max_bytes, module.history(), false));
}

// Gives the pages of heaps that have ended back to the system, which takes a while.
class TrimJob final : public Job {
  void work() override {
    while (!jit::gc::Space::get()->trim(jit::gc::Space::kTrimBlocks)) continue;
  }
};

}  // namespace

// --- Making it.

Process::Process(EnvironmentRef environment, ConfigRef config, jit::MemoryClass memory_class)
    : sched::Process(kFamily),
      scheduler_(environment->runtime().scheduler()),
      environment_(std::move(environment)),
      memory_class_(memory_class) {
  use_config(std::move(config));
}

void Process::use_config(ConfigRef config) {
  config_ = std::move(config);
  is_plain_ = config_->tracer == nullptr && !config_->move_always;
}

// Whether it may wait at an address: only where another may write.
bool Process::needs_waiter() const {
  if (module_ == nullptr) return true;
  const auto& memories = module_->compiled()->module().memories;
  return std::ranges::any_of(memories,
                             [](const MemoryType& type) { return type.limits.is_shared; });
}

jit::ProcessStoreOptions Process::store_options() {
  jit::ProcessStoreOptions options;
  options.memory.memory_class = memory_class_;
  options.memory.source = memory_.get();
  options.memory.shared_source = &environment_->runtime().shared_memory();
  options.memory.size_max = config_->memory_max_bytes;
  options.memory.exact_extent = config_->exact_extent;
  options.memory.move_always = config_->move_always;
  options.collects_always = config_->collects_always;
  options.yields_always = config_->yields_always;
  options.fuel_max = jit::fuel_of_slices(config_->fuel_max);
  if (needs_waiter()) options.waiter = &rare().waiter;
  return options;
}

// `worker`: whose slots are taken first.
Status Process::make_store(u32 worker) {
  u64 slot_memory_bytes = kFirstMemoryBytes;
  if (memory_class_ != jit::MemoryClass::Dense) {
    slot_memory_bytes = 0;  // A guarded memory never sits in a slot.
  } else if (module_ != nullptr) {
    slot_memory_bytes =
        first_slot_memory_bytes(module_->compiled()->module(), config_->memory_max_bytes,
                                module_->history().size_most.load(std::memory_order_relaxed));
  }
  const sched::Slot slot =
      TRY(scheduler_.slots().allocate(kFirstStackBytes, slot_memory_bytes, worker));
  const jit::MemoryArea area = {slot.memory(), slot.memory_bytes};
  memory_ = std::make_unique<ProcessMemory>(area, config_->memory_max_bytes, &scheduler_.slots());
  stack_.start(run, scheduler_.slots(), slot, config_->stack_max_bytes);
  store_ =
      std::make_unique<jit::ProcessStore>(environment_->runtime().engine(), run, store_options());
  return ok_status();
}

Result<std::unique_ptr<Process>> Process::create(EnvironmentRef environment, ConfigRef config) {
  const jit::MemoryClass chosen = config->memory_class.value_or(jit::MemoryClass::Guarded);
  std::unique_ptr<Process> process(new Process(std::move(environment), std::move(config), chosen));
  TRY(process->make_store(0));
  return process;
}

Result<std::unique_ptr<Process>> Process::create(const EnvironmentRef& environment,
                                                 const ConfigRef& config, const ModuleRef& module,
                                                 sched::Worker* worker) {
  const u32 index = worker != nullptr ? worker->index() : 0;
  std::unique_ptr<Process> warm;
  if (worker != nullptr) warm = environment->runtime().last_ended(index).take(*module);
  if (warm == nullptr) warm = module->warm().take(index);
  if (warm != nullptr && warm->restart(environment, config, module)) return warm;
  std::unique_ptr<Process> process(
      new Process(environment, config, memory_class_for(*config, *module)));
  process->module_ = module;
  TRY(process->make_store(index));
  process->instance_ = TRY(process->store_->instantiate(module->compiled(), module->imports()));
  return process;
}

// False if the next process needs a store of another kind. Most of a kind are of one family: then
// there is nothing to be changed, and no reference to be counted.
bool Process::restart(const EnvironmentRef& environment, const ConfigRef& config,
                      const ModuleRef& module) {
  if (environment_ != environment) environment_ = environment;
  if (module_ != module) module_ = module;
  if (config_ != config) {
    use_config(config);
    if (memory_class_for(*config, *module) != memory_class_) return false;
    if (!store_->adopt(store_options())) return false;
    memory_->reset(config_->memory_max_bytes);
    stack_.set_max(run, config_->stack_max_bytes);
  }
  inbox_.reopen();
  reusable_ = false;
  if (outcome_ != nullptr) *outcome_ = Outcome();
  dies_with_links_ = true;
  return true;
}

u64* Process::start_with(jit::FuncRef* function, u32 value_words) {
  entry_.function = function;
  entry_.values = few_values_;
  if (value_words > std::size(few_values_)) {
    many_values_ = std::make_unique<u64[]>(value_words);
    entry_.values = many_values_.get();
  }
  prepare_first_call();
  return entry_.values;
}

void Process::start_with(Outcome failure) {
  entry_.function = nullptr;
  outcome_of(entry_) = std::move(failure);
  prepare_first_call();
}

void Process::prepare_first_call() {
  entry_.ends_process = true;
  first_call_ = &entry_;
  if (jit::FuncRef* const start = instance_->start(); start != nullptr) {
    rare().start.function = start;
    rare().start.outcome = &rare().start_outcome;
    first_call_ = &rare().start;
  }
}

void Process::report_start_to(std::shared_ptr<StartReport> report) {
  rare().start_report = std::move(report);
}

// The start function has ended.
sched::Next Process::started() {
  const bool good = rare_->start_outcome.returned();
  if (!good) outcome_of(entry_) = rare_->start_outcome;
  tell_starter();
  return good && entry_.function != nullptr ? start_call(entry_) : sched::Next::Done;
}

void Process::tell_starter() {
  const std::shared_ptr<StartReport> report = std::move(rare_->start_report);
  if (report == nullptr) return;
  report->outcome = rare_->start_outcome;
  report->done.store(true, std::memory_order_release);
  scheduler_.wake(*report->waiting);
}

bool Process::is_starting() const {
  if (module_ == nullptr || !module_->compiled()->module().start || !first_) return false;
  return &first_->call != &entry_ && first_->call.function == instance_->start();
}

wasi::State& Process::wasi() {
  if (wasi_ == nullptr) static_cast<void>(open_wasi());
  return *wasi_;
}

Status Process::open_wasi() {
  wasi_ = std::make_unique<wasi::State>();
  return wasi::open_state(*config_, *wasi_);
}

lunatic::Resources& Process::resources() {
  if (resources_ == nullptr) {
    resources_ = std::make_unique<lunatic::Resources>(scheduler_.slots().account());
  }
  return *resources_;
}

// --- Ending it.

Process::~Process() {
  rare_.reset();
  drop_envelopes(std::exchange(unheard_, nullptr));
  drop_envelopes(inbox_.close());
  if (memory_ != nullptr) memory_->release_messages(mailbox_.paid());
  store_.reset();
  if (const sched::Slot slot = stack_.first_slot()) {
    const u64 stack_used = stack_.release(run);
    scheduler_.slots().release(slot, {stack_used, memory_->slot_used_bytes()}, home_);
  }
}

void Process::on_done(sched::Worker& worker) {
  home_ = static_cast<u16>(worker.index());
  if (ReportSink* sink = environment_->sink()) report_end(*sink);
  tell_the_others(worker);
  const bool had_objects = store_->has_heap();
  give_back();
  if (had_objects && jit::gc::Space::get()->wants_trim()) {
    scheduler_.helpers().submit(*new TrimJob);
  }
  if (ended_ == nullptr) return;
  refuse_calls();
  ended_->signal();
}

// All that it held but what the next process of the module can use.
void Process::give_back() {
  rare_.reset();
  scratch_.reset();
  resources_.reset();
  wasi_.reset();
  pay_for_messages(0);
  if (module_ == nullptr) return;
  if (instance_ != nullptr && !module_->compiled()->module().memories.empty()) {
    module_->history().note(instance_->memory(0).size());
  }
  // Who holds a handle has seen this one end; the next process is not to signal it again.
  reusable_ = ended_ == nullptr && store_->reset();
  if (reusable_) stack_.reset(run, config_->stack_max_bytes);
}

void Process::dispose(sched::Worker* here) {
  if (!reusable_ || here == nullptr) {
    delete this;
    return;
  }
  environment_->runtime()
      .last_ended(here->index())
      .put(std::unique_ptr<Process>(this), here->index());
}

}  // namespace lr
