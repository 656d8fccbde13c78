#include "host/process_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "host/mailbox.h"
#include "sched/os.h"

namespace lr {
namespace {

constexpr u64 kPage = 4096;
constexpr u64 kNoLimit = ~u64{0};

MemoryType type_of(u64 min, std::optional<u64> max = {}) { return {{.min = min, .max = max}, 16}; }

// A process's slot and what stands on it.
struct Place {
  Place(sched::SlotAllocator& of, u64 slot_bytes, u64 limit = kNoLimit)
      : slots(of),
        slot(of.allocate(16 * kKiB, slot_bytes).value()),
        memory(std::make_unique<ProcessMemory>(jit::MemoryArea{slot.memory(), slot.memory_bytes},
                                               limit, &of)) {
    options.memory_class = jit::MemoryClass::Dense;
    options.source = memory.get();
    options.size_max = limit;
  }
  ~Place() {
    const u64 used = memory->slot_used_bytes();
    memory.reset();
    slots.release(slot, {0, used});
  }
  std::unique_ptr<jit::Memory> make(const MemoryType& type) const {
    return std::move(jit::Memory::create(type, options).value());
  }

  sched::SlotAllocator& slots;
  sched::Slot slot;
  std::unique_ptr<ProcessMemory> memory;
  jit::MemoryOptions options;
};

class Guards : public testing::TestWithParam<sched::GuardMode> {
 protected:
  sched::SlotOptions options(u64 total = 0) const {
    return {.guards = GetParam(), .total_memory_bytes = total};
  }
};
INSTANTIATE_TEST_SUITE_P(Modes, Guards,
                         testing::Values(sched::GuardMode::kAuto, sched::GuardMode::kNone));

TEST_P(Guards, ExtentsEndWherePagesDo) {
  sched::SlotAllocator slots(options());
  const Place place(slots, 64 * kKiB);
  const auto memory = place.make(type_of(1));
  EXPECT_EQ(memory->view.base, place.slot.memory());
  ASSERT_TRUE(memory->range(0, 1));
  EXPECT_EQ(reinterpret_cast<u64>(memory->view.base + memory->view.extent) % kPage, 0u);
  EXPECT_LE(memory->view.extent, kPage - sched::kMeetingOffset);
  memory->range(0, 1)->data()[0] = 1;
  EXPECT_EQ(sched::resident_bytes(place.slot.stack_low(), 100 * kKiB), kPage);
  for (u64 at = 0; at < 64 * kKiB; at += 1000) {
    ASSERT_TRUE(memory->range(at, 1));
    const u64 end = reinterpret_cast<u64>(memory->view.base + memory->view.extent);
    EXPECT_TRUE(end % kPage == 0 || memory->view.extent == 64 * kKiB);
  }
}

// A shadow stack of a megabyte first, data behind it: as compilers lay it out.
TEST_P(Guards, RaisingAnExtentTouchesOnlyData) {
  sched::SlotAllocator slots(options());
  const Place place(slots, 19 * 64 * kKiB);
  const auto memory = place.make(type_of(18));
  const std::vector<u8> data(10'000, 7);
  memory->add_segment(kMiB, data);
  memory->add_segment(kMiB + 40'000, data);
  memory->range(kMiB - 16, 16)->data()[0] = 1;
  EXPECT_EQ(memory->view.base[kMiB - 16], 1);
  const u64 all = memory->size();
  EXPECT_LE(sched::resident_bytes(memory->view.base, all), 2 * kPage);
  memory->range(kMiB + 5000, 1);
  EXPECT_LE(sched::resident_bytes(memory->view.base, all), 4 * kPage);
  // And wiping it, too.
  const u8* const base = memory->view.base;
  ASSERT_TRUE(memory->reset());
  EXPECT_LE(sched::resident_bytes(base, all), 4 * kPage);
  EXPECT_EQ(memory->range(kMiB - 16, 16)->data()[0], 0);
  EXPECT_EQ(memory->range(kMiB + 49'999, 1)->data()[0], 7);
}

// Long data is copied a page at a time, by whoever touches it, and pages that wait are nobody's.
TEST_P(Guards, LongDataWaitsForATouch) {
  sched::SlotAllocator slots(options());
  const u64 pages = slots.may_hold_pages() ? 1 : 25;
  const Place place(slots, 19 * 64 * kKiB);
  const std::vector<u8> data(100'000, 7);
  {
    const auto memory = place.make(type_of(18));
    const auto resident = [&] { return sched::resident_bytes(memory->view.base, memory->size()); };
    memory->add_segment(kMiB, data);
    memory->range(kMiB - 16, 16)->data()[0] = 1;
    memory->range(kMiB + 110'000, 1)->data()[0] = 2;
    EXPECT_LE(resident(), (2 + pages) * kPage);
    EXPECT_EQ(*memory->range(kMiB + 50'000, 1)->data(), 7);
    EXPECT_LE(resident(), (3 + pages) * kPage);
    // They are as they were for the next process, and the rest still waits.
    memory->range(kMiB + 50'000, 1)->data()[0] = 3;
    ASSERT_TRUE(memory->reset());
    EXPECT_LE(resident(), (3 + pages) * kPage);
    EXPECT_EQ(*memory->range(kMiB + 50'000, 1)->data(), 7);
    std::memset(memory->range(kMiB, 100'000)->data(), 9, 100'000);
    ASSERT_TRUE(memory->reset());
    EXPECT_TRUE(std::ranges::equal(*memory->range(kMiB, 100'000), data));
    // Whole when it moves.
    ASSERT_TRUE(memory->relocate());
    const auto moved = memory->range(kMiB, 100'000);
    EXPECT_TRUE(std::ranges::equal(*moved, data));
  }
  // Nothing of it is left in the slot, and no page faults.
  for (u64 at = 0; at < place.slot.memory_bytes; at += 1) {
    if (place.slot.memory()[at] != 0 && at >= place.memory->slot_used_bytes()) FAIL() << at;
  }
}

TEST_P(Guards, AMemoryThatOutgrowsItsSlotTakesOnlyTouchedPagesAlong) {
  sched::SlotAllocator slots(options());
  const u64 before = slots.account().used();
  {
    const Place place(slots, 19 * 64 * kKiB);
    const auto memory = place.make(type_of(18));
    memory->range(5, 1)->data()[0] = 5;
    memory->range(kMiB, 1)->data()[0] = 6;
    for (u32 i = 0; i < 6; ++i) {
      ASSERT_TRUE(memory->grow(16 << i));
      EXPECT_EQ(*memory->range(5, 1)->data(), 5);
      EXPECT_EQ(*memory->range(kMiB, 1)->data(), 6);
      // Pages begin elsewhere in it: two of each.
      EXPECT_LE(sched::resident_bytes(memory->view.base, memory->size()), 4 * kPage);
    }
    EXPECT_FALSE(memory->reset());
    EXPECT_NE(memory->view.base, place.slot.memory());
  }
  // Every place that it has been at is clean.
  for (u64 bytes = 64 * kKiB; bytes <= 32 * kMiB; bytes += bytes / 8) {
    const sched::Slot slot = slots.allocate(0, bytes).value();
    for (u64 at = 0; at < slot.memory_bytes; at += 1) {
      if (slot.memory()[at] != 0) FAIL() << bytes << " " << at;
      if (at == kMiB + 1) break;
    }
    slots.release(slot, {0, 0});
  }
  EXPECT_EQ(slots.stats().slots_live, 0u);
  slots.trim(~u64{0});
  EXPECT_EQ(slots.account().used(), before);
}

TEST_P(Guards, BothLimitsHold) {
  sched::SlotAllocator slots(options(2 * kMiB));
  const Place place(slots, 64 * kKiB, kMiB);
  {
    const auto memory = place.make(type_of(1));
    EXPECT_FALSE(memory->grow(16));
    EXPECT_TRUE(memory->grow(15));
    EXPECT_TRUE(memory->range(0, kMiB));
    std::memset(memory->view.base, 1, kMiB);
    const auto second = place.make(type_of(1));
    EXPECT_FALSE(second->range(0, 1));  // The process's own.
  }
  const Place other(slots, 64 * kKiB);
  const auto large = other.make(type_of(64));
  EXPECT_TRUE(large->range(0, kMiB));
  std::memset(large->view.base, 1, kMiB);
  EXPECT_FALSE(large->range(0, 3 * kMiB));  // All processes'.
  EXPECT_LE(slots.account().used(), slots.account().limit());
}

// As many as there are pages for, though each could touch a megabyte.
TEST_P(Guards, ManyWithAShadowStackFit) {
  sched::SlotAllocator slots(options(32 * kMiB));
  std::vector<std::unique_ptr<Place>> places;
  std::vector<std::unique_ptr<jit::Memory>> memories;
  for (u32 i = 0; i < 1000; ++i) {
    places.push_back(std::make_unique<Place>(slots, 19 * 64 * kKiB));
    memories.push_back(places.back()->make(type_of(18)));
    const auto range = memories.back()->range(kMiB + 4, 4);
    ASSERT_TRUE(range) << i;
    range->data()[0] = 1;
  }
  EXPECT_LE(slots.account().used(), slots.account().limit());
  memories.clear();
  places.clear();
  slots.trim(~u64{0});
  EXPECT_EQ(slots.account().used(), 0u);
}

TEST(Messages, AreChargedInSteps) {
  sched::SlotAllocator slots({.total_memory_bytes = 4 * kMiB});
  const u64 before = slots.account().used();
  {
    const Place place(slots, 64 * kKiB);
    ProcessMemory& memory = *place.memory;
    u64 paid = Mailbox::kFewBytes;
    const u64 start = slots.account().used();
    const auto charged = [&] { return slots.account().used() - start; };
    struct Step {
      u64 bytes;
      bool granted;
      u64 charged;
    };
    constexpr Step kSteps[] = {
        {500, true, 0},  // Little is the slot's.
        {2000, true, kPage},
        {100 * kKiB, true, 100 * kKiB},
        {40 * kKiB, true, 100 * kKiB},  // What comes and goes is not counted each time.
        {30 * kKiB, true, 32 * kKiB},
        {5 * kMiB, false, 32 * kKiB},
        {3 * kMiB, true, 3 * kMiB},
        {0, true, 0},
        {50 * kKiB, true, 52 * kKiB},
    };
    for (const Step& step : kSteps) {
      EXPECT_EQ(memory.pay_for_messages(step.bytes, paid), step.granted) << step.bytes;
      EXPECT_EQ(charged(), step.charged) << step.bytes;
    }
    memory.release_messages(paid);
    EXPECT_EQ(charged(), 0u);
  }
  slots.trim(~u64{0});
  EXPECT_EQ(slots.account().used(), before);
}

struct FirstSlotCase {
  u64 min;
  std::optional<u64> max;
  u64 limit;
  u64 history;
  u64 expected;
};
class FirstSlot : public testing::TestWithParam<FirstSlotCase> {};
TEST_P(FirstSlot, IsAsLargeAsTheModuleSays) {
  const FirstSlotCase& c = GetParam();
  Module module;
  module.memories.push_back(type_of(c.min, c.max));
  EXPECT_EQ(first_slot_memory_bytes(module, c.limit, c.history), c.expected);
}
constexpr u64 kWasmPage = 64 * kKiB;
INSTANTIATE_TEST_SUITE_P(
    Sizes, FirstSlot,
    testing::Values(FirstSlotCase{1, {}, kNoLimit, 0, kWasmPage},
                    FirstSlotCase{0, {}, kNoLimit, 0, 0},
                    FirstSlotCase{17, {}, kNoLimit, 0, 19 * kWasmPage},
                    FirstSlotCase{17, 17, kNoLimit, 0, 17 * kWasmPage},
                    FirstSlotCase{1, {}, kNoLimit, 3 * kWasmPage, 3 * kWasmPage},
                    FirstSlotCase{1, {}, 2 * kWasmPage, 3 * kWasmPage, 2 * kWasmPage},
                    FirstSlotCase{1, {}, kNoLimit, ~u64{0}, 16 * kMiB},
                    FirstSlotCase{65'536, {}, kNoLimit, 0, 0},
                    FirstSlotCase{~u64{0}, ~u64{0}, kNoLimit, ~u64{0}, 0}));

}  // namespace
}  // namespace lr
