// ProcessStore and Instance: what one process has of modules. A store owns everything that its
// instances have (memories, tables, globals, function references) until the process ends; an
// instance is never unloaded before its store. Used only by the thread that holds the process: no
// locks.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
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

namespace lr::jit {

namespace gc {
class StoreRoots;
}

class Engine;
class Instance;
class InstanceTemplate;
class ProcessStore;

struct Global {
  Global(const GlobalType& of, Cell* at) : type(of), cell(at) {}
  GlobalType type;
  Cell* cell;
};

struct Tag {
  TypeId type = 0;
  u32 words = 0;  // Of a payload.

  static Tag of(TypeId type);
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
  Preempt preempt() const { return preempt_of(options_); }
  u64 fuel_used() const { return jit::fuel_used(run_, root_->bell); }

  // Makes an instance with one Extern for each of module().imports, in their order, checked
  // against the declared types (IncompatibleImport). Applies active segments in order; the error is
  // of phase Trap when one is out of bounds, and what was done before it stays, as the
  // specification says. Runs nothing: the caller invokes start() in the process.
  // When all imports are host functions, what comes out is remembered with the module's code, and
  // further instances with the same imports are copies (jit/instance_template.h).
  Result<Instance*> instantiate(const std::shared_ptr<CompiledModule>& module,
                                std::span<const Extern> imports);

  // For the next process of the same module: puts everything back to what the one instantiate()
  // made of it, so that not one byte of the last process can be seen, and keeps what is expensive.
  // False, with nothing promised about the store, when destroying it is cheaper or safer: not
  // exactly one instance, imports other than host functions, initial values that are objects, a
  // memory that has left its slot, is guarded or shared, a large table. Nothing of the process runs
  // or is suspended. Of the run state, heap cursor, doorbell and request are clean afterwards; the
  // stack is ProcessStack::reset()'s.
  bool reset();
  // Of a store in which nothing has run yet, or nothing since reset(): `options` replace those of
  // the constructor. False, with nothing changed, unless they differ in limits alone.
  bool adopt(const ProcessStoreOptions& options);
  // All bytes beside the contents of memories: the store, instances, contexts, tables, references.
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
  const void* thunk(TypeId type) { return type == thunk_type_ ? thunk_ : find_thunk(type); }

  // In the order in which they were made: first_instance(), then Instance::next(); or null.
  Instance* first_instance() const { return instances_; }
  // All memories that the store owns or shares.
  template <typename F>
  void for_each_memory(F&& f);
  // Those of instances' own that are shared, and of other stores; in the order in which they came.
  std::span<const std::shared_ptr<Memory>> shared_memories() const;
  // A shared memory of another store becomes one of this store too, for its instances to import.
  void add_shared(std::shared_ptr<Memory> memory);

  // The objects of the process, made at the first use; null when the system refuses the addresses.
  gc::Heap* heap();
  bool has_heap() const { return extras_ != nullptr && extras_->heap != nullptr; }
  // What the host keeps alive: references that are in none of the store's things.
  std::vector<u64>& held_references() { return extras().held_references; }
  ExceptionPool& exceptions() { return extras().exceptions; }
  UnwindCache& unwind_cache();

  // What the last trap's text leaves open: the reason of a CompileFailed, the exception that nobody
  // caught. Empty if there is nothing to say.
  std::string trap_detail(Trap trap) const;
  // What it is: of the last Trap::UncaughtException; of the last Trap::CompileFailed.
  void set_uncaught(std::string exception) { extras().uncaught = std::move(exception); }
  void set_compile_error(Error error, std::string function);
  // Null if there was none.
  const Error* compile_error() const;

 private:
  friend class Instance;
  friend class InstanceTemplate;
  friend class gc::StoreRoots;

