#include "tools/options.h"

#include <gtest/gtest.h>

namespace lr::cli {
namespace {

Result<CommandLine> parse(std::vector<const char*> args) { return parse_command_line(args); }

using Strings = std::vector<std::string>;

Strings values(const CommandLine& line, Opt opt) {
  return {line.values(opt).begin(), line.values(opt).end()};
}

TEST(Options, EndAtTheProgram) {
  const CommandLine line = parse({"--dir", "a", "--dir=b", "p.wasm", "--dir", "c", "--"}).value();
  EXPECT_EQ(line.command, Command::Run);
  EXPECT_EQ(values(line, Opt::Dir), (Strings{"a", "b"}));
  EXPECT_EQ(line.operands, (Strings{"p.wasm", "--dir", "c", "--"}));
}

TEST(Options, EndAtTwoDashes) {
  EXPECT_EQ(parse({"--stats", "--", "--odd.wasm", "x"})->operands, (Strings{"--odd.wasm", "x"}));
  EXPECT_EQ(parse({"-", "x"})->operands, (Strings{"-", "x"}));
}

TEST(Options, OfOtherCommandsMayFollowOperands) {
  const CommandLine line = parse({"wat", "a.wat", "-o", "b.wasm"}).value();
  EXPECT_EQ(line.operands, (Strings{"a.wat"}));
  EXPECT_EQ(line.text(Opt::Output), "b.wasm");
  EXPECT_EQ(parse({"validate", "a", "--", "-b"})->operands, (Strings{"a", "-b"}));
}

TEST(Options, RunIsAnOptionalWord) {
  EXPECT_EQ(parse({"run", "--stats", "p.wasm"})->operands, (Strings{"p.wasm"}));
  EXPECT_EQ(parse({"--stats", "run", "p.wasm", "run"})->operands, (Strings{"p.wasm", "run"}));
  EXPECT_EQ(parse({"run", "run"})->operands, (Strings{"run"}));
}

TEST(Options, EmptyValuesAreValues) {
  EXPECT_EQ(values(parse({"--argv0=", "p.wasm"}).value(), Opt::Argv0), (Strings{""}));
  EXPECT_EQ(values(parse({"--env", "A=b=c", "p"}).value(), Opt::Env), (Strings{"A=b=c"}));
}

TEST(Options, ConvertValues) {
  const CommandLine line =
      parse({"--timeout", "1s", "--max-memory=1MiB", "--timeout=2s", "--workers=3", "p"}).value();
  EXPECT_EQ(line.duration_ns(Opt::Timeout, 0), 2'000'000'000u);
  EXPECT_EQ(line.size_bytes(Opt::MaxMemory, 0), kMiB);
  EXPECT_EQ(line.count(Opt::Workers, 9), 3u);
  EXPECT_EQ(line.size_bytes(Opt::MaxStack, 7), 7u);
}

TEST(Options, FeaturesAreSwitched) {
  const CommandLine line = parse({"validate", "--enable=gc,simd", "--disable", "gc", "x"}).value();
  EXPECT_TRUE(line.features().has(Feature::Simd));
  EXPECT_TRUE(line.features().has(Feature::FunctionReferences));  // gc implied it.
  EXPECT_FALSE(line.features().has(Feature::Gc));
  EXPECT_EQ(parse({"--enable=all", "x"})->features(), FeatureSet::all());
}

struct Refusal {
  std::vector<const char*> args;
  std::string_view reason;
};

class Refused : public testing::TestWithParam<Refusal> {};

TEST_P(Refused, WithASentence) {
  const Result<CommandLine> line = parse_command_line(GetParam().args);
  ASSERT_FALSE(line.ok());
  EXPECT_EQ(line.error().code, Err::BadArgument);
  EXPECT_EQ(line.error().detail, GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(
    Options, Refused,
    testing::Values(
        Refusal{{}, "lunatic-run takes PROGRAM [ARGUMENTS...], got 0 operands"},
        Refusal{{"--timout", "5s", "p"}, "unknown option --timout; did you mean --timeout?"},
        Refusal{{"--frobnicate", "p"}, "unknown option --frobnicate"},
        Refusal{{"-x", "p"}, "unknown option -x"},
        Refusal{{"--dir"}, "--dir needs a value: HOST[::GUEST][:ro]"},
        Refusal{{"--stats=1", "p"}, "--stats takes no value"},
        Refusal{{"--timeout", "5x", "p"},
                "--timeout: '5x' is no duration; write it like 500ms, 5s or 2m"},
        Refusal{{"--max-memory=big", "p"},
                "--max-memory: 'big' is no size; write it like 4096, 64KiB or 2GiB"},
        Refusal{{"--workers=0", "p"}, "--workers: '0' is no number from 1"},
        Refusal{{"--compile=eagre", "p"},
                "--compile: 'eagre' is none of lazy, eager; did you mean eager?"},
        Refusal{{"--enable=simt", "p"},
                "--enable: 'simt' names no feature (simt); did you mean simd?"},
        Refusal{{"validate", "--dir=.", "p"}, "--dir is an option of run, not of validate"},
        Refusal{{"compile", "a", "b"}, "compile takes FILE, got 2 operands"}));

TEST(Options, HelpNamesEveryOptionAndCommand) {
  std::string text = help_text();
  for (usize i = 0; i < all_commands().size(); i++) text += help_text(static_cast<Command>(i));
  for (const OptInfo& option : all_options()) EXPECT_NE(text.find(option.name), std::string::npos);
  for (const CommandInfo& command : all_commands()) {
    EXPECT_NE(text.find(command.word), std::string::npos);
  }
}

}  // namespace
}  // namespace lr::cli
