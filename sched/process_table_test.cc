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

// With a reference for the caller.
Result<ProcessRef> add(ProcessTable& table, std::unique_ptr<Process> process,
                       ProcessTable::Cache* cache = nullptr) {
  Result<Pid> pid = table.add(*process, 2, cache);
  if (!pid.ok()) return pid.error();
  return ProcessRef::adopt(*process.release());
}

TEST(ProcessTable, NeverGivesAnIdTwice) {
  ProcessTable table(10);
  std::atomic<u32> ended = 0;
  Pid last = 0;
  for (u64 i = 0; i < 5; ++i) {
    Result<ProcessRef> ref = add(table, std::make_unique<Dummy>(&ended));
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
    refs.push_back(add(table, std::make_unique<Dummy>(&ended)).value());
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
  ProcessRef ref = add(table, std::make_unique<Dummy>(&ended)).value();
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
  const ProcessRef a = add(table, std::make_unique<Dummy>(&ended)).value();
  const ProcessRef b = add(table, std::make_unique<Dummy>(&ended)).value();
  Result<ProcessRef> c = add(table, std::make_unique<Dummy>(&ended));
  ASSERT_FALSE(c.ok());
  EXPECT_EQ(c.error().code, Err::LimitExceeded);
  EXPECT_EQ(ended.load(), 1u);
  table.remove(*a);
  table.remove(*b);
}

// What a cache keeps is used again, and a small table is filled to its last place all the same.
TEST(ProcessTable, CachesKeepTheLimit) {
  for (const u32 limit : {2u, 40u, 5000u}) {
    ProcessTable table(limit, 2);
    std::atomic<u32> ended = 0;
    u32 most = 0;
    for (u32 round = 0; round < 3; ++round) {
      std::vector<ProcessRef> refs;
      while (true) {
        Result<ProcessRef> ref =
            add(table, std::make_unique<Dummy>(&ended), &table.cache(refs.size() % 2));
        if (!ref.ok()) break;
        refs.push_back(std::move(*ref));
      }
      most = static_cast<u32>(refs.size());
      EXPECT_LE(most, limit);
      EXPECT_GE(most, limit - limit / 8);
      EXPECT_EQ(table.live(), most);
      // Some end outside.
      for (u32 i = 0; i < most; ++i) {
        table.remove(*refs[i], i % 3 == 0 ? nullptr : &table.cache(i % 2));
      }
      EXPECT_EQ(table.live(), 0u);
    }
    EXPECT_EQ(ended.load(), table.added() + 3);  // And three that were refused.
  }
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
    ProcessRef ref = add(table, std::make_unique<Dummy>(&ended)).value();
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
