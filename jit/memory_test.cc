// Memory without machine code: limits, extents, late segments, charges, moves.
#include "jit/memory.h"

#include <gtest/gtest.h>

#include <cstring>

#include "jit/table.h"

namespace lr::jit {
namespace {

MemoryType type_of(u64 min, std::optional<u64> max = {}) { return {{.min = min, .max = max}, 16}; }

std::unique_ptr<Memory> make(const MemoryType& type, const MemoryOptions& options) {
  return std::move(Memory::create(type, options)).value();
}

// Hands out small areas, counts what is charged, moves on every enlargement.
class CountingSource final : public MemorySource {
 public:
  explicit CountingSource(u64 limit) : limit_(limit) {}
  bool charge(u64 bytes) override {
    if (charged + bytes > limit_) return false;
    charged += bytes;
    return true;
  }
  void release_charge(u64 bytes) override { charged -= bytes; }
  u64 charged = 0;

 private:
  u64 limit_;
};

class BothClasses : public testing::TestWithParam<MemoryClass> {
 protected:
  MemoryOptions options() const { return {.memory_class = GetParam()}; }
};

TEST_P(BothClasses, GrowsToItsLimits) {
  auto memory = make(type_of(1, 3), options());
  EXPECT_EQ(memory->pages(), 1u);
  EXPECT_EQ(memory->grow(0), 1u);
  EXPECT_EQ(memory->grow(2), 1u);
  EXPECT_EQ(memory->grow(1), std::nullopt);
  EXPECT_EQ(memory->grow(~u64{0}), std::nullopt);
  EXPECT_EQ(memory->pages(), 3u);

  MemoryOptions limited = options();
  limited.size_max = 2 * 65536;
  auto small = make(type_of(1), limited);
  EXPECT_EQ(small->grow(1), 1u);
  EXPECT_EQ(small->grow(1), std::nullopt);
  EXPECT_FALSE(Memory::create(type_of(3), limited).ok());
}

TEST_P(BothClasses, RangesAreCheckedWithoutWrapAround) {
  auto memory = make(type_of(1), options());
  EXPECT_TRUE(memory->range(0, 65536));
  EXPECT_TRUE(memory->range(65536, 0));
  EXPECT_FALSE(memory->range(65536, 1));
  EXPECT_FALSE(memory->range(65537, 0));
  EXPECT_FALSE(memory->range(1, ~u64{0}));
  EXPECT_FALSE(memory->range(~u64{0}, 1));
  EXPECT_TRUE(make(type_of(0), options())->range(0, 0));
}

TEST_P(BothClasses, LaterSegmentsWinAndContentsSurviveGrowth) {
  const std::vector<u8> low(5000, 1), high(5000, 2);
  auto memory = make(type_of(1), options());
  memory->add_segment(3000, low);
  memory->add_segment(6000, high);
  EXPECT_EQ(memory->range(2999, 2)->data()[1], 1);
  EXPECT_EQ(*memory->range(5999, 1)->data(), 1);
  EXPECT_EQ(*memory->range(6000, 1)->data(), 2);
  memory->range(100, 1)->data()[0] = 9;
  ASSERT_TRUE(memory->grow(100));
  EXPECT_EQ(*memory->range(100, 1)->data(), 9);
  EXPECT_EQ(*memory->range(10'999, 1)->data(), 2);
  EXPECT_EQ(*memory->range(11'000, 1)->data(), 0);
  EXPECT_EQ(*memory->range(100 * 65536, 1)->data(), 0);
}

TEST_P(BothClasses, ContextsSeeEveryChange) {
  auto memory = make(type_of(1), options());
  Context context;
  memory->attach(&context);
  EXPECT_EQ(context.memory_base, memory->view.base);
  ASSERT_TRUE(memory->grow(1000));
  ASSERT_TRUE(memory->range(500 * 65536, 1));
  EXPECT_EQ(context.memory_base, memory->view.base);
  EXPECT_EQ(context.memory_extent, memory->view.extent);
  memory->detach(&context);
}

TEST_P(BothClasses, ChargesWhatCanBeTouched) {
  CountingSource source(10 * 65536);
  MemoryOptions charged = options();
  charged.source = &source;
  {
    auto memory = make(type_of(1), charged);
    if (GetParam() == MemoryClass::Guarded) {
      EXPECT_EQ(source.charged, 65536u);
      EXPECT_EQ(memory->grow(20), std::nullopt);
      EXPECT_EQ(memory->grow(9), 1u);
    } else {
      EXPECT_EQ(source.charged, 0u);
      EXPECT_EQ(memory->grow(20), 1u);
      EXPECT_TRUE(memory->range(9 * 65536, 1));
      Trap why{};
      EXPECT_FALSE(memory->raise_extent(11 * 65536, &why));
      EXPECT_EQ(why, Trap::OutOfMemory);
      EXPECT_FALSE(memory->raise_extent(22 * 65536, &why));
      EXPECT_EQ(why, Trap::MemoryOutOfBounds);
    }
  }
  EXPECT_EQ(source.charged, 0u);
}

INSTANTIATE_TEST_SUITE_P(Jit, BothClasses,
                         testing::Values(MemoryClass::Guarded, MemoryClass::Dense));

TEST(DenseMemory, ExtentRisesByExactlyWhatIsAskedInTestMode) {
  auto memory = make(type_of(2), {.memory_class = MemoryClass::Dense, .exact_extent = true});
  const std::vector<u8> data = {1, 2, 3, 4};
  memory->add_segment(10, data);
  for (u64 end = 1; end <= 20; end++) {
    ASSERT_TRUE(memory->raise_extent(end));
    EXPECT_EQ(memory->view.extent, end);
    const u64 last = end - 1;
    EXPECT_EQ(memory->view.base[last], last >= 10 && last < 14 ? last - 9 : 0);
  }
}

TEST(DenseMemory, MovesWheneverItGrowsInTestMode) {
  auto memory = make(type_of(1), {.memory_class = MemoryClass::Dense, .move_always = true});
  memory->range(0, 3)->data()[2] = 7;
  for (int i = 0; i < 5; i++) {
    const u8* before = memory->view.base;
    ASSERT_TRUE(memory->grow(0));
    EXPECT_NE(memory->view.base, before);
    EXPECT_EQ(memory->view.base[2], 7);
  }
}

TEST(DenseMemory, StandsInForWhatCannotBeGuarded) {
  MemoryType wide = type_of(1);
  wide.limits.is_64 = true;
  EXPECT_EQ(make(wide, {})->memory_class(), MemoryClass::Dense);
  auto bytes = make({{.min = 100, .max = 1000}, 0}, {});
  EXPECT_EQ(bytes->memory_class(), MemoryClass::Dense);
  EXPECT_EQ(bytes->view.size, 100u);
  EXPECT_TRUE(bytes->range(99, 1));
  EXPECT_FALSE(bytes->range(100, 1));
  EXPECT_EQ(bytes->grow(900), 100u);
}

TEST(Table, GrowsAndFills) {
  const TableType type = {kFuncRef, {.min = 2, .max = 100'000}};
  const auto table = std::make_unique<Table>(type);
  ASSERT_TRUE(table->start(5).ok());
  EXPECT_EQ(table->view.elements[1], 5u);
  EXPECT_EQ(table->grow(3, 0), 2u);
  EXPECT_EQ(table->view.elements[4], 0u);
  EXPECT_EQ(table->grow(50'000, 8), 5u);
  EXPECT_EQ(table->view.elements[1], 5u);
  EXPECT_EQ(table->view.elements[2], 0u);
  EXPECT_EQ(table->view.elements[50'004], 8u);
  EXPECT_EQ(table->grow(49'996, 0), std::nullopt);
  EXPECT_EQ(table->grow(49'995, 0), 50'005u);
  const TableType huge = {kFuncRef, {.min = Table::kMaxElements + 1, .max = {}}};
  EXPECT_FALSE(Table(huge).start(0).ok());
}

}  // namespace
}  // namespace lr::jit
