#include "host/registry.h"

namespace lr {

void Registry::put(std::string_view name, Place place) {
  const std::lock_guard lock(mutex_);
  places_.insert_or_assign(std::string(name), place);
}

std::optional<Registry::Place> Registry::get(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(std::string(name));
  if (found == places_.end()) return std::nullopt;
  return found->second;
}

void Registry::remove(std::string_view name) {
  const std::lock_guard lock(mutex_);
  places_.erase(std::string(name));
}

std::vector<std::string> Registry::names_of(Pid process) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, place] : places_) {
    if (place.process == process && place.node == 0) names.push_back(name);
  }
  return names;
}

}  // namespace lr
