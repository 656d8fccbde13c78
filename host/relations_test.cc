#include "host/relations.h"

#include <gtest/gtest.h>

#include <map>

namespace lr {
namespace {

TEST(PidSet, FewAndMany) {
  for (const Pid size : {Pid{1}, Pid{2}, Pid{3}, Pid{16}, Pid{17}, Pid{1000}}) {
    PidSet set;
    for (Pid pid = 1; pid <= size; ++pid) set.put(pid, 0);
    for (Pid pid = 1; pid <= size; ++pid) set.put(pid, static_cast<i64>(pid) * 2);
    EXPECT_EQ(set.size(), size);
    for (Pid pid = 1; pid <= size; pid += 2) set.remove(pid);
    set.remove(9999);
    EXPECT_EQ(set.size(), size / 2);
    while (!set.empty()) {
      const PidSet::Entry entry = set.take();
      EXPECT_EQ(entry.pid % 2, 0u);
      EXPECT_EQ(entry.tag, static_cast<i64>(entry.pid) * 2);
    }
  }
}

// Whatever is put and removed, it holds what a map holds: with none, one, few and many.
TEST(PidSet, HoldsWhatWasPut) {
  PidSet set;
  std::map<Pid, i64> held;
  u64 random = 1;
  for (u32 step = 0; step < 20'000; ++step) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const Pid pid = 1 + (random >> 33) % (step % 5'000 < 2'500 ? 3 : 60);
    const i64 tag = static_cast<i64>(random >> 40);
    switch ((random >> 60) % 3) {
      case 0:
      case 1:
        set.put(pid, tag);
        held[pid] = tag;
        break;
      case 2:
        set.remove(pid);
        held.erase(pid);
        break;
    }
    ASSERT_EQ(set.size(), held.size());
    if (step % 100 != 0) continue;
    PidSet moved = std::move(set);
    EXPECT_TRUE(set.empty());  // NOLINT: that is what is to be seen.
    while (!moved.empty()) {
      const PidSet::Entry entry = moved.take();
      ASSERT_EQ(held.at(entry.pid), entry.tag);
      held.erase(entry.pid);
    }
    ASSERT_TRUE(held.empty());
  }
}

}  // namespace
}  // namespace lr
