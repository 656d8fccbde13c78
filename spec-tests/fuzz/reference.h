// What the reference interpreter makes of a module.
#pragma once

#include <memory>

#include "frontend/module.h"
#include "spec-tests/fuzz/outcome.h"

namespace lr::fuzz {

// Nothing is set but `refused` if the module needs more than the interpreter gives: then it has no
// opinion.
Outcome run_reference(const std::shared_ptr<const Module>& module);

// It gave up for lack of memory. Nobody else needs to try: who has how much is nobody's rule.
bool is_too_large(const Outcome& reference);

// The interpreter tells kinds of null apart, which the compiler does not.
std::string difference_from_reference(Outcome reference, const Outcome& actual);

}  // namespace lr::fuzz
