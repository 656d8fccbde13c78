// lunatic-run wat FILE: text to binary, and binary to text.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "frontend/wat_parser.h"
#include "frontend/wat_printer.h"
#include "tools/commands.h"
#include "tools/input.h"

namespace lr::cli {

namespace {

Status write_all(int fd, std::span<const u8> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return make_error(Err::SystemError, std::strerror(errno));
    bytes = bytes.subspan(static_cast<usize>(count));
  }
  return ok_status();
}

Status write_output(const std::string& path, std::span<const u8> bytes) {
  if (path.empty() || path == "-") return write_all(STDOUT_FILENO, bytes);
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return make_error(Err::SystemError, std::strerror(errno));
  Status written = write_all(fd, bytes);
  close(fd);
  return written;
}

Result<std::vector<u8>> convert(Input input) {
  if (input.kind == InputKind::Text) return parse_wat(input.text());
  const std::string text = TRY(print_wat(input.bytes));
  return std::vector<u8>(text.begin(), text.end());
}

}  // namespace

int convert_file(const CommandLine& line) {
  const std::string& path = line.operands[0];
  Result<Input> input = read_module_file(path);
  if (!input.ok()) return refuse(display_name(path), input.error());
  const std::string out(line.text(Opt::Output));
  if (input->kind == InputKind::Text && out.empty() && isatty(STDOUT_FILENO) != 0) {
    say_error("the binary is not for a terminal; name a file with --output, or redirect");
    return kExitUsage;
  }
  const Result<std::vector<u8>> converted = convert(std::move(*input));
  if (!converted.ok()) return refuse(display_name(path), converted.error());
  const Status written = write_output(out, converted.value());
  if (!written.ok()) return refuse(out.empty() ? "standard output" : out, written.error());
  return kExitSuccess;
}

}  // namespace lr::cli
