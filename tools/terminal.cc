#include "tools/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace lr::cli {

namespace {

bool shows_colours[3] = {};  // By file descriptor.

bool is_colourful_terminal(int fd) {
  const char* off = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  if (off != nullptr && *off != 0) return false;
  if (term == nullptr || std::string_view(term) == "dumb") return false;
  return isatty(fd) != 0;
}

}  // namespace

void set_colours(std::string_view choice) {
  for (int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    shows_colours[fd] = choice == "always" || (choice == "auto" && is_colourful_terminal(fd));
  }
}

std::string paint(Stream stream, Colour colour, std::string_view text) {
  if (!shows_colours[static_cast<int>(stream)]) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", static_cast<int>(colour), text);
}

}  // namespace lr::cli
