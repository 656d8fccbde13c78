#include "host/wasi/stat.h"

#include "host/wasi/fd_table.h"

namespace lr::wasi {
namespace {

u64 to_ns(const timespec& time) {
  return static_cast<u64>(time.tv_sec) * 1'000'000'000 + static_cast<u64>(time.tv_nsec);
}

timespec time_or(u64 ns, bool set, bool now) {
  if (now) return {0, UTIME_NOW};
  if (!set) return {0, UTIME_OMIT};
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

}  // namespace

Filestat to_filestat(const struct stat& status) {
  Filestat stat;
  stat.device = status.st_dev;
  stat.inode = status.st_ino;
  stat.filetype = filetype_of_mode(status.st_mode);
  stat.links = status.st_nlink;
  stat.size = static_cast<u64>(status.st_size);
  stat.accessed_ns = to_ns(status.st_atim);
  stat.modified_ns = to_ns(status.st_mtim);
  stat.changed_ns = to_ns(status.st_ctim);
  return stat;
}

ErrnoOr<FileTimes> to_file_times(u64 accessed, u64 modified, u32 flags) {
  if ((flags & ~kAllFstflags) != 0) return Errno::Inval;
  const auto both = [&](u32 a, u32 b) { return (flags & a) != 0 && (flags & b) != 0; };
  if (both(kFstAtim, kFstAtimNow) || both(kFstMtim, kFstMtimNow)) return Errno::Inval;
  FileTimes times{};
  times.values[0] = time_or(accessed, (flags & kFstAtim) != 0, (flags & kFstAtimNow) != 0);
  times.values[1] = time_or(modified, (flags & kFstMtim) != 0, (flags & kFstMtimNow) != 0);
  return times;
}

}  // namespace lr::wasi
