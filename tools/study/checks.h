// How many of a mechanism's checks a program executes.
#pragma once

#include <optional>

#include "base/result.h"
#include "jit/preempt.h"
#include "tools/study/rig.h"

namespace lr::study {

// Runs the program once with checks that always interrupt, and counts the interruptions. What the
// compiler left out, or makes only in one of many iterations, is not there to be counted. The
// compare of a function's entry with its stack limit, which is there under none as well, is no part
// of it.
//
// Nothing if the program has not ended after `duration_max_ns`: an interruption takes a hundred
// times as long as a check that finds nothing to do. Page stops where flag does, and there it takes
// ten thousand times as long: ask for flag.
Result<std::optional<u64>> count_checks(const Program& program, const Setup& setup,
                                        jit::Preempt preempt, u64 duration_max_ns);

}  // namespace lr::study
