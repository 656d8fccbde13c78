// Text in columns: the first to the left, the others to the right, two spaces between, and a line
// below the header.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace lr::cli {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  // No longer than the header.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // A line before the next row.
  void rule() { rules_.push_back(rows_.size()); }
  // The last column to the left as well.
  void last_to_the_left() { last_to_the_left_ = true; }

  std::string text() const;

 private:
  std::string line(const std::vector<std::string>& row, const std::vector<usize>& widths) const;

  std::vector<std::vector<std::string>> rows_;
  std::vector<usize> rules_;
  bool last_to_the_left_ = false;
};

// A field of CSV: in quotes if it must be.
std::string csv_field(std::string_view text);

}  // namespace lr::cli
