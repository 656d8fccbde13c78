#include "host/linked_module.h"

#include <utility>

#include "frontend/type_registry.h"
#include "host/process.h"
#include "jit/link.h"
#include "sched/os.h"

namespace lr {

// --- WarmProcesses. A shelf's lock is taken by its worker nearly always: an uncontended exchange.

class WarmProcesses::Lock {
 public:
  explicit Lock(Shelf& shelf) : shelf_(shelf) {
    while (shelf.locked.exchange(true, std::memory_order_acquire)) sched::cpu_relax();
  }
  ~Lock() { shelf_.locked.store(false, std::memory_order_release); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Shelf& shelf_;
};

std::unique_ptr<Process> WarmProcesses::take_from(Shelf& shelf) {
  const Lock lock(shelf);
  Process* const process = shelf.first;
  if (process == nullptr) return nullptr;
  shelf.first = std::exchange(process->warm_next_, nullptr);
  --shelf.count;
  return std::unique_ptr<Process>(process);
}

std::unique_ptr<Process> WarmProcesses::take(u32 worker) {
  for (u32 i = 0; i < kShelves; ++i) {
    Shelf& shelf = shelves_[(worker + i) % kShelves];
    // Looking is cheap; only a shelf with something on it is locked.
    if (__atomic_load_n(&shelf.count, __ATOMIC_RELAXED) == 0) continue;
    if (auto process = take_from(shelf)) return process;
  }
  return nullptr;
}

void WarmProcesses::put(std::unique_ptr<Process> process, u32 worker) {
  Shelf& shelf = shelves_[worker % kShelves];
  const Lock lock(shelf);
  if (shelf.count >= kShelfMax || closed_.load(std::memory_order_relaxed)) return;
  process->warm_next_ = shelf.first;
  shelf.first = process.release();
  __atomic_store_n(&shelf.count, shelf.count + 1, __ATOMIC_RELAXED);
}

void WarmProcesses::close() {
  closed_.store(true, std::memory_order_relaxed);
  clear();
}

void WarmProcesses::clear() {
  for (Shelf& shelf : shelves_) {
    while (take_from(shelf) != nullptr) continue;
  }
}

// --- LastEnded.

LastEnded::~LastEnded() = default;

std::unique_ptr<Process> LastEnded::take(const LinkedModule& module) {
  if (process_ == nullptr || process_->module().get() != &module) return nullptr;
  return std::move(process_);
}

void LastEnded::put(std::unique_ptr<Process> process, u32 worker) {
  std::swap(process_, process);
  if (process == nullptr) return;
  // A process on a shelf does not keep its module, which has the shelf.
  const ModuleRef module = std::move(process->module_);
  module->warm().put(std::move(process), worker);
}

// --- LinkedModule.

LinkedModule::LinkedModule(std::shared_ptr<jit::CompiledModule> compiled,
                           std::vector<jit::Extern> imports)
    : compiled_(std::move(compiled)), imports_(std::move(imports)) {
  const Module& of = compiled_->module();
  for (const Export& exported : of.exports) {
    if (exported.kind != ExternKind::Func) continue;
    const TypeId type = of.functions[exported.index].type;
    entries_.emplace(exported.name, EntryPoint{exported.name, exported.index,
                                               jit::value_words(type), &defined_type(type)});
  }
}

Result<ModuleRef> LinkedModule::create(std::shared_ptr<jit::CompiledModule> module,
                                       HostLinker& linker) {
  jit::Resolver* const resolvers[] = {&linker};
  std::vector<jit::Extern> imports = TRY(link_imports(module->module(), resolvers));
  for (usize i = 0; i < imports.size(); ++i) {
    TRY(jit::check_import(module->module(), module->module().imports[i], imports[i]));
  }
  return ModuleRef(new LinkedModule(std::move(module), std::move(imports)));
}

const EntryPoint* LinkedModule::find_entry(std::string_view export_name) const {
  const auto found = entries_.find(export_name);
  if (found == entries_.end()) return nullptr;
  last_.store(&found->second, std::memory_order_relaxed);
  return &found->second;
}

}  // namespace lr
