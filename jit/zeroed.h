// ZeroedArray<T>: an array of zeros whose pages exist only once they are touched, for tables with a
// row per function of which most are never used.
#pragma once

#include <cstdlib>
#include <memory>

#include "base/check.h"
#include "base/types.h"

namespace lr::jit {

struct FreeMemory {
  void operator()(void* memory) const { std::free(memory); }
};

// T is a type for which all bits zero is a value, and that needs no destructor.
template <typename T>
using ZeroedArray = std::unique_ptr<T[], FreeMemory>;

template <typename T>
ZeroedArray<T> make_zeroed(usize count) {
  auto* memory = static_cast<T*>(std::calloc(count == 0 ? 1 : count, sizeof(T)));
  CHECK(memory != nullptr);
  return ZeroedArray<T>(memory);
}

}  // namespace lr::jit
