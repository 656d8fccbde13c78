// The text format against every script of the official test suite, which WASM_TESTSUITE_DIR names.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "frontend/wast_script.h"
#include "frontend/wat_parser.h"
#include "frontend/wat_printer.h"

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

bool is_refusal_of_text(const WastCommand& command) {
  bool is_malformed =
      command.kind == Kind::AssertMalformed || command.kind == Kind::AssertMalformedCustom;
  return is_malformed && command.module->form == WastModule::Form::Quote;
}

// Scripts of proposals that are older than WebAssembly 3.0: limits have 64 bits now, and it is the
// validator that refuses what is too large.
bool is_outdated(const WastCommand& command) { return command.text == "i32 constant out of range"; }

// Empty if the command's module is as it should be.
std::string difference(const WastCommand& command) {
  Result<std::vector<u8>> binary = command.module->encode();
  if (is_refusal_of_text(command)) {
    if (is_outdated(command)) return "";
    if (binary.ok()) return fmt::format("accepted, expected \"{}\"", command.text);
    std::string message = binary.error().message();
    if (message.starts_with(command.text)) return "";
    return fmt::format("\"{}\", expected \"{}\"", message, command.text);
  }
  if (binary.ok()) return "";
  bool is_invalid = command.kind == Kind::AssertInvalidCustom &&
                    binary.error().phase() == ErrPhase::Invalid &&
                    binary.error().message().starts_with(command.text);
  if (is_invalid) return "";
  return fmt::format("{}:{}: {}", binary.error().line, binary.error().column,
                     binary.error().message());
}

// Text, binary, text, binary: the same bytes, and the same text.
std::string round_trip_difference(const std::vector<u8>& binary) {
  Result<std::string> text = print_wat(binary);
  // A lane out of range is refused by whoever reads an instruction.
  if (!text.ok() && text.error().code == Err::BadLane) return "";
  if (!text.ok()) return fmt::format("print: {}", text.error().message());
  Result<std::vector<u8>> again = parse_wat(*text);
  if (!again.ok()) {
    const Error& error = again.error();
    return fmt::format("{}:{}: {} in\n{}", error.line, error.column, error.message(), *text);
  }
  if (*again != binary) return fmt::format("other bytes from\n{}", *text);
  Result<std::string> text_again = print_wat(*again);
  if (!text_again.ok() || *text_again != *text) return "another text";
  return "";
}

TEST(WastSuite, TextIsAFixedPoint) {
  std::vector<std::filesystem::path> paths = scripts();
  if (paths.empty()) GTEST_SKIP() << "WASM_TESTSUITE_DIR names no scripts";
  u32 modules = 0;
  for (const std::filesystem::path& path : paths) {
    std::string text = read_file(path);
    Result<std::vector<WastCommand>> commands = parse_wast(text);
    if (!commands.ok()) continue;
    for (const WastCommand& command : *commands) {
      bool is_text = command.module && command.module->form != WastModule::Form::Binary;
      if (!is_text) continue;
      Result<std::vector<u8>> binary = command.module->encode();
      if (!binary.ok()) continue;
      modules++;
      std::string what = round_trip_difference(*binary);
      if (!what.empty()) ADD_FAILURE() << path.string() << ":" << command.line << ": " << what;
    }
  }
  fmt::print("{} modules\n", modules);
}

// One to three bytes overwritten, taken out or put in.
std::string damaged(std::string text, std::mt19937& random) {
  constexpr std::string_view kBytes = "()\"$;@ 0-a\x80";
  auto below = [&](usize limit) { return static_cast<usize>(random() % limit); };
  for (usize n = 1 + below(3); n > 0 && !text.empty(); n--) {
    usize at = below(text.size());
    switch (below(3)) {
      case 0:
        text[at] = kBytes[below(kBytes.size())];
        break;
      case 1:
        text.erase(at, 1 + below(4));
        break;
      default:
        text.insert(at, 1, kBytes[below(kBytes.size())]);
    }
  }
  return text;
}

// Whatever the text, there is a verdict; and what is accepted can be printed.
TEST(WastSuite, DamagedText) {
  std::vector<std::filesystem::path> paths = scripts();
  if (paths.empty()) GTEST_SKIP() << "WASM_TESTSUITE_DIR names no scripts";
  constexpr usize kTextMax = 1'000;
  constexpr u32 kModulesPerScript = 8;
  constexpr u32 kVersions = 8;
  std::mt19937 random(1);
  for (const std::filesystem::path& path : paths) {
    std::string script = read_file(path);
    Result<std::vector<WastCommand>> commands = parse_wast(script);
    if (!commands.ok()) continue;
    u32 modules = 0;
    for (const WastCommand& command : *commands) {
      if (!command.module || command.module->form != WastModule::Form::Text) continue;
      std::string text(command.module->source);
      if (text.size() > kTextMax || modules == kModulesPerScript) continue;
      modules++;
      for (u32 i = 0; i < kVersions; i++) {
        (void)parse_wat(text.substr(0, text.size() * i / kVersions));
        std::string version = damaged(text, random);
        Result<std::vector<u8>> binary = parse_wat(version);
        if (!binary.ok()) continue;
        std::string what = round_trip_difference(*binary);
        EXPECT_EQ(what, "") << version;
      }
    }
  }
}

TEST(WastSuite, EveryModule) {
  std::vector<std::filesystem::path> paths = scripts();
  if (paths.empty()) GTEST_SKIP() << "WASM_TESTSUITE_DIR names no scripts";
  u32 modules = 0;
  u32 refused = 0;
  for (const std::filesystem::path& path : paths) {
    std::string text = read_file(path);
    Result<std::vector<WastCommand>> commands = parse_wast(text);
    if (!commands.ok()) {
      const Error& error = commands.error();
      ADD_FAILURE() << path << ":" << error.line << ":" << error.column << ": " << error.message();
      continue;
    }
    for (const WastCommand& command : *commands) {
      if (!command.module) continue;
      modules++;
      refused += is_refusal_of_text(command);
      std::string what = difference(command);
      if (!what.empty()) ADD_FAILURE() << path.string() << ":" << command.line << ": " << what;
    }
  }
  fmt::print("{} scripts, {} modules, {} of them refused\n", paths.size(), modules, refused);
}

}  // namespace
}  // namespace lr
