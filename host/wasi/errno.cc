#include "host/wasi/errno.h"

#include <cerrno>
#include <iterator>

namespace lr::wasi {
namespace {

struct Row {
  std::string_view text;
  int system;
};

constexpr Row kRows[] = {
#define ERRNO(name, text, system) {text, system},
#include "host/wasi/errno.def"
};
static_assert(std::size(kRows) == static_cast<usize>(Errno::Notcapable) + 1);

}  // namespace

std::string_view name_of(Errno code) {
  const auto index = static_cast<usize>(code);
  return index < std::size(kRows) ? kRows[index].text : "unknown";
}

Errno from_errno(int system_errno) {
  for (usize i = 1; i < std::size(kRows); ++i) {
    if (kRows[i].system == system_errno) return static_cast<Errno>(i);
  }
  return Errno::Io;
}

}  // namespace lr::wasi
