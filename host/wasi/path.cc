// Names that lead to something: opening, metadata, links. Making and removing names is in names.cc.
//
// Each call is tried on the worker with what the kernel has cached, which never blocks; when that
// says EAGAIN, the same work is done again by the helper pool.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "host/wasi/resolve.h"
#include "host/wasi/stat.h"
#include "host/wasi/wasi.h"

namespace lr::wasi {
namespace {

// `work(lookup)` returns something with an `error`; it owns all that it touches.
template <typename Work>
auto look_up(Caller& caller, Work work) -> Task<decltype(work(Lookup::Full))> {
  auto cached = work(Lookup::Cached);
  if (cached.error != EAGAIN) co_return std::move(cached);
  auto job = off_worker(caller, [work = std::move(work)] { return work(Lookup::Full); });
  auto result = co_await job;
  co_return std::move(result);
}

int follow_flag(u32 lookup_flags) {
  return (lookup_flags & kLookupSymlinkFollow) != 0 ? 0 : O_NOFOLLOW;
}

constexpr Rights kWritingRights = kFdWrite | kFdAllocate | kFdFilestatSetSize;
constexpr Rights kReadingRights = kFdRead | kFdReaddir;

int access_mode(Rights base) {
  const bool writes = (base & kWritingRights) != 0;
  if (!writes) return O_RDONLY;
  return (base & kReadingRights) != 0 ? O_RDWR : O_WRONLY;
}

// Opening must not wait for the other end of a FIFO: files are opened without blocking, and whether
// the *guest* waits is decided when it reads.
int open_flags(u32 dirflags, u32 oflags, u32 fdflags) {
  int flags = O_NONBLOCK | follow_flag(dirflags);
  if ((oflags & kOflagCreat) != 0) flags |= O_CREAT;
  if ((oflags & kOflagDirectory) != 0) flags |= O_DIRECTORY;
  if ((oflags & kOflagExcl) != 0) flags |= O_EXCL;
  if ((oflags & kOflagTrunc) != 0) flags |= O_TRUNC;
  if ((fdflags & kFdflagAppend) != 0) flags |= O_APPEND;
  if ((fdflags & kFdflagDsync) != 0) flags |= O_DSYNC;
  if ((fdflags & (kFdflagSync | kFdflagRsync)) != 0) flags |= O_SYNC;
  return flags;
}

struct OpenWork {
  DescriptorRef directory;
  std::string path;
  int flags = 0;
  Rights base = 0;

  Opened operator()(Lookup lookup) const {
    Opened opened = open_beneath(directory->fd(), path, flags | access_mode(base), 0666, lookup);
    // A directory that was to have the rights of files too can still be read.
    if (opened.error == EISDIR && (base & kFdWrite) == 0 && (flags & O_CREAT) == 0) {
      opened = open_beneath(directory->fd(), path, flags | O_RDONLY, 0, lookup);
    }
    return opened;
  }
};

// What the directory must allow before something beneath it is opened so.
Errno check_open(const Descriptor& directory, u32 oflags, Rights base, Rights inheriting) {
  Rights needed = kPathOpen;
  if ((oflags & kOflagCreat) != 0) needed |= kPathCreateFile;
  if ((oflags & kOflagTrunc) != 0) needed |= kPathFilestatSetSize;
  if ((needed & ~directory.base) != 0) return lacking(directory, needed & ~directory.base);
  const Rights excess = (base | inheriting) & kAllRights & ~directory.inheriting;
  if (excess == 0) return Errno::Success;
  return directory.read_only && (excess & kChangingRights) != 0 ? Errno::Rofs : Errno::Notcapable;
}

ErrnoOr<DescriptorRef> make_descriptor(UniqueFd file, const Descriptor& directory, Rights base,
                                       Rights inheriting, u32 fdflags) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return from_errno(errno);
  auto opened = std::make_shared<Descriptor>();
  opened->type = filetype_of_mode(status.st_mode);
  opened->base = base & fitting_rights(opened->type, file.get());
  opened->inheriting = opened->type == Filetype::Directory ? inheriting & kAllRights : 0;
  opened->flags = fdflags;
  opened->read_only = directory.read_only;
  opened->file = std::move(file);
  return opened;
}

struct StatResult {
  struct stat status{};
  int error = 0;
};

struct LinkText {
  std::array<char, 4096> text{};
  usize length = 0;
  int error = 0;
};

LinkText read_link(int directory, const std::string& path, Lookup lookup) {
  LinkText link;
  const Opened opened = open_beneath(directory, path, O_PATH | O_NOFOLLOW, 0, lookup);
  link.error = opened.error;
  if (link.error != 0) return link;
  struct stat status{};
  if (::fstat(opened.file.get(), &status) != 0 || !S_ISLNK(status.st_mode)) {
    link.error = EINVAL;
    return link;
  }
  const ssize_t length = ::readlinkat(opened.file.get(), "", link.text.data(), link.text.size());
  if (length < 0) {
    link.error = errno;
  } else {
    link.length = static_cast<usize>(length);
  }
  return link;
}

}  // namespace

