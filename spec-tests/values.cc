#include "spec-tests/values.h"

#include <fmt/format.h>

namespace lr::spec {

namespace {

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

// A reference that is not null, against a pattern that names what it leads to.
bool matches_kind(WastValue::Kind pattern, RefKind kind) {
  using Kind = WastValue::Kind;
  switch (pattern) {
    case Kind::RefFunc:
      return kind == RefKind::Func;
    case Kind::RefExtern:
      return kind != RefKind::Func && kind != RefKind::Exn;
    case Kind::RefHost:
      return kind == RefKind::Host;
    case Kind::RefI31:
      return kind == RefKind::I31;
    case Kind::RefStruct:
      return kind == RefKind::Struct;
    case Kind::RefArray:
      return kind == RefKind::Array;
    case Kind::RefEq:
      return kind == RefKind::I31 || kind == RefKind::Struct || kind == RefKind::Array;
    case Kind::RefAny:
      return kind != RefKind::Func && kind != RefKind::Exn;
    case Kind::RefExn:
      return kind == RefKind::Exn;
    default:
      return false;  // No reference.
  }
}

bool matches_reference(const ScriptEngine& engine, const WastValue& expected, ValType type,
                       u64 word) {
  if (!type.is_ref()) return false;
  if (expected.kind == WastValue::Kind::RefNull) return word == 0;
  if (word == 0) return false;
  if (expected.number && word != host_reference(*expected.number)) return false;
  return matches_kind(expected.kind, engine.kind_of(word, type));
}

bool matches(const ScriptEngine& engine, const WastValue& expected, ValType type, u64 low,
             u64 high) {
  using Expected = WastValue::Kind;
  switch (expected.kind) {
    case Expected::I32:
      return type.kind == Kind::I32 && low == static_cast<u32>(expected.bits[0]);
    case Expected::I64:
      return type.kind == Kind::I64 && low == expected.bits[0];
    case Expected::F32:
      return type.kind == Kind::F32 && matches_float(expected, low);
    case Expected::F64:
      return type.kind == Kind::F64 && matches_float(expected, low);
    case Expected::V128:
      return type.kind == Kind::V128 && matches_vector(expected, low, high);
    case Expected::Either:
      for (const WastValue& alternative : expected.alternatives) {
        if (matches(engine, alternative, type, low, high)) return true;
      }
      return false;
    default:
      return matches_reference(engine, expected, type, low);
  }
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

std::string compare(const ScriptEngine& engine, std::span<const WastValue> expected,
                    std::span<const ValType> types, std::span<const u64> words) {
  if (expected.size() != types.size()) {
    return fmt::format("{} results instead of {}", types.size(), expected.size());
  }
  usize at = 0;
  for (usize i = 0; i < expected.size(); i++) {
    const u64 low = words[at++];
    const u64 high = types[i].kind == Kind::V128 ? words[at++] : 0;
    if (matches(engine, expected[i], types[i], low, high)) continue;
    if (types[i].kind == Kind::V128) {
      return fmt::format("result {} is i64x2 {:#x} {:#x}, expected {:#x} {:#x}", i, low, high,
                         expected[i].bits[0], expected[i].bits[1]);
    }
    return fmt::format("result {} is {:#x} ({}), expected {:#x}", i, low, name_of(types[i]),
                       expected[i].bits[0]);
  }
  return "";
}

}  // namespace lr::spec
