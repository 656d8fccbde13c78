// What a process has of things that the Lunatic ABI numbers: errors, configurations, modules,
// timers. Each kind has ids of its own, from 0, never used twice.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>

#include "base/types.h"
#include "host/config.h"
#include "host/linked_module.h"

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
  usize size() const { return things_.size(); }

 private:
  u64 next_ = 0;
  std::unordered_map<u64, T> things_;
};

class Resources {
 public:
  ResourceTable<std::string> errors;
  ResourceTable<ProcessConfig> configs;
  ResourceTable<ModuleRef> modules;
};

}  // namespace lr::lunatic