Task<Errno> path_open(Caller& caller, u32 fd, u32 dirflags, GuestString path, u32 oflags, u64 base,
                      u64 inheriting, u32 fdflags, GuestOut<u32> opened) {
  const DescriptorRef directory = *CO_TRY(caller.wasi().fds.find(fd));
  if ((oflags & ~kAllOflags) != 0 || (fdflags & ~kAllFdflags) != 0) co_return Errno::Inval;
  if ((dirflags & ~kLookupSymlinkFollow) != 0) co_return Errno::Inval;
  if (directory->type != Filetype::Directory) co_return Errno::Notdir;
  const Errno allowed = check_open(*directory, oflags, base, inheriting);
  if (allowed != Errno::Success) co_return allowed;
  std::string name = CO_TRY(read_path(path));

  const int flags = open_flags(dirflags, oflags, fdflags);
  Task<Opened> look = look_up(caller, OpenWork{directory, std::move(name), flags, base});
  Opened result = co_await look;
  if (result.error != 0) co_return from_lookup(result.error);
  DescriptorRef descriptor =
      CO_TRY(make_descriptor(std::move(result.file), *directory, base, inheriting, fdflags));
  opened.set(CO_TRY(caller.wasi().fds.add(std::move(descriptor))));
  co_return Errno::Success;
}

Task<Errno> path_filestat_get(Caller& caller, u32 fd, u32 flags, GuestString path,
                              GuestOut<Filestat> stat) {
  const DescriptorRef directory = *CO_TRY(caller.wasi().fds.find(fd, kPathFilestatGet));
  std::string name = CO_TRY(read_path(path));
  const auto work = [directory, name = std::move(name), flags](Lookup lookup) {
    StatResult result;
    const Opened opened =
        open_beneath(directory->fd(), name, O_PATH | follow_flag(flags), 0, lookup);
    result.error = opened.error;
    if (result.error == 0 && ::fstat(opened.file.get(), &result.status) != 0) result.error = errno;
    return result;
  };
  Task<StatResult> look = look_up(caller, work);
  const StatResult result = co_await look;
  if (result.error != 0) co_return from_lookup(result.error);
  stat.set(to_filestat(result.status));
  co_return Errno::Success;
}

Task<Errno> path_filestat_set_times(Caller& caller, u32 fd, u32 flags, GuestString path,
                                    u64 accessed, u64 modified, u32 fst_flags) {
  const DescriptorRef directory = *CO_TRY(caller.wasi().fds.find(fd, kPathFilestatSetTimes));
  const FileTimes times = CO_TRY(to_file_times(accessed, modified, fst_flags));
  std::string name = CO_TRY(read_path(path));
  auto job = off_worker(caller, [directory, name = std::move(name), flags, times] {
    const Opened opened =
        open_beneath(directory->fd(), name, O_PATH | follow_flag(flags), 0, Lookup::Full);
    if (opened.error != 0) return opened.error;
    const int failed = ::utimensat(opened.file.get(), "", times.values, AT_EMPTY_PATH);
    return failed == 0 ? 0 : errno;
  });
  const int error = co_await job;
  co_return error == 0 ? Errno::Success : from_lookup(error);
}

// A buffer that is too small gets the start of the text, as readlink gives it.
Task<Errno> path_readlink(Caller& caller, u32 fd, GuestString path, GuestBytes buffer,
                          GuestOut<u32> used) {
  const DescriptorRef directory = *CO_TRY(caller.wasi().fds.find(fd, kPathReadlink));
  std::string name = CO_TRY(read_path(path));
  const auto work = [directory, name = std::move(name)](Lookup lookup) {
    return read_link(directory->fd(), name, lookup);
  };
  Task<LinkText> look = look_up(caller, work);
  const LinkText link = co_await look;
  if (link.error != 0) co_return from_lookup(link.error);
  const u64 length = std::min<u64>(link.length, buffer.size());
  buffer.copy_out(link.text.data(), length);
  used.set(static_cast<u32>(length));
  co_return Errno::Success;
}

}  // namespace lr::wasi
