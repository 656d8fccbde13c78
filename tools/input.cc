#include "tools/input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "frontend/wat_parser.h"

namespace lr::cli {

namespace {

struct FileKind {
  std::string_view magic;
  std::string_view text;
};

// Arrays of characters keep their zeros; the last one is the terminator.
template <usize N>
constexpr std::string_view bytes_of(const char (&text)[N]) {
  return {text, N - 1};
}

constexpr FileKind kFileKinds[] = {
#define FILE_KIND(magic, text) {bytes_of(magic), text},
#include "tools/file_kinds.def"
};

constexpr std::string_view kMagic = bytes_of("\0asm");

Error system_error(std::string what) { return make_error(Err::SystemError, std::move(what)); }

Error not_a_module(std::string why) { return make_error(Err::NotAModule, std::move(why)); }

// Reads to the end of an open file; `size_hint` may be wrong.
Result<std::vector<u8>> read_all(int fd, usize size_hint) {
  // One byte more than expected: the read that finds the end needs room.
  std::vector<u8> bytes(size_hint + 1);
  usize used = 0;
  while (true) {
    if (used == bytes.size()) bytes.resize(std::max<usize>(64 * kKiB, bytes.size() * 2));
    const ssize_t count = read(fd, bytes.data() + used, bytes.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(std::strerror(errno));
    if (count == 0) break;
    used += static_cast<usize>(count);
  }
  bytes.resize(used);
  return bytes;
}

// Text starts with a parenthesis, a comment or white space and holds no control characters.
bool looks_like_text(std::string_view bytes) {
  const std::string_view start = bytes.substr(0, 256);
  const bool plain = std::ranges::all_of(start, [](char c) {
    const auto byte = static_cast<u8>(c);
    return byte >= 0x20 || c == '\n' || c == '\r' || c == '\t';
  });
  const usize first = start.find_first_not_of(" \t\r\n");
  return plain && first != std::string_view::npos && (start[first] == '(' || start[first] == ';');
}

}  // namespace

Result<std::vector<u8>> read_file(const std::string& path) {
  if (path == "-") return read_all(STDIN_FILENO, 64 * kKiB);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_error(std::strerror(errno));
  struct stat about{};
  if (fstat(fd, &about) == 0 && S_ISDIR(about.st_mode)) {
    close(fd);
    return system_error("is a directory");
  }
  Result<std::vector<u8>> bytes = read_all(fd, static_cast<usize>(about.st_size));
  close(fd);
  return bytes;
}

Result<InputKind> kind_of(std::string_view bytes) {
  if (bytes.empty()) return not_a_module("the file is empty");
  for (const FileKind& kind : kFileKinds) {
    if (bytes.starts_with(kind.magic)) return not_a_module(fmt::format("this is {}", kind.text));
  }
  if (bytes.starts_with(kMagic)) return InputKind::Binary;
  if (looks_like_text(bytes)) return InputKind::Text;
  if (kMagic.starts_with(bytes)) return not_a_module("the file ends within its first four bytes");
  std::string start;
  for (char c : bytes.substr(0, 4)) start += fmt::format(" {:02x}", static_cast<u8>(c));
  return not_a_module(fmt::format("it begins with{}, neither \\0asm nor text", start));
}

Result<Input> read_module_file(const std::string& path) {
  Input input;
  input.bytes = TRY(read_file(path));
  input.kind = TRY(kind_of(input.text()));
  return input;
}

Result<std::vector<u8>> read_binary(const std::string& path) {
  Input input = TRY(read_module_file(path));
  if (input.kind == InputKind::Text) return parse_wat(input.text());
  return std::move(input.bytes);
}

std::string display_name(const std::string& path) { return path == "-" ? "standard input" : path; }

std::string describe(std::string_view file, const Error& error) {
  // A message of the system is a sentence of its own.
  const std::string reason =
      error.phase() == ErrPhase::System && !error.detail.empty() ? error.detail : error.message();
  if (error.line != 0) return fmt::format("{}:{}:{}: {}", file, error.line, error.column, reason);
  if (error.offset != Error::kNowhere) {
    return fmt::format("{}: offset {:#x}: {}", file, error.offset, reason);
  }
  return fmt::format("{}: {}", file, reason);
}

}  // namespace lr::cli
