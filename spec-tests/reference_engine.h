// The reference interpreter, as scripts see it: a store for each script.
#pragma once

#include <memory>

#include "spec-tests/engine.h"

namespace lr::spec {

// Without the features that are off, for those who want to know what needs them.
std::unique_ptr<ScriptEngine> make_reference_engine(const FeatureSet& features = FeatureSet::all());

}  // namespace lr::spec
