// ProcessStore and Instance: what one process has of modules. A store owns everything that its
// instances have (memories, tables, globals, function references) until the process ends; an
// instance is never unloaded before its store. Used only by the thread that holds the process: no
// locks.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/run_state.h"
#include "jit/compiled_module.h"
#include "jit/context.h"
#include "jit/exception.h"
#include "jit/gc/heap.h"
#include "jit/host_function.h"
#include "jit/memory.h"
#include "jit/table.h"
#include "jit/unwind.h"
#include "jit/wait_queue.h"
#include "jit/zeroed.h"

namespace lr::jit {

namespace gc {
class StoreRoots;
}

class Engine;
class Instance;
class ProcessStore;

struct Global {
  GlobalType type;
  Cell* cell = nullptr;
};

struct Tag {
  TypeId type = 0;
  u32 words = 0;  // Of a payload.
};

// Something that an import can be given: one of a store's own things, or a host function.
struct Extern {
  ExternKind kind{};
  FuncRef* func = nullptr;             // Func: of this store,
  const HostFunction* host = nullptr;  //   or a host function.
  Table* table = nullptr;
  Memory* memory = nullptr;
  Global* global = nullptr;
  Tag* tag = nullptr;

  static Extern of(FuncRef* func) { return {.kind = ExternKind::Func, .func = func}; }
  static Extern of(const HostFunction* host) { return {.kind = ExternKind::Func, .host = host}; }
  static Extern of(Table* table) { return {.kind = ExternKind::Table, .table = table}; }
  static Extern of(Memory* memory) { return {.kind = ExternKind::Memory, .memory = memory}; }
  static Extern of(Global* global) { return {.kind = ExternKind::Global, .global = global}; }
  static Extern of(Tag* tag) { return {.kind = ExternKind::Tag, .tag = tag}; }
};

struct ProcessStoreOptions {
  MemoryOptions memory;          // For all memories that instances of this store define.
  bool collects_always = false;  // Test mode: every object that is made collects garbage first.
  // How its code is interrupted, if not as the engine says. A limit of fuel makes it Fuel.
  std::optional<Preempt> preempt = std::nullopt;
  u64 fuel_max = FuelAccount::kUnlimited;
  bool yields_always = false;  // Test mode: at every check.
  // How this process waits at an address; without it, it cannot. Must outlive the store.
  Waiter* waiter = nullptr;
};

class ProcessStore {
 public:
  // `run` must outlive the store; it is what contexts lead to.
  ProcessStore(Engine& engine, RunState& run, const ProcessStoreOptions& options = {});
  ~ProcessStore();
  ProcessStore(const ProcessStore&) = delete;
  ProcessStore& operator=(const ProcessStore&) = delete;

  Engine& engine() const { return engine_; }
  RunState& run() const { return run_; }
  const ProcessStoreOptions& options() const { return options_; }
  Preempt preempt() const;
  u64 fuel_used() const { return jit::fuel_used(run_, root_->bell); }

  // Makes an instance with one Extern for each of module().imports, in their order, checked
  // against the declared types (IncompatibleImport). Applies active segments in order; the error is
  // of phase Trap when one is out of bounds, and what was done before it stays, as the
  // specification says. Runs nothing: the caller invokes start() in the process.
  Result<Instance*> instantiate(const std::shared_ptr<CompiledModule>& module,
                                std::span<const Extern> imports);

  // For the next process of the same module: puts everything back to what the one instantiate()
  // made of it, so that not one byte of the last process can be seen, and keeps what is expensive.
  // False, with nothing promised about the store, when destroying it is cheaper or safer: more than
  // one instance or none, imports other than host functions, a start function that has run into
  // imported state, memories that have left their slot, that are shared, guarded and large, or
  // options of another kind. `options` replace those of the constructor (limits may differ).
  // Nothing of the process runs or is suspended. Run state: heap cursor, doorbell and request are
  // clean afterwards; the stack is ProcessStack::reset()'s.
  bool reset(const ProcessStoreOptions& options);
  // The instance that reset() keeps: the first. Null before instantiate().
  Instance* first_instance() const;
  // All bytes beside memories' and tables' contents: the store, instances, contexts, references.
  u64 bookkeeping_bytes() const;

  // Things that no module defines. A memory that only code with checks reads need not be guarded.
  Result<Memory*> add_memory(const MemoryType& type, bool is_checked = false);
  Result<Table*> add_table(const TableType& type, u64 init);
  Global* add_global(const GlobalType& type, Cell value);
  Tag* add_tag(TypeId type);
  // A reference to a host function, to be called or put into tables.
  FuncRef* host_ref(const HostFunction* host);

  // The context from which activations call: no instance, no memory.
  Context* root_context() const { return root_; }
  // The engine's thunk for a type, without its lock from the second time on.
  const void* thunk(TypeId type);

  std::span<const std::unique_ptr<Instance>> instances() const { return instances_; }
  std::span<const std::shared_ptr<Memory>> memories() const { return memories_; }
  // A shared memory of another store becomes one of this store too, for its instances to import.
  void add_shared(std::shared_ptr<Memory> memory) { memories_.push_back(std::move(memory)); }

