// lunatic-run study preemption [PROGRAMS...]: what the ways of interrupting a program cost.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tools/commands.h"
#include "tools/engine_options.h"
#include "tools/input.h"
#include "tools/study/figure.h"
#include "tools/study/report.h"
#include "tools/study/study.h"
#include "tools/terminal.h"
#include "tools/version.h"

namespace lr::cli {

namespace {

constexpr u32 kRoundsDefault = 10;
constexpr u32 kRoundsSmall = 3;

Error usage_error(std::string detail) { return make_error(Err::BadArgument, std::move(detail)); }

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (usize start = 0; start <= text.size();) {
    const usize end = std::min(text.find(separator, start), text.size());
    if (end > start) parts.emplace_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

// What --mechanisms asks for, in its order; without it, all there are. None is always measured.
Result<std::vector<jit::Preempt>> chosen_mechanisms(const CommandLine& line) {
  if (!line.has(Opt::Mechanisms)) return study::all_mechanisms();
  std::vector<std::string_view> names;
  for (const jit::Preempt preempt : jit::kPreempts) names.push_back(jit::name_of(preempt));
  std::vector<jit::Preempt> chosen;
  for (const std::string& name : split(line.text(Opt::Mechanisms), ',')) {
    const std::optional<jit::Preempt> found = jit::parse_preempt(name);
    if (!found) {
      const std::string_view best = nearest(name, names);
      return usage_error(fmt::format("--mechanisms: '{}' is none of {}{}", name,
                                     fmt::join(names, ", "),
                                     best.empty() ? "" : fmt::format("; did you mean {}?", best)));
    }
    const bool twice = std::ranges::count(chosen, *found) != 0;
    if (!twice && *found != jit::Preempt::None) chosen.push_back(*found);
  }
  return chosen;
}

Result<std::vector<study::Program>> chosen_kernels(const CommandLine& line) {
  std::vector<study::Program> programs;
  if (!line.has(Opt::Kernels) || line.text(Opt::Kernels) == "all") {
    for (const study::Kernel& kernel : study::kernels()) {
      programs.push_back(study::program_of(kernel));
    }
    return programs;
  }
  std::vector<std::string_view> names;
  for (const study::Kernel& kernel : study::kernels()) names.push_back(kernel.name);
  for (const std::string& name : split(line.text(Opt::Kernels), ',')) {
    const auto found = std::ranges::find(study::kernels(), name, &study::Kernel::name);
    if (found == study::kernels().end()) {
      const std::string_view best = nearest(name, names);
      return usage_error(
          best.empty()
              ? fmt::format("--kernels: no kernel is called '{}'; there are {}", name,
                            fmt::join(names, ", "))
              : fmt::format("--kernels: no kernel is called '{}'; did you mean {}?", name, best));
    }
    programs.push_back(study::program_of(*found));
  }
  if (programs.empty()) return usage_error("--kernels names no kernel");
  return programs;
}

// A file's name, and perhaps arguments behind it in the same word.
std::vector<std::string> words_of(const std::string& operand) {
  std::error_code failed;
  if (std::filesystem::exists(operand, failed)) return {operand};
  std::vector<std::string> words = split(operand, ' ');
  if (words.empty()) words.push_back(operand);
  return words;
}

Result<std::vector<study::Program>> chosen_programs(const CommandLine& line) {
  const std::span operands = std::span(line.operands).subspan(1);
  std::vector<study::Program> programs;
  if (operands.empty() || line.has(Opt::Kernels)) programs = TRY(chosen_kernels(line));
  if (operands.empty() && line.has(Opt::Invoke)) {
    return usage_error(
        "--invoke needs a program: study preemption --invoke EXPORT 'FILE ARGUMENTS'");
  }
  for (const std::string& operand : operands) {
    const std::vector<std::string> words = words_of(operand);
    const auto told = [&](Error error) {
      // The file's name belongs to what is said.
      if (error.phase() == ErrPhase::Usage) {
        return make_error(error.code, fmt::format("{}: {}", words[0], error.detail));
      }
      return make_error(Err::BadArgument, describe(display_name(words[0]), error));
    };
    Result<std::vector<u8>> binary = read_binary(words[0]);
    if (!binary.ok()) return told(binary.error());
    std::optional<std::string> invoke;
    if (line.has(Opt::Invoke)) invoke = line.text(Opt::Invoke);
    Result<study::Program> program = study::program_of(std::move(*binary), words, invoke);
    if (!program.ok()) return told(program.error());
    program->name = std::filesystem::path(words[0]).filename().string();
    programs.push_back(std::move(*program));
  }
  if (line.has(Opt::Quick)) {
    for (study::Program& program : programs) program = study::small_form(std::move(program));
  }
  return programs;
}

Result<study::Settings> settings_of(const CommandLine& line) {
  study::Settings settings;
  settings.mechanisms = TRY(chosen_mechanisms(line));
  const std::string_view measure = line.text(Opt::Measure, "all");
  settings.slowdown = measure != "latency";
  settings.latency = measure != "slowdown" && !settings.mechanisms.empty();
  settings.small = line.has(Opt::Quick);
  settings.budget_ns = line.duration_ns(Opt::Seconds, 0);
  const bool open_end = settings.budget_ns != 0;
  settings.rounds_max = line.count(Opt::Rounds, open_end         ? 0
                                                : settings.small ? kRoundsSmall
                                                                 : kRoundsDefault);
  settings.seed = line.count(Opt::Seed, 1);
  settings.workers = line.count(Opt::Workers, study::describe_machine().allowed);
  settings.hogs = line.count(Opt::Hogs, settings.hogs);
  if (settings.hogs <= settings.workers) {
    return usage_error(fmt::format("--hogs {}: there must be more of them than workers ({})",
                                   settings.hogs, settings.workers));
  }
  settings.cpu = line.text(Opt::Cpu, "native");
  settings.memory = line.text(Opt::MemoryClass, "guarded");
  if (settings.memory == "auto") settings.memory = "guarded";
  if (settings.small) settings.idle_ns = settings.hogs_ns = 10'000'000;
  return settings;
}

// The words that measure the same again.
std::string command_text(const CommandLine& line, const study::Settings& settings) {
  std::vector<std::string> mechanisms;
  for (const jit::Preempt preempt : settings.mechanisms) {
    mechanisms.emplace_back(jit::name_of(preempt));
  }
  std::string text = fmt::format("lunatic-run study preemption --mechanisms={} --seed={}",
                                 fmt::join(mechanisms, ","), settings.seed);
  if (mechanisms.empty()) text = fmt::format("lunatic-run study preemption --mechanisms=none");
  if (settings.rounds_max != 0) text += fmt::format(" --rounds={}", settings.rounds_max);
  if (settings.budget_ns != 0) text += fmt::format(" --seconds={}", line.text(Opt::Seconds));
  text += fmt::format(" --workers={} --hogs={} --cpu={} --memory-class={}", settings.workers,
                      settings.hogs, settings.cpu, settings.memory);
  if (settings.small) text += " --quick";
  for (const Opt opt : {Opt::Measure, Opt::Kernels, Opt::Invoke}) {
    if (line.has(opt)) text += fmt::format(" {}={}", info(opt).name, line.text(opt));
  }
  for (usize i = 1; i < line.operands.size(); i++) {
    const std::string& operand = line.operands[i];
    text += operand.find(' ') == std::string::npos ? " " + operand : fmt::format(" '{}'", operand);
  }
  return text;
}

std::atomic<bool> interrupted{false};

// A line on the terminal that is written over again and again.
class Progress {
 public:
  Progress() : shown_(isatty(STDERR_FILENO) != 0) {}
  ~Progress() { show(""); }
  void show(std::string_view text) {
    if (!shown_) return;
    fmt::print(stderr, "\r\x1b[K{}", text);
    std::fflush(stderr);
  }

 private:
  const bool shown_;
};

Status write_file(const CommandLine& line, Opt opt, const std::string& text) {
  if (!line.has(opt)) return ok_status();
  const std::string path(line.text(opt));
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.flush();
  if (!out) return make_error(Err::SystemError, "cannot write " + path);
  return ok_status();
}

// Before the minutes of measuring, not after them.
Status check_outputs(const CommandLine& line) {
  for (const Opt opt : {Opt::Json, Opt::Csv, Opt::Svg}) {
    if (!line.has(opt)) continue;
    const std::string path(line.text(opt));
    if (!std::ofstream(path, std::ios::app)) {
      return usage_error(fmt::format("{}: cannot write {}", info(opt).name, path));
    }
  }
  return ok_status();
}

Result<study::Results> measure(const CommandLine& line, const study::Settings& settings) {
  const std::vector<study::Program> programs = TRY(chosen_programs(line));
  TRY(check_outputs(line));
  study::Setup setup;
  setup.engine = engine_options(line);
  setup.memory_class =
      settings.memory == "dense" ? jit::MemoryClass::Dense : jit::MemoryClass::Guarded;
  Progress progress;
  study::Observer observer;
  observer.progress = [&](std::string_view what) { progress.show(what); };
  observer.cancelled = [] { return interrupted.load(); };
  // Once: what there is so far. Twice: the end.
  std::signal(SIGINT, [](int) {
    interrupted.store(true);
    std::signal(SIGINT, SIG_DFL);
  });
  study::Results results = TRY(study::run_study(programs, settings, setup, observer));
  results.command = command_text(line, settings);
  results.version = fmt::format("lunatic-run {} ({})", kVersion, kCommit);
  return results;
}

Status report(const CommandLine& line, const study::Results& results) {
  const study::Summary summary = study::summarize(results);
  fmt::print("{}", study::text_report(results, summary));
  TRY(write_file(line, Opt::Json, study::json_report(results, summary)));
  TRY(write_file(line, Opt::Csv, study::csv_report(results)));
  TRY(write_file(line, Opt::Svg, study::svg_figure(results, summary)));
  if (std::fflush(stdout) != 0) return make_error(Err::SystemError, "cannot write the report");
  return ok_status();
}

Status study_preemption(const CommandLine& line) {
  const study::Settings settings = TRY(settings_of(line));
  const study::Results results = TRY(measure(line, settings));
  return report(line, results);
}

}  // namespace

int run_study(const CommandLine& line) {
  if (line.operands[0] != "preemption") {
    say_error(fmt::format("study knows preemption, not '{}'", line.operands[0]));
    return kExitUsage;
  }
  const Status done = study_preemption(line);
  if (done.ok()) return interrupted.load() ? kExitRefused : kExitSuccess;
  const bool is_usage = done.error().phase() == ErrPhase::Usage;
  say_error(is_usage ? done.error().detail : done.error().message());
  return is_usage ? kExitUsage : kExitRefused;
}

}  // namespace lr::cli
