// Relations: whom the end of a process concerns, as ids. Links with the tag that the partner is to
// see, and monitors. Most processes have none or one; some have a hundred thousand.
#pragma once

#include <algorithm>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "host/signal.h"

namespace lr {

// Ids, each with a tag, in no order. One needs no memory of its own, a few are searched one by one,
// many by a table of positions.
class PidSet {
 public:
  struct Entry {
    Pid pid = 0;
    i64 tag = 0;
  };

  PidSet() = default;
  PidSet(PidSet&& other) noexcept
      : only_(std::exchange(other.only_, {})), many_(std::move(other.many_)) {}
  PidSet& operator=(PidSet&&) = delete;

  // Adds it, or replaces its tag.
  void put(Pid pid, i64 tag) {
    if (Entry* const known = find(pid)) {
      known->tag = tag;
    } else if (empty()) {
      only_ = {pid, tag};
    } else {
      put_among_many({pid, tag});
    }
  }
  void remove(Pid pid) {
    if (Entry* const gone = find(pid)) remove(*gone);
  }
  // Removes any one. There is one.
  Entry take() {
    Entry& last = many_ == nullptr ? only_ : many_->entries.back();
    const Entry taken = last;
    remove(last);
    return taken;
  }
  usize size() const { return many_ != nullptr ? many_->entries.size() : only_.pid != 0; }
  bool empty() const { return size() == 0; }

 private:
  static constexpr usize kFew = 16;

  struct Many {
    std::vector<Entry> entries;                // Not empty.
    std::unordered_map<Pid, usize> positions;  // Empty, or of all entries.
  };

  Entry* find(Pid pid) {
    if (many_ == nullptr) return pid != 0 && only_.pid == pid ? &only_ : nullptr;
    auto& [entries, positions] = *many_;
    if (!positions.empty()) {
      const auto at = positions.find(pid);
      return at == positions.end() ? nullptr : &entries[at->second];
    }
    const auto at = std::ranges::find(entries, pid, &Entry::pid);
    return at == entries.end() ? nullptr : &*at;
  }

  void put_among_many(const Entry& entry) {
    if (many_ == nullptr) {
      many_ = std::make_unique<Many>();
      many_->entries.push_back(std::exchange(only_, {}));
    }
    auto& [entries, positions] = *many_;
    entries.push_back(entry);
    if (entries.size() <= kFew) return;
    // All of them, when they become too many.
    const usize first = positions.empty() ? 0 : entries.size() - 1;
    for (usize i = first; i < entries.size(); ++i) positions[entries[i].pid] = i;
  }

  void remove(Entry& gone) {
    if (many_ == nullptr) {
      only_ = {};
      return;
    }
    auto& [entries, positions] = *many_;
    if (!positions.empty()) {
      positions[entries.back().pid] = static_cast<usize>(&gone - entries.data());
      positions.erase(gone.pid);
    }
    gone = entries.back();
    entries.pop_back();
    if (entries.empty()) many_.reset();
  }

  Entry only_;  // Without a pid: none.
  std::unique_ptr<Many> many_;
};

struct Relations {
  PidSet links;
  PidSet monitors;  // Who asked to be told.

  bool empty() const { return links.empty() && monitors.empty(); }

  // What the signals that make and end relations do; others do nothing here.
  void heed(const Signal& signal) {
    if (signal.kind == Envelope::Kind::Link) links.put(signal.pid, signal.tag);
    if (signal.kind == Envelope::Kind::Unlink) links.remove(signal.pid);
    if (signal.kind == Envelope::Kind::Monitor) monitors.put(signal.pid, 0);
    if (signal.kind == Envelope::Kind::StopMonitoring) monitors.remove(signal.pid);
  }
};

}  // namespace lr
