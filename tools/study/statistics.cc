#include "tools/study/statistics.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"

namespace lr::study {

namespace {

constexpr f64 kOutside = 0.025;  // On each side of a 95 % interval.
constexpr f64 kBucketGrowth = 1.189207115002721;

// splitmix64: turns any seed into words that look random.
u64 scramble(u64& state) {
  u64 z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// The median, of values that may be put in another order.
f64 median_in_place(std::span<f64> values) {
  CHECK(!values.empty());
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

f64 ratio_of_medians(const Pairs& pairs) { return median(pairs.times) / median(pairs.reference); }

// Draws as many rounds as there are, and takes their ratio of medians.
class Resampler {
 public:
  f64 draw(const Pairs& pairs, Random& random) {
    const usize rounds = pairs.times.size();
    times_.resize(rounds);
    reference_.resize(rounds);
    for (usize i = 0; i < rounds; i++) {
      const u64 round = random.below(rounds);
      times_[i] = pairs.times[round];
      reference_[i] = pairs.reference[round];
    }
    return median_in_place(times_) / median_in_place(reference_);
  }

 private:
  std::vector<f64> times_;
  std::vector<f64> reference_;
};

Estimate with_interval(f64 value, std::vector<f64> replicates) {
  if (replicates.empty()) return {value, value, value};
  std::sort(replicates.begin(), replicates.end());
  return {value, quantile(replicates, kOutside), quantile(replicates, 1 - kOutside)};
}

}  // namespace

Random::Random(u64 seed) {
  for (u64& word : state_) word = scramble(seed);
}

u64 Random::next() {
  const u64 result = std::rotl(state_[1] * 5, 7) * 9;
  const u64 shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

u64 Random::below(u64 bound) {
  // Words of the last, incomplete multiple of `bound` would favour small results.
  const u64 excess = (~bound + 1) % bound;
  u64 word = next();
  while (word < excess) word = next();
  return word % bound;
}

f64 quantile(std::span<const f64> sorted, f64 share) {
  CHECK(!sorted.empty());
  const f64 at = share * static_cast<f64>(sorted.size() - 1);
  const auto below = static_cast<usize>(at);
  const usize above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<f64>(below)) * (sorted[above] - sorted[below]);
}

f64 median(std::vector<f64> values) { return median_in_place(values); }

f64 spread(std::vector<f64> values) {
  std::sort(values.begin(), values.end());
  return (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / quantile(values, 0.5);
}

f64 geomean(std::span<const f64> values) {
  CHECK(!values.empty());
  f64 sum = 0;
  for (const f64 value : values) sum += std::log(value);
  return std::exp(sum / static_cast<f64>(values.size()));
}

u64 percentile(std::span<const u64> sorted, f64 share) {
  CHECK(!sorted.empty());
  const auto rank = static_cast<usize>(std::ceil(share * static_cast<f64>(sorted.size())));
  return sorted[std::clamp<usize>(rank, 1, sorted.size()) - 1];
}

Estimate slowdown(const Pairs& pairs, Random& random) { return mean_slowdown({&pairs, 1}, random); }

Estimate mean_slowdown(std::span<const Pairs> programs, Random& random) {
  std::vector<f64> ratios(programs.size());
  bool enough = true;
  for (usize i = 0; i < programs.size(); i++) {
    CHECK(programs[i].times.size() == programs[i].reference.size());
    ratios[i] = ratio_of_medians(programs[i]);
    enough = enough && programs[i].times.size() >= kRoundsMin;
  }
  const f64 value = geomean(ratios);
  std::vector<f64> replicates(enough ? kResamples : 0);
  Resampler resampler;
  for (f64& replicate : replicates) {
    for (usize i = 0; i < programs.size(); i++) ratios[i] = resampler.draw(programs[i], random);
    replicate = geomean(ratios);
  }
  return with_interval(value, std::move(replicates));
}

std::vector<Bucket> histogram(std::span<const u64> sorted) {
  std::vector<Bucket> buckets;
  f64 limit = 1;
  for (const u64 sample : sorted) {
    bool grown = buckets.empty();
    while (static_cast<f64>(sample) > std::floor(limit)) {
      limit *= kBucketGrowth;
      grown = true;
    }
    if (grown) buckets.push_back({static_cast<u64>(limit), 0});
    buckets.back().count++;
  }
  return buckets;
}

}  // namespace lr::study
