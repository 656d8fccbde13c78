#include "jit/compiled_module.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>

#include "frontend/decoder.h"
#include "jit/compiler_lane.h"
#include "jit/engine.h"
#include "jit/instance_template.h"
#include "jit/stubs.h"

namespace lr::jit {

namespace {

// Addresses, which cost nothing, are reserved for this many times the code section, and so much for
// each function. An unsigned conversion of floats, one byte, becomes some 60.
constexpr u64 kCodeExpansion = 64;
constexpr u64 kCodeBytesPerFunction = 256;
// A call of two bytes may pass a thousand values, and as many come back.
constexpr u64 kCodeBytesLeast = 8 * kMiB;

u64 now_ns() {
  return static_cast<u64>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                              std::chrono::steady_clock::now().time_since_epoch())
                              .count());
}

// All were checked when the module was loaded.
bool bodies_are_valid(const ModuleCode& code) {
  return !code.owner().engine().options().lazy_validation;
}

// One function by itself: what is ready, and the function in question.
class LazyTargets final : public CallTargets {
 public:
  LazyTargets(const ModuleCode& code, u32 self) : code_(code), self_(self) {}
  bool is_direct(u32 function) const override {
    return function == self_ || code_.state(function) == ModuleCode::State::Ready;
  }
  bool may_inline(u32) const override { return bodies_are_valid(code_); }

 private:
  const ModuleCode& code_;
  u32 self_;
};

// All at once: everything that is claimed will be there before any of it runs.
class AllTargets final : public CallTargets {
 public:
  AllTargets(const ModuleCode& code, u32 functions) : code_(code), claimed_(functions) {}
  void add(u32 function) { claimed_[function] = true; }
  bool is_direct(u32 function) const override {
    return claimed_[function] || code_.state(function) == ModuleCode::State::Ready;
  }
  bool may_inline(u32) const override { return bodies_are_valid(code_); }

 private:
  const ModuleCode& code_;
  std::vector<bool> claimed_;
};

}  // namespace

// -- ModuleCode ---------------------------------------------------------------------------------

ModuleCode::ModuleCode(CompiledModule& owner, const CodeOptions& options)
    : owner_(owner),
      options_(options),
      states_(make_zeroed<std::atomic<State>>(owner.module().functions.size())) {}

bool ModuleCode::claim(u32 function) {
  State expected = State::Absent;
  return states_[function].compare_exchange_strong(expected, State::Compiling,
                                                   std::memory_order_acq_rel);
}

Result<bool> ModuleCode::compile(u32 function) {
  if (!claim(function)) {
    const State now = state(function);
    if (now == State::Failed) return error_of(function);
    return now == State::Ready;
  }
  const LaneLease lane(owner_.engine());
  const LazyTargets targets(*this, function);
  Work work{.lane = *lane, .targets = targets};
  const Status status = compile_claimed(function, work);
  finish(function, status);
  work.functions_ready += status.ok();
  add_up(work);
  if (!status.ok()) return status.error();
  return true;
}

Status ModuleCode::compile_or_wait(u32 function) {
  while (!TRY(compile(function))) states_[function].wait(State::Compiling);
  return ok_status();
}

bool ModuleCode::is_large_and_absent(u32 function) const {
  const State now = state(function);
  return (now == State::Absent || now == State::Compiling) &&
         owner_.module().functions[function].body_size > kSmallBytesMax;
}

Status ModuleCode::compile_claimed(u32 function, Work& work) {
  const u64 start = now_ns();
  const Module& module = owner_.module();
  CompilerLane& lane = work.lane;
  lane.facts.clear();
  TRY(validate_function(module, function, &lane.facts, lane.scratch));
  lane.masm->reset();
  lane.out.clear();
  TRY(compile_function(*lane.compiler, module, owner_.layout(), function, lane.facts, options_,
                       work.targets, lane.out));
  TRY(space_->place(*lane.masm, function, lane.out, work.pending));
  work.compile_ns += now_ns() - start;
  work.wasm_bytes += module.functions[function].body_size;
  return ok_status();
}

Status ModuleCode::install(u32 function, const Masm& masm, const CompiledFunction& code) {
  CHECK(claim(function));
  const Status status = space_->place(masm, function, code, nullptr);
  finish(function, status);
  functions_ready_.fetch_add(status.ok(), std::memory_order_relaxed);
  return status;
}

// Publishes what has been placed, or keeps the error.
void ModuleCode::finish(u32 function, const Status& status) {
  if (status.ok()) {
    space_->publish(function);
    settle(function, State::Ready);
    return;
  }
  {
    const std::lock_guard lock(errors_mutex_);
    errors_.emplace_back(function, status.error());
  }
  settle(function, State::Failed);
}

void ModuleCode::settle(u32 function, State state) {
  states_[function].store(state, std::memory_order_release);
  if (owner_.module().functions[function].body_size > kSmallBytesMax) {
    states_[function].notify_all();
  }
}

void ModuleCode::add_up(const Work& work) {
  compile_ns_.fetch_add(work.compile_ns, std::memory_order_relaxed);
  wasm_bytes_.fetch_add(work.wasm_bytes, std::memory_order_relaxed);
  functions_ready_.fetch_add(work.functions_ready, std::memory_order_relaxed);
}

Error ModuleCode::error_of(u32 function) const {
  const std::lock_guard lock(errors_mutex_);
  for (const auto& [index, error] : errors_) {
    if (index == function) return error;
  }
  return make_error(Err::LimitExceeded, "the function could not be compiled");
}

