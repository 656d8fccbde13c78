// The command line: commands.def and options.def say what there is; this reads it.
//
//   lunatic-run [COMMAND] [OPTIONS] [--] OPERANDS
//
// Options of run end at the program or at `--`: what follows a program belongs to it. Those of
// other commands may stand anywhere before `--`.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "frontend/features.h"

namespace lr::cli {

enum class Command : u8 {
#define COMMAND(id, ...) id,
#include "tools/commands.def"
};

enum class Opt : u8 {
#define OPTION(id, ...) id,
#include "tools/options.def"
};

enum class OptKind : u8 { Flag, Text, List, Choice, Duration, Size, Count, Features };

struct CommandInfo {
  std::string_view word;
  std::string_view operands;
  u32 operands_min = 0;
  u32 operands_max = 0;  // 0: any number.
  std::string_view help;
};

struct OptInfo {
  u32 commands = 0;  // A bit for each Command that takes it.
  char short_name = 0;
  std::string_view name;
  OptKind kind{};
  std::string_view value;
  std::string_view help;
};

const CommandInfo& info(Command command);
const OptInfo& info(Opt opt);
std::span<const CommandInfo> all_commands();
std::span<const OptInfo> all_options();

// A command line that has been checked: every value is of its option's kind, and there are as
// many operands as the command takes (unless --help or --version is given).
class CommandLine {
 public:
  Command command = Command::Run;
  std::vector<std::string> operands;

  bool has(Opt opt) const { return !values(opt).empty(); }
  std::span<const std::string> values(Opt opt) const { return values_[static_cast<usize>(opt)]; }
  // The last value given, else `otherwise`.
  std::string_view text(Opt opt, std::string_view otherwise = "") const;
  u64 duration_ns(Opt opt, u64 otherwise) const;
  u64 size_bytes(Opt opt, u64 otherwise) const;
  u32 count(Opt opt, u32 otherwise) const;
  // These, changed by --enable and --disable; what is disabled stays off.
  FeatureSet features(FeatureSet features = FeatureSet::defaults()) const;

 private:
  friend class CommandLineParser;
  static constexpr usize kOptCount = 0
#define OPTION(...) +1
#include "tools/options.def"
      ;

  std::array<std::vector<std::string>, kOptCount> values_;
};

// `args` without the program's own name. The error's detail is a sentence for the user.
Result<CommandLine> parse_command_line(std::span<const char* const> args);

// The usage page: of one command, or of all.
std::string help_text();
std::string help_text(Command command);
std::string help_features();

// The candidate that `word` was probably meant to be, or nothing.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace lr::cli
