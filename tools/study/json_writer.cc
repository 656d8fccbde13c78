#include "tools/study/json_writer.h"

#include <fmt/format.h>

#include <cmath>

#include "tools/escape.h"

namespace lr::study {

namespace {

// Below this depth every item has a line of its own.
constexpr u32 kLinesDepth = 3;

}  // namespace

void JsonWriter::before_item() {
  if (has_key_) {
    has_key_ = false;
    return;
  }
  if (!is_first_) text_ += ',';
  if (depth_ > 0 && depth_ <= kLinesDepth) {
    text_ += '\n';
    text_.append(depth_, ' ');
  } else if (!is_first_) {
    text_ += ' ';
  }
  is_first_ = false;
}

JsonWriter& JsonWriter::open(char bracket) {
  before_item();
  text_ += bracket;
  depth_++;
  is_first_ = true;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  depth_--;
  text_ += bracket;
  if (depth_ == 0) text_ += '\n';
  is_first_ = false;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  before_item();
  text_ += cli::json_string(name);
  text_ += ": ";
  has_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view text) {
  before_item();
  text_ += text;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) { return raw(cli::json_string(text)); }
JsonWriter& JsonWriter::value(f64 number) {
  return raw(std::isfinite(number) ? fmt::format("{}", number) : "null");
}
JsonWriter& JsonWriter::value(u64 number) { return raw(fmt::format("{}", number)); }
JsonWriter& JsonWriter::value(i32 number) { return raw(fmt::format("{}", number)); }
JsonWriter& JsonWriter::value(bool truth) { return raw(truth ? "true" : "false"); }

}  // namespace lr::study
