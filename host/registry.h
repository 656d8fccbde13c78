// Registry: the names of an environment's processes. A name stays until it is removed, whether its
// process lives or not. Any thread.
//
// A process may hold the registry: then nobody else reads or changes it before it lets go. Others
// wait in line() until that happens, and try again.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "host/signal.h"

namespace lr {

class Registry {
 public:
  struct Place {
    u64 node = 0;
    Pid process = 0;
  };
  // What a process waits for that does not get its turn.
  struct Turn {
    explicit Turn(sched::ProcessRef who) : process(std::move(who)) {}
    sched::ProcessRef process;
    std::atomic<bool> has_come{false};
  };
  enum class Answer : u8 { Done, NotFound, Full, Held };

  // The names may take so many bytes together.
  static constexpr u64 kBytesMax = 64 * kMiB;

  // --- On behalf of process `who`. Held: another process holds the registry; nothing was done.

  // Replaces what was there. Full: there is no room for the name.
  Answer put(Pid who, std::string_view name, Place place);
  Answer get(Pid who, std::string_view name, Place& place) const;
  Answer remove(Pid who, std::string_view name);
  // put() of a new name would not be Full. It stays so while the caller holds the registry.
  bool has_room(std::string_view name) const;

  // From now on `who` holds it. False: another does.
  bool hold(Pid who);
  bool is_held_by(Pid who) const;
  void let_go(Pid who);
  // A place in the line of those that wait; null: nobody holds the registry by now.
  std::shared_ptr<Turn> line_up(sched::ProcessRef who);

  // For reports. At most `max`.
  std::vector<std::string> names_of(Pid process, usize max) const;

 private:
  using Places = std::unordered_map<std::string, Place>;

  bool is_closed_to(Pid who) const { return holder_ != 0 && holder_ != who; }
  void forget_owner(Places::const_iterator entry);

  mutable std::mutex mutex_;
  Places places_;
  u64 bytes_ = 0;
  // The same the other way round: names of processes of this node, which are keys of places_.
  std::unordered_map<Pid, std::unordered_set<const std::string*>> names_;
  Pid holder_ = 0;
  std::vector<std::shared_ptr<Turn>> line_;
};

// Holds a registry as long as it lives.
class RegistryHold {
 public:
  // `who` holds it already.
  RegistryHold(Registry& registry, Pid who) : registry_(&registry), who_(who) {}
  RegistryHold(RegistryHold&& other) noexcept
      : registry_(std::exchange(other.registry_, nullptr)), who_(other.who_) {}
  RegistryHold& operator=(RegistryHold&&) = delete;
  ~RegistryHold() {
    if (registry_ != nullptr) registry_->let_go(who_);
  }

 private:
  Registry* registry_;
  Pid who_;
};

}  // namespace lr
