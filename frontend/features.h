// The switchable parts of WebAssembly; features.def has the facts.
#pragma once

#include <bit>
#include <optional>
#include <string_view>

#include "base/types.h"

namespace lr {

enum class Feature : u8 {
#define FEATURE(name, ...) name,
#include "frontend/features.def"
};

struct FeatureInfo {
  std::string_view name;  // As in --enable=NAME.
  bool is_default = false;
  Feature implied{};  // Itself or another; Mvp for nothing.
  std::string_view text;
};

namespace internal {
inline constexpr bool on = true;
inline constexpr bool off = false;
}  // namespace internal

inline constexpr FeatureInfo kFeatureInfo[] = {
#define FEATURE(name, text_name, state, implied, text) \
  {text_name, internal::state, Feature::implied, text},
#include "frontend/features.def"
};
inline constexpr u32 kFeatureCount = std::size(kFeatureInfo);
static_assert(kFeatureCount <= 32);

constexpr const FeatureInfo& info(Feature feature) {
  return kFeatureInfo[static_cast<u32>(feature)];
}

// The feature of that name, for --enable and --disable.
constexpr std::optional<Feature> find_feature(std::string_view name) {
  for (u32 i = 0; i < kFeatureCount; i++) {
    if (kFeatureInfo[i].name == name) return static_cast<Feature>(i);
  }
  return std::nullopt;
}

// Which features are on. Always closed: what is on has what it implies.
class FeatureSet {
 public:
  // What the compiler has.
  static constexpr FeatureSet defaults() {
    FeatureSet set;
    for (u32 i = 0; i < kFeatureCount; i++) {
      if (kFeatureInfo[i].is_default) set.enable(static_cast<Feature>(i));
    }
    return set;
  }
  static constexpr FeatureSet all() {
    FeatureSet set;
    set.bits_ = (u32{1} << kFeatureCount) - 1;
    return set;
  }

  constexpr bool has(Feature feature) const { return (bits_ & bit(feature)) != 0; }

  constexpr FeatureSet& enable(Feature feature) {
    while (!has(feature)) {
      bits_ |= bit(feature);
      feature = info(feature).implied;
    }
    return *this;
  }
  // Mvp cannot be switched off.
  constexpr FeatureSet& disable(Feature feature) {
    if (feature == Feature::Mvp) return *this;
    bits_ &= ~bit(feature);
    for (u32 i = 0; i < kFeatureCount; i++) {
      auto other = static_cast<Feature>(i);
      if (has(other) && info(other).implied == feature) disable(other);
    }
    return *this;
  }

  constexpr u32 bits() const { return bits_; }
  constexpr bool operator==(const FeatureSet&) const = default;

 private:
  static constexpr u32 bit(Feature feature) { return u32{1} << static_cast<u32>(feature); }

  u32 bits_ = 1;  // Mvp.
};

}  // namespace lr
