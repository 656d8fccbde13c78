// JSON, written from the outside in:
//
//   JsonWriter json;
//   json.begin_object().key("name").value("fib").key("ns").begin_array().value(1.5).end_array();
//   json.end_object();
//   json.text();
#pragma once

#include <string>
#include <string_view>

#include "base/types.h"

namespace lr::study {

class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(f64 number);  // null if it is not finite.
  JsonWriter& value(u64 number);
  JsonWriter& value(u32 number) { return value(u64{number}); }
  JsonWriter& value(i32 number);
  JsonWriter& value(bool truth);

  template <typename T>
  JsonWriter& field(std::string_view name, const T& content) {
    return key(name).value(content);
  }

  // Complete once everything that was begun has ended.
  const std::string& text() const { return text_; }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& raw(std::string_view text);
  void before_item();

  std::string text_;
  u32 depth_ = 0;
  bool is_first_ = true;  // Of what is open.
  bool has_key_ = false;
};

}  // namespace lr::study
