// ProcessStore: what the instances of a process share, its recycling and its size.
#include <algorithm>

#include "frontend/type_registry.h"
#include "jit/context_pool.h"
#include "jit/engine.h"
#include "jit/gc/store_roots.h"
#include "jit/instance.h"
#include "jit/instance_template.h"
#include "jit/stubs.h"

namespace lr::jit {

ProcessStore::ProcessStore(Engine& engine, RunState& run, const ProcessStoreOptions& options)
    : engine_(engine), run_(run), options_(options) {
  root_ = context_pool().acquire(sizeof(Context));
  CHECK(root_ != nullptr);
  root_->run = &run;
  prepare_alarm();
}

Preempt ProcessStore::preempt_of(const ProcessStoreOptions& options) const {
  if (options.fuel_max != FuelAccount::kUnlimited) return Preempt::Fuel;
  return options.preempt.value_or(engine_.options().preempt);
}

// Nothing has run, or nothing of what has will go on.
void ProcessStore::prepare_alarm() {
  run_.alarm.store(&alarm_of(preempt(), options_.yields_always), std::memory_order_relaxed);
  run_.fuel = {.granted = 0, .limit = options_.fuel_max};
  root_->bell.alarm.store(0, std::memory_order_relaxed);
}

ProcessStore::~ProcessStore() {
  run_.doorbell.store(nullptr, std::memory_order_release);
  // Memories and tables may belong to others than those that use them.
  for (Instance* instance = instances_; instance != nullptr; instance = instance->next_) {
    instance->leave_context();
  }
  while (instances_ != nullptr) Instance::destroy(std::exchange(instances_, instances_->next_));
  context_pool().release(root_, sizeof(Context));
}

Result<Instance*> ProcessStore::instantiate(const std::shared_ptr<CompiledModule>& module,
                                            std::span<const Extern> imports) {
  const Module& m = module->module();
  if (m.imported_memories == 0) {
    const InstanceTemplate* const known = TRY(usual_code(*module))->instance_template();
    if (known != nullptr && known->fits(imports)) return known->instantiate(*this, module);
  }
  const auto tables = static_cast<u32>(m.tables.size()) - m.imported_tables;
  Instance& instance = *Instance::allocate(*this, module, tables);
  Status linked = instance.prepare(imports);
  if (!linked.ok()) {
    Instance::destroy(&instance);
    return std::move(linked.error());
  }
  // From here on others may refer to the instance, so it stays even if it fails.
  append(instance);
  TRY(instance.initialise());
  if (instance.code().instance_template() == nullptr) {
    instance.template_ = instance.code().keep_template(InstanceTemplate::record(instance, imports));
    // Another thread's may be of other imports.
    if (instance.template_ != nullptr && !instance.template_->fits(imports)) {
      instance.template_ = nullptr;
    }
  }
  return &instance;
}

// Unchecked code runs only on a memory that is guarded.
Result<ModuleCode*> ProcessStore::usual_code(CompiledModule& compiled) const {
  const Module& m = compiled.module();
  if (m.memories.empty()) return compiled.code(MemoryClass::Guarded, preempt());
  return compiled.code(Memory::class_for(m.memories[0], options_.memory.memory_class), preempt());
}

void ProcessStore::append(Instance& instance) {
  if (last_ == nullptr) {
    instances_ = &instance;
  } else {
    last_->next_ = &instance;
  }
  last_ = &instance;
}

bool ProcessStore::reset() {
  Instance* const instance = instances_;
  if (instance == nullptr || instance != last_ || instance->template_ == nullptr) return false;
  if (!instance->template_->reset(*instance)) return false;
  if (extras_ != nullptr) {
    // Says nothing of the process, only of the code.
    auto unwind_cache = std::move(extras_->unwind_cache);
    extras_.reset();
    if (unwind_cache != nullptr) extras().unwind_cache = std::move(unwind_cache);
  }
  for (Context* context : {root_, instance->context_}) {
    context->bell.alarm.store(0, std::memory_order_relaxed);
  }
  root_->activation = 0;
  run_.fuel.granted = 0;
  run_.heap_cursor = run_.heap_limit = 0;
  run_.trap_code = run_.stack_need = 0;
  run_.doorbell.store(nullptr, std::memory_order_release);
  run_.request.store(0, std::memory_order_relaxed);
  return true;
}

bool ProcessStore::adopt(const ProcessStoreOptions& options) {
  const MemoryOptions& before = options_.memory;
  const MemoryOptions& now = options.memory;
  if (before.source != now.source || before.memory_class != now.memory_class ||
      before.exact_extent != now.exact_extent || before.move_always != now.move_always ||
      options_.collects_always != options.collects_always || options_.waiter != options.waiter ||
      preempt_of(options_) != preempt_of(options)) {
    return false;
  }
  if (instances_ != nullptr && now.size_max < instances_->initial_bytes()) return false;
  options_ = options;
  prepare_alarm();
  return true;
}

u64 ProcessStore::bookkeeping_bytes() const {
  u64 bytes = sizeof(ProcessStore) + sizeof(Context);
  for (const Instance* instance = instances_; instance != nullptr; instance = instance->next_) {
    bytes += instance->bookkeeping_bytes();
  }
  if (extras_ == nullptr) return bytes;
  const Extras& extras = *extras_;
  bytes += sizeof extras + extras.exceptions.held_bytes();
  for (const auto& memory : extras.memories) bytes += memory->bookkeeping_bytes();
  for (const auto& table : extras.tables) bytes += sizeof *table + table->table.element_bytes();
  bytes += extras.globals.size() * sizeof(Global) + extras.cells.size() * sizeof(Cell) +
           extras.tags.size() * sizeof(Tag) + extras.host_refs.size() * sizeof(FuncRef) +
           extras.held_references.capacity() * 8;
  if (extras.heap != nullptr) bytes += sizeof(gc::Heap) + sizeof(gc::StoreRoots);
  if (extras.unwind_cache != nullptr) bytes += sizeof(UnwindCache);
  return bytes;
}

// -- What few processes have --------------------------------------------------------------------

void ProcessStore::make_extras() { extras_ = std::make_unique<Extras>(); }

Result<Memory*> ProcessStore::add_memory(const MemoryType& type, bool is_checked) {
  MemoryOptions options = options_.memory;
  if (is_checked) options.memory_class = MemoryClass::Dense;
  extras().memories.push_back(TRY(Memory::create(type, options)));
  return extras().memories.back().get();
}

std::span<const std::shared_ptr<Memory>> ProcessStore::shared_memories() const {
  if (extras_ == nullptr) return {};
  return extras_->memories;
}

void ProcessStore::add_shared(std::shared_ptr<Memory> memory) {
  extras().memories.push_back(std::move(memory));
}

Result<Table*> ProcessStore::add_table(const TableType& type, u64 init) {
  auto made = std::make_unique<HostTable>(type);
  TRY(made->table.start(init));
  extras().tables.push_back(std::move(made));
  return &extras().tables.back()->table;
}

Global* ProcessStore::add_global(const GlobalType& type, Cell value) {
  Extras& extras = this->extras();
  extras.cells.push_back(std::make_unique<Cell>(value));
  extras.globals.push_back(std::make_unique<Global>(type, extras.cells.back().get()));
  return extras.globals.back().get();
}

Tag* ProcessStore::add_tag(TypeId type) {
  extras().tags.push_back(std::make_unique<Tag>(Tag::of(type)));
  return extras().tags.back().get();
}

FuncRef* ProcessStore::host_ref(const HostFunction* host) {
  extras().host_refs.push_back(make_host_ref(engine_, host));
  return extras().host_refs.back().get();
}

std::unique_ptr<FuncRef> make_host_ref(Engine& engine, const HostFunction* host) {
  const DefinedType& type = defined_type(host->type);
  return std::make_unique<FuncRef>(FuncRef{.code = host,
                                           .cross_code = engine.stubs().host_ref(host->type),
                                           .type = host->type,
                                           .display = type.display.data(),
                                           .depth = type.depth});
}

UnwindCache& ProcessStore::unwind_cache() {
  auto& cache = extras().unwind_cache;
  if (cache == nullptr) cache = std::make_unique<UnwindCache>();
  return *cache;
}

gc::Heap* ProcessStore::heap() {
  Extras& extras = this->extras();
  if (extras.heap == nullptr) {
    MemorySource& source =
        options_.memory.source != nullptr ? *options_.memory.source : MemorySource::plain();
    extras.roots = std::make_unique<gc::StoreRoots>(*this);
    extras.heap = gc::Heap::create(run_, source, *extras.roots, options_.collects_always);
  }
  return extras.heap.get();
}

// Casts and objects look types up in a table.
Status ProcessStore::use_types(const Module& module) {
  if (!module.features.has(Feature::Gc) || module.types.empty()) return ok_status();
  gc::TypeTable* types = gc::TypeTable::get();
  if (types == nullptr)
    return make_error(Err::SystemError, "no addresses for the types of objects");
  types->add(module);
  run_.heap_types = types->rows();
  return ok_status();
}

const void* ProcessStore::find_thunk(TypeId type) {
  const void* const thunk = engine_.stubs().thunk(type);
  if (engine_.stubs().is_refusal(thunk)) {
    set_compile_error(out_of_stubs(), "");
  } else {
    thunk_type_ = type;
    thunk_ = thunk;
  }
  return thunk;
}

// -- What went wrong ----------------------------------------------------------------------------

Error out_of_stubs() { return make_error(Err::LimitExceeded, "too many shapes of signatures"); }

void ProcessStore::set_compile_error(Error error, std::string function) {
  extras().compile_error = std::move(error);
  extras().compile_error_function = std::move(function);
}

const Error* ProcessStore::compile_error() const {
  return extras_ != nullptr && extras_->compile_error ? &*extras_->compile_error : nullptr;
}

std::string ProcessStore::trap_detail(Trap trap) const {
  if (extras_ == nullptr) return "";
  if (trap == Trap::CompileFailed && extras_->compile_error) {
    return extras_->compile_error_function + ": " + extras_->compile_error->message();
  }
  return trap == Trap::UncaughtException ? extras_->uncaught : "";
}

}  // namespace lr::jit
