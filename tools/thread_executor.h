// An Executor on plain threads, for commands that run no processes (validate, compile).
#pragma once

#include "base/executor.h"

namespace lr::cli {

class ThreadExecutor final : public Executor {
 public:
  // `width` threads in all, the caller's among them; 0: as many as there are processors that this
  // process may use.
  explicit ThreadExecutor(u32 width);

  using Executor::parallel_for;
  u32 width() const override { return width_; }
  void parallel_for(usize count, void* context, Body body) override;

 private:
  u32 width_;
};

}  // namespace lr::cli
