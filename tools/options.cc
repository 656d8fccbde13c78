#include "tools/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "tools/units.h"

namespace lr::cli {

namespace {

constexpr u32 bit(Command command) { return u32{1} << static_cast<u32>(command); }

constexpr CommandInfo kCommandInfo[] = {
#define COMMAND(id, word, operands, min, max, help) {word, operands, min, max, help},
#include "tools/commands.def"
};

// The words that the column `commands` of options.def is written in.
namespace column {
#define COMMAND(id, ...) constexpr u32 id = bit(Command::id);
#include "tools/commands.def"
constexpr u32 All = ~u32{0};
}  // namespace column

constexpr OptInfo kOptInfo[] = {
#define OPTION(id, in, short_name, name, kind, value, help) \
  {[] {                                                     \
     using namespace column;                                \
     return in;                                             \
   }(),                                                     \
   short_name,                                              \
   name,                                                    \
   OptKind::kind,                                           \
   value,                                                   \
   help},
#include "tools/options.def"
};

Error usage_error(std::string detail) { return make_error(Err::BadArgument, std::move(detail)); }

// The parts of `text` between `separator`s.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (usize start = 0; start <= text.size();) {
    const usize end = std::min(text.find(separator, start), text.size());
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string_view best = nearest(word, candidates);
  return best.empty() ? std::string() : fmt::format("; did you mean {}?", best);
}

// The number of edits (insert, delete, replace, swap neighbours) between two words.
usize edit_distance(std::string_view from, std::string_view to) {
  std::vector<usize> before(to.size() + 1);
  std::vector<usize> last(to.size() + 1);
  std::vector<usize> row(to.size() + 1);
  std::iota(last.begin(), last.end(), usize{0});
  for (usize i = 1; i <= from.size(); i++) {
    row[0] = i;
    for (usize j = 1; j <= to.size(); j++) {
      const bool same = from[i - 1] == to[j - 1];
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[to.size()];
}

std::string features_hint(std::string_view name) {
  std::vector<std::string_view> names;
  for (const FeatureInfo& feature : kFeatureInfo) names.push_back(feature.name);
  return did_you_mean(name, names);
}

// What is wrong with a value, or nothing.
std::optional<std::string> complaint(const OptInfo& option, std::string_view value) {
  switch (option.kind) {
    case OptKind::Flag:
    case OptKind::Text:
    case OptKind::List:
      return std::nullopt;
    case OptKind::Choice: {
      const std::vector<std::string_view> choices = split(option.value, '|');
      if (std::ranges::count(choices, value) != 0) return std::nullopt;
      return fmt::format("is none of {}{}", fmt::join(choices, ", "), did_you_mean(value, choices));
    }
    case OptKind::Duration:
      if (parse_duration_ns(value)) return std::nullopt;
      return "is no duration; write it like 500ms, 5s or 2m";
    case OptKind::Size:
      if (parse_size_bytes(value)) return std::nullopt;
      return "is no size; write it like 4096, 64KiB or 2GiB";
    case OptKind::Count:
      if (parse_count(value)) return std::nullopt;
      return "is no number from 1";
    case OptKind::Features:
      for (std::string_view name : split(value, ',')) {
        if (name == "all" || find_feature(name)) continue;
        return fmt::format("names no feature ({}){}", name, features_hint(name));
      }
      return std::nullopt;
  }
  return std::nullopt;
}

FeatureSet with(FeatureSet features, std::string_view names, bool on) {
  for (std::string_view name : split(names, ',')) {
    if (name == "all") {
      features = on ? FeatureSet::all() : FeatureSet();
    } else if (on) {
      features.enable(*find_feature(name));
    } else {
      features.disable(*find_feature(name));
    }
  }
  return features;
}

std::string option_lines(u32 commands) {
  std::string text;
  for (const OptInfo& option : kOptInfo) {
    if ((option.commands & commands) == 0) continue;
    const std::string name = fmt::format(
        "{}{}{}{}", option.short_name != 0 ? fmt::format("-{}, ", option.short_name) : "",
        option.name, option.value.empty() ? "" : " ", option.value);
    text += name.size() <= 26 ? fmt::format("  {:<26}  {}\n", name, option.help)
                              : fmt::format("  {}\n  {:<26}  {}\n", name, "", option.help);
  }
  return text;
}

}  // namespace

// One pass from left to right; the first error wins.
class CommandLineParser {
 public:
  explicit CommandLineParser(std::span<const char* const> args) : args_(args) {}

  Result<CommandLine> parse() {
    take_command();
    while (at_ < args_.size()) {
      const std::string_view arg = args_[at_];
      const bool is_option = arg.size() >= 2 && arg[0] == '-';
      if (arg == "--" || (!is_option && command() == Command::Run)) break;
      at_++;
      if (is_option) {
        TRY(take_option(arg));
      } else {
        line_.operands.emplace_back(arg);
      }
    }
    take_rest();
    TRY(check_operands());
    return std::move(line_);
  }

 private:
  Command command() const { return line_.command; }

  void take_command() {
    if (args_.empty()) return;
    for (usize i = 0; i < std::size(kCommandInfo); i++) {
      if (kCommandInfo[i].word != args_[0]) continue;
      line_.command = static_cast<Command>(i);
      command_given_ = true;
      at_ = 1;
      return;
    }
  }

  // Everything from `--` or the program on.
  void take_rest() {
    if (at_ < args_.size() && std::string_view(args_[at_]) == "--") {
      at_++;
    } else if (at_ < args_.size() && !command_given_ && info(Command::Run).word == args_[at_]) {
      at_++;  // lunatic-run --timeout 5s run prog.wasm
    }
    for (; at_ < args_.size(); at_++) line_.operands.emplace_back(args_[at_]);
  }

  Status take_option(std::string_view arg) {
    const bool is_long = arg.starts_with("--");
    const usize equals = is_long ? arg.find('=') : std::string_view::npos;
    const std::string_view name = arg.substr(0, equals);
    const OptInfo* option = find(name, is_long);
    if (option == nullptr) return unknown_option(name);
    if ((option->commands & bit(command())) == 0) return not_here(*option);
    if (option->kind == OptKind::Flag) {
      if (equals != std::string_view::npos) {
        return usage_error(fmt::format("{} takes no value", option->name));
      }
      return add(*option, "");
    }
    if (equals != std::string_view::npos) return add(*option, arg.substr(equals + 1));
    if (at_ == args_.size()) {
      return usage_error(fmt::format("{} needs a value: {}", option->name, option->value));
    }
    return add(*option, args_[at_++]);
  }

  static const OptInfo* find(std::string_view name, bool is_long) {
    for (const OptInfo& option : kOptInfo) {
      const bool is_short = name.size() == 2 && option.short_name == name[1];
      if (is_long ? option.name == name : option.short_name != 0 && is_short) return &option;
    }
    return nullptr;
  }

  Status add(const OptInfo& option, std::string_view value) {
    if (auto wrong = complaint(option, value)) {
      return usage_error(fmt::format("{}: '{}' {}", option.name, value, *wrong));
    }
    line_.values_[static_cast<usize>(&option - kOptInfo)].emplace_back(value);
    return ok_status();
  }

  Error unknown_option(std::string_view name) const {
    std::vector<std::string_view> names;
    for (const OptInfo& option : kOptInfo) {
      if ((option.commands & bit(command())) != 0) names.push_back(option.name);
    }
    return usage_error(fmt::format("unknown option {}{}", name, did_you_mean(name, names)));
  }

  Error not_here(const OptInfo& option) const {
    std::vector<std::string_view> words;
    for (usize i = 0; i < std::size(kCommandInfo); i++) {
      if ((option.commands & bit(static_cast<Command>(i))) != 0) {
        words.push_back(kCommandInfo[i].word);
      }
    }
    return usage_error(fmt::format("{} is an option of {}, not of {}", option.name,
                                   fmt::join(words, ", "), info(command()).word));
  }

  Status check_operands() const {
    if (line_.has(Opt::Help) || line_.has(Opt::Version)) return ok_status();
    const CommandInfo& wanted = info(command());
    const usize count = line_.operands.size();
    if (count < wanted.operands_min || (wanted.operands_max != 0 && count > wanted.operands_max)) {
      return usage_error(fmt::format("{} takes {}, got {} operand{}",
                                     command_given_ ? wanted.word : "lunatic-run", wanted.operands,
                                     count, count == 1 ? "" : "s"));
    }
    return ok_status();
  }

  std::span<const char* const> args_;
  usize at_ = 0;
  bool command_given_ = false;
  CommandLine line_;
};

const CommandInfo& info(Command command) { return kCommandInfo[static_cast<usize>(command)]; }
const OptInfo& info(Opt opt) { return kOptInfo[static_cast<usize>(opt)]; }
std::span<const CommandInfo> all_commands() { return kCommandInfo; }
std::span<const OptInfo> all_options() { return kOptInfo; }

std::string_view CommandLine::text(Opt opt, std::string_view otherwise) const {
  return has(opt) ? std::string_view(values(opt).back()) : otherwise;
}

u64 CommandLine::duration_ns(Opt opt, u64 otherwise) const {
  return has(opt) ? *parse_duration_ns(text(opt)) : otherwise;
}

u64 CommandLine::size_bytes(Opt opt, u64 otherwise) const {
  return has(opt) ? *parse_size_bytes(text(opt)) : otherwise;
}

u32 CommandLine::count(Opt opt, u32 otherwise) const {
  return has(opt) ? *parse_count(text(opt)) : otherwise;
}

FeatureSet CommandLine::features(FeatureSet features) const {
  for (const std::string& names : values(Opt::Enable)) features = with(features, names, true);
  for (const std::string& names : values(Opt::Disable)) features = with(features, names, false);
  return features;
}

Result<CommandLine> parse_command_line(std::span<const char* const> args) {
  return CommandLineParser(args).parse();
}

std::string help_text() {
  std::string text =
      "usage: lunatic-run [OPTIONS] PROGRAM [ARGUMENTS...]\n"
      "       lunatic-run COMMAND [OPTIONS] OPERANDS...\n\ncommands:\n";
  for (const CommandInfo& command : kCommandInfo) {
    text += fmt::format("  {:<36}  {}\n", fmt::format("{} {}", command.word, command.operands),
                        command.help);
  }
  text += "\noptions of run, before PROGRAM (lunatic-run COMMAND --help lists the others'):\n";
  text += option_lines(bit(Command::Run));
  text +=
      "\nPROGRAM is a .wasm or .wat file, or - for standard input. Exit status: the program's "
      "own, or\n1 refused file, 2 wrong usage, 124 timeout, 134 trap.\n";
  return text;
}

std::string help_text(Command command) {
  const CommandInfo& about = info(command);
  return fmt::format("usage: lunatic-run {} [OPTIONS] {}\n\n{}\n\noptions:\n{}", about.word,
                     about.operands, about.help, option_lines(bit(command)));
}

std::string help_features() {
  std::string text = "features, for --enable and --disable (all names every one):\n";
  for (const FeatureInfo& feature : kFeatureInfo) {
    text += fmt::format("  {:<20}  {:<3}  {}\n", feature.name, feature.is_default ? "on" : "off",
                        feature.text);
  }
  return text;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  usize best_distance = std::max<usize>(1, word.size() / 3) + 1;
  for (std::string_view candidate : candidates) {
    const usize distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace lr::cli
