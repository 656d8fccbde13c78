#include "tools/test_names.h"

#include <algorithm>
#include <cctype>

namespace lr::cli {
namespace {

// Removes `prefix` from the front; false if it is not there.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Up to the first '#' that has no '\' before it, which goes too.
std::string take_escaped(std::string_view& text) {
  std::string taken;
  while (!text.empty()) {
    if (take(text, "#")) break;
    if (take(text, "\\#")) {
      taken += '#';
      continue;
    }
    taken += text.front();
    text.remove_prefix(1);
  }
  return taken;
}

// Up to `end`, which goes too; nothing if it is not there, or only behind a newline.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view end) {
  const usize at = text.find(end);
  if (at == std::string_view::npos || at > text.find('\n')) return std::nullopt;
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at + end.size());
  return taken;
}

// Whether `text` ends with ":LINE:COLUMN".
bool is_place(std::string_view text) {
  for (int part = 0; part < 2; ++part) {
    const usize colon = text.rfind(':');
    if (colon == std::string_view::npos || colon + 1 == text.size()) return false;
    if (!std::ranges::all_of(text.substr(colon + 1), [](char c) { return c >= '0' && c <= '9'; })) {
      return false;
    }
    text = text.substr(0, colon);
  }
  return !text.empty();
}

// Behind "panicked at '": the message up to "', FILE:LINE:COLUMN" at the end of a line, since a
// message may contain "', " itself; else to the first of these.
std::optional<std::string> old_message(std::string_view text) {
  constexpr std::string_view kEnd = "', ";
  for (usize at = text.find(kEnd); at != std::string_view::npos; at = text.find(kEnd, at + 1)) {
    const std::string_view place = text.substr(at + kEnd.size());
    const std::string_view line = place.substr(0, place.find('\n'));
    if (line.find(kEnd) == std::string_view::npos && is_place(line)) {
      return std::string(text.substr(0, at));
    }
  }
  const usize end = text.find(kEnd);
  return end == std::string_view::npos ? std::nullopt
                                       : std::optional(std::string(text.substr(0, end)));
}

// The lines behind "panicked at FILE:LINE:COLUMN:\n".
std::string new_message(std::string_view text) {
  for (usize line = 0; line < text.size(); line = text.find('\n', line) + 1) {
    const std::string_view rest = text.substr(line);
    if (rest.starts_with("note: ") || rest.starts_with("stack backtrace:")) {
      return std::string(text.substr(0, line == 0 ? 0 : line - 1));
    }
    if (rest.find('\n') == std::string_view::npos) break;
  }
  if (text.ends_with('\n')) text.remove_suffix(1);
  return std::string(text);
}

// At the start of a line.
std::optional<std::string> panic_here(std::string_view text) {
  if (!take(text, "thread '")) return std::nullopt;
  if (!take_until(text, "' ")) return std::nullopt;
  if (take(text, "(") && !take_until(text, ") ")) return std::nullopt;
  if (!take(text, "panicked at ")) return std::nullopt;
  if (take(text, "'")) return old_message(text);
  const std::optional<std::string_view> place = take_until(text, ":\n");
  if (!place || !is_place(*place)) return std::nullopt;
  return new_message(text);
}

}  // namespace

std::optional<TestName> parse_test_name(std::string_view entry) {
  std::string_view rest = entry;
  if (!take(rest, "#lunatic_test_")) return std::nullopt;
  TestName test;
  test.entry = entry;
  test.is_ignored = take(rest, "#ignore_");
  if (take(rest, "#panic_")) test.panic = take_escaped(rest);
  test.name = rest;
  return test;
}

std::optional<std::string> find_panic(std::string_view output) {
  for (usize line = 0; line < output.size();) {
    if (auto message = panic_here(output.substr(line))) return message;
    const usize end = output.find('\n', line);
    if (end == std::string_view::npos) break;
    line = end + 1;
  }
  return std::nullopt;
}

}  // namespace lr::cli
