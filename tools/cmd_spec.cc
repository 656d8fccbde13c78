// lunatic-run spec FILES|DIRS: the official suite's scripts.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "spec-tests/compiled_engine.h"
#include "spec-tests/reference_engine.h"
#include "spec-tests/script.h"
#include "spec-tests/spectest.h"
#include "tools/commands.h"
#include "tools/engine_options.h"
#include "tools/escape.h"
#include "tools/input.h"
#include "tools/terminal.h"

namespace lr::cli {

namespace {

namespace fs = std::filesystem;

// Scripts below the operands, in order, without those that the filter leaves out.
Result<std::vector<std::string>> find_scripts(const CommandLine& line) {
  std::vector<std::string> files;
  for (const std::string& operand : line.operands) {
    std::error_code failed;
    if (!fs::is_directory(operand, failed)) {
      files.push_back(operand);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(operand, failed)) {
      if (entry.path().extension() == ".wast") files.push_back(entry.path().string());
    }
    if (failed) return make_error(Err::SystemError, operand + ": " + failed.message());
  }
  std::sort(files.begin(), files.end());
  const std::string_view filter = line.text(Opt::Filter);
  std::erase_if(files,
                [&](const std::string& file) { return file.find(filter) == std::string::npos; });
  if (files.empty()) return make_error(Err::BadArgument, "no script (.wast) is left to run");
  return files;
}

// The modes of --test-mode, for the engine and for the processes.
Status apply_test_modes(const CommandLine& line, RuntimeOptions& runtime, ProcessConfig& process) {
  jit::EngineOptions& engine = runtime.engine;
  for (const std::string& mode : line.values(Opt::TestMode)) {
    if (mode == "no-homes") {
      engine.no_homes = true;
    } else if (mode == "spill") {
      engine.spill_all = true;
    } else if (mode == "exact-extent") {
      process.exact_extent = true;
    } else if (mode == "move") {
      process.move_always = true;
    } else if (mode == "gc") {
      process.collects_always = true;
    } else if (mode == "yield") {
      process.yields_always = true;
      runtime.scheduler.ring_always = engine.preempt == jit::Preempt::Signal;
    } else {
      return make_error(Err::BadArgument,
                        "--test-mode knows no-homes, spill, exact-extent, move, gc, yield");
    }
  }
  return ok_status();
}

struct Totals {
  u32 passed = 0;
  u32 failed = 0;
  u32 skipped = 0;
  std::map<std::string, u32> skips;
};

void print_result(const spec::ScriptResult& result, bool verbose) {
  if (result.failed > 0 || verbose) {
    fmt::print("{:<56} {:>6} passed {:>4} failed {:>5} skipped\n", result.file, result.passed,
               result.failed, result.skipped);
  }
  for (const spec::Failure& failure : result.failures) {
    fmt::print("  {}:{}: {}\n", result.file, failure.line, failure.what);
  }
}

std::string to_json(const std::vector<spec::ScriptResult>& results) {
  std::string out = "[\n";
  for (const spec::ScriptResult& r : results) {
    out += fmt::format("  {{\"file\": {}, \"passed\": {}, \"failed\": {}, \"skipped\": {}",
                       json_string(r.file), r.passed, r.failed, r.skipped);
    out += ", \"failures\": [";
    for (usize i = 0; i < r.failures.size(); i++) {
      out += fmt::format("{}{{\"line\": {}, \"what\": {}}}", i == 0 ? "" : ", ", r.failures[i].line,
                         json_string(r.failures[i].what));
    }
    out += "], \"skips\": {";
    bool first = true;
    for (const auto& [reason, count] : r.skips) {
      out += fmt::format("{}{}: {}", first ? "" : ", ", json_string(reason), count);
      first = false;
    }
    out += &r == &results.back() ? "}}\n" : "}},\n";
  }
  return out + "]\n";
}

std::string to_junit(const std::vector<spec::ScriptResult>& results) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  for (const spec::ScriptResult& r : results) {
    out += fmt::format("<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n",
                       xml_escape(r.file), r.passed + r.failed + r.skipped, r.failed, r.skipped);
    for (const spec::Failure& f : r.failures) {
      out += fmt::format("<testcase name=\"line {}\"><failure message=\"{}\"/></testcase>\n",
                         f.line, xml_escape(f.what));
    }
    out += "</testsuite>\n";
  }
  return out + "</testsuites>\n";
}

Status write_report(const CommandLine& line, Opt opt, const std::string& text) {
  if (!line.has(opt)) return ok_status();
  std::ofstream out(std::string(line.text(opt)), std::ios::binary);
  out << text;
  out.flush();
  if (!out) {
    return make_error(Err::SystemError, "cannot write " + std::string(line.text(opt)));
  }
  return ok_status();
}

// Makes the engines that --engine asks for, one for each script.
class EngineMaker {
 public:
  static Result<EngineMaker> create(const CommandLine& line) {
    EngineMaker maker;
    maker.features_ = line.features(FeatureSet::all());
    if (line.text(Opt::SpecEngine) == "interpreter") return maker;
    RuntimeOptions options;
    options.engine = engine_options(line);
    maker.process_.memory_class = line.text(Opt::MemoryClass) == "dense"
                                      ? jit::MemoryClass::Dense
                                      : jit::MemoryClass::Guarded;
    TRY(apply_test_modes(line, options, maker.process_));
    maker.runtime_ = TRY(Runtime::create(options));
    TRY(spec::add_spectest_functions(maker.runtime_->linker()));
    return maker;
  }

  Result<std::unique_ptr<spec::ScriptEngine>> make() {
    if (runtime_ == nullptr) return spec::make_reference_engine(features_);
    return spec::make_compiled_engine(*runtime_, process_);
  }

 private:
  std::unique_ptr<Runtime> runtime_;  // Null: the reference interpreter.
  ProcessConfig process_;
  FeatureSet features_;  // Of the interpreter.
};

Result<Totals> run_all(const CommandLine& line) {
  const std::vector<std::string> files = TRY(find_scripts(line));
  EngineMaker engines = TRY(EngineMaker::create(line));

  Totals totals;
  std::vector<spec::ScriptResult> results;
  for (const std::string& file : files) {
    const std::vector<u8> bytes = TRY(read_file(file));
    const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    const auto engine = TRY(engines.make());
    results.push_back(spec::run_script(*engine, file, text));
    const spec::ScriptResult& result = results.back();
    print_result(result, line.has(Opt::Verbose));
    totals.passed += result.passed;
    totals.failed += result.failed;
    totals.skipped += result.skipped;
    for (const auto& [reason, count] : result.skips) totals.skips[reason] += count;
  }
  TRY(write_report(line, Opt::Json, to_json(results)));
  TRY(write_report(line, Opt::Junit, to_junit(results)));
  return totals;
}

}  // namespace

int run_scripts(const CommandLine& line) {
  const Result<Totals> totals = run_all(line);
  if (!totals.ok()) {
    say_error(totals.error().message());
    return totals.error().phase() == ErrPhase::Usage ? kExitUsage : kExitRefused;
  }
  const Totals& t = totals.value();
  for (const auto& [reason, count] : t.skips) fmt::print("skipped {}: {}\n", reason, count);
  fmt::print("{} passed, {} failed, {} skipped\n", t.passed, t.failed, t.skipped);
  return t.failed == 0 ? kExitSuccess : kExitRefused;
}

}  // namespace lr::cli
