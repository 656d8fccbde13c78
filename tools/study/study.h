// The study of preemption: the same programs under each mechanism, in turns.
//
// Every timed run has an engine, a scheduler, machine code and a process of its own, so that where
// things happen to lie differs between runs and not between mechanisms. A kernel runs twice in its
// process, and the second time counts. In each round every program runs once in every column; the
// order of the columns is drawn anew for each program in even rounds, and reversed in odd ones.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tools/study/program.h"
#include "tools/study/results.h"
#include "tools/study/rig.h"

namespace lr::study {

// How a study tells what it is doing, and is told to stop.
struct Observer {
  std::function<void(std::string_view what)> progress = [](std::string_view) {};
  std::function<bool()> cancelled = [] { return false; };
};

// Measures; the fields of Results that say who asked (command, version) are the caller's to fill.
// An error if a program fails or returns something wrong. Cancelled: what there is so far.
Result<Results> run_study(const std::vector<Program>& programs, const Settings& settings,
                          const Setup& setup, const Observer& observer);

// All but none.
std::vector<jit::Preempt> all_mechanisms();

}  // namespace lr::study
