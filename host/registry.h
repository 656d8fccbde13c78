// Registry: the names of an environment's processes. A name stays until it is removed, whether its
// process lives or not. Any thread.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "host/signal.h"

namespace lr {

class Registry {
 public:
  struct Place {
    u64 node = 0;
    Pid process = 0;
  };

  // Replaces what was there.
  void put(std::string_view name, Place place);
  std::optional<Place> get(std::string_view name) const;
  void remove(std::string_view name);
  // For reports; slow.
  std::vector<std::string> names_of(Pid process) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Place> places_;
};

}  // namespace lr
