#include "host/wasi/fd_table.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace lr::wasi {

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) ::close(fd_);
}

ErrnoOr<DescriptorRef*> FdTable::find(u32 fd, Rights rights) {
  if (fd >= slots_.size() || !slots_[fd]) return Errno::Badf;
  DescriptorRef& found = slots_[fd];
  const Rights missing = rights & ~found->base;
  if (missing != 0) return lacking(*found, missing);
  return &found;
}

ErrnoOr<u32> FdTable::add(DescriptorRef descriptor) {
  u32 fd = lowest_free_;
  while (fd < slots_.size() && slots_[fd]) ++fd;
  if (fd >= open_max_) return Errno::Mfile;
  if (fd == slots_.size()) slots_.emplace_back();
  slots_[fd] = std::move(descriptor);
  lowest_free_ = fd + 1;
  return fd;
}

void FdTable::put(u32 fd, DescriptorRef descriptor) {
  if (fd >= slots_.size()) slots_.resize(fd + 1);
  slots_[fd] = std::move(descriptor);
  lowest_free_ = 0;
}

Errno FdTable::close(u32 fd) {
  if (fd >= slots_.size() || !slots_[fd]) return Errno::Badf;
  slots_[fd].reset();
  if (fd < lowest_free_) lowest_free_ = fd;
  return Errno::Success;
}

Errno FdTable::renumber(u32 from, u32 to) {
  if (from >= slots_.size() || !slots_[from]) return Errno::Badf;
  if (to >= slots_.size() || !slots_[to]) return Errno::Badf;
  if (from == to) return Errno::Success;
  slots_[to] = std::move(slots_[from]);
  slots_[from].reset();
  if (from < lowest_free_) lowest_free_ = from;
  return Errno::Success;
}

Errno lacking(const Descriptor& descriptor, Rights missing) {
  if (descriptor.read_only && (missing & kChangingRights) != 0) return Errno::Rofs;
  constexpr Rights kPosition = kFdSeek | kFdTell;
  constexpr Rights kData = kFdRead | kFdWrite;
  if (descriptor.type == Filetype::Directory) {
    // Not a matter of capabilities: these make no sense for a directory.
    if ((missing & kData) != 0) return Errno::Isdir;
    if ((missing & (kPosition | kFdAllocate | kFdFilestatSetSize)) != 0) return Errno::Badf;
    return Errno::Notcapable;
  }
  if ((missing & ~kFileRights & kDirectoryRights) != 0) return Errno::Notdir;
  if ((missing & kData) != 0) return Errno::Badf;
  if (descriptor.is_stream() && (missing & kPosition) != 0) return Errno::Spipe;
  return Errno::Notcapable;
}

Filetype filetype_of_mode(u32 st_mode) {
  switch (st_mode & S_IFMT) {
    case S_IFBLK:
      return Filetype::BlockDevice;
    case S_IFCHR:
      return Filetype::CharacterDevice;
    case S_IFDIR:
      return Filetype::Directory;
    case S_IFREG:
      return Filetype::RegularFile;
    case S_IFLNK:
      return Filetype::SymbolicLink;
    case S_IFSOCK:
      return Filetype::SocketStream;
    default:
      return Filetype::Unknown;  // A FIFO has no name here.
  }
}

Rights fitting_rights(Filetype type, int fd) {
  switch (type) {
    case Filetype::RegularFile:
      return kFileRights;
    case Filetype::Directory:
      return kDirectoryRights;
    case Filetype::SocketDgram:
    case Filetype::SocketStream:
      return kSocketRights;
    // Whoever asks whether this is a terminal looks for the lack of the two.
    case Filetype::CharacterDevice:
      return ::isatty(fd) != 0 ? kStreamRights : kStreamRights | kFdSeek | kFdTell;
    case Filetype::BlockDevice:
      return kStreamRights | kFdSeek | kFdTell;
    case Filetype::SymbolicLink:
    case Filetype::Unknown:
      return kStreamRights;
  }
  return 0;
}

namespace {

Filetype socket_type(int fd) {
  int type = 0;
  socklen_t length = sizeof type;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0) return Filetype::SocketStream;
  return type == SOCK_DGRAM ? Filetype::SocketDgram : Filetype::SocketStream;
}

// The same file, opened again: then it has flags of its own and making it non-blocking does not
// surprise whoever shares the original.
UniqueFd reopen_without_blocking(int fd) {
  const int mode = ::fcntl(fd, F_GETFL);
  if (mode < 0) return UniqueFd();
  const std::string path = fmt::format("/proc/self/fd/{}", fd);
  return UniqueFd(
      ::open(path.c_str(), (mode & (O_ACCMODE | O_APPEND)) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

}  // namespace

DescriptorRef adopt_stream(int fd, Rights rights) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return nullptr;
  auto descriptor = std::make_shared<Descriptor>();
  descriptor->type = filetype_of_mode(status.st_mode);
  if (descriptor->type == Filetype::SocketStream) descriptor->type = socket_type(fd);
  descriptor->base = fitting_rights(descriptor->type, fd) & rights;
  const bool reopen = descriptor->is_stream() && !descriptor->is_socket();
  if (reopen) descriptor->file = reopen_without_blocking(fd);
  if (!descriptor->file) {
    descriptor->file = UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    descriptor->may_block = reopen;
  }
  return descriptor->file ? descriptor : nullptr;
}

Result<DescriptorRef> open_preopen(const DirectoryGrant& grant) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  UniqueFd file(grant.handle != nullptr ? ::openat(grant.handle->get(), ".", kFlags)
                                        : ::open(grant.host_path.c_str(), kFlags));
  if (!file) {
    return make_error(Err::SystemError,
                      fmt::format("directory {}: {}", grant.host_path, std::strerror(errno)));
  }
  auto descriptor = std::make_shared<Descriptor>();
  descriptor->file = std::move(file);
  descriptor->type = Filetype::Directory;
  descriptor->read_only = grant.read_only;
  const Rights withheld = grant.read_only ? kChangingRights : 0;
  descriptor->base = kDirectoryRights & ~withheld;
  descriptor->inheriting = (kDirectoryRights | kFileRights) & ~withheld;
  descriptor->is_preopen = true;
  descriptor->name = grant.guest_name;
  return descriptor;
}

}  // namespace lr::wasi