  struct HostTable {
    explicit HostTable(const TableType& of) : type(of), table(type) {}
    TableType type;
    Table table;
  };
  // What most processes never have.
  struct Extras {
    std::vector<std::shared_ptr<Memory>> memories;  // Of no module, and shared ones.
    std::vector<std::unique_ptr<HostTable>> tables;
    std::vector<std::unique_ptr<Global>> globals;  // Of no module, and exported ones.
    std::vector<std::unique_ptr<Cell>> cells;      // Of globals that no module defines.
    std::vector<std::unique_ptr<Tag>> tags;        // Of no module.
    std::vector<std::unique_ptr<FuncRef>> host_refs;
    std::vector<u64> held_references;
    ExceptionPool exceptions;
    std::unique_ptr<gc::Roots> roots;
    std::unique_ptr<gc::Heap> heap;
    std::unique_ptr<UnwindCache> unwind_cache;
    std::string uncaught;
    std::optional<Error> compile_error;
    std::string compile_error_function;
  };

  Extras& extras() {
    if (extras_ == nullptr) make_extras();
    return *extras_;
  }
  void make_extras();
  void append(Instance& instance);
  Preempt preempt_of(const ProcessStoreOptions& options) const;
  void prepare_alarm();
  // Of an instance that defines its own memories.
  Result<ModuleCode*> usual_code(CompiledModule& compiled) const;
  Status use_types(const Module& module);
  const void* find_thunk(TypeId type);

  Engine& engine_;
  RunState& run_;
  ProcessStoreOptions options_;
  Context* root_ = nullptr;
  Instance* instances_ = nullptr;
  Instance* last_ = nullptr;
  std::unique_ptr<Extras> extras_;
  const void* thunk_ = nullptr;  // Of the type that was called last.
  TypeId thunk_type_ = kNoType;
};

// Function references of an instance, by function: made on demand, at stable addresses.
class FuncRefMap {
 public:
  FuncRefMap() = default;
  ~FuncRefMap();
  FuncRefMap(const FuncRefMap&) = delete;
  FuncRefMap& operator=(const FuncRefMap&) = delete;

  // Null if there is none yet.
  FuncRef* find(u32 function) const;
  void add(u32 function, FuncRef* ref, bool is_owned);
  template <typename F>
  void for_each(F&& f) const {
    for (u32 i = 0; i < capacity_; i++) {
      if (entries_[i].ref != nullptr) f(entries_[i].function, entries_[i].ref);
    }
  }
  u64 bookkeeping_bytes() const;

 private:
  struct Entry {
    FuncRef* ref;
    u32 function;
    bool is_owned;
  };
  u32 place_of(u32 function) const { return function * 0x9e37'79b1u & (capacity_ - 1); }
  void insert(const Entry& entry);

  std::unique_ptr<Entry[]> entries_;  // Open addressing, at most three quarters full.
  u32 count_ = 0;
  u32 capacity_ = 0;  // A power of two, or 0.
};

// An instance and those memories, tables and tags that its module defines are one piece of memory:
//
//   Instance | Memory[own] | Table[own] | Tag[own]
class Instance {
 public:
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  // In its context.
  template <typename T>
  T* at_offset(i32 offset) const {
    return reinterpret_cast<T*>(reinterpret_cast<u8*>(context_) + offset);
  }

  ProcessStore& store() const { return store_; }
  Instance* next() const { return next_; }
  const Module& module() const { return compiled_->module(); }
  CompiledModule& compiled() const { return *compiled_; }
  ModuleCode& code() const { return *code_; }
  Context* context() const { return context_; }

  // The reference to a function, made at the first call. Null never.
  FuncRef* func(u32 index) {
    FuncRef* ref = func_refs_.find(index);
    return ref != nullptr ? ref : make_func_ref(index);
  }
  Memory& memory(u32 index) const {
    return Memory::of(at_offset<MemoryView*>(compiled_->layout().memories)[index]);
  }
  // One that is private to the module may belong to all instances: its elements then are no
  // references of this one, and good for calls alone.
  Table& table(u32 index) const {
    return Table::of(at_offset<TableView*>(compiled_->layout().tables)[index]);
  }
  Global* global(u32 index);
  // Where the global's value is, in this instance or its owner's.
  Cell* global_cell(u32 index);
  Tag* tag(u32 index) const;
  // The start function, or null.
  FuncRef* start();

  std::optional<Extern> find_export(std::string_view name);

