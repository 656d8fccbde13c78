#include "tools/study/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lr::study {
namespace {

struct QuantileCase {
  std::vector<f64> sorted;
  f64 share;
  f64 expected;
};

class Quantile : public testing::TestWithParam<QuantileCase> {};

TEST_P(Quantile, InterpolatesLikeRAndNumPy) {
  EXPECT_DOUBLE_EQ(quantile(GetParam().sorted, GetParam().share), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Known, Quantile,
    testing::Values(QuantileCase{{7}, 0.5, 7}, QuantileCase{{7}, 0, 7}, QuantileCase{{7}, 1, 7},
                    QuantileCase{{1, 2, 3, 4}, 0.25, 1.75}, QuantileCase{{1, 2, 3, 4}, 0.5, 2.5},
                    QuantileCase{{1, 2, 3, 4}, 0.75, 3.25}, QuantileCase{{1, 2, 3, 4}, 1, 4},
                    QuantileCase{{0, 10}, 0.975, 9.75}, QuantileCase{{1, 2, 4, 8, 16}, 0.1, 1.4}));

struct MedianCase {
  std::vector<f64> values;
  f64 median;
  f64 spread;
};

class Median : public testing::TestWithParam<MedianCase> {};

TEST_P(Median, TakesValuesInAnyOrder) {
  EXPECT_DOUBLE_EQ(median(GetParam().values), GetParam().median);
  EXPECT_DOUBLE_EQ(spread(GetParam().values), GetParam().spread);
}

INSTANTIATE_TEST_SUITE_P(Known, Median,
                         testing::Values(MedianCase{{3}, 3, 0}, MedianCase{{2, 1}, 1.5, 0.5 / 3},
                                         MedianCase{{9, 1, 5}, 5, 0.4},
                                         MedianCase{{4, 1, 3, 2}, 2.5, 0.3},
                                         MedianCase{{1, 1, 1, 1000}, 1, 249.75 / 2}));

TEST(Geomean, IsTheRootOfTheProduct) {
  EXPECT_DOUBLE_EQ(geomean(std::vector<f64>{1, 2, 4}), 2);
  EXPECT_DOUBLE_EQ(geomean(std::vector<f64>{0.5, 2}), 1);
  EXPECT_DOUBLE_EQ(geomean(std::vector<f64>{1.25}), 1.25);
}

TEST(Percentile, IsASampleThatWasSeen) {
  std::vector<u64> hundred(100);
  std::iota(hundred.begin(), hundred.end(), 1);
  EXPECT_EQ(percentile(hundred, 0.5), 50u);
  EXPECT_EQ(percentile(hundred, 0.99), 99u);
  EXPECT_EQ(percentile(hundred, 0.999), 100u);
  EXPECT_EQ(percentile(hundred, 0), 1u);
  EXPECT_EQ(percentile(hundred, 1), 100u);
  EXPECT_EQ(percentile(std::vector<u64>{5}, 0.999), 5u);
}

// The published first outputs for the state {1, 2, 3, 4} cannot be set from a seed, so this pins
// the sequence instead: a study of the same seed must choose the same order for ever.
TEST(Random, IsTheSameEverywhere) {
  Random random(1);
  EXPECT_EQ(random.next(), 0xb3f2af6d0fc710c5u);
  EXPECT_EQ(random.next(), 0x853b559647364ceau);
}

TEST(Random, BelowReachesEverythingAndNothingElse) {
  Random random(7);
  u32 seen[5] = {};
  for (u32 i = 0; i < 5000; i++) seen[random.below(5)]++;
  for (const u32 count : seen) {
    EXPECT_GT(count, 850u);
    EXPECT_LT(count, 1150u);
  }
  EXPECT_EQ(random.below(1), 0u);
}

TEST(Random, ShuffleKeepsEveryItem) {
  Random random(3);
  std::vector<u32> items(50);
  std::iota(items.begin(), items.end(), 0);
  random.shuffle(std::span(items));
  EXPECT_FALSE(std::is_sorted(items.begin(), items.end()));
  std::sort(items.begin(), items.end());
  for (u32 i = 0; i < 50; i++) EXPECT_EQ(items[i], i);
}

TEST(Slowdown, OfTimesThatDoNotVaryIsExact) {
  Random random(1);
  const Estimate estimate = slowdown({{3, 3, 3, 3}, {2, 2, 2, 2}}, random);
  EXPECT_DOUBLE_EQ(estimate.value, 1.5);
  EXPECT_DOUBLE_EQ(estimate.low, 1.5);
  EXPECT_DOUBLE_EQ(estimate.high, 1.5);
}

TEST(Slowdown, OneDisturbedRoundDoesNotCount) {
  Random random(1);
  const Estimate estimate =
      slowdown({{11, 11, 500, 11, 11, 11, 11}, {10, 10, 10, 10, 10, 10, 10}}, random);
  EXPECT_DOUBLE_EQ(estimate.value, 1.1);
  EXPECT_DOUBLE_EQ(estimate.high, 1.1);
}

TEST(Slowdown, RoundsStayTogether) {
  // The machine becomes twice as slow on the way; the ratio is the same in every round.
  Pairs pairs;
  for (u32 i = 0; i < 11; i++) {
    pairs.reference.push_back(100.0 + 10 * i);
    pairs.times.push_back(1.02 * pairs.reference.back());
  }
  Random random(1);
  const Estimate estimate = slowdown(pairs, random);
  EXPECT_NEAR(estimate.low, 1.02, 1e-9);
  EXPECT_NEAR(estimate.high, 1.02, 1e-9);
}

TEST(Slowdown, TwoRoundsAreTooFewForAnInterval) {
  Random random(1);
  const Estimate estimate = slowdown({{3, 5}, {2, 2}}, random);
  EXPECT_DOUBLE_EQ(estimate.value, 2);
  EXPECT_DOUBLE_EQ(estimate.low, 2);
  EXPECT_DOUBLE_EQ(estimate.high, 2);
}

TEST(Slowdown, MeanIsTheGeometricOne) {
  Random random(1);
  const Pairs half{{1, 1, 1}, {2, 2, 2}};
  const Pairs twice{{4, 4, 4}, {2, 2, 2}};
  const Pairs both[] = {half, twice};
  EXPECT_DOUBLE_EQ(mean_slowdown(both, random).value, 1);
}

// A normal variable, by the sum of twelve uniform ones.
f64 noise(Random& random) {
  f64 sum = -6;
  for (u32 i = 0; i < 12; i++) sum += static_cast<f64>(random.next() >> 11) * 0x1p-53;
  return sum;
}

TEST(Slowdown, IntervalsHoldTheTruthAsOftenAsTheySay) {
  constexpr f64 kTruth = 1.05;
  constexpr u32 kStudies = 300;
  Random random(42);
  u32 held = 0, held_mean = 0;
  for (u32 study = 0; study < kStudies; study++) {
    Pairs programs[4];
    for (Pairs& pairs : programs) {
      for (u32 round = 0; round < 15; round++) {
        pairs.reference.push_back(100 * (1 + 0.01 * noise(random)));
        pairs.times.push_back(100 * kTruth * (1 + 0.01 * noise(random)));
      }
    }
    const Estimate one = slowdown(programs[0], random);
    const Estimate mean = mean_slowdown(programs, random);
    if (one.low <= kTruth && kTruth <= one.high) held++;
    if (mean.low <= kTruth && kTruth <= mean.high) held_mean++;
  }
  // 95 %, and three standard errors; the bootstrap of a median errs on the wide side.
  EXPECT_GE(held, 0.91 * kStudies);
  EXPECT_GE(held_mean, 0.91 * kStudies);
  EXPECT_LE(held_mean, 0.995 * kStudies);
}

TEST(Histogram, CountsEverySampleOnce) {
  const std::vector<u64> samples = {0, 1, 1, 2, 3, 100, 101, 5000, 1000000};
  u64 total = 0;
  u64 last = 0;
  usize at = 0;
  for (const Bucket& bucket : histogram(samples)) {
    EXPECT_GT(bucket.count, 0u);
    EXPECT_TRUE(total == 0 || bucket.up_to > last);
    for (u64 i = 0; i < bucket.count; i++) EXPECT_LE(samples[at++], bucket.up_to);
    if (at < samples.size()) {
      EXPECT_GT(samples[at], bucket.up_to);
    }
    last = bucket.up_to;
    total += bucket.count;
  }
  EXPECT_EQ(total, samples.size());
  EXPECT_TRUE(histogram({}).empty());
}

}  // namespace
}  // namespace lr::study
