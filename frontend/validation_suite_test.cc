// Decoder and validator against every module of the official test suite, which WASM_TESTSUITE_DIR
// names, with every feature on: what must be accepted is, and what must not be is refused in the
// right phase.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "frontend/decoder.h"
#include "frontend/validator.h"
#include "frontend/wast_script.h"

namespace lr {
namespace {

using Kind = WastCommand::Kind;

std::vector<std::filesystem::path> scripts() {
  std::vector<std::filesystem::path> paths;
  const char* root = std::getenv("WASM_TESTSUITE_DIR");
  if (root == nullptr) return paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() == ".wast") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Every feature, but for what a proposal changes in the meaning of modules without it, and for
// scripts that are older than a feature.
FeatureSet features_for(const std::filesystem::path& script) {
  FeatureSet features = FeatureSet::all();
  std::string folder = script.parent_path().filename().string();
  if (folder != "custom-descriptors") features.disable(Feature::CustomDescriptors);
  if (folder == "threads") {
    features.disable(Feature::MultiMemory);
    features.disable(Feature::ReferenceTypes);
  }
  return features;
}

Status check(std::vector<u8> bytes, const FeatureSet& features) {
  SerialExecutor executor;
  auto module = load_module(std::move(bytes), features, executor);
  if (!module.ok()) return module.error();
  return ok_status();
}

bool operator==(const FuncFacts& a, const FuncFacts& b) {
  auto same = [](const auto& left, const auto& right, auto equal) {
    return std::ranges::equal(left, right, equal);
  };
  return same(a.locals, b.locals,
              [](const LocalFacts& x, const LocalFacts& y) {
                return x.weight == y.weight && x.begin == y.begin && x.end == y.end &&
                       x.used == y.used && x.written == y.written;
              }) &&
         same(a.loops, b.loops,
              [](const LoopFacts& x, const LoopFacts& y) {
                return x.begin == y.begin && x.end == y.end && x.parent == y.parent &&
                       x.locals_first == y.locals_first && x.locals_count == y.locals_count &&
                       x.locals_overflow == y.locals_overflow && x.has_call == y.has_call &&
                       x.grows_memory == y.grows_memory && x.innermost == y.innermost &&
                       x.has_backward_branch == y.has_backward_branch;
              }) &&
         same(a.loop_locals, b.loop_locals,
              [](const LoopLocal& x, const LoopLocal& y) {
                return x.local == y.local && x.weight == y.weight && x.written == y.written;
              }) &&
         same(a.blocks, b.blocks,
              [](const BlockFacts& x, const BlockFacts& y) {
                return x.end == y.end && x.is_target == y.is_target;
              }) &&
         a.stack_max == b.stack_max && a.control_depth_max == b.control_depth_max &&
         a.has_call == b.has_call && a.has_div == b.has_div && a.has_shift == b.has_shift &&
         a.uses_memory == b.uses_memory && a.has_simd == b.has_simd && a.has_loop == b.has_loop;
}

// What the validator says of a function, with and without its fast path, is the same.
void expect_same_on_both_paths(const Module& module) {
  ValidatorScratch fast, slow;
  slow.use_fast_path(false);
  for (u32 i = module.imported_functions; i < module.functions.size(); i++) {
    FuncFacts fast_facts, slow_facts;
    Status a = validate_function(module, i, &fast_facts, fast);
    Status b = validate_function(module, i, &slow_facts, slow);
    ASSERT_EQ(a.ok(), b.ok()) << "function " << i;
    if (a.ok()) {
      EXPECT_TRUE(fast_facts == slow_facts) << "function " << i;
    } else {
      EXPECT_EQ(a.error().message(), b.error().message());
      EXPECT_EQ(a.error().offset, b.error().offset);
    }
  }
}

struct Counts {
  u32 accepted = 0;
  u32 refused = 0;
  u32 other_words = 0;  // Refused in the right phase with another text.
};

// Empty if the module is judged as the script says.
std::string difference(const WastCommand& command, const FeatureSet& features, Counts& counts) {
  Result<std::vector<u8>> bytes = command.module->encode();
  if (!bytes.ok()) return "";
  if (auto module = decode_module(*bytes, features); module.ok()) {
    expect_same_on_both_paths(**module);
  }
  Status status = check(std::move(*bytes), features);
  bool is_malformed = command.kind == Kind::AssertMalformed;
  bool is_invalid = command.kind == Kind::AssertInvalid;
  if (!is_malformed && !is_invalid) {
    counts.accepted++;
    return status.ok() ? "" : fmt::format("refused: {}", status.error().message());
  }
  counts.refused++;
  if (status.ok()) return fmt::format("accepted, expected \"{}\"", command.text);
  ErrPhase phase = is_malformed ? ErrPhase::Malformed : ErrPhase::Invalid;
  if (status.error().code == Err::FeatureOff) return "";       // A script older than the feature.
  if (command.text == "i32 constant out of range") return "";  // Limits have 64 bits now.
  if (status.error().phase() != phase) {
    return fmt::format("\"{}\", expected \"{}\"", status.error().message(), command.text);
  }
  bool same = status.error().message().starts_with(command.text);
  counts.other_words += !same;
  if (!same && std::getenv("LR_SUITE_WORDS") != nullptr) {
    fmt::print("other words, line {}: \"{}\", expected \"{}\"\n", command.line,
               status.error().message(), command.text);
  }
  return "";
}

TEST(ValidationSuite, EveryModule) {
  std::vector<std::filesystem::path> paths = scripts();
  if (paths.empty()) GTEST_SKIP() << "WASM_TESTSUITE_DIR names no scripts";
  Counts counts;
  for (const std::filesystem::path& path : paths) {
    std::string text = read_file(path);
    Result<std::vector<WastCommand>> commands = parse_wast(text);
    if (!commands.ok()) continue;  // The text format's tests complain.
    FeatureSet features = features_for(path);
    for (const WastCommand& command : *commands) {
      if (!command.module) continue;
      std::string what = difference(command, features, counts);
      if (!what.empty()) ADD_FAILURE() << path.string() << ":" << command.line << ": " << what;
    }
  }
  fmt::print("{} modules accepted, {} refused, {} of them in other words\n", counts.accepted,
             counts.refused, counts.other_words);
}

}  // namespace
}  // namespace lr
