// Generates modules and compares what they do in all configurations of the compiler.
//
//   fuzz --seconds 180                  random seeds, printed
//   fuzz --seed 7 --count 100000        the modules 7:0 to 7:99999
//   fuzz --seed 7 --first 42 --count 1 --print
//
// A child process does the work; when it dies the module is named and another child goes on
// behind it.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "frontend/wat_printer.h"
#include "spec-tests/fuzz/binary_writer.h"
#include "spec-tests/fuzz/generator.h"
#include "spec-tests/fuzz/lab.h"
#include "spec-tests/fuzz/reference.h"
#include "spec-tests/fuzz/shrinker.h"
#include "spec-tests/supervisor_posix.h"

namespace lr::fuzz {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using robustness::ChildEnd;

constexpr u64 kFailuresMax = 20;
constexpr double kHangSeconds = 60;
constexpr u32 kShrinkSecondsMax = 5;  // That a smaller module may take.

struct Options {
  u64 seed = 0;
  u64 first = 0;
  u64 count = ~u64{0};
  double seconds = 0;
  u32 nodes = 240;
  std::string config;
  std::string features;
  fs::path keep;
  bool print = false;
  bool shrink = false;
  bool opcodes = false;
  fs::path modules;  // A directory of them, in place of the generator's.
  bool record = false;
  bool reference = false;  // The interpreter's opinion as well.
  bool interpret = false;  // Record that one.
  bool deterministic = false;
};

struct Progress {
  std::atomic<u64> next{0};
  std::atomic<u64> steps{0};  // Modules, and smaller ones that were tried in place of one.
  std::atomic<u64> done{0};
  std::atomic<u64> bytes{0};
  std::atomic<u64> invalid{0};
  std::atomic<u64> diverged{0};
  std::atomic<u64> calls{0};
  std::atomic<u64> trapped{0};
  std::array<std::atomic<u64>, kOpCount> ops{};  // How often each was generated.
};

FeatureSet features_of(const std::string& names) {
  FeatureSet features = FeatureSet::defaults();
  for (usize at = 0; at < names.size();) {
    const usize comma = std::min(names.find(',', at), names.size());
    const std::string name = names.substr(at, comma - at);
    const bool off = name.starts_with('-');
    const auto feature = find_feature(off ? name.substr(1) : name);
    if (name == "all") {
      features = FeatureSet::all();
    } else if (feature) {
      off ? features.disable(*feature) : features.enable(*feature);
    } else {
      fmt::print(stderr, "fuzz: no feature is called {}\n", name);
      std::exit(2);
    }
    at = comma + 1;
  }
  return features;
}

class Campaign {
 public:
  explicit Campaign(const Options& options)
      : options_(options),
        features_(features_of(options.features)),
        generator_({features_, options.nodes}),
        progress_(*new(robustness::shared_memory(sizeof(Progress))) Progress) {
    progress_.next = options.first;
    if (options.modules.empty()) return;
    for (const auto& entry : fs::directory_iterator(options.modules)) {
      if (entry.path().extension() == ".wasm") files_.push_back(entry.path());
    }
    std::sort(files_.begin(), files_.end());
  }

  // For others to compare with: number, sizes, bytes, text.
  int record() {
    Lab lab(features_, "usual");
    for (u64 number = options_.first; number < options_.first + options_.count; number++) {
      const std::vector<u8> bytes = module(number);
      auto loaded = lab.load(bytes);
      const std::string text =
          loaded.ok() ? to_text(options_.interpret ? run_reference(*loaded) : lab.run(*loaded))
                      : "refused: " + loaded.error().message() + "\n";
      BinaryWriter out;
      out.fixed(number, 8);
      out.fixed(bytes.size(), 4);
      out.fixed(text.size(), 4);
      out.append(bytes);
      out.append({reinterpret_cast<const u8*>(text.data()), text.size()});
      std::fwrite(out.bytes.data(), 1, out.bytes.size(), stdout);
    }
    return 0;
  }

