// InstanceTemplate: what all instances of a module's code have in common when they are given the
// same host functions and nothing else: import slots, values of globals, tables that are only
// called through, where data and elements go. Recorded from the first such instance, read-only but
// for code addresses of its references, kept with the ModuleCode. Any thread.
//
// The elements of a shared table lead to functions of whatever instance calls: their FuncRefs have
// no context, and the entry from elsewhere (cross_code) is the function itself, since nobody calls
// through such a table but the module's own code.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "jit/instance.h"

namespace lr::jit {

class InstanceTemplate {
 public:
  // Of an instance that has just been made with these imports. Null if others cannot be copies of
  // it: imports of other kinds, shared memories, initial values that are objects, large tables.
  static std::unique_ptr<InstanceTemplate> record(Instance& instance,
                                                  std::span<const Extern> imports);
  InstanceTemplate(const InstanceTemplate&) = delete;
  InstanceTemplate& operator=(const InstanceTemplate&) = delete;

  bool fits(std::span<const Extern> imports) const;

  // What ProcessStore::instantiate() promises, for imports that fit.
  Result<Instance*> instantiate(ProcessStore& store,
                                const std::shared_ptr<CompiledModule>& compiled) const;

  // Gives memories, globals, tables and segments of one of its instances their initial contents.
  // False if that is not possible; the instance is then good for nothing.
  bool reset(Instance& instance) const;

  // A function has become ready.
  void refresh(u32 function, const void* entry) const;

 private:
  // A table of which every instance has its own.
  struct OwnTable {
    u32 index;
    std::vector<u32> functions;  // By element: 1 + its index, 0 for null. Empty: all null.
  };
  struct FuncGlobal {
    u32 global;
    u32 function;
  };
  class Recorder;

  InstanceTemplate() = default;
  Status fill(Instance& instance) const;
  void set_elements(Instance& instance, const OwnTable& table) const;
  void set_globals(Instance& instance) const;

  std::vector<const HostFunction*> hosts_;
  ModuleCode* code_ = nullptr;
  MemoryClass memory_class_{};
  const void* heap_types_ = nullptr;
  std::vector<u8> context_;  // From kImportsOffset on.
  std::vector<FuncGlobal> func_globals_;
  std::vector<DataImage> data_;  // By memory.
  std::vector<OwnTable> own_tables_;
  std::vector<std::unique_ptr<Table>> shared_tables_;
  mutable std::vector<FuncRef> shared_refs_;  // By function.
};

}  // namespace lr::jit
