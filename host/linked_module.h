// A module linked against the host functions: what processes are spawned from. And the processes of
// it that have ended and may live again: one that comes from here has its slot, its instance and
// its code at hand and needs no system call, no page fault and no linking.
#pragma once

#include <atomic>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "host/linker.h"
#include "host/memory_class.h"
#include "jit/compiled_module.h"
#include "jit/instance.h"

namespace lr {

class LinkedModule;
class Process;

// An exported function, as spawning wants to know it.
struct EntryPoint {
  std::string_view name;  // The module's.
  u32 index = 0;
  u32 value_words = 0;  // See jit/invoke.h.
  const DefinedType* type = nullptr;
};

// Ended processes, ready to be used again: a few lists, one for each worker that has any.
class WarmProcesses {
 public:
  WarmProcesses() = default;
  ~WarmProcesses() { clear(); }
  WarmProcesses(const WarmProcesses&) = delete;
  WarmProcesses& operator=(const WarmProcesses&) = delete;

  // One that ran last on that worker, or on any other; null if there is none.
  std::unique_ptr<Process> take(u32 worker);
  // Keeps it, or destroys it when there are enough.
  void put(std::unique_ptr<Process> process, u32 worker);
  // Destroys all, and from now on each that is put.
  void close();

 private:
  static constexpr u32 kShelves = 16;
  static constexpr u32 kShelfMax = 4096;  // Processes on a shelf.

  struct alignas(64) Shelf {
    std::atomic<bool> locked{false};
    u32 count = 0;
    Process* first = nullptr;
  };
  class Lock;

  void clear();
  std::unique_ptr<Process> take_from(Shelf& shelf);

  Shelf shelves_[kShelves];
  std::atomic<bool> closed_{false};
};

// What ended last on a worker, with all that it had: the next process of its kind takes its place
// without a lock and without counting a reference. Keeps its module until another one ends there.
// Only for its worker.
class alignas(64) LastEnded {
 public:
  LastEnded() = default;
  ~LastEnded();
  LastEnded(const LastEnded&) = delete;
  LastEnded& operator=(const LastEnded&) = delete;

  // Null if it is of another module.
  std::unique_ptr<Process> take(const LinkedModule& module);
  // The one before goes to its module's shelf.
  void put(std::unique_ptr<Process> process, u32 worker);

 private:
  std::unique_ptr<Process> process_;
};

class LinkedModule {
 public:
  // Every import must be a function of the linker's (UnknownImport and IncompatibleImport say which
  // is not).
  static Result<std::shared_ptr<LinkedModule>> create(std::shared_ptr<jit::CompiledModule> module,
                                                      HostLinker& linker);

  const std::shared_ptr<jit::CompiledModule>& compiled() const { return compiled_; }
  std::span<const jit::Extern> imports() const { return imports_; }
  // An exported function; null if there is none of that name.
  const EntryPoint* entry(std::string_view export_name) const {
    const EntryPoint* const last = last_.load(std::memory_order_relaxed);
    return last != nullptr && last->name == export_name ? last : find_entry(export_name);
  }
  // Whether it has a start function.
  bool has_start() const { return compiled_->module().start.has_value(); }
  WarmProcesses& warm() { return warm_; }
  MemoryHistory& history() { return history_; }

 private:
  LinkedModule(std::shared_ptr<jit::CompiledModule> compiled, std::vector<jit::Extern> imports);

  const EntryPoint* find_entry(std::string_view export_name) const;

  std::shared_ptr<jit::CompiledModule> compiled_;
  std::vector<jit::Extern> imports_;
  std::unordered_map<std::string_view, EntryPoint> entries_;
  // What was asked for last, which is mostly asked for again.
  mutable std::atomic<const EntryPoint*> last_{nullptr};
  WarmProcesses warm_;
  MemoryHistory history_;
};

using ModuleRef = std::shared_ptr<LinkedModule>;

}  // namespace lr
