// The robustness test: every module of the given files, with a cut or a changed byte at every
// place, must get a verdict; never a crash, never a hang. Worth most in a build with sanitizers.
//
//   robustness --binary --slice 3/50 --compile ../testsuite
//
// A child process does the work; when it dies the mutant is named and another child goes on
// behind it. The same arguments give the same mutants.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "spec-tests/judge.h"
#include "spec-tests/mutation.h"
#include "spec-tests/subjects.h"
#include "spec-tests/supervisor_posix.h"

namespace lr::robustness {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kExitSkipped = 77;
constexpr u64 kFailuresMax = 20;  // Then the rest is not worth the time.

struct Options {
  std::vector<fs::path> paths;
  SubjectForms forms;
  JudgeOptions judge;
  u64 seed = 1;
  u64 slice = 1;
  u64 slices = 1;
  double max_seconds = 0;  // 0: no limit.
  double hang_seconds = 30;
  fs::path keep;  // Where mutants that fail are kept; empty: nowhere.
};

// Shared by the worker and its supervisor.
struct Progress {
  std::atomic<u64> next{0};  // The mutant in work, or to begin with.
  std::atomic<u64> judged{0};
  std::atomic<u64> unchanged{0};  // Mutants that are the module itself.
  std::atomic<u64> functions_compiled{0};
  std::atomic<u64> complaints{0};  // Verdicts that should not be.
  std::array<std::atomic<u64>, kVerdicts> verdicts{};
};

// All mutants of all subjects, numbered.
class Plan {
 public:
  Plan(std::vector<Subject> subjects, const Options& options)
      : subjects_(std::move(subjects)), options_(options) {
    for (usize i = 0; i < subjects_.size(); i++) ends_.push_back(size() + mutations(i).size());
  }

  u64 size() const { return ends_.empty() ? 0 : ends_.back(); }
  const std::vector<Subject>& subjects() const { return subjects_; }

  struct Mutant {
    const Subject& subject;
    Mutation mutation;
  };
  Mutant operator[](u64 number) const {
    const auto end = std::ranges::upper_bound(ends_, number);
    const auto i = static_cast<usize>(end - ends_.begin());
    const u64 begin = i == 0 ? 0 : ends_[i - 1];
    return {subjects_[i], mutations(i)[number - begin]};
  }

 private:
  // Subjects begin their slices at different places, or small ones would all be in the first.
  Mutations mutations(usize i) const {
    const u64 first = (options_.slice - 1 + i) % options_.slices;
    return {subjects_[i].bytes.size(), options_.seed + i, first, options_.slices};
  }

  std::vector<Subject> subjects_;
  const Options& options_;
  std::vector<u64> ends_;
};

std::string text_of(const Plan::Mutant& mutant) {
  return fmt::format("{}, {}", name_of(mutant.subject), text_of(mutant.mutation));
}

class Run {
 public:
  Run(const Options& options, const Plan& plan)
      : options_(options), plan_(plan), progress_(*new(shared_memory(sizeof(Progress))) Progress) {}

  int run() {
    fmt::print("{} modules, {} mutants, slice {}/{}, seed {}\n", plan_.subjects().size(),
               plan_.size(), options_.slice, options_.slices, options_.seed);
    while (progress_.next < plan_.size() && !is_late() && failures_ < kFailuresMax) {
      const ChildEnd end =
          supervise({&progress_.next, options_.hang_seconds, [&] { show(); }}, [&] { work(); });
      if (end == ChildEnd::Finished) break;
      report_failure(end);
      progress_.next++;
    }
    report();
    return failures_ == 0 && progress_.complaints == 0 ? 0 : 1;
  }

 private:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  bool is_late() const { return options_.max_seconds > 0 && seconds() > options_.max_seconds; }
  u64 count(Verdict verdict) const { return progress_.verdicts[static_cast<usize>(verdict)]; }

  // In the child.
  void work() {
    Judge judge(options_.judge);
    for (; progress_.next < plan_.size() && !is_late(); progress_.next++) {
      const Plan::Mutant mutant = plan_[progress_.next];
      std::optional<std::vector<u8>> bytes = mutate(mutant.subject.bytes, mutant.mutation);
      if (!bytes) {
        progress_.unchanged++;
        continue;
      }
      const Judgement judgement =
          mutant.subject.is_text ? judge.text(*bytes) : judge.binary(std::move(*bytes));
      progress_.judged++;
      progress_.functions_compiled += judgement.functions_compiled;
      progress_.verdicts[static_cast<usize>(judgement.verdict)]++;
      const char* complaint = complaint_of(judgement.verdict);
      if (complaint != nullptr && progress_.complaints++ < kFailuresMax) {
        name_failure(complaint, mutant);
      }
    }
  }

  static const char* complaint_of(Verdict verdict) {
    if (verdict == Verdict::Stray) return "no verdict";
    if (verdict == Verdict::Placeless) return "no place";
    if (verdict == Verdict::Split) return "two verdicts";
    return nullptr;
  }

  void report_failure(ChildEnd end) {
    failures_++;
    if (progress_.next == plan_.size()) {
      fmt::print("crashed: at the end, as for a leak\n");
      return;
    }
    name_failure(end == ChildEnd::Hung ? "hung" : "crashed", plan_[progress_.next]);
  }

