// The reference interpreter, as scripts see it: a store for each script.
#pragma once

#include <memory>

#include "spec-tests/engine.h"

namespace lr::spec {

std::unique_ptr<ScriptEngine> make_reference_engine();

}  // namespace lr::spec
