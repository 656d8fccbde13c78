// Reading directories. A cookie is the system's own position in the directory, so a guest may go
// back to any that it was given. Entries are read on the helper pool into the descriptor's buffer,
// and handed out from there as long as the guest goes on where it stopped.
#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "host/wasi/wasi.h"

namespace lr::wasi {
namespace {

constexpr usize kStreamBytes = 32 * kKiB;

// As getdents64 writes it.
struct SystemEntry {
  u64 inode;
  i64 next;
  u16 size;
  u8 type;
  char name[1];
};
constexpr usize kNameOffset = offsetof(SystemEntry, name);

Filetype filetype_of_entry(u8 type) {
  switch (type) {
    case DT_BLK:
      return Filetype::BlockDevice;
    case DT_CHR:
      return Filetype::CharacterDevice;
    case DT_DIR:
      return Filetype::Directory;
    case DT_LNK:
      return Filetype::SymbolicLink;
    case DT_REG:
      return Filetype::RegularFile;
    case DT_SOCK:
      return Filetype::SocketStream;
    default:
      return Filetype::Unknown;
  }
}

struct StreamJob {
  DescriptorRef descriptor;
  bool seeks = false;
  u64 cookie = 0;
  std::vector<u8> entries;
  i64 done = 0;  // Bytes of `entries`, or minus an errno.

  StreamJob operator()() {
    entries.resize(kStreamBytes);
    if (seeks && ::lseek(descriptor->fd(), static_cast<off_t>(cookie), SEEK_SET) < 0) {
      done = -errno;
      return std::move(*this);
    }
    done = ::syscall(SYS_getdents64, descriptor->fd(), entries.data(), entries.size());
    if (done < 0) done = -errno;
    return std::move(*this);
  }
};

// Copies entries until one does not fit, which is copied in part: a full buffer tells the guest to
// come back. Returns the bytes written; the stream stays at the first entry that is not complete.
u64 put_entries(DirectoryStream& stream, const GuestBytes& buffer, u64 used) {
  while (stream.at < stream.end && used < buffer.size()) {
    const u8* raw = stream.entries.data() + stream.at;
    SystemEntry head{};
    std::memcpy(&head, raw, kNameOffset);
    const char* name = reinterpret_cast<const char*>(raw) + kNameOffset;
    const usize length = ::strnlen(name, head.size - kNameOffset);
    Dirent entry;
    entry.next = static_cast<u64>(head.next);
    entry.inode = head.inode;
    entry.name_length = static_cast<u32>(length);
    entry.type = filetype_of_entry(head.type);
    const u64 head_part = std::min<u64>(sizeof entry, buffer.size() - used);
    buffer.copy_out(&entry, head_part, used);
    used += head_part;
    const u64 name_part = std::min<u64>(length, buffer.size() - used);
    buffer.copy_out(name, name_part, used);
    used += name_part;
    if (head_part < sizeof entry || name_part < length) break;
    stream.at += head.size;
    stream.cookie = entry.next;
  }
  return used;
}

}  // namespace

Task<Errno> fd_readdir(Caller& caller, u32 fd, GuestBytes buffer, u64 cookie, GuestOut<u32> used) {
  const DescriptorRef directory = *CO_TRY(caller.wasi().fds.find(fd, kFdReaddir));
  if (directory->type != Filetype::Directory) co_return Errno::Notdir;
  if (static_cast<i64>(cookie) < 0) co_return Errno::Inval;
  DirectoryStream& stream = directory->stream;
  // The start is always read anew, so that a guest that begins again sees what has changed.
  bool seeks = cookie == 0 || cookie != stream.cookie;
  if (seeks) stream = DirectoryStream();
  u64 filled = 0;
  while (filled < buffer.size()) {
    if (stream.at == stream.end) {
      auto work = off_worker(caller, StreamJob{directory, seeks, cookie, {}, 0});
      StreamJob job = co_await work;
      if (job.done < 0 && filled == 0) co_return from_errno(static_cast<int>(-job.done));
      if (job.done <= 0) break;
      if (seeks) stream.cookie = cookie;
      seeks = false;
      stream.entries = std::move(job.entries);
      stream.at = 0;
      stream.end = static_cast<usize>(job.done);
    }
    filled = put_entries(stream, buffer, filled);
  }
  used.set(static_cast<u32>(filled));
  co_return Errno::Success;
}

}  // namespace lr::wasi
