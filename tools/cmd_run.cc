// lunatic-run [run] PROGRAM [ARGUMENTS...]: options in, host/run.h, results
// out.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "host/run.h"
#include "tools/accounting.h"
#include "tools/commands.h"
#include "tools/engine_options.h"
#include "tools/input.h"
#include "tools/process_reports.h"
#include "tools/reference_arguments.h"
#include "tools/run_options.h"
#include "tools/run_watch.h"
#include "tools/terminal.h"

namespace lr::cli {

namespace {

// "HOST[::GUEST][:ro]"
DirectoryGrant parse_grant(std::string_view text) {
  constexpr std::string_view kReadOnly = ":ro";
  DirectoryGrant grant;
  grant.read_only = text.ends_with(kReadOnly);
  if (grant.read_only) text.remove_suffix(kReadOnly.size());
  const usize colons = text.find("::");
  grant.host_path = text.substr(0, colons);
  grant.guest_name = colons == std::string_view::npos ? text : text.substr(colons + 2);
  return grant;
}

// "NAME=VALUE", or "NAME" for what this process has; variables that it lacks stay unset.
void add_variable(const std::string& text, std::vector<std::string>& environment) {
  const std::string name = text.substr(0, text.find('='));
  std::erase_if(environment,
                [&](const std::string& entry) { return entry.starts_with(name + "="); });
  if (name.size() < text.size()) {
    environment.push_back(text);
  } else if (const char* value = std::getenv(name.c_str()); value != nullptr) {
    environment.push_back(name + "=" + value);
  }
}

std::vector<std::string> guest_environment(const CommandLine& line) {
  std::vector<std::string> environment;
  if (line.has(Opt::EnvInherit)) {
    for (char** entry = environ; *entry != nullptr; entry++) environment.emplace_back(*entry);
  }
  for (const std::string& text : line.values(Opt::Env)) add_variable(text, environment);
  return environment;
}

RunOptions::MemoryClass memory_class(const CommandLine& line) {
  const std::string_view choice = line.text(Opt::MemoryClass, "auto");
  if (choice == "guarded") return RunOptions::MemoryClass::Guarded;
  if (choice == "dense") return RunOptions::MemoryClass::Dense;
  return RunOptions::MemoryClass::Auto;
}

}  // namespace

RunOptions run_options(const CommandLine& line) {
  RunOptions options;
  options.name = display_name(line.operands[0]);
  if (line.has(Opt::Argv0)) options.argv0 = line.text(Opt::Argv0);
  options.arguments.assign(line.operands.begin() + 1, line.operands.end());
  options.environment = guest_environment(line);
  for (const std::string& text : line.values(Opt::Dir)) {
    options.directories.push_back(parse_grant(text));
  }
  if (line.has(Opt::Invoke)) options.invoke = line.text(Opt::Invoke);
  options.timeout_ns = line.duration_ns(Opt::Timeout, 0);
  options.memory_max_bytes = line.size_bytes(Opt::MaxMemory, options.memory_max_bytes);
  options.scheduler.slots.total_memory_bytes = line.size_bytes(Opt::MaxTotalMemory, 0);
  options.stack_max_bytes = line.size_bytes(Opt::MaxStack, options.stack_max_bytes);
  options.memory_class = memory_class(line);
  options.compile_eagerly = line.text(Opt::CompileMode) == "eager";
  options.engine = engine_options(line);
  options.scheduler.workers = line.count(Opt::Workers, 0);
  if (line.text(Opt::GuardPages) == "off") options.scheduler.slots.guards = sched::GuardMode::kNone;
  options.death_log_fd = STDERR_FILENO;
  if (line.has(Opt::Trace)) {
    options.trace = [](std::string_view text) { fmt::print(stderr, "{}\n", text); };
  }
  return options;
}

void be_like_reference(const CommandLine& line, std::span<const std::string> directories,
                       RunOptions& options) {
  constexpr u64 kMemoryMaxBytes = 0xffff'ffff;
  constexpr u32 kTableElementsMax = 99'999;
  if (!line.has(Opt::Argv0)) options.argv0 = options.name.substr(options.name.rfind('/') + 1);
  options.environment.clear();
  for (char** entry = environ; *entry != nullptr; entry++) options.environment.emplace_back(*entry);
  for (const std::string& text : line.values(Opt::Env)) add_variable(text, options.environment);
  options.directories.insert(options.directories.begin(), {.host_path = ".", .guest_name = "."});
  for (const std::string& path : directories) {
    options.directories.push_back({.host_path = path, .guest_name = path});
  }
  options.memory_max_bytes = std::min(options.memory_max_bytes, kMemoryMaxBytes);
  options.engine.table_elements_max = kTableElementsMax;
}

namespace {

constexpr usize kProcessesShown = 20;

std::string milliseconds(u64 ns) { return fmt::format("{:.3f} ms", static_cast<double>(ns) / 1e6); }

// `left`: the processes that were there at the end.
void print_stats(const RunStats& stats, std::span<const ProcessReport> left) {
  const auto& code = stats.code;
  const auto& sched = stats.scheduler;
  const auto row = [](std::string_view what, std::string_view value) {
    fmt::print(stderr, "{:<18} {}\n", what, value);
  };
  row("load", milliseconds(stats.load_ns));
  row("start", milliseconds(stats.start_ns));
  row("run", milliseconds(stats.run_ns));
  row("module", fmt::format("{} bytes", stats.module_bytes));
  row("compiled",
      fmt::format("{} functions, {} bytes of wasm to {} bytes of code in {}", code.functions_ready,
                  code.wasm_bytes, code.code_bytes, milliseconds(code.compile_ns)));
  row("processes", fmt::format("{} spawned, {} switches, {} parks, {} preemptions", sched.spawned,
                               sched.switches, sched.parks, sched.preemptions));
  row("longest hold", milliseconds(sched.longest_hold_ns));
  fmt::print(stderr, "{}", process_summary(left));
  if (left.size() > 1) fmt::print(stderr, "{}", process_table(left, kProcessesShown));
}

// Standard error gets what went wrong; the status says the rest.
int report(const RunOutcome& outcome, const CommandLine& line, const RunOptions& said,
           const RunWatch& watch) {
  if (line.has(Opt::Stats)) print_stats(outcome.stats, watch.left());
  if (watch.interrupted()) return kExitInterrupted;
  if (outcome.kind == RunOutcome::Kind::TimedOut) {
    say_error(fmt::format("{}: ran longer than --timeout {}", said.name, line.text(Opt::Timeout)));
  } else if (outcome.guest.kind == Outcome::Kind::Trapped) {
    say_error(fmt::format("{}: trap: {}", said.name, outcome.guest.message));
    fmt::print(stderr, "{}", paint(Stream::Err, Colour::Grey, outcome.guest.backtrace));
  } else if (outcome.guest.kind == Outcome::Kind::Killed) {
    say_error(
        fmt::format("{}: killed, by another process or by the failure of a linked one", said.name));
  } else {
    for (const InvokeResult& result : outcome.results) fmt::print("{}\n", format_value(result));
  }
  if (std::fflush(stdout) != 0) return kExitRefused;
  const bool timed_out = outcome.kind == RunOutcome::Kind::TimedOut;
  return line.has(Opt::LunaticExitStatus) && !timed_out ? kExitSuccess : outcome.exit_status();
}

// Nothing has run. A program that has nothing to run counts as started with --lunatic-exit-status.
int refuse_run(const CommandLine& line, const std::string& name, const Error& error) {
  if (error.phase() == ErrPhase::Usage) {
    say_error(fmt::format("{}: {}", name, error.detail));
    return kExitUsage;
  }
  const int status = refuse(name, error);
  const bool is_started = line.has(Opt::LunaticExitStatus) && error.code == Err::NothingToRun;
  return is_started ? kExitSuccess : status;
}

int run_watched(RunOptions options, const CommandLine& line, const RunOptions& said) {
  RunWatch watch(line.has(Opt::Stats));
  options.observer = &watch;
  const Result<RunOutcome> outcome = lr::run_program(std::move(options));
  if (outcome.ok()) return report(outcome.value(), line, said, watch);
  return refuse_run(line, said.name, outcome.error());
}

}  // namespace

int run_program(const CommandLine& line) {
  if (is_test_run(line)) return run_tests(line);
  const std::string& path = line.operands[0];
  Result<std::vector<u8>> binary = read_binary(path);
  if (!binary.ok()) return refuse(display_name(path), binary.error());
  RunOptions options = run_options(line);
  if (line.has(Opt::Lunatic)) {
    Result<ReferenceRunArguments> parsed = parse_reference_run(std::span(line.operands).subspan(1));
    if (!parsed.ok()) {
      say_error(parsed.error().detail);
      return kExitUsage;
    }
    be_like_reference(line, parsed.value().directories, options);
    options.arguments = std::move(parsed.value().guest);
  }
  const RunOptions said = options;
  options.module = std::move(binary.value());
  std::unique_ptr<Accounting> accounting;
  if (line.has(Opt::Accounting)) {
    Result<std::unique_ptr<Accounting>> created =
        Accounting::create(std::string(line.text(Opt::Accounting)));
    if (!created.ok()) {
      say_error(created.error().detail);
      return kExitUsage;
    }
    accounting = std::move(*created);
    options.report_sink = accounting.get();
  }
  const int status = run_watched(std::move(options), line, said);
  if (accounting == nullptr) return status;
  const Status written = accounting->finish();
  if (written.ok()) return status;
  say_error(written.error().detail);
  return kExitRefused;
}

}  // namespace lr::cli
