// The store and its instances (specification section 4.2): everything that modules have while they
// run. A store owns all of it, objects on the heap included, until the store itself goes; nothing
// is collected before.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "frontend/module.h"
#include "frontend/type_registry.h"
#include "spec-tests/interpreter/code.h"
#include "spec-tests/interpreter/object.h"
#include "spec-tests/interpreter/trap.h"
#include "spec-tests/interpreter/value.h"

namespace lr::interp {

class Machine;
struct ModuleInst;

// A function that is not WebAssembly. Gets its arguments and leaves its results.
struct HostFunction {
  TypeId type = 0;
  Trap (*body)(void* state, std::span<const Value> args, std::span<Value> results) = nullptr;
  void* state = nullptr;
};

struct alignas(16) FuncInst {
  TypeId type = 0;
  u32 index = 0;                 // In its module.
  ModuleInst* module = nullptr;  // Null for the host's.
  const HostFunction* host = nullptr;
  std::unique_ptr<const Code> code;  // Once it has been called.
};

inline FuncInst& func_of(Ref ref) { return *reinterpret_cast<FuncInst*>(ref); }
inline Ref ref_of(FuncInst* func) { return reinterpret_cast<Ref>(func); }

struct TableInst {
  TableType type;  // The minimum is the present size.
  std::vector<Ref> elements;
};

// Bytes, all of them zero at first. Their number may be large: pages nobody writes cost nothing.
class MemInst {
 public:
  MemInst(const MemoryType& type, u64 bytes_max) : type_(type), bytes_max_(bytes_max) {}
  ~MemInst();
  MemInst(const MemInst&) = delete;
  MemInst& operator=(const MemInst&) = delete;

  const MemoryType& type() const { return type_; }  // The minimum is the present size.
  u64 size_bytes() const { return size_bytes_; }
  u64 size_pages() const { return size_bytes_ >> type_.page_size_log2; }
  u8* data() const { return data_; }
  // False beyond the type's maximum or the store's, or if the host has no memory.
  bool grow(u64 pages);

 private:
  MemoryType type_;
  u64 bytes_max_;
  u8* data_ = nullptr;
  u64 size_bytes_ = 0;
  u64 capacity_ = 0;
};

struct GlobalInst {
  GlobalType type;
  Value value;
};

struct TagInst {
  TypeId type = 0;
};

// An external value: what is imported and exported.
struct Extern {
  ExternKind kind{};
  FuncInst* func = nullptr;
  TableInst* table = nullptr;
  MemInst* memory = nullptr;
  GlobalInst* global = nullptr;
  TagInst* tag = nullptr;
};

struct ModuleInst {
  std::shared_ptr<const Module> module;
  // Index spaces, imports first.
  std::vector<FuncInst*> funcs;
  std::vector<TableInst*> tables;
  std::vector<MemInst*> memories;
  std::vector<GlobalInst*> globals;
  std::vector<TagInst*> tags;
  std::vector<std::vector<Ref>> elements;  // Empty once dropped.
  std::vector<std::span<const u8>> data;   // Empty once dropped.
  std::vector<FuncInst> own_funcs;

  TypeId type(u64 index) const { return module->types[index]; }
  std::optional<Extern> find_export(std::string_view name) const;
};

struct StoreOptions {
  u64 fuel = ~u64{0};  // Instructions that may be executed in all.
  u32 calls_max = 20'000;
  u32 values_max = 1'000'000;       // On the stack: operands and locals.
  u64 memory_bytes_max = 8 * kGiB;  // Of one memory.
  u64 table_elements_max = 10'000'000;
  u64 heap_bytes_max = kGiB;  // Objects and exceptions together.
};

// How a computation ended.
struct Outcome {
  enum class Kind : u8 {
    Returned,
    Trapped,
    Thrown,     // An exception that nobody caught.
    OutOfFuel,  // Or it waits for ever.
  };
  Kind kind = Kind::Returned;
  Trap trap = Trap::None;
  Exception* exception = nullptr;

  bool returned() const { return kind == Kind::Returned; }
};

class Store {
 public:
  explicit Store(const StoreOptions& options = {});
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Allocation by the host.
  FuncInst* add_func(const HostFunction& host);
  TableInst* add_table(const TableType& type, Ref init);
  MemInst* add_memory(const MemoryType& type);  // Null if it cannot be had.
  GlobalInst* add_global(const GlobalType& type, Value value);
  TagInst* add_tag(TypeId type);

  // Instantiates (section 4.7.3): one extern for each import, checked against what is declared
  // (IncompatibleImport), then globals, tables, segments and the start function. How that ended is
  // in the outcome; the instance is there in any case, as functions of it may be in tables already.
  struct Instantiated {
    ModuleInst* instance = nullptr;
    Outcome outcome;
  };
  Result<Instantiated> instantiate(std::shared_ptr<const Module> module,
                                   std::span<const Extern> imports);

  // Invokes (section 4.7.4). The arguments are of the function's types.
  Outcome invoke(FuncInst& func, std::span<const Value> args, std::vector<Value>& results);

  const StoreOptions& options() const { return options_; }
  ObjectHeap& heap() { return heap_; }
  u64 fuel() const;
  void set_fuel(u64 fuel);
  std::span<const std::unique_ptr<ModuleInst>> instances() const { return modules_; }

 private:
  friend class Instantiation;

  StoreOptions options_;
  ObjectHeap heap_;
  std::deque<FuncInst> host_funcs_;
  std::deque<HostFunction> hosts_;
  std::deque<TableInst> tables_;
  std::deque<MemInst> memories_;
  std::deque<GlobalInst> globals_;
  std::deque<TagInst> tags_;
  std::vector<std::unique_ptr<ModuleInst>> modules_;
  std::unique_ptr<Machine> machine_;
};

}  // namespace lr::interp
