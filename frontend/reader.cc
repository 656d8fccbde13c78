#include "frontend/reader.h"

namespace lr {

namespace {

// Length of the UTF-8 sequence at `at`, or 0 if it is none.
usize utf8_length(const u8* at, const u8* end) {
  auto continues = [&](usize i) { return at + i < end && (at[i] & 0xc0) == 0x80; };
  u8 first = at[0];
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return continues(1) ? 2 : 0;
  if (first < 0xf0) {
    if (!continues(1) || !continues(2)) return 0;
    if (first == 0xe0 && at[1] < 0xa0) return 0;  // Overlong.
    if (first == 0xed && at[1] > 0x9f) return 0;  // Surrogate.
    return 3;
  }
  if (first > 0xf4 || !continues(1) || !continues(2) || !continues(3)) return 0;
  if (first == 0xf0 && at[1] < 0x90) return 0;  // Overlong.
  if (first == 0xf4 && at[1] > 0x8f) return 0;  // Above U+10FFFF.
  return 4;
}

}  // namespace

usize utf8_prefix(std::span<const u8> bytes) {
  const u8* at = bytes.data();
  const u8* end = at + bytes.size();
  while (at != end) {
    usize length = utf8_length(at, end);
    if (length == 0) break;
    at += length;
  }
  return static_cast<usize>(at - bytes.data());
}

template <int kBits, bool kSigned>
u64 Reader::leb_slow() {
  constexpr int kBytesMax = (kBits + 6) / 7;
  // Of the last byte, the bits that do not count (and the sign, which they must equal).
  constexpr int kUnusedShift = kBits - 7 * (kBytesMax - 1) - (kSigned ? 1 : 0);
  u32 start = offset();
  u64 value = 0;
  for (int i = 0; i < kBytesMax; i++) {
    if (at_ == end_) {
      fail(end_error_, start);
      return 0;
    }
    u8 next = *at_++;
    u64 bits = next & 0x7fu;
    value |= bits << (7 * i);
    if (i + 1 == kBytesMax) {
      // Unused bits are zero, or copies of the sign.
      u64 unused = bits >> kUnusedShift;
      if (unused != 0 && !(kSigned && unused == 0x7fu >> kUnusedShift)) {
        fail(Err::IntegerTooLarge, start);
        return 0;
      }
    }
    if (next < 0x80) {
      int shift = 64 - 7 * (i + 1);
      if (kSigned && shift > 0) value = static_cast<u64>(static_cast<i64>(value << shift) >> shift);
      return value;
    }
  }
  fail(Err::IntegerTooLong, start);
  return 0;
}

template u64 Reader::leb_slow<32, false>();
template u64 Reader::leb_slow<64, false>();
template u64 Reader::leb_slow<32, true>();
template u64 Reader::leb_slow<33, true>();
template u64 Reader::leb_slow<64, true>();

}  // namespace lr
