// BinaryWriter: pieces of a module in the binary format (specification, chapter 5).
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "frontend/opcode.h"

namespace lr::fuzz {

class BinaryWriter {
 public:
  std::vector<u8> bytes;

  void byte(u32 value) { bytes.push_back(static_cast<u8>(value)); }
  void uleb(u64 value) {
    for (; value >= 0x80; value >>= 7) byte(static_cast<u32>(value & 0x7f) | 0x80);
    byte(static_cast<u32>(value));
  }
  void sleb(i64 value) {
    for (;;) {
      const u32 low = static_cast<u32>(value & 0x7f);
      value >>= 7;
      const bool is_last = value == ((low & 0x40) != 0 ? -1 : 0);
      byte(is_last ? low : low | 0x80);
      if (is_last) return;
    }
  }
  void fixed(u64 bits, u32 count) {
    for (u32 i = 0; i < count; i++) byte(static_cast<u32>(bits >> (8 * i) & 0xff));
  }
  void append(std::span<const u8> more) { bytes.insert(bytes.end(), more.begin(), more.end()); }
  void name(std::string_view text) {
    uleb(text.size());
    for (const char c : text) byte(static_cast<u8>(c));
  }
  void op(Op op) {
    const u32 code = info(op).code;
    if (code < 256) return byte(code);
    byte(code >> 12);
    uleb(code & 0xfff);
  }
  // A section, or a function body: its size, then its bytes.
  void sized(std::span<const u8> content) {
    uleb(content.size());
    append(content);
  }
};

}  // namespace lr::fuzz