Status ModuleCode::compile_all(Executor& executor) {
  const Module& module = owner_.module();
  const auto count = static_cast<u32>(module.functions.size());
  AllTargets targets(*this, count);
  std::vector<u32> todo;
  for (u32 i = module.imported_functions; i < count; i++) {
    if (!claim(i)) continue;
    todo.push_back(i);
    targets.add(i);
  }
  // The last to start should not be the longest. Equal ones keep their order.
  std::sort(todo.begin(), todo.end(), [&](u32 a, u32 b) {
    const u32 size_a = module.functions[a].body_size;
    const u32 size_b = module.functions[b].body_size;
    return size_a != size_b ? size_a > size_b : a < b;
  });

  // Aligned: what one lane writes is on no line that another reads.
  struct alignas(128) Lane {
    LaneLease lease;
    std::vector<PendingCall> pending;
    Work work;
    Lane(Engine& engine, const CallTargets& targets)
        : lease(engine), work{.lane = *lease, .targets = targets, .pending = &pending} {}
  };
  std::deque<Lane> lanes;
  for (u32 i = 0; i < executor.width(); i++) lanes.emplace_back(owner_.engine(), targets);
  // A million functions may be empty: what is kept of each that succeeds is nothing.
  std::mutex failed_mutex;
  std::map<usize, Error> failed;
  executor.parallel_for(todo.size(), [&](usize i, u32 lane) {
    const Status status = compile_claimed(todo[i], lanes[lane].work);
    if (status.ok()) return;
    const std::lock_guard lock(failed_mutex);
    failed.emplace(i, status.error());
  });

  // Everything has its place now: the calls can be filled in, each lane's by itself.
  executor.parallel_for(lanes.size(), [&](usize i, u32) {
    for (const PendingCall& call : lanes[i].pending) space_->link(*lanes[i].lease->masm, call);
  });
  space_->flush_linked();
  executor.parallel_for(lanes.size(), [&](usize lane, u32) {
    for (usize i = lane; i < todo.size(); i += lanes.size()) {
      const auto error = failed.find(i);
      const bool is_ready = error == failed.end();
      finish(todo[i], is_ready ? ok_status() : Status(error->second));
      lanes[lane].work.functions_ready += is_ready;
    }
  });
  for (const Lane& lane : lanes) add_up(lane.work);
  return failed.empty() ? ok_status() : Status(failed.begin()->second);
}

CodeStats ModuleCode::stats() const {
  return {.functions_ready = functions_ready_.load(std::memory_order_relaxed),
          .code_bytes = space_->code_bytes(),
          .wasm_bytes = wasm_bytes_.load(std::memory_order_relaxed),
          .compile_ns = compile_ns_.load(std::memory_order_relaxed)};
}

// -- CompiledModule -----------------------------------------------------------------------------

CompiledModule::CompiledModule(Engine& engine, std::shared_ptr<const Module> module,
                               std::string name)
    : engine_(engine), module_(std::move(module)), name_(std::move(name)), layout_(*module_) {
  if (!module_->module_name().empty()) name_ = module_->module_name();
}

CompiledModule::~CompiledModule() = default;

Result<ModuleCode*> CompiledModule::code(MemoryClass memory_class) {
  std::atomic<ModuleCode*>& usual = usual_[static_cast<usize>(memory_class)];
  if (ModuleCode* known = usual.load(std::memory_order_acquire); known != nullptr) return known;
  ModuleCode* const made = TRY(code(options_of(memory_class, engine_.options().preempt)));
  usual.store(made, std::memory_order_release);
  return made;
}

Result<ModuleCode*> CompiledModule::code(MemoryClass memory_class, Preempt preempt) {
  if (preempt == engine_.options().preempt) return code(memory_class);
  return code(options_of(memory_class, preempt));
}

CodeOptions CompiledModule::options_of(MemoryClass memory_class, Preempt preempt) const {
  const EngineOptions& options = engine_.options();
  return {.memory_class = memory_class,
          .preempt = preempt,
          .no_homes = options.no_homes,
          .spill_all = options.spill_all,
          .deterministic = options.deterministic};
}

Result<ModuleCode*> CompiledModule::code(const CodeOptions& options) {
  const std::lock_guard lock(mutex_);
  for (const auto& variant : variants_) {
    if (variant->options() == options) return variant.get();
  }
  std::unique_ptr<ModuleCode> variant(new ModuleCode(*this, options));
  const auto functions = static_cast<u32>(module_->functions.size());
  variant->space_ =
      TRY(CodeSpace::create({.functions = functions,
                             .imported_functions = module_->imported_functions,
                             .code_bytes_max = module_->code_size * kCodeExpansion +
                                               functions * kCodeBytesPerFunction + kCodeBytesLeast},
                            engine_.stubs().addresses(), variant.get()));
  variants_.push_back(std::move(variant));
  return variants_.back().get();
}

ModuleCode::~ModuleCode() { delete instance_template(); }

const InstanceTemplate* ModuleCode::keep_template(std::unique_ptr<InstanceTemplate> made) {
  const InstanceTemplate* kept = nullptr;
  if (made != nullptr &&
      instance_template_.compare_exchange_strong(kept, made.get(), std::memory_order_acq_rel)) {
    return made.release();
  }
  return instance_template();
}

}  // namespace lr::jit
