// Making, renaming and removing names. All of it writes to a disk, so all of it is done by the
// helper pool.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "host/wasi/resolve.h"
#include "host/wasi/wasi.h"

namespace lr::wasi {
namespace {

// The type of a name itself, not of what it links to; or an errno.
struct NameType {
  u32 mode = 0;
  int error = 0;
  bool is_directory() const { return error == 0 && S_ISDIR(mode); }
};

NameType type_of(const Place& place) {
  struct stat status{};
  const int failed =
      ::fstatat(place.parent.get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
  return failed == 0 ? NameType{status.st_mode, 0} : NameType{0, errno};
}

int error_of(int failed) { return failed == 0 ? 0 : errno; }

// Why a name with a slash behind it cannot be made into something that is no directory.
int refuse_trailing_slash(const Place& place) {
  const NameType type = type_of(place);
  return type.error == 0 ? EEXIST : type.error;
}

int make_directory(int directory, const std::string& path) {
  const Place place = find_place(directory, path, EEXIST);
  if (place.error != 0) return place.error;
  return error_of(::mkdirat(place.parent.get(), place.name.c_str(), 0777));
}

int remove_directory(int directory, const std::string& path) {
  const Place place = find_place(directory, path, EINVAL);
  if (place.error != 0) return place.error;
  return error_of(::unlinkat(place.parent.get(), place.name.c_str(), AT_REMOVEDIR));
}

int unlink_file(int directory, const std::string& path) {
  const Place place = find_place(directory, path, EISDIR);
  if (place.error != 0) return place.error;
  if (place.trailing_slash) {
    const NameType type = type_of(place);
    if (type.error != 0) return type.error;
    return type.is_directory() ? EISDIR : ENOTDIR;
  }
  return error_of(::unlinkat(place.parent.get(), place.name.c_str(), 0));
}

int make_symlink(const std::string& target, int directory, const std::string& path) {
  const Place place = find_place(directory, path, EEXIST);
  if (place.error != 0) return place.error;
  if (place.trailing_slash) return refuse_trailing_slash(place);
  return error_of(::symlinkat(target.c_str(), place.parent.get(), place.name.c_str()));
}

int make_link(int old_directory, const std::string& old_path, int directory,
              const std::string& path) {
  const Place from = find_place(old_directory, old_path, EPERM);
  if (from.error != 0) return from.error;
  const Place to = find_place(directory, path, EEXIST);
  if (to.error != 0) return to.error;
  if (from.trailing_slash) {
    const NameType type = type_of(from);
    if (type.error != 0) return type.error;
    return type.is_directory() ? EPERM : ENOTDIR;
  }
  if (to.trailing_slash) return refuse_trailing_slash(to);
  return error_of(
      ::linkat(from.parent.get(), from.name.c_str(), to.parent.get(), to.name.c_str(), 0));
}

int rename_path(int old_directory, const std::string& old_path, int directory,
                const std::string& path) {
  const Place from = find_place(old_directory, old_path, EBUSY);
  if (from.error != 0) return from.error;
  const Place to = find_place(directory, path, EBUSY);
  if (to.error != 0) return to.error;
  if (from.trailing_slash || to.trailing_slash) {
    const NameType type = type_of(from);
    if (type.error != 0) return type.error;
    if (!type.is_directory()) return ENOTDIR;
  }
  return error_of(
      ::renameat(from.parent.get(), from.name.c_str(), to.parent.get(), to.name.c_str()));
}

Errno to_errno(int error) { return error == 0 ? Errno::Success : from_lookup(error); }

// A file must not gain rights by getting a name in another directory.
bool would_gain_rights(const Descriptor& from, const Descriptor& to) {
  return (to.inheriting & ~from.inheriting) != 0;
}

}  // namespace

Task<Errno> path_create_directory(Caller& caller, u32 fd, GuestString path) {
  const DescriptorRef directory = *CO_TRY(caller.wasi().fds.find(fd, kPathCreateDirectory));
  std::string name = CO_TRY(read_path(path));
  auto job = off_worker(caller, [directory, name = std::move(name)] {
    return make_directory(directory->fd(), name);
  });
  const int error = co_await job;
  co_return to_errno(error);
}

Task<Errno> path_remove_directory(Caller& caller, u32 fd, GuestString path) {
  const DescriptorRef directory = *CO_TRY(caller.wasi().fds.find(fd, kPathRemoveDirectory));
  std::string name = CO_TRY(read_path(path));
  auto job = off_worker(caller, [directory, name = std::move(name)] {
    return remove_directory(directory->fd(), name);
  });
  const int error = co_await job;
  co_return to_errno(error);
}

Task<Errno> path_unlink_file(Caller& caller, u32 fd, GuestString path) {
  const DescriptorRef directory = *CO_TRY(caller.wasi().fds.find(fd, kPathUnlinkFile));
  std::string name = CO_TRY(read_path(path));
  auto job = off_worker(
      caller, [directory, name = std::move(name)] { return unlink_file(directory->fd(), name); });
  const int error = co_await job;
  co_return to_errno(error);
}

// An absolute target would mean another file to the host than to the guest, so it is refused.
Task<Errno> path_symlink(Caller& caller, GuestString target, u32 fd, GuestString new_path) {
  const DescriptorRef directory = *CO_TRY(caller.wasi().fds.find(fd, kPathSymlink));
  std::string text = CO_TRY(read_path(target));
  std::string name = CO_TRY(read_path(new_path));
  if (text.starts_with('/')) co_return Errno::Notcapable;
  auto job = off_worker(caller, [directory, text = std::move(text), name = std::move(name)] {
    return make_symlink(text, directory->fd(), name);
  });
  const int error = co_await job;
  co_return to_errno(error);
}

// Links are never followed: what is linked is the name that was given.
Task<Errno> path_link(Caller& caller, u32 old_fd, u32 old_flags, GuestString old_path, u32 new_fd,
                      GuestString new_path) {
  const DescriptorRef from = *CO_TRY(caller.wasi().fds.find(old_fd, kPathLinkSource));
  const DescriptorRef to = *CO_TRY(caller.wasi().fds.find(new_fd, kPathLinkTarget));
  if (old_flags != 0) co_return Errno::Inval;
  if (would_gain_rights(*from, *to)) co_return Errno::Notcapable;
  std::string old_name = CO_TRY(read_path(old_path));
  std::string new_name = CO_TRY(read_path(new_path));
  auto job = off_worker(caller,
                        [from, to, old_name = std::move(old_name), new_name = std::move(new_name)] {
                          return make_link(from->fd(), old_name, to->fd(), new_name);
                        });
  const int error = co_await job;
  co_return to_errno(error);
}

Task<Errno> path_rename(Caller& caller, u32 fd, GuestString old_path, u32 new_fd,
                        GuestString new_path) {
  const DescriptorRef from = *CO_TRY(caller.wasi().fds.find(fd, kPathRenameSource));
  const DescriptorRef to = *CO_TRY(caller.wasi().fds.find(new_fd, kPathRenameTarget));
  if (would_gain_rights(*from, *to)) co_return Errno::Notcapable;
  std::string old_name = CO_TRY(read_path(old_path));
  std::string new_name = CO_TRY(read_path(new_path));
  auto job = off_worker(caller,
                        [from, to, old_name = std::move(old_name), new_name = std::move(new_name)] {
                          return rename_path(from->fd(), old_name, to->fd(), new_name);
                        });
  const int error = co_await job;
  co_return to_errno(error);
}

}  // namespace lr::wasi
