// Names beneath a directory handle, and nowhere else. The kernel resolves them: openat2 with
// RESOLVE_BENEATH fails for whatever would leave the directory, by "..", by an absolute name or by
// a link, also while others rename under it. Calls that have no such form get the parent
// resolved so and one final component, which is a plain name: no slash, neither "." nor "..".
#pragma once

#include <string>
#include <string_view>

#include "host/wasi/errno.h"
#include "host/wasi/fd_table.h"

namespace lr::wasi {

// Whether a look-up may ask the disk. Cached ones never block a worker, and fail with EAGAIN when
// they would.
enum class Lookup : u8 { Cached, Full };

// A descriptor, or the errno (a path that leaves the directory: kEscapes).
struct Opened {
  UniqueFd file;
  int error = 0;
};
inline constexpr int kEscapes = 100'000;  // No value of errno.
Errno from_lookup(int error);

// openat2 beneath `directory`. `flags` as for open.
Opened open_beneath(int directory, const std::string& path, int flags, u32 mode, Lookup lookup);

// A parent directory and a name in it.
struct Place {
  UniqueFd parent;
  std::string name;
  bool trailing_slash = false;
  int error = 0;
};
// EEXIST, EINVAL, ... for names that are no names ("", ".", ".."), as `error_for_dots` says.
Place find_place(int directory, const std::string& path, int error_for_dots);

// A path as a guest passes it: at most 4,096 bytes and no NUL.
ErrnoOr<std::string> read_path(const GuestString& path);

}  // namespace lr::wasi
