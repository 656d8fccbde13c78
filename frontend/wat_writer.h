// Bytes of the binary format, appended one after the other.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace lr {

class WatWriter {
 public:
  const std::vector<u8>& bytes() const { return bytes_; }
  std::vector<u8> take() { return std::move(bytes_); }
  usize size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  void clear() { bytes_.clear(); }
  void truncate(usize size) { bytes_.resize(size); }

  void byte(u8 value) { bytes_.push_back(value); }
  void raw(std::span<const u8> more) { bytes_.insert(bytes_.end(), more.begin(), more.end()); }

  void unsigned_leb(u64 value) {
    for (; value >= 0x80; value >>= 7) byte(static_cast<u8>(value | 0x80));
    byte(static_cast<u8>(value));
  }
  void signed_leb(i64 value) {
    for (; value < -0x40 || value >= 0x40; value >>= 7)
      byte(static_cast<u8>((value & 0x7f) | 0x80));
    byte(static_cast<u8>(value & 0x7f));
  }
  // `size` bytes, the lowest first.
  void fixed(u64 value, u32 size) {
    for (u32 i = 0; i < size; i++) byte(static_cast<u8>(value >> (8 * i)));
  }
  // Length and bytes.
  void sized(std::string_view text) {
    unsigned_leb(text.size());
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }
  void sized(std::span<const u8> more) {
    unsigned_leb(more.size());
    raw(more);
  }

 private:
  std::vector<u8> bytes_;
};

}  // namespace lr
