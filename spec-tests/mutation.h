// The mutants of a file: cut at each place, and the byte at each place changed in four ways. Places
// are all bytes of a small file; of a large one a fixed number, spread over it by a seed.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/types.h"

namespace lr::robustness {

inline constexpr usize kEveryPlaceMax = 16 * 1024;
inline constexpr usize kSeededPlaces = 4'096;

enum class Change : u8 { Cut, Zeros, Ones, TopBit, PlusOne };
inline constexpr u32 kChanges = 5;

struct Mutation {
  usize offset = 0;
  Change change{};
};

// "cut at byte 7", "byte 7 set to ff"
std::string text_of(const Mutation& mutation);

// The mutated bytes, in memory of exactly their size; nothing if the change changes nothing.
std::optional<std::vector<u8>> mutate(std::span<const u8> bytes, const Mutation& mutation);

// Every `stride`-th place of a file of `size` bytes, from the `first` on.
class Mutations {
 public:
  Mutations(usize size, u64 seed, u64 first, u64 stride);

  u64 size() const { return places_ * kChanges; }
  Mutation operator[](u64 index) const;

 private:
  usize bytes_;
  u64 seed_;
  u64 first_;
  u64 stride_;
  u64 places_ = 0;
};

}  // namespace lr::robustness
