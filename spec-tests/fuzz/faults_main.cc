// Does the fuzzer find what is wrong? Built with all mistakes of faults.txt inside, it looks for
// each by itself until a module shows it:
//
//   fuzz_faults [SECONDS] [NUMBER]     seconds for each (default 30); only this one
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "spec-tests/fuzz/generator.h"
#include "spec-tests/fuzz/lab.h"
#include "spec-tests/supervisor_posix.h"

int lr_planted_fault = 0;

namespace lr::fuzz {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kFaults[] = {
    "none: nothing may be found",
#include LR_PLANTED_TABLE
};

struct Progress {
  std::atomic<u64> modules{0};
  std::atomic<bool> is_found{false};
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// True if some module shows the fault, be it by another outcome, a crash or a hang.
bool hunt(int number, double seconds_max) {
  Progress& progress = *new (robustness::shared_memory(sizeof(Progress))) Progress;
  const Clock::time_point start = Clock::now();
  std::string how;
  const auto end = robustness::supervise({&progress.modules, 4, [] {}}, [&] {
    std::freopen("/dev/null", "w", stderr);  // What a crash has to say is expected.
    lr_planted_fault = number;
    const FeatureSet features = FeatureSet::defaults();
    Lab lab(features);
    const Generator generator({features});
    for (u64 i = 0; seconds_since(start) < seconds_max; i++) {
      Choices choices(u64{77} * 1'000'000'007 + i);
      auto module = lab.load(generator.module(choices));
      progress.modules++;
      if (!module.ok() || !lab.compare(*module, true)) continue;
      progress.is_found = true;
      return;
    }
  });
  const bool is_found = progress.is_found || end != robustness::ChildEnd::Finished;
  const char* sign = !is_found                               ? "NOT FOUND"
                     : end == robustness::ChildEnd::Finished ? "another outcome"
                     : end == robustness::ChildEnd::Hung     ? "hang"
                                                             : "crash";
  fmt::print("{:>3} {:6.1f} s {:>6} modules  {:<16} {}\n", number, seconds_since(start),
             progress.modules.load(), sign, kFaults[number]);
  return is_found;
}

int main_of(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 30;
  const int only = argc > 2 ? std::atoi(argv[2]) : 0;
  const Clock::time_point start = Clock::now();
  u32 found = 0, tried = 0;
  for (int number = 0; number < static_cast<int>(std::size(kFaults)); number++) {
    if (only != 0 && number != only) continue;
    tried++;
    if (hunt(number, seconds) == (number != 0)) found++;
  }
  fmt::print("{} of {} as they should be, in {:.0f} s\n", found, tried, seconds_since(start));
  return found == tried ? 0 : 1;
}

}  // namespace
}  // namespace lr::fuzz

int main(int argc, char** argv) { return lr::fuzz::main_of(argc, argv); }
