// The system's stat and utimensat in WASI's terms.
#pragma once

#include <sys/stat.h>
#include <time.h>

#include "host/wasi/errno.h"
#include "host/wasi/types.h"

namespace lr::wasi {

Filestat to_filestat(const struct stat& status);

struct FileTimes {
  timespec values[2];  // Accessed, modified; as utimensat takes them.
};

// Inval for unknown flags, or for both a time and "now".
ErrnoOr<FileTimes> to_file_times(u64 accessed, u64 modified, u32 flags);

}  // namespace lr::wasi