  // Passive segments, empty once dropped.
  std::span<const u8> data_segment(u32 index) const;
  u32 element_count(u32 index) const;
  // Element `at` of a segment, as a table holds it; it is in range.
  u64 element(u32 segment, u32 at);
  void drop_data(u32 index);
  void drop_element(u32 index);

  // `index` has become ready: references that led to its stub lead to its code.
  void refresh(u32 index);

  u64 bookkeeping_bytes() const;
  // Of the largest memory that it defines.
  u64 initial_bytes() const;

 private:
  friend class ProcessStore;
  friend class InstanceTemplate;
  friend class gc::StoreRoots;

  // What only instances have whose imports are more than host functions, or that others import
  // from, or whose segments hold objects.
  struct Cold {
    std::vector<Extern> functions;  // Imported ones, by index.
    std::vector<Memory*> memories;  // Imported ones first.
    std::vector<Table*> tables;
    std::vector<Global*> globals;  // Those of this module are made when asked for.
    std::vector<Tag*> tags;        // Imported ones.
    // By segment: the values of expressions whose objects must be the same at each use. Empty if
    // no segment has any.
    std::vector<std::vector<u64>> element_values;
  };

  Instance(ProcessStore& store, std::shared_ptr<CompiledModule> compiled);
  ~Instance();
  // With room for so many tables of its own, for all other things that its module defines, and
  // with none of them yet.
  static Instance* allocate(ProcessStore& store, const std::shared_ptr<CompiledModule>& compiled,
                            u32 tables);
  static void destroy(Instance* instance);

  Cold& cold() {
    if (cold_ == nullptr) cold_ = std::make_unique<Cold>();
    return *cold_;
  }
  // Behind the instance, not in it: not const because that is.
  Memory* own_memories() const {
    return reinterpret_cast<Memory*>(const_cast<Instance*>(this) + 1);
  }
  Table* own_tables() const;
  Tag* own_tags() const;
  u64 block_bytes() const;
  void leave_context();

  // Instantiation in two halves: what fails in the first one leaves nothing behind.
  Status prepare(std::span<const Extern> imports);
  Status initialise();
  // Their steps, in order.
  Status link(std::span<const Extern> imports);
  Status choose_code();
  Status make_context();
  void fill_import_slots(std::span<const Extern> imports);
  Status make_memories();
  Status make_memory(u32 index, MemoryClass memory_class);
  Status make_globals();
  Status make_tables();
  Status make_table(u32 index, u64 init);
  void make_tags();
  Status make_elements();
  Status apply_elements();
  Status apply_data();

  FuncRef* make_func_ref(u32 index);
  const HostFunction* host_import(u32 index) const;
  bool is_dropped(u64 bit) const;
  void forget_values(u32 segment);
  void drop(u64 bit);
  // Instantiation has failed at this one: it and those behind it are not dropped.
  void keep_segments(u64 first_kept);
  bool is_initially_dropped(u64 bit) const;

  ProcessStore& store_;
  std::shared_ptr<CompiledModule> compiled_;
  ModuleCode* code_ = nullptr;
  Context* context_ = nullptr;
  const InstanceTemplate* template_ = nullptr;  // What it is a copy of, or what was made of it.
  Instance* next_ = nullptr;
  FuncRefMap func_refs_;
  // One bit for each element segment, then for each data segment; null before any but active and
  // declarative ones has been dropped.
  std::unique_ptr<u64[]> dropped_;
  std::unique_ptr<Cold> cold_;
  u32 table_room_ = 0;
  u32 tables_made_ = 0;
  u32 memories_made_ = 0;  // Shared ones are elsewhere.
};

template <typename F>
void ProcessStore::for_each_memory(F&& f) {
  for (Instance* instance = instances_; instance != nullptr; instance = instance->next()) {
    for (u32 i = 0; i < instance->memories_made_; i++) f(instance->own_memories()[i]);
  }
  if (extras_ == nullptr) return;
  for (const auto& memory : extras_->memories) f(*memory);
}

std::unique_ptr<FuncRef> make_host_ref(Engine& engine, const HostFunction* host);
// There is no room for a stub of one more shape.
Error out_of_stubs();

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
