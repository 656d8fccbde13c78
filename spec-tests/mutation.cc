#include "spec-tests/mutation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace lr::robustness {

namespace {

// One of 2^64 equally likely numbers for each pair (splitmix64).
u64 random_of(u64 seed, u64 index) {
  u64 bits = seed + (index + 1) * 0x9e37'79b9'7f4a'7c15;
  bits = (bits ^ (bits >> 30)) * 0xbf58'476d'1ce4'e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d0'49bb'1331'11eb;
  return bits ^ (bits >> 31);
}

u8 changed(u8 byte, Change change) {
  switch (change) {
    case Change::Zeros:
      return 0;
    case Change::Ones:
      return 0xff;
    case Change::TopBit:
      return byte ^ 0x80;
    case Change::PlusOne:
      return static_cast<u8>(byte + 1);
    case Change::Cut:
      break;
  }
  __builtin_unreachable();
}

}  // namespace

std::string text_of(const Mutation& mutation) {
  switch (mutation.change) {
    case Change::Cut:
      return fmt::format("cut at byte {}", mutation.offset);
    case Change::Zeros:
      return fmt::format("byte {} set to 00", mutation.offset);
    case Change::Ones:
      return fmt::format("byte {} set to ff", mutation.offset);
    case Change::TopBit:
      return fmt::format("byte {} xor 80", mutation.offset);
    case Change::PlusOne:
      return fmt::format("byte {} plus 1", mutation.offset);
  }
  __builtin_unreachable();
}

std::optional<std::vector<u8>> mutate(std::span<const u8> bytes, const Mutation& mutation) {
  const usize at = mutation.offset;
  if (mutation.change == Change::Cut) return std::vector<u8>(bytes.begin(), bytes.begin() + at);
  const u8 byte = changed(bytes[at], mutation.change);
  if (byte == bytes[at]) return std::nullopt;
  std::vector<u8> mutant(bytes.begin(), bytes.end());
  mutant[at] = byte;
  return mutant;
}

Mutations::Mutations(usize size, u64 seed, u64 first, u64 stride)
    : bytes_(size), seed_(seed), first_(first), stride_(stride) {
  const u64 all = size <= kEveryPlaceMax ? size : kSeededPlaces;
  if (first < all) places_ = (all - first + stride - 1) / stride;
}

Mutation Mutations::operator[](u64 index) const {
  u64 place = first_ + index / kChanges * stride_;
  if (bytes_ > kEveryPlaceMax) {
    // One place of each of so many equal parts.
    const u64 begin = place * bytes_ / kSeededPlaces;
    const u64 end = (place + 1) * bytes_ / kSeededPlaces;
    place = begin + random_of(seed_, place) % (end - begin);
  }
  return {place, static_cast<Change>(index % kChanges)};
}

}  // namespace lr::robustness
