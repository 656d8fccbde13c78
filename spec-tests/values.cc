#include "spec-tests/values.h"

#include <fmt/format.h>

namespace lr::spec {

namespace {

// A host's value `n` as an external reference; null is 0.
constexpr u64 host_reference(u64 number) { return number + 1; }

bool is_nan_32(u32 bits, NanPattern pattern) {
  if (pattern == NanPattern::Canonical) return (bits & 0x7fff'ffff) == 0x7fc0'0000;
  return (bits & 0x7fc0'0000) == 0x7fc0'0000;
}

bool is_nan_64(u64 bits, NanPattern pattern) {
  if (pattern == NanPattern::Canonical) {
    return (bits & 0x7fff'ffff'ffff'ffff) == 0x7ff8'0000'0000'0000;
  }
  return (bits & 0x7ff8'0000'0000'0000) == 0x7ff8'0000'0000'0000;
}

bool matches_float(const WastValue& expected, u64 bits) {
  const NanPattern nan = expected.nan[0];
  if (expected.kind == WastValue::Kind::F32) {
    const u32 low = static_cast<u32>(bits);
    return nan == NanPattern::None ? low == static_cast<u32>(expected.bits[0])
                                   : is_nan_32(low, nan);
  }
  return nan == NanPattern::None ? bits == expected.bits[0] : is_nan_64(bits, nan);
}

bool matches_vector(const WastValue& expected, u64 low, u64 high) {
  const u64 halves[] = {low, high};
  if (expected.shape == WastShape::F32x4) {
    for (u32 i = 0; i < 4; i++) {
      const u32 lane = static_cast<u32>(halves[i / 2] >> (i % 2 * 32));
      const u32 want = static_cast<u32>(expected.bits[i / 2] >> (i % 2 * 32));
      const bool good =
          expected.nan[i] == NanPattern::None ? lane == want : is_nan_32(lane, expected.nan[i]);
      if (!good) return false;
    }
    return true;
  }
  for (u32 i = 0; i < 2; i++) {
    const bool nan = expected.shape == WastShape::F64x2 && expected.nan[i] != NanPattern::None;
    if (nan ? !is_nan_64(halves[i], expected.nan[i]) : halves[i] != expected.bits[i]) return false;
  }
  return true;
}

bool matches(const WastValue& expected, u64 low, u64 high) {
  using Kind = WastValue::Kind;
  switch (expected.kind) {
    case Kind::I32:
      return low == static_cast<u32>(expected.bits[0]);
    case Kind::I64:
      return low == expected.bits[0];
    case Kind::F32:
    case Kind::F64:
      return matches_float(expected, low);
    case Kind::V128:
      return matches_vector(expected, low, high);
    case Kind::RefNull:
      return low == 0;
    case Kind::RefExtern:
    case Kind::RefHost:
      return expected.number ? low == host_reference(*expected.number) : low != 0;
    case Kind::RefFunc:
    case Kind::RefI31:
    case Kind::RefStruct:
    case Kind::RefArray:
    case Kind::RefEq:
    case Kind::RefAny:
    case Kind::RefExn:
      return low != 0;
    case Kind::Either:
      for (const WastValue& alternative : expected.alternatives) {
        if (matches(alternative, low, high)) return true;
      }
      return false;
  }
  return false;
}

bool fits(const WastValue& value, ValType type) {
  switch (value.kind) {
    case WastValue::Kind::I32:
      return type.kind == Kind::I32;
    case WastValue::Kind::I64:
      return type.kind == Kind::I64;
    case WastValue::Kind::F32:
      return type.kind == Kind::F32;
    case WastValue::Kind::F64:
      return type.kind == Kind::F64;
    case WastValue::Kind::V128:
      return type.kind == Kind::V128;
    case WastValue::Kind::RefNull:
    case WastValue::Kind::RefExtern:
    case WastValue::Kind::RefHost:
      return type.kind == Kind::Ref;
    default:
      return false;  // Only patterns of results.
  }
}

}  // namespace

bool to_words(std::span<const WastValue> values, std::span<const ValType> types,
              std::vector<u64>& words) {
  if (values.size() != types.size()) return false;
  for (usize i = 0; i < values.size(); i++) {
    const WastValue& value = values[i];
    if (!fits(value, types[i])) return false;
    const bool is_host =
        value.kind == WastValue::Kind::RefExtern || value.kind == WastValue::Kind::RefHost;
    words.push_back(is_host ? host_reference(value.number.value_or(0)) : value.bits[0]);
    if (value.kind == WastValue::Kind::V128) words.push_back(value.bits[1]);
  }
  return true;
}

std::string compare(std::span<const WastValue> expected, std::span<const ValType> types,
                    std::span<const u64> words) {
  if (expected.size() != types.size()) {
    return fmt::format("{} results instead of {}", types.size(), expected.size());
  }
  usize at = 0;
  for (usize i = 0; i < expected.size(); i++) {
    const u64 low = words[at++];
    const u64 high = types[i].kind == Kind::V128 ? words[at++] : 0;
    if (matches(expected[i], low, high)) continue;
    return fmt::format("result {} is {:#x} ({}), expected {:#x}", i, low, name_of(types[i]),
                       expected[i].bits[0]);
  }
  return "";
}

}  // namespace lr::spec
