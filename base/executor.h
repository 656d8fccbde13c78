// How code that knows no threads gets some: validation and compilation are handed an Executor and
// ask it to run the iterations of a loop.
#pragma once

#include <type_traits>

#include "base/types.h"

namespace lr {

class Executor {
 public:
  // One iteration. `lane` is less than width(); two iterations that run at the same time have
  // different lanes, so that each lane may keep its own scratch memory.
  using Body = void (*)(void* context, usize index, u32 lane);

  virtual ~Executor() = default;

  // At most so many iterations run at the same time. At least 1.
  virtual u32 width() const = 0;

  // Runs body(context, i, lane) once for every i in [0, count), in no promised order but started
  // in ascending order, and returns when all have returned. The caller's thread takes part. One
  // parallel_for at a time; a body does not call it.
  virtual void parallel_for(usize count, void* context, Body body) = 0;

  // The same for a callable f(index, lane).
  template <typename F>
  void parallel_for(usize count, F&& f) {
    parallel_for(count, &f, [](void* context, usize index, u32 lane) {
      (*static_cast<std::remove_reference_t<F>*>(context))(index, lane);
    });
  }
};

// Runs everything on the caller's thread.
class SerialExecutor final : public Executor {
 public:
  using Executor::parallel_for;
  u32 width() const override { return 1; }
  void parallel_for(usize count, void* context, Body body) override {
    for (usize i = 0; i < count; ++i) body(context, i, 0);
  }
};

}  // namespace lr
