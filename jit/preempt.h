// How running code is interrupted: a property of a variant of code, chosen for a whole run.
// Whatever it is, the prologue's compare with the stack limit stays. See preempt.def.
#pragma once

#include <optional>
#include <string_view>

#include "base/types.h"

namespace lr::jit {

enum class Preempt : u8 {
#define PREEMPT(name, text, cost) name,
#include "jit/preempt.def"
};

inline constexpr Preempt kPreempts[] = {
#define PREEMPT(name, text, cost) Preempt::name,
#include "jit/preempt.def"
};

constexpr std::string_view name_of(Preempt preempt) {
  constexpr std::string_view kNames[] = {
#define PREEMPT(name, text, cost) text,
#include "jit/preempt.def"
  };
  return kNames[static_cast<usize>(preempt)];
}

constexpr std::optional<Preempt> parse_preempt(std::string_view name) {
  for (const Preempt preempt : kPreempts) {
    if (name_of(preempt) == name) return preempt;
  }
  return std::nullopt;
}

// Engine::create() refuses the others.
constexpr bool is_built(Preempt preempt) {
  return preempt == Preempt::None || preempt == Preempt::Flag;
}

}  // namespace lr::jit
