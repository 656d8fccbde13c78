// What descriptors are: their state, rights, position and metadata. Reading and writing is in
// io.cc.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "host/wasi/stat.h"
#include "host/wasi/wasi.h"

namespace lr::wasi {
namespace {

// Runs a system call that may block on the helper pool; 0 or an errno comes back.
template <typename Call>
Task<Errno> blocking(Caller& caller, DescriptorRef descriptor, Call call) {
  auto job = off_worker(caller, [descriptor = std::move(descriptor), call] {
    return call(descriptor->fd()) == 0 ? 0 : errno;
  });
  const int failed = co_await job;
  co_return failed == 0 ? Errno::Success : from_errno(failed);
}

// The right to seek includes the one to tell.
ErrnoOr<DescriptorRef*> find_tellable(Caller& caller, u32 fd) {
  DescriptorRef* found = TRY(caller.wasi().fds.find(fd));
  if (((*found)->base & (kFdTell | kFdSeek)) == 0) return lacking(**found, kFdTell);
  return found;
}

Errno seek(const Descriptor& descriptor, i64 offset, int whence, GuestOut<u64> position) {
  const off_t now = ::lseek(descriptor.fd(), offset, whence);
  if (now < 0) return from_errno(errno);
  position.set(static_cast<u64>(now));
  return Errno::Success;
}

}  // namespace

Task<Errno> fd_advise(Caller& caller, u32 fd, u64 offset, u64 length, u32 advice) {
  constexpr int kAdvice[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
                             POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED,   POSIX_FADV_NOREUSE};
  DescriptorRef* found = CO_TRY(caller.wasi().fds.find(fd, kFdAdvise));
  if (advice >= std::size(kAdvice)) co_return Errno::Inval;
  if ((*found)->type == Filetype::Directory) co_return Errno::Badf;
  if (static_cast<i64>(offset) < 0 || static_cast<i64>(length) < 0) co_return Errno::Inval;
  Task<Errno> call = blocking(caller, *found, [=](int system_fd) {
    errno = ::posix_fadvise(system_fd, static_cast<off_t>(offset), static_cast<off_t>(length),
                            kAdvice[advice]);
    return errno;
  });
  const Errno result = co_await call;
  co_return result;
}

Task<Errno> fd_allocate(Caller& caller, u32 fd, u64 offset, u64 length) {
  DescriptorRef* found = CO_TRY(caller.wasi().fds.find(fd, kFdAllocate));
  Task<Errno> call = blocking(caller, *found, [=](int system_fd) {
    return ::fallocate(system_fd, 0, static_cast<off_t>(offset), static_cast<off_t>(length));
  });
  const Errno result = co_await call;
  co_return result;
}

Errno fd_close(Caller& caller, u32 fd) { return caller.wasi().fds.close(fd); }

Task<Errno> fd_datasync(Caller& caller, u32 fd) {
  DescriptorRef* found = CO_TRY(caller.wasi().fds.find(fd, kFdDatasync));
  Task<Errno> call = blocking(caller, *found, [](int system_fd) { return ::fdatasync(system_fd); });
  const Errno result = co_await call;
  co_return result;
}

Task<Errno> fd_sync(Caller& caller, u32 fd) {
  DescriptorRef* found = CO_TRY(caller.wasi().fds.find(fd, kFdSync));
  Task<Errno> call = blocking(caller, *found, [](int system_fd) { return ::fsync(system_fd); });
  const Errno result = co_await call;
  co_return result;
}

Errno fd_fdstat_get(Caller& caller, u32 fd, GuestOut<Fdstat> stat) {
  const Descriptor& descriptor = **TRY(caller.wasi().fds.find(fd));
  Fdstat out;
  out.filetype = descriptor.type;
  out.flags = static_cast<u16>(descriptor.flags);
  out.rights_base = descriptor.base;
  out.rights_inheriting = descriptor.inheriting;
  stat.set(out);
  return Errno::Success;
}

// Appending is the system's matter; whether the guest waits is ours (io.cc). The synchronous modes
// cannot change after opening, as on Linux.
Errno fd_fdstat_set_flags(Caller& caller, u32 fd, u32 flags) {
  constexpr u32 kSynchronous = kFdflagDsync | kFdflagRsync | kFdflagSync;
  Descriptor& descriptor = **TRY(caller.wasi().fds.find(fd, kFdFdstatSetFlags));
  if ((flags & ~kAllFdflags) != 0) return Errno::Inval;
  if (((flags ^ descriptor.flags) & kSynchronous) != 0) return Errno::Notsup;
  if (((flags ^ descriptor.flags) & kFdflagAppend) != 0) {
    const int now = ::fcntl(descriptor.fd(), F_GETFL);
    if (now < 0) return from_errno(errno);
    const int wanted = (flags & kFdflagAppend) != 0 ? now | O_APPEND : now & ~O_APPEND;
    if (::fcntl(descriptor.fd(), F_SETFL, wanted) != 0) return from_errno(errno);
  }
  descriptor.flags = flags;
  return Errno::Success;
}

Errno fd_fdstat_set_rights(Caller& caller, u32 fd, u64 base, u64 inheriting) {
  Descriptor& descriptor = **TRY(caller.wasi().fds.find(fd));
  if ((base & ~descriptor.base) != 0) return Errno::Notcapable;
  if ((inheriting & ~descriptor.inheriting) != 0) return Errno::Notcapable;
  descriptor.base = base;
  descriptor.inheriting = inheriting;
  return Errno::Success;
}

Errno fd_filestat_get(Caller& caller, u32 fd, GuestOut<Filestat> stat) {
  const Descriptor& descriptor = **TRY(caller.wasi().fds.find(fd, kFdFilestatGet));
  struct stat status{};
  if (::fstat(descriptor.fd(), &status) != 0) return from_errno(errno);
  Filestat out = to_filestat(status);
  out.filetype = descriptor.type;
  stat.set(out);
  return Errno::Success;
}

Task<Errno> fd_filestat_set_size(Caller& caller, u32 fd, u64 size) {
  DescriptorRef* found = CO_TRY(caller.wasi().fds.find(fd, kFdFilestatSetSize));
  Task<Errno> call = blocking(caller, *found, [=](int system_fd) {
    return ::ftruncate(system_fd, static_cast<off_t>(size));
  });
  const Errno result = co_await call;
  co_return result;
}

Task<Errno> fd_filestat_set_times(Caller& caller, u32 fd, u64 accessed, u64 modified, u32 flags) {
  DescriptorRef* found = CO_TRY(caller.wasi().fds.find(fd, kFdFilestatSetTimes));
  const FileTimes times = CO_TRY(to_file_times(accessed, modified, flags));
  Task<Errno> call =
      blocking(caller, *found, [=](int system_fd) { return ::futimens(system_fd, times.values); });
  const Errno result = co_await call;
  co_return result;
}

Errno fd_prestat_get(Caller& caller, u32 fd, GuestOut<Prestat> prestat) {
  const Descriptor& descriptor = **TRY(caller.wasi().fds.find(fd));
  if (!descriptor.is_preopen) return Errno::Badf;
  prestat.set({0, static_cast<u32>(descriptor.name.size())});
  return Errno::Success;
}

Errno fd_prestat_dir_name(Caller& caller, u32 fd, GuestBytes name) {
  const Descriptor& descriptor = **TRY(caller.wasi().fds.find(fd));
  if (!descriptor.is_preopen) return Errno::Badf;
  if (name.size() < descriptor.name.size()) return Errno::Nametoolong;
  name.copy_out(descriptor.name.data(), descriptor.name.size());
  return Errno::Success;
}

Errno fd_renumber(Caller& caller, u32 fd, u32 to) { return caller.wasi().fds.renumber(fd, to); }

Errno fd_seek(Caller& caller, u32 fd, i64 offset, u32 whence, GuestOut<u64> position) {
  constexpr int kWhence[] = {SEEK_SET, SEEK_CUR, SEEK_END};
  if (whence >= std::size(kWhence)) return Errno::Inval;
  const bool only_tells = kWhence[whence] == SEEK_CUR && offset == 0;
  DescriptorRef* found =
      TRY(only_tells ? find_tellable(caller, fd) : caller.wasi().fds.find(fd, kFdSeek));
  return seek(**found, offset, kWhence[whence], position);
}

Errno fd_tell(Caller& caller, u32 fd, GuestOut<u64> position) {
  DescriptorRef* found = TRY(find_tellable(caller, fd));
  return seek(**found, 0, SEEK_CUR, position);
}

}  // namespace lr::wasi
