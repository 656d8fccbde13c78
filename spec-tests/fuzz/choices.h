// Choices: where the generator's decisions come from. Either a string of bytes, as libFuzzer makes
// them (when it ends, every further choice is 0, which the generator takes as "stop"), or an
// endless sequence made from a seed. The same input gives the same module, on every machine.
#pragma once

#include <span>

#include "base/types.h"

namespace lr::fuzz {

class Choices {
 public:
  explicit Choices(u64 seed) : state_(seed * 0x9e37'79b9'7f4a'7c15 + 0x1234'5678'9abc'def1) {}
  explicit Choices(std::span<const u8> bytes) : bytes_(bytes), is_endless_(false) {}

  // No decisions are left.
  bool at_end() const { return !is_endless_ && at_ == bytes_.size(); }

  u64 bits64() {
    if (is_endless_) {  // SplitMix64.
      u64 z = (state_ += 0x9e37'79b9'7f4a'7c15);
      z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
      z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
      return z ^ (z >> 31);
    }
    u64 value = 0;
    for (u32 i = 0; i < 8; i++) value = value << 8 | byte();
    return value;
  }

  // In [0, count); count > 0.
  u32 below(u32 count) {
    if (count <= 1) return 0;
    if (is_endless_) return static_cast<u32>((bits64() >> 32) * count >> 32);
    u32 value = byte();
    if (count > 256) value = value << 8 | byte();
    return value % count;
  }
  // True in `percent` of 100 cases; false at the end.
  bool chance(u32 percent) { return !at_end() && below(100) < percent; }
  // In [low, high].
  u32 between(u32 low, u32 high) { return low + below(high - low + 1); }

 private:
  u8 byte() { return at_ < bytes_.size() ? bytes_[at_++] : u8{0}; }

  std::span<const u8> bytes_;
  usize at_ = 0;
  u64 state_ = 0;
  bool is_endless_ = true;
};

}  // namespace lr::fuzz