  int run() {
    fmt::print("seed {}, from module {}\n", options_.seed, options_.first);
    u64 end = options_.count == ~u64{0} ? options_.count : options_.first + options_.count;
    if (!files_.empty()) end = std::min<u64>(end, files_.size());
    while (progress_.next < end && !is_late() && failures_ < kFailuresMax) {
      const ChildEnd how = robustness::supervise({&progress_.steps, kHangSeconds, [&] { show(); }},
                                                 [&] { work(end); });
      if (how == ChildEnd::Finished) break;
      failures_++;
      name_failure(progress_.next, how == ChildEnd::Hung ? "hung" : "crashed");
      if (options_.shrink && how == ChildEnd::Crashed) shrink_failure(progress_.next, true);
      progress_.next++;
    }
    report();
    return failures_ + progress_.diverged + progress_.invalid == 0 ? 0 : 1;
  }

 private:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  bool is_late() const { return options_.seconds > 0 && seconds() > options_.seconds; }

  std::vector<u8> module(u64 number) const {
    if (!files_.empty()) return read_file(files_[number]);
    Choices choices(options_.seed * 1'000'000'007 + number);
    return generator_.module(choices);
  }

  void work(u64 end) {
    Lab lab(features_, options_.config, options_.deterministic);
    for (; progress_.next < end && !is_late(); progress_.next++) {
      const u64 number = progress_.next;
      progress_.steps++;
      std::vector<u8> bytes = module(number);
      if (options_.print) print(bytes);
      progress_.bytes += bytes.size();
      auto loaded = lab.load(bytes);
      progress_.done++;
      if (!loaded.ok()) {
        progress_.invalid++;
        name_failure(number, loaded.error().message());
        continue;
      }
      if (options_.opcodes) count_ops(bytes);
      if (options_.print) fmt::print("{}", to_text(lab.run(*loaded)));
      if (files_.empty() && number % 16 == 0) count_calls(lab.run(*loaded));
      const auto divergence = lab.compare(*loaded, options_.reference);
      if (!divergence) continue;
      progress_.diverged++;
      name_failure(number, fmt::format("[{}] {}", divergence->configuration, divergence->what));
      if (options_.shrink) shrink_failure(number, false);
      if (progress_.diverged >= kFailuresMax) return;
    }
  }

  // In a child of its own, since the smaller module may crash in another way.
  bool still_fails(Lab& lab, const std::vector<u8>& bytes, bool looks_for_crash) const {
    auto loaded = lab.load(bytes);
    if (!loaded.ok()) return false;
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      alarm(kShrinkSecondsMax);
      _exit(lab.compare(*loaded, options_.reference) ? 1 : 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) return !looks_for_crash && WEXITSTATUS(status) == 1;
    return looks_for_crash;
  }

  // Makes the failing module small and keeps it as text.
  void shrink_failure(u64 number, bool looks_for_crash) {
    Lab lab(features_, options_.config, options_.deterministic);
    const std::vector<u8> small = fuzz::shrink(module(number), [&](const std::vector<u8>& bytes) {
      progress_.steps++;
      return still_fails(lab, bytes, looks_for_crash);
    });
    const auto text = std::move(print_wat(small)).value();
    const fs::path folder = options_.keep.empty() ? fs::path(".") : options_.keep;
    const fs::path path = folder / fmt::format("{}-{}.wat", options_.seed, number);
    std::ofstream(path) << text;
    fmt::print("  shrunk: {}\n", path.string());
    std::fflush(stdout);
  }

  void count_calls(const Outcome& outcome) {
    for (const CallOutcome& call : outcome.calls) {
      progress_.calls++;
      if (!call.trap.empty()) progress_.trapped++;
    }
  }

  void count_ops(const std::vector<u8>& bytes) {
    for (const Op op : ops_of(bytes)) progress_.ops[static_cast<usize>(op)]++;
  }

  void report_ops() const {
    u32 known = 0, reached = 0;
    std::string missing;
    for (u32 i = 0; i < kOpCount; i++) {
      const OpInfo& row = info(static_cast<Op>(i));
      if (!features_.has(row.feature)) continue;
      known++;
      if (progress_.ops[i] > 0) {
        reached++;
      } else {
        missing += fmt::format(" {}", row.text);
      }
    }
    fmt::print("{} of {} instructions generated{}{}\n", reached, known,
               missing.empty() ? "" : "; never:", missing);
  }

  static void print(const std::vector<u8>& bytes) {
    auto text = print_wat(bytes);
    fmt::print("{}\n", text.ok() ? *text : text.error().message());
    std::fflush(stdout);
  }

  void name_failure(u64 number, const std::string& how) {
    fmt::print("{}:{}: {}\n", options_.seed, number, how);
    if (!options_.keep.empty()) {
      const std::vector<u8> bytes = module(number);
      std::ofstream(options_.keep / fmt::format("{}-{}.wasm", options_.seed, number),
                    std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()),
                 static_cast<std::streamsize>(bytes.size()));
    }
    std::fflush(stdout);
  }