  void name_failure(const char* how, const Plan::Mutant& mutant) {
    fmt::print("{}: {}\n", how, text_of(mutant));
    std::fflush(stdout);  // A crash to come must not swallow it.
    if (options_.keep.empty()) return;
    const std::vector<u8> bytes = mutate(mutant.subject.bytes, mutant.mutation).value();
    const fs::path path = options_.keep / fmt::format("mutant-{}.{}", progress_.next.load(),
                                                      mutant.subject.is_text ? "wat" : "wasm");
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    fmt::print("  kept as {}\n", path.string());
  }

  void show() const {
    if (!is_terminal_stderr()) return;
    const u64 next = std::min<u64>(progress_.next, plan_.size() - 1);
    fmt::print(stderr, "\r\033[K{} of {} mutants, {:.0f} s: {}", next, plan_.size(), seconds(),
               fs::path(name_of(plan_[next].subject)).filename().string());
  }

  void report() const {
    if (is_terminal_stderr()) fmt::print(stderr, "\r\033[K");
    const u64 next = progress_.next;
    fmt::print("{} of {} mutants in {:.0f} s, {} of them unchanged, peak {} MiB\n", next,
               plan_.size(), seconds(), progress_.unchanged.load(),
               peak_child_memory_bytes() / kMiB);
    fmt::print("accepted {}, malformed {}, invalid {}, unsupported {}, limit {}\n",
               count(Verdict::Accepted), count(Verdict::Malformed), count(Verdict::Invalid),
               count(Verdict::Unsupported), count(Verdict::Limit));
    if (options_.judge.compiles)
      fmt::print("{} functions compiled\n", progress_.functions_compiled.load());
    if (next < plan_.size()) {
      fmt::print("stopped before {}\n", text_of(plan_[next]));
    }
    fmt::print("{} verdicts, {} crashed or hung, {} without verdict, {} without place, {} split\n",
               progress_.judged.load(), failures_, count(Verdict::Stray), count(Verdict::Placeless),
               count(Verdict::Split));
  }

  const Options& options_;
  const Plan& plan_;
  Progress& progress_;
  const Clock::time_point start_ = Clock::now();
  u64 failures_ = 0;
};

// "K/N", 1 <= K <= N.
bool parse_slice(std::string_view text, Options& options) {
  const char* end = text.data() + text.size();
  const auto slice = std::from_chars(text.data(), end, options.slice);
  if (slice.ec != std::errc() || slice.ptr == end || *slice.ptr != '/') return false;
  const auto slices = std::from_chars(slice.ptr + 1, end, options.slices);
  return slices.ec == std::errc() && slices.ptr == end && options.slice >= 1 &&
         options.slice <= options.slices;
}

int run(const Options& options) {
  Result<std::vector<Subject>> subjects = collect_subjects(options.paths, options.forms);
  if (!subjects.ok()) {
    fmt::print(stderr, "robustness: {}\n", subjects.error().message());
    return 2;
  }
  const Plan plan(std::move(*subjects), options);
  return Run(options, plan).run();
}

int main_of(int argc, char** argv) {
  CLI::App app("Mutates modules and looks whether each mutant gets a verdict.", "robustness");
  Options options;
  std::string slice = "1/1";
  bool only_binary = false;
  bool only_text = false;
  app.add_option("path", options.paths,
                 "scripts, modules and directories of scripts (default: $WASM_TESTSUITE_DIR)");
  app.add_flag("--binary", only_binary, "mutate the binary format only");
  app.add_flag("--text", only_text, "mutate the text format only");
  app.add_flag("--compile", options.judge.compiles, "compile mutants that are valid");
  app.add_flag("--print", options.judge.prints, "print every mutant as text, valid or not");
  app.add_flag("--both-paths", options.judge.both_paths,
               "compare the validator's short ways with its long ones");
  app.add_option("--seed", options.seed, "chooses the places in large modules");
  app.add_option("--slice", slice, "K/N: every N-th place, from the K-th")->capture_default_str();
  app.add_option("--max-seconds", options.max_seconds, "stop after so long");
  app.add_option("--hang-seconds", options.hang_seconds, "how long one mutant may take")
      ->capture_default_str();
  app.add_option("--keep", options.keep, "write mutants that fail to this directory")
      ->check(CLI::ExistingDirectory);
  CLI11_PARSE(app, argc, argv);
  if (!parse_slice(slice, options)) {
    fmt::print(stderr, "robustness: --slice {} is not K/N\n", slice);
    return 2;
  }
  options.forms = {.binary = only_binary || !only_text, .text = only_text || !only_binary};
  if (options.paths.empty()) {
    const char* suite = std::getenv("WASM_TESTSUITE_DIR");
    if (suite == nullptr) {
      fmt::print("skipped: no path, and WASM_TESTSUITE_DIR is not set\n");
      return kExitSkipped;
    }
    options.paths.emplace_back(suite);
  }
  return run(options);
}

}  // namespace
}  // namespace lr::robustness

int main(int argc, char** argv) { return lr::robustness::main_of(argc, argv); }
