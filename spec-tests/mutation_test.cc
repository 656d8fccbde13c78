#include "spec-tests/mutation.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace lr::robustness {
namespace {

using Places = std::set<std::pair<usize, Change>>;

Places places_of(const Mutations& mutations) {
  Places places;
  for (u64 i = 0; i < mutations.size(); i++) {
    places.emplace(mutations[i].offset, mutations[i].change);
  }
  return places;
}

struct MutateCase {
  Change change;
  std::vector<u8> mutant;  // Of 01 7f ff at byte 1.
  std::string text;
};

class Mutate : public testing::TestWithParam<MutateCase> {};

TEST_P(Mutate, ChangesOneByte) {
  const Mutation mutation{1, GetParam().change};
  EXPECT_EQ(mutate(std::vector<u8>{0x01, 0x7f, 0xff}, mutation), GetParam().mutant);
  EXPECT_EQ(text_of(mutation), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Mutation, Mutate,
    testing::Values(MutateCase{Change::Cut, {0x01}, "cut at byte 1"},
                    MutateCase{Change::Zeros, {0x01, 0x00, 0xff}, "byte 1 set to 00"},
                    MutateCase{Change::Ones, {0x01, 0xff, 0xff}, "byte 1 set to ff"},
                    MutateCase{Change::TopBit, {0x01, 0xff, 0xff}, "byte 1 xor 80"},
                    MutateCase{Change::PlusOne, {0x01, 0x80, 0xff}, "byte 1 plus 1"}));

TEST(Mutation, WithoutEffectIsNone) {
  EXPECT_EQ(mutate(std::vector<u8>{0x00}, {0, Change::Zeros}), std::nullopt);
  EXPECT_EQ(mutate(std::vector<u8>{0xff}, {0, Change::Ones}), std::nullopt);
}

TEST(Mutation, PlusOneWrapsAround) {
  EXPECT_EQ(mutate(std::vector<u8>{0xff}, {0, Change::PlusOne}), std::vector<u8>{0x00});
}

TEST(Mutation, EveryPlaceOfASmallFile) {
  EXPECT_EQ(places_of(Mutations(100, 1, 0, 1)).size(), 100 * kChanges);
  EXPECT_EQ(Mutations(0, 1, 0, 1).size(), 0);
}

TEST(Mutation, DistinctPlacesOfALargeFile) {
  for (usize size : {kEveryPlaceMax + 1, 10 * kEveryPlaceMax + 7}) {
    const Places places = places_of(Mutations(size, 1, 0, 1));
    EXPECT_EQ(places.size(), kSeededPlaces * kChanges);
    EXPECT_LT(places.rbegin()->first, size);
    EXPECT_EQ(places, places_of(Mutations(size, 1, 0, 1)));
    EXPECT_NE(places, places_of(Mutations(size, 2, 0, 1)));
  }
}

TEST(Mutation, SlicesAreTheWhole) {
  for (usize size : {usize{3}, usize{100}, kEveryPlaceMax + 1}) {
    Places all;
    u64 count = 0;
    for (u64 first = 0; first < 7; first++) {
      const Mutations slice(size, 1, first, 7);
      all.merge(places_of(slice));
      count += slice.size();
    }
    EXPECT_EQ(all, places_of(Mutations(size, 1, 0, 1)));
    EXPECT_EQ(count, all.size());
  }
}

}  // namespace
}  // namespace lr::robustness
