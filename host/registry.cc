#include "host/registry.h"

#include "host/process.h"

namespace lr {

Registry::Answer Registry::put(Pid who, std::string_view name, Place place) {
  const std::lock_guard lock(mutex_);
  if (is_closed_to(who)) return Answer::Held;
  auto entry = places_.find(std::string(name));
  if (entry == places_.end()) {
    const u64 added = name.size() + sizeof(Places::value_type);
    if (added > kBytesMax - bytes_) return Answer::Full;
    bytes_ += added;
    entry = places_.emplace(name, place).first;
  } else {
    forget_owner(entry);
    entry->second = place;
  }
  if (place.node == 0) names_[place.process].insert(&entry->first);
  return Answer::Done;
}

Registry::Answer Registry::get(Pid who, std::string_view name, Place& place) const {
  const std::lock_guard lock(mutex_);
  if (is_closed_to(who)) return Answer::Held;
  const auto found = places_.find(std::string(name));
  if (found == places_.end()) return Answer::NotFound;
  place = found->second;
  return Answer::Done;
}

Registry::Answer Registry::remove(Pid who, std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (is_closed_to(who)) return Answer::Held;
  const auto found = places_.find(std::string(name));
  if (found == places_.end()) return Answer::NotFound;
  forget_owner(found);
  bytes_ -= name.size() + sizeof(Places::value_type);
  places_.erase(found);
  return Answer::Done;
}

bool Registry::has_room(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  return name.size() + sizeof(Places::value_type) <= kBytesMax - bytes_;
}

void Registry::forget_owner(Places::const_iterator entry) {
  const auto names = names_.find(entry->second.process);
  if (names == names_.end()) return;
  names->second.erase(&entry->first);
  if (names->second.empty()) names_.erase(names);
}

bool Registry::hold(Pid who) {
  const std::lock_guard lock(mutex_);
  if (is_closed_to(who)) return false;
  holder_ = who;
  return true;
}

bool Registry::is_held_by(Pid who) const {
  const std::lock_guard lock(mutex_);
  return holder_ == who;
}

void Registry::let_go(Pid who) {
  std::vector<std::shared_ptr<Turn>> line;
  {
    const std::lock_guard lock(mutex_);
    if (holder_ != who) return;
    holder_ = 0;
    line.swap(line_);
  }
  for (const std::shared_ptr<Turn>& turn : line) {
    turn->has_come.store(true, std::memory_order_release);
    static_cast<Process&>(*turn->process).wake();
  }
}

std::shared_ptr<Registry::Turn> Registry::line_up(sched::ProcessRef who) {
  const std::lock_guard lock(mutex_);
  if (holder_ == 0) return nullptr;
  return line_.emplace_back(std::make_shared<Turn>(std::move(who)));
}

std::vector<std::string> Registry::names_of(Pid process, usize max) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  const auto found = names_.find(process);
  if (found == names_.end()) return names;
  for (const std::string* name : found->second) {
    if (names.size() == max) break;
    names.push_back(*name);
  }
  return names;
}

}  // namespace lr
