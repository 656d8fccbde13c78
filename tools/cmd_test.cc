// Test mode: cargo runs a test executable, and each of its tests becomes a process. What is printed
// is what cargo's users know from other targets. host/test_run.h runs the tests.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "host/test_run.h"
#include "tools/commands.h"
#include "tools/input.h"
#include "tools/reference_arguments.h"
#include "tools/run_options.h"
#include "tools/terminal.h"
#include "tools/test_names.h"

namespace lr::cli {
namespace {

std::string in_colour(Colour colour, std::string_view text) {
  return paint(Stream::Out, colour, text);
}

// Why a test failed, in the words below its output; nothing if it did what it should. An empty
// reason: the output says it all.
struct Verdict {
  bool ok = true;
  std::string note;
};

Verdict failed(std::string note = "") { return {false, std::move(note)}; }

// What ended a test that printed no panic.
std::string cause_of(const Outcome& outcome) {
  switch (outcome.kind) {
    case Outcome::Kind::Trapped:
      return fmt::format("      trap: {}\n{}", outcome.message, outcome.backtrace);
    case Outcome::Kind::Exited:
      return fmt::format("      exit status: {}\n", outcome.exit_status);
    case Outcome::Kind::Killed:
      return "      killed\n";
    case Outcome::Kind::Returned:
      break;
  }
  return "";
}

Verdict judge(const TestName& test, const TestEnd& end, bool is_captured) {
  if (end.is_normal()) {
    return test.panic ? failed("note: test did not panic as expected\n") : Verdict{};
  }
  const std::string output = end.streams.empty() ? "" : end.streams[0];
  const std::optional<std::string> panic = find_panic(output);
  if (!test.panic) {
    if (panic || !is_captured) return failed();
    return failed("note: Process trapped or received kill signal\n" + cause_of(end.outcome));
  }
  if (!panic) {
    if (test.panic->empty()) return {};
    return failed(fmt::format(
        "note: Process received kill signal, but expected a panic that contains `{}`\n{}",
        *test.panic, cause_of(end.outcome)));
  }
  if (panic->find(*test.panic) != std::string::npos) return {};
  return failed(
      fmt::format("note: panic did not contain expected string\n"
                  "      panic message: `\"{}\"`,\n expected substring: `\"{}\"`\n",
                  *panic, *test.panic));
}

void end_line(std::string& text) {
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
}

// What a test and its children printed, with the note behind the test's own part.
std::string joined(const TestEnd& end, const std::string& note) {
  std::string text;
  for (usize i = 0; i < end.streams.size(); ++i) {
    if (end.streams.size() > 1) text += fmt::format(" --- process {} stdout ---\n", i);
    text += end.streams[i];
    end_line(text);
    if (i == 0) text += note;
  }
  return text;
}

// A list at the end of a run: "successes:" or "failures:".
struct Section {
  std::string outputs;
  std::string names;

  void add(const TestName& test, const std::string& output) {
    if (!output.empty()) outputs += fmt::format("---- {} stdout ----\n{}\n", test.name, output);
    names += fmt::format("    {}\n", test.name);
  }
  void print(std::string_view title) const {
    if (names.empty()) return;
    fmt::print("\n{}:\n", title);
    if (!outputs.empty()) fmt::print("\n{}{}:\n", outputs, title);
    fmt::print("{}", names);
  }
};

// The tests of a module, those that were asked for, and how they went.
class TestReport {
 public:
  TestReport(const TestArguments& arguments, std::span<const std::string_view> functions)
      : arguments_(arguments) {
    for (const std::string_view function : functions) {
      if (std::optional<TestName> test = parse_test_name(function)) add(std::move(*test));
    }
  }

  int list() const {
    for (const TestName& test : selected_) fmt::print("{}: test\n", test.name);
    return std::fflush(stdout) == 0 ? kExitSuccess : kExitRefused;
  }

