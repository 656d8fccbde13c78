// Evaluation of constant expressions (specification section 4.6.4), which validation has checked.
#pragma once

#include "base/result.h"
#include "frontend/module.h"
#include "jit/context.h"

namespace lr::jit {

class Instance;

// The value, as a global's cell holds it. Globals that it reads have been set. Fails with
// FeatureOff for instructions that the compiler lacks too.
Result<Cell> evaluate(Instance& instance, const ConstExpr& expr);

}  // namespace lr::jit
