// What a process has of things that the Lunatic ABI numbers: errors, configurations, modules,
// timers. Each kind has ids of its own, from 0, never used twice.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/types.h"
#include "host/config.h"
#include "host/linked_module.h"
#include "host/lunatic/delayed_message.h"
#include "host/registry.h"
#include "sched/memory_account.h"

namespace lr::lunatic {

template <typename T>
class ResourceTable {
 public:
  u64 add(T thing) {
    things_.emplace(next_, std::move(thing));
    return next_++;
  }
  // Null if there is none of that id.
  T* find(u64 id) {
    const auto found = things_.find(id);
    return found == things_.end() ? nullptr : &found->second;
  }
  bool remove(u64 id) { return things_.erase(id) != 0; }
  template <typename Predicate>
  void remove_if(Predicate predicate) {
    std::erase_if(things_, [&](const auto& entry) { return predicate(entry.second); });
  }
  usize size() const { return things_.size(); }

 private:
  u64 next_ = 0;
  std::unordered_map<u64, T> things_;
};

// A configuration that a process makes for its children.
struct ConfigDraft {
  ProcessConfig wanted;
  std::vector<std::string> directories;  // Paths, not looked at before a process is spawned.
  u64 text_bytes = 0;                    // Of all texts.
  // What children get; made when the first is spawned, gone with the next change.
  ConfigRef granted;

  static constexpr u64 kBytes = 2 * sizeof(ProcessConfig) + 256;  // Charged, beside the texts.
};

// A module of which bytes are held for the process.
struct HeldModule {
  ModuleRef module;
  u64 bytes = 0;
};

class Resources {
 public:
  explicit Resources(sched::MemoryAccount& account) : charged(account) {}

  // Ids of errors. Those for which there is no memory all are one that says so.
  u64 keep_error(std::string text);
  void drop_error(u64 id);

  sched::Charged charged;  // For errors and configurations.
  ResourceTable<std::string> errors;
  ResourceTable<ConfigDraft> configs;
  ResourceTable<HeldModule> modules;
  u64 module_bytes = 0;  // Of all in the table.
  ResourceTable<DelayedMessageRef> timers;
  usize timers_to_sweep = 64;  // Beyond so many, those that have fired are taken out.
  // Of who has not found a name and is to put it (registry.get_or_put_later).
  std::optional<RegistryHold> registry_hold;

 private:
  static u64 cost_of(const std::string& error) { return error.size() + 128; }
  std::optional<u64> no_memory_;  // The error that says so.
};

inline u64 Resources::keep_error(std::string text) {
  if (charged.add(cost_of(text))) return errors.add(std::move(text));
  if (!no_memory_) no_memory_ = errors.add("there is no memory for more errors");
  return *no_memory_;
}

inline void Resources::drop_error(u64 id) {
  if (no_memory_ == id) {
    no_memory_.reset();
  } else if (const std::string* const error = errors.find(id)) {
    charged.drop(cost_of(*error));
  }
  errors.remove(id);
}

}  // namespace lr::lunatic
