#include "tools/reference_arguments.h"

#include <fmt/format.h>

#include <algorithm>

namespace lr::cli {
namespace {

Error usage_error(std::string detail) { return make_error(Err::BadArgument, std::move(detail)); }

// Words one after the other: options with and without a value, and what is none.
class Words {
 public:
  explicit Words(std::span<const std::string> words) : words_(words) {}

  // False at the end. Behind "--" nothing is an option.
  bool next() {
    if (!literal_ && at_ < words_.size() && words_[at_] == "--") {
      literal_ = true;
      ++at_;
    }
    if (at_ == words_.size()) return false;
    word_ = words_[at_++];
    return true;
  }
  const std::string& word() const { return word_; }
  bool is_option() const { return !literal_ && word_.size() > 1 && word_[0] == '-'; }
  bool is(std::string_view flag) const { return is_option() && word_ == flag; }

  // Whether it is `option`; its value is what stands behind "=", or the next word.
  Result<bool> takes(std::string_view option, std::string& value) {
    if (!is_option() || !word_.starts_with(option)) return false;
    if (word_.size() > option.size()) {
      if (word_[option.size()] != '=') return false;
      value = word_.substr(option.size() + 1);
      return true;
    }
    if (at_ == words_.size()) return usage_error(fmt::format("{} needs a value", option));
    value = words_[at_++];
    return true;
  }

  Error unknown() const {
    return usage_error(fmt::format(
        "unknown option {} behind the program; what is for the guest stands behind --", word_));
  }

 private:
  std::span<const std::string> words_;
  usize at_ = 0;
  bool literal_ = false;
  std::string word_;
};

}  // namespace

Result<ReferenceRunArguments> parse_reference_run(std::span<const std::string> words) {
  ReferenceRunArguments arguments;
  bool is_bench = false;
  std::string value;
  for (Words at(words); at.next();) {
    const bool is_dir = TRY(at.takes("--dir", value));
    if (is_dir) {
      arguments.directories.push_back(value);
    } else if (at.is("--bench")) {
      is_bench = true;
    } else if (at.is_option()) {
      return at.unknown();
    } else {
      arguments.guest.push_back(at.word());
    }
  }
  if (is_bench) arguments.guest.emplace_back("--bench");
  return arguments;
}

Result<TestArguments> parse_test_arguments(std::span<const std::string> words) {
  TestArguments arguments;
  struct Flag {
    std::string_view name;
    bool& set;
  };
  const Flag flags[] = {{"--ignored", arguments.ignored},
                        {"--exact", arguments.exact},
                        {"--nocapture", arguments.nocapture},
                        {"--show-output", arguments.show_output},
                        {"--list", arguments.list}};
  std::optional<std::string> filter;
  std::string format;
  std::string value;
  for (Words at(words); at.next();) {
    const auto* flag =
        std::ranges::find_if(flags, [&](const Flag& candidate) { return at.is(candidate.name); });
    const bool is_dir = TRY(at.takes("--dir", value));
    const bool is_format = TRY(at.takes("--format", format));
    if (is_format) continue;
    if (is_dir) {
      arguments.directories.push_back(value);
    } else if (flag != std::end(flags)) {
      flag->set = true;
    } else if (at.is_option()) {
      return at.unknown();
    } else if (!filter) {
      filter = at.word();
    } else {
      arguments.guest.push_back(at.word());
    }
  }
  arguments.filter = filter.value_or("");
  if (arguments.list && format != "terse") return usage_error("--list needs --format terse");
  return arguments;
}

bool is_test_executable(std::string_view path) {
  const auto take_back = [&](std::string_view part) {
    if (!path.ends_with(part)) return false;
    path.remove_suffix(part.size());
    return true;
  };
  const auto take_back_any = [&](std::span<const std::string_view> parts) {
    return std::ranges::any_of(parts, take_back);
  };
  constexpr std::string_view kProfiles[] = {"/debug/deps/", "/release/deps/"};
  constexpr std::string_view kTargets[] = {"/target/wasm32-wasi", "/target/wasm32-wasip1",
                                           "/target/wasm32-unknown-unknown"};
  const usize name = path.rfind('/');
  if (name == std::string_view::npos || !path.ends_with(".wasm")) return false;
  if (path.size() - name <= std::string_view("/.wasm").size()) return false;
  path = path.substr(0, name + 1);
  return take_back_any(kProfiles) && take_back_any(kTargets);
}

}  // namespace lr::cli
