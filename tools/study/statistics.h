// What repeated measurements say, and how sure that is. Everything is deterministic: random choices
// come from a Random whose seed the report prints.
#pragma once

#include <span>
#include <vector>

#include "base/types.h"

namespace lr::study {

// xoshiro256**: the same sequence on every machine.
class Random {
 public:
  explicit Random(u64 seed);
  u64 next();
  // Uniform in [0, bound); bound is not 0.
  u64 below(u64 bound);
  template <typename T>
  void shuffle(std::span<T> items) {
    for (usize i = items.size(); i > 1; i--) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  u64 state_[4];
};

// The quantile of sorted values, with linear interpolation between neighbours (what R and NumPy do
// by default). There is at least one value.
f64 quantile(std::span<const f64> sorted, f64 share);
f64 median(std::vector<f64> values);
// Half the distance between the quartiles, as a share of the median.
f64 spread(std::vector<f64> values);
f64 geomean(std::span<const f64> values);

// The smallest sample that at least `share` of all samples do not exceed. Sorted, not empty.
u64 percentile(std::span<const u64> sorted, f64 share);

// A value and the ends of its 95 % interval; without enough samples, both ends are the value.
struct Estimate {
  f64 value = 0;
  f64 low = 0;
  f64 high = 0;
};

// What a program took under one mechanism and under the reference; same index, same round.
struct Pairs {
  std::vector<f64> times;
  std::vector<f64> reference;
};

inline constexpr u32 kResamples = 2000;
inline constexpr usize kRoundsMin = 3;  // For an interval.

// Median of the times over the median of the reference's, with a percentile bootstrap over rounds:
// the two times of a round stay together, so that what changes slowly changes both.
Estimate slowdown(const Pairs& pairs, Random& random);
// Geometric mean of the programs' slowdowns; rounds are drawn for each program by itself.
Estimate mean_slowdown(std::span<const Pairs> programs, Random& random);

// Samples counted in buckets whose limits grow by 2^(1/4).
struct Bucket {
  u64 up_to = 0;  // Inclusive.
  u64 count = 0;
};
std::vector<Bucket> histogram(std::span<const u64> sorted);

}  // namespace lr::study