  void show() const {
    if (!robustness::is_terminal_stderr()) return;
    fmt::print(stderr, "\r\033[K{} modules, {:.0f} s", progress_.done.load(), seconds());
  }

  void report() const {
    if (robustness::is_terminal_stderr()) fmt::print(stderr, "\r\033[K");
    const u64 done = progress_.done;
    fmt::print("{} modules in {:.1f} s, {:.0f} a second, {} bytes each\n", done, seconds(),
               static_cast<double>(done) / seconds(),
               done == 0 ? 0 : progress_.bytes.load() / done);
    if (files_.empty()) {
      fmt::print("of the calls of every 16th, {} of {} trapped\n", progress_.trapped.load(),
                 progress_.calls.load());
    }
    if (options_.opcodes) report_ops();
    fmt::print("{} invalid, {} diverged, {} crashed or hung\n", progress_.invalid.load(),
               progress_.diverged.load(), failures_);
  }

  static std::vector<u8> read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

  const Options& options_;
  std::vector<fs::path> files_;
  const FeatureSet features_;
  const Generator generator_;
  Progress& progress_;
  const Clock::time_point start_ = Clock::now();
  u64 failures_ = 0;
};

int main_of(int argc, char** argv) {
  CLI::App app("Compares all configurations of the compiler on generated modules.", "fuzz");
  Options options;
  options.seed = std::random_device()() % 1'000'000;
  app.add_option("--seed", options.seed, "which sequence of modules (default: random, printed)");
  app.add_option("--first", options.first, "the number of the first module");
  app.add_option("--count", options.count, "how many modules");
  app.add_option("--seconds", options.seconds, "stop after so long");
  app.add_option("--nodes", options.nodes, "instructions in a module")->capture_default_str();
  app.add_option("--config", options.config,
                 "compare only these configurations with the usual one, or all but -NAME");
  app.add_option("--features", options.features, "switch on, or off with -NAME; all: every one");
  app.add_option("--modules", options.modules, "take the modules of this directory")
      ->check(CLI::ExistingDirectory);
  app.add_option("--keep", options.keep, "write modules that fail to this directory")
      ->check(CLI::ExistingDirectory);
  app.add_flag("--deterministic", options.deterministic, "with NaNs as the profile says");
  app.add_flag("--reference", options.reference, "compare with the reference interpreter, too");
  app.add_flag("--interpreter", options.interpret, "record what the interpreter says instead");
  app.add_flag("--record", options.record, "write modules and their outcomes to standard output");
  app.add_flag("--opcodes", options.opcodes, "say which instructions were generated");
  app.add_flag("--shrink", options.shrink, "make modules that fail small and keep them as text");
  app.add_flag("--print", options.print, "print each module and its outcome");
  CLI11_PARSE(app, argc, argv);
  Campaign campaign(options);
  return options.record ? campaign.record() : campaign.run();
}

}  // namespace
}  // namespace lr::fuzz

int main(int argc, char** argv) { return lr::fuzz::main_of(argc, argv); }