  // The objects of the process, made at the first use; null when the system refuses the addresses.
  gc::Heap* heap();
  bool has_heap() const { return heap_ != nullptr; }
  // What the host keeps alive: references that are in none of the store's things.
  std::vector<u64>& held_references() { return held_references_; }

  UnwindCache& unwind_cache() {
    if (unwind_cache_ == nullptr) unwind_cache_ = std::make_unique<UnwindCache>();
    return *unwind_cache_;
  }

  // What the last trap's text leaves open: the reason of a CompileFailed, the exception that nobody
  // caught. Empty if there is nothing to say.
  std::string trap_detail(Trap trap) const;

  ExceptionPool exceptions;
  // What the last Trap::UncaughtException of this process was; why and to which function the last
  // Trap::CompileFailed happened.
  std::string uncaught;
  std::optional<Error> compile_error;
  std::string compile_error_function;

 private:
  void prepare_alarm();
  friend class Instance;
  friend class gc::StoreRoots;

  Status use_types(const Module& module);

  Engine& engine_;
  RunState& run_;
  ProcessStoreOptions options_;
  Context* root_ = nullptr;
  std::vector<std::unique_ptr<Instance>> instances_;
  std::vector<std::shared_ptr<Memory>> memories_;
  std::vector<std::unique_ptr<Table>> tables_;
  std::deque<Global> globals_;
  std::deque<Tag> tags_;
  std::deque<Cell> cells_;  // Of globals that no module defines.
  std::deque<FuncRef> host_refs_;
  std::unordered_map<TypeId, const void*> thunks_;
  std::vector<u64> held_references_;
  std::unique_ptr<gc::Roots> roots_;
  std::unique_ptr<gc::Heap> heap_;
  std::unique_ptr<UnwindCache> unwind_cache_;
};

class Instance {
 public:
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  ProcessStore& store() const { return store_; }
  const Module& module() const { return compiled_->module(); }
  CompiledModule& compiled() const { return *compiled_; }
  ModuleCode& code() const { return *code_; }
  Context* context() const { return context_; }

  // The reference to a function, made at the first call. Null never.
  FuncRef* func(u32 index);
  Memory& memory(u32 index) const { return *memories_[index]; }
  Table& table(u32 index) const { return *tables_[index]; }
  Global* global(u32 index);
  // Where the global's value is, in this instance or its owner's.
  Cell* global_cell(u32 index);
  Tag* tag(u32 index) const { return tags_[index]; }
  // The start function, or null.
  FuncRef* start();

  std::optional<Extern> find_export(std::string_view name);

  // Passive segments, empty once dropped.
  std::span<const u8> data_segment(u32 index) const;
  u32 element_count(u32 index) const;
  // Element `at` of a segment, as a table holds it; it is in range.
  u64 element(u32 segment, u32 at);
  void drop_data(u32 index) { dropped_data_[index] = true; }
  void drop_element(u32 index) {
    dropped_elements_[index] = true;
    if (!element_values_.empty()) element_values_[index] = {};
  }

  // `index` has become ready: references that led to its stub lead to its code.
  void refresh(u32 index);

 private:
  friend class ProcessStore;
  friend class gc::StoreRoots;

  Instance(ProcessStore& store, std::shared_ptr<CompiledModule> compiled);

  // The steps of instantiation, in order.
  Status link(std::span<const Extern> imports);
  Status choose_code();
  Status make_context();
  Status make_memories();
  Status make_tables();
  Status make_globals();
  void make_tags();
  void fill_import_slots();
  Status make_elements();
  Status apply_elements();
  Status apply_data();

  FuncRef* make_func_ref(u32 index);

  ProcessStore& store_;
  std::shared_ptr<CompiledModule> compiled_;
  ModuleCode* code_ = nullptr;
  Context* context_ = nullptr;
  std::vector<Extern> imports_;  // Functions only, by index, once linked.
  std::vector<Memory*> memories_;
  std::vector<Table*> tables_;
  std::vector<Global*> globals_;  // Those of this module are made when asked for.
  std::vector<Tag*> tags_;
  ZeroedArray<FuncRef*> func_refs_;  // By function index.
  std::deque<FuncRef> own_refs_;
  std::vector<bool> dropped_data_;
  std::vector<bool> dropped_elements_;
  // By segment: the values of expressions whose objects must be the same at each use. Empty if no
  // segment has any.
  std::vector<std::vector<u64>> element_values_;
};

// Finds externs by name. The usual way to instantiate: all names that are missing are in one
// error (UnknownImport).
class Resolver {
 public:
  virtual ~Resolver() = default;
  virtual std::optional<Extern> resolve(const Module& module, const Import& import) = 0;
};
Result<std::vector<Extern>> resolve_imports(const Module& module, Resolver& resolver);

// "(func (param i32) (result i32))", "(memory 1 2)", ...: the declared type of an import.
std::string describe_import(const Module& module, const Import& import);

}  // namespace lr::jit
