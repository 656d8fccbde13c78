// Files as the command line names them: read whole, and told apart before anything parses them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace lr::cli {

enum class InputKind : u8 { Binary, Text };

struct Input {
  InputKind kind{};
  std::vector<u8> bytes;

  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

// The whole file, or standard input for "-".
Result<std::vector<u8>> read_file(const std::string& path);

// A module in either format. Refuses with one sentence what is clearly no module.
Result<Input> read_module_file(const std::string& path);

// A module in the binary format: as it is in the file, or made from its text.
Result<std::vector<u8>> read_binary(const std::string& path);

// What a path is called in messages.
std::string display_name(const std::string& path);

// What the bytes are: a binary module, text, or an error that says what else.
Result<InputKind> kind_of(std::string_view bytes);

// "FILE:LINE:COLUMN: reason" for text, "FILE: offset 0x2a: reason" for binary, "FILE: reason" for
// the rest.
std::string describe(std::string_view file, const Error& error);

}  // namespace lr::cli
