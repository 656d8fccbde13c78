#include "jit/held_pages.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace lr::jit {
namespace {

constexpr u64 kPage = HeldPages::kPage;

// Windows of pages from one to the most, at an offset that is no multiple of a page.
class Windows : public testing::TestWithParam<u64> {
 protected:
  static constexpr u64 kFrom = 3 * kPage + 832;
  const u64 to = kFrom + GetParam() * kPage;
  HeldPages held{kFrom, to};
};
INSTANTIATE_TEST_SUITE_P(Pages, Windows,
                         testing::Values(1, 2, 5, 63, 64, 65, 100, 128, 129, 700, 1024));

TEST_P(Windows, BeginAllHeld) {
  EXPECT_EQ(held.from(), kFrom);
  EXPECT_EQ(held.to(), to);
  EXPECT_EQ(held.first(), kFrom);
  EXPECT_EQ(held.copied_bytes(), 0u);
  EXPECT_TRUE(held.holds(kFrom));
  EXPECT_TRUE(held.holds(to - 1));
  EXPECT_FALSE(held.holds(kFrom - 1));
  EXPECT_FALSE(held.holds(to));
}

TEST_P(Windows, NothingLiesOutside) {
  for (const auto& [first, last] : std::initializer_list<std::pair<u64, u64>>{
           {0, kFrom}, {to, to + 1}, {to, ~u64{0}}, {kFrom + 1, kFrom + 1}, {0, 0}}) {
    u64 a = first, b = last;
    EXPECT_FALSE(held.widen(a, b)) << first << " " << last;
  }
}

// Against a set of offsets of pages.
TEST_P(Windows, RememberWhatWasLetIn) {
  std::set<u64> model;
  for (u64 page = kFrom; page < to; page += kPage) model.insert(page);
  std::mt19937_64 random(GetParam());
  while (!model.empty()) {
    u64 first = random() % (to + kPage);
    u64 last = first + 1 + random() % (4 * kPage);
    const u64 asked = first, asked_end = last;
    if (held.widen(first, last)) {
      EXPECT_LE(first, std::max(asked, kFrom));
      EXPECT_GE(last, std::min(asked_end, to));
      u64 visited = 0;
      held.for_each(true, first, last, [&](u64 from, u64 end) {
        for (u64 page = from; page < end; page += kPage) visited += model.erase(page);
        EXPECT_EQ((end - from) % kPage, 0u);
      });
      EXPECT_NE(visited, 0u);
      held.let_in(first, last);
    }
    for (u64 page = kFrom; page < to; page += kPage) {
      ASSERT_EQ(held.holds(page + random() % kPage), model.contains(page));
    }
    ASSERT_EQ(held.first(), model.empty() ? ~u64{0} : *model.begin());
  }
  u64 first = 0, last = ~u64{0};
  EXPECT_FALSE(held.widen(first, last));
  EXPECT_GE(held.copied_bytes(), to - kFrom);
  u64 copied = 0;
  held.for_each(false, kFrom, to, [&](u64 from, u64 end) { copied += end - from; });
  EXPECT_EQ(copied, to - kFrom);
}

}  // namespace
}  // namespace lr::jit
