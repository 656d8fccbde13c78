// The engine that we ship, as scripts see it: one process for each script, whose handle runs the
// calls.
#pragma once

#include "host/runtime.h"
#include "spec-tests/engine.h"

namespace lr::spec {

// `runtime` has the functions of spectest and outlives the engine.
Result<std::unique_ptr<ScriptEngine>> make_compiled_engine(Runtime& runtime,
                                                           const ProcessConfig& config);

}  // namespace lr::spec
