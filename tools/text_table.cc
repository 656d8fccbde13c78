#include "tools/text_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace lr::cli {

namespace {

// Characters, each of which takes one column.
usize width_of(std::string_view text) {
  return static_cast<usize>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::string TextTable::line(const std::vector<std::string>& row,
                            const std::vector<usize>& widths) const {
  std::string out;
  for (usize i = 0; i < row.size(); i++) {
    const std::string padding(widths[i] - width_of(row[i]), ' ');
    const bool left = i == 0 || (last_to_the_left_ && i + 1 == widths.size());
    out += i == 0 ? "" : "  ";
    out += left ? row[i] + padding : padding + row[i];
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out + "\n";
}

std::string TextTable::text() const {
  std::vector<usize> widths(rows_[0].size());
  for (const auto& row : rows_) {
    for (usize i = 0; i < row.size(); i++) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  usize total = 2 * (widths.size() - 1);
  for (const usize width : widths) total += width;
  std::string out;
  for (usize at = 0; at < rows_.size(); at++) {
    if (at == 1 || std::ranges::count(rules_, at) != 0) out += std::string(total, '-') + "\n";
    out += line(rows_[at], widths);
  }
  return out;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace lr::cli
