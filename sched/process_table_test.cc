#include "sched/process_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace lr::sched {
namespace {

struct Dummy : Process {
  explicit Dummy(std::atomic<u32>* counter) : ended(counter) {}
  ~Dummy() override { ++*ended; }
  Next on_dispatch(Worker&, u32) override { return Next::Done; }
  Next on_leave(Worker&, Leave) override { return Next::Done; }
  void on_done(Worker&) override {}
  std::atomic<u32>* ended;
};

TEST(ProcessTable, NeverGivesAnIdTwice) {
  ProcessTable table(10);
  std::atomic<u32> ended = 0;
  Pid last = 0;
  for (u64 i = 0; i < 5; ++i) {
    Result<ProcessRef> ref = table.add(std::make_unique<Dummy>(&ended));
    ASSERT_TRUE(ref.ok());
    const Pid pid = (*ref)->pid();
    EXPECT_EQ(pid, i << kPidIndexBits | 1);
    EXPECT_NE(pid, last);
    EXPECT_TRUE(table.find(pid));
    EXPECT_FALSE(table.find(last));
    EXPECT_FALSE(table.find(pid + (u64{1} << kPidIndexBits)));
    table.remove(**ref);
    ref->reset();
    EXPECT_EQ(ended.load(), i + 1);
    EXPECT_FALSE(table.find(pid));
    last = pid;
  }
  EXPECT_EQ(table.live(), 0u);
  EXPECT_EQ(table.added(), 5u);
}

TEST(ProcessTable, GrowsAcrossChunks) {
  ProcessTable table(1000);
  std::atomic<u32> ended = 0;
  std::vector<ProcessRef> refs;
  for (u64 i = 1; i <= 300; ++i) {
    refs.push_back(table.add(std::make_unique<Dummy>(&ended)).value());
    EXPECT_EQ(refs.back()->pid(), i);
  }
  for (const ProcessRef& ref : refs) EXPECT_EQ(table.find(ref->pid()).get(), ref.get());
  for (const ProcessRef& ref : refs) table.remove(*ref);
  refs.clear();
  EXPECT_EQ(ended.load(), 300u);
}

TEST(ProcessTable, ForgedIdsFindNobody) {
  ProcessTable table(10);
  for (const Pid pid : {Pid{0}, Pid{1}, Pid{2}, Pid{0xffffff}, ~Pid{0}, Pid{1} << kPidIndexBits}) {
    EXPECT_FALSE(table.find(pid));
  }
}

TEST(ProcessTable, ReferencesKeepTheBlock) {
  ProcessTable table(10);
  std::atomic<u32> ended = 0;
  ProcessRef ref = table.add(std::make_unique<Dummy>(&ended)).value();
  ProcessRef copy = ref;
  ProcessRef found = table.find(ref->pid());
  table.remove(*ref);
  ref.reset();
  copy = ProcessRef();
  EXPECT_EQ(ended.load(), 0u);
  found.reset();
  EXPECT_EQ(ended.load(), 1u);
}

TEST(ProcessTable, RefusesMoreThanItsLimit) {
  ProcessTable table(2);
  std::atomic<u32> ended = 0;
  const ProcessRef a = table.add(std::make_unique<Dummy>(&ended)).value();
  const ProcessRef b = table.add(std::make_unique<Dummy>(&ended)).value();
  Result<ProcessRef> c = table.add(std::make_unique<Dummy>(&ended));
  ASSERT_FALSE(c.ok());
  EXPECT_EQ(c.error().code, Err::LimitExceeded);
  EXPECT_EQ(ended.load(), 1u);
  table.remove(*a);
  table.remove(*b);
}

// One thread adds and removes, another looks up whatever ids there might be.
TEST(ProcessTable, LookUpsRaceWithEnds) {
  ProcessTable table(100);
  std::atomic<u32> ended = 0;
  std::atomic<Pid> newest{0};
  std::atomic<bool> stop{false};
  std::atomic<bool> wrong{false};
  std::thread reader([&] {
    while (!stop.load()) {
      const Pid pid = newest.load();
      const ProcessRef ref = table.find(pid);
      if (ref && ref->pid() != pid) wrong.store(true);
    }
  });
  for (u32 i = 0; i < 20'000; ++i) {
    ProcessRef ref = table.add(std::make_unique<Dummy>(&ended)).value();
    newest.store(ref->pid());
    table.remove(*ref);
  }
  stop.store(true);
  reader.join();
  EXPECT_FALSE(wrong.load());
  EXPECT_EQ(ended.load(), 20'000u);
  EXPECT_EQ(table.live(), 0u);
}

}  // namespace
}  // namespace lr::sched
