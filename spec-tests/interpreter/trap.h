// Why execution may trap, and results of operators that may.
#pragma once

#include <string_view>

#include "base/types.h"

namespace lr::interp {

enum class Trap : u8 {
  None,
#define TRAP(name, text) name,
#include "spec-tests/interpreter/traps.def"
};

constexpr std::string_view text_of(Trap trap) {
  constexpr std::string_view kTexts[] = {
      "",
#define TRAP(name, text) text,
#include "spec-tests/interpreter/traps.def"
  };
  return kTexts[static_cast<u8>(trap)];
}

// What a partial operator gives.
template <typename T>
struct OrTrap {
  T value{};
  Trap trap = Trap::None;

  OrTrap(T result) : value(result) {}    // NOLINT
  OrTrap(Trap reason) : trap(reason) {}  // NOLINT
};

}  // namespace lr::interp
