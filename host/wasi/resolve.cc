#include "host/wasi/resolve.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace lr::wasi {
namespace {

// The kernel gives up with EAGAIN when somebody renames while it walks past a "..".
constexpr int kAttempts = 100;
constexpr u64 kPathMax = 4096;

}  // namespace

Errno from_lookup(int error) { return error == kEscapes ? Errno::Notcapable : from_errno(error); }

Opened open_beneath(int directory, const std::string& path, int flags, u32 mode, Lookup lookup) {
  open_how how{};
  how.flags = static_cast<u64>(flags | O_CLOEXEC | O_NOCTTY);
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  if (lookup == Lookup::Cached) how.resolve |= RESOLVE_CACHED;
  if ((flags & O_PATH) != 0) how.flags &= O_PATH | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY;
  for (int i = 0; i < kAttempts; ++i) {
    const long fd = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
    if (fd >= 0) return {UniqueFd(static_cast<int>(fd)), 0};
    if (errno == EXDEV) return {UniqueFd(), kEscapes};
    if (errno == EINTR) continue;
    if (errno != EAGAIN || lookup == Lookup::Cached) return {UniqueFd(), errno};
  }
  return {UniqueFd(), EAGAIN};
}

Place find_place(int directory, const std::string& path, int error_for_dots) {
  Place place;
  std::string_view rest = path;
  if (rest.empty()) {
    place.error = ENOENT;
    return place;
  }
  while (!rest.empty() && rest.back() == '/') {
    rest.remove_suffix(1);
    place.trailing_slash = true;
  }
  const usize slash = rest.rfind('/');
  const std::string parent(slash == rest.npos ? std::string_view(".") : rest.substr(0, slash + 1));
  place.name = rest.substr(slash == rest.npos ? 0 : slash + 1);
  // The parent comes first: what leaves the directory is told so, whatever its last part is.
  Opened opened = open_beneath(directory, parent, O_PATH | O_DIRECTORY, 0, Lookup::Full);
  if (opened.error != 0) {
    place.error = opened.error;
    return place;
  }
  place.parent = std::move(opened.file);
  if (place.name.empty()) {
    place.error = kEscapes;  // "/", absolute.
  } else if (place.name == "." || place.name == "..") {
    place.error = error_for_dots;
  }
  return place;
}

ErrnoOr<std::string> read_path(const GuestString& path) {
  if (path.size() > kPathMax) return Errno::Nametoolong;
  std::string copy = path.copy();
  if (copy.find('\0') != copy.npos) return Errno::Ilseq;
  return copy;
}

}  // namespace lr::wasi