  int run(TestRun& tests) {
    const usize count = selected_.size();
    fmt::print("\nrunning {} test{}\n", count, count == 1 ? "" : "s");
    std::vector<const TestName*> running;
    std::vector<std::string_view> entries;
    for (const TestName& test : selected_) {
      if (test.is_ignored && !arguments_.ignored) {
        say(test, "", Colour::BrightYellow, "ignored");
        ++ignored_;
        continue;
      }
      running.push_back(&test);
      entries.push_back(test.entry);
    }
    const u64 begun = sched::now_ns();
    const Status ran = tests.run(entries, arguments_.nocapture,
                                 [&](const TestEnd& end) { tell(*running[end.index], end); });
    if (!ran.ok()) return refuse("the tests", ran.error());
    return summary(sched::now_ns() - begun);
  }

 private:
  void add(TestName test) {
    const bool named = arguments_.exact && !arguments_.filter.empty()
                           ? test.name == arguments_.filter
                           : test.name.find(arguments_.filter) != std::string::npos;
    if (named && (test.is_ignored || !arguments_.ignored || arguments_.list)) {
      selected_.push_back(std::move(test));
    } else {
      ++filtered_;
    }
  }

  static void say(const TestName& test, std::string_view expectation, Colour colour,
                  std::string_view verdict) {
    fmt::print("test {}{} ... {}\n", test.name, expectation, in_colour(colour, verdict));
    std::fflush(stdout);
  }

  void tell(const TestName& test, const TestEnd& end) {
    const Verdict verdict = judge(test, end, !arguments_.nocapture);
    const std::string_view expectation = test.panic ? " - should panic" : "";
    if (verdict.ok) {
      say(test, expectation, Colour::BrightGreen, "ok");
      passed_.add(test, joined(end, ""));
      ++passed_count_;
    } else {
      say(test, expectation, Colour::BrightRed, "FAILED");
      failed_.add(test, joined(end, verdict.note));
      ++failed_count_;
    }
  }

  int summary(u64 took_ns) const {
    if (arguments_.show_output) passed_.print("successes");
    failed_.print("failures");
    const bool ok = failed_count_ == 0;
    fmt::print(
        "\ntest result: {}. {} passed; {} failed; {} ignored; 0 measured; {} filtered out; "
        "finished in {:.2f}s\n\n",
        ok ? in_colour(Colour::BrightGreen, "ok") : in_colour(Colour::BrightRed, "FAILED"),
        passed_count_, failed_count_, ignored_, filtered_, static_cast<double>(took_ns) / 1e9);
    return std::fflush(stdout) == 0 && ok ? kExitSuccess : kExitRefused;
  }

  const TestArguments& arguments_;
  std::vector<TestName> selected_;
  usize filtered_ = 0;
  usize ignored_ = 0;
  usize passed_count_ = 0;
  usize failed_count_ = 0;
  Section passed_;
  Section failed_;
};

}  // namespace

bool is_test_run(const CommandLine& line) {
  return std::getenv("CARGO_MANIFEST_DIR") != nullptr && is_test_executable(line.operands[0]) &&
         std::ranges::find(line.operands, "--bench") == line.operands.end();
}

int run_tests(const CommandLine& line) {
  const std::string& path = line.operands[0];
  const Result<TestArguments> parsed = parse_test_arguments(std::span(line.operands).subspan(1));
  if (!parsed.ok()) {
    say_error(parsed.error().detail);
    return kExitUsage;
  }
  const TestArguments& arguments = parsed.value();
  Result<std::vector<u8>> binary = read_binary(path);
  if (!binary.ok()) return refuse(display_name(path), binary.error());
  RunOptions options = run_options(line);
  be_like_reference(line, arguments.directories, options);
  options.arguments = arguments.guest;
  // Tests run for milliseconds, and some of them measure time.
  options.compile_eagerly = line.text(Opt::CompileMode, "eager") == "eager";
  // Tests fail on purpose: what dies is told only to who asks.
  if (std::getenv("RUST_LOG") == nullptr) options.death_log_fd = -1;
  options.module = std::move(binary.value());
  const std::string name = options.name;
  Result<std::unique_ptr<TestRun>> tests = TestRun::load(std::move(options));
  if (!tests.ok()) return refuse(name, tests.error());
  const std::vector<std::string_view> functions = tests.value()->functions();
  TestReport report(arguments, functions);
  return arguments.list ? report.list() : report.run(*tests.value());
}

}  // namespace lr::cli
