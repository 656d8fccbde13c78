// Relations: whom the end of a process concerns, as ids. Links with the tag that the partner is to
// see, and monitors. Most processes have none or one; some have a hundred thousand.
#pragma once

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "host/signal.h"

namespace lr {

// Ids, each with a tag, in no order. A few are searched one by one, many by a table of positions.
class PidSet {
 public:
  struct Entry {
    Pid pid;
    i64 tag;
  };

  // Adds it, or replaces its tag.
  void put(Pid pid, i64 tag) {
    if (Entry* const known = find(pid)) {
      known->tag = tag;
      return;
    }
    if (entries_.size() >= kFew) {
      if (positions_.empty()) {
        for (usize i = 0; i < entries_.size(); ++i) positions_[entries_[i].pid] = i;
      }
      positions_[pid] = entries_.size();
    }
    entries_.push_back({pid, tag});
  }
  void remove(Pid pid) {
    Entry* const gone = find(pid);
    if (gone == nullptr) return;
    if (!positions_.empty()) {
      positions_[entries_.back().pid] = static_cast<usize>(gone - entries_.data());
      positions_.erase(pid);
    }
    *gone = entries_.back();
    entries_.pop_back();
  }
  std::vector<Entry> take_all() {
    positions_.clear();
    return std::exchange(entries_, {});
  }
  usize size() const { return entries_.size(); }

 private:
  static constexpr usize kFew = 16;

  Entry* find(Pid pid) {
    if (!positions_.empty()) {
      const auto at = positions_.find(pid);
      return at == positions_.end() ? nullptr : &entries_[at->second];
    }
    const auto at = std::find_if(entries_.begin(), entries_.end(),
                                 [&](const Entry& entry) { return entry.pid == pid; });
    return at == entries_.end() ? nullptr : &*at;
  }

  std::vector<Entry> entries_;
  std::unordered_map<Pid, usize> positions_;  // Empty, or of all entries.
};

struct Relations {
  PidSet links;
  PidSet monitors;  // Who asked to be told.

  // What the signals that make and end relations do; others do nothing here.
  void heed(const Signal& signal) {
    if (signal.kind == Envelope::Kind::Link) links.put(signal.pid, signal.tag);
    if (signal.kind == Envelope::Kind::Unlink) links.remove(signal.pid);
    if (signal.kind == Envelope::Kind::Monitor) monitors.put(signal.pid, 0);
    if (signal.kind == Envelope::Kind::StopMonitoring) monitors.remove(signal.pid);
  }
};

}  // namespace lr
