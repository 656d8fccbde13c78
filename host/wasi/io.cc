// Reading and writing.
//
// Nothing here blocks a worker that others could use. Streams (pipes, terminals, sockets) are
// tried; if they are not ready the call is made again when they are. Regular files are tried with
// RWF_NOWAIT, which does what the page cache can do; what is left goes to the helper pool, by way
// of a buffer of its own, since the guest's memory may have another owner by the time that the disk
// answers.
#include "host/wasi/io.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace lr::wasi {

void Cursor::advance(const GuestArray<Iovec>& iovs, u64 bytes) {
  while (index < iovs.size()) {
    const u64 left = iovs.get(index).length - std::min<u64>(skip, iovs.get(index).length);
    if (bytes < left) {
      skip += bytes;
      return;
    }
    bytes -= left;
    ++index;
    skip = 0;
  }
}

ErrnoOr<Piece> next_piece(const GuestArray<Iovec>& iovs, Cursor cursor) {
  Piece piece;
  for (; cursor.index < iovs.size(); ++cursor.index, cursor.skip = 0) {
    const Iovec iov = iovs.get(cursor.index);
    if (iov.length <= cursor.skip) continue;
    if (!iovs.memory().claim(iov.buffer, iov.length)) return Errno::Fault;
    if (piece.count == piece.vectors.size() || piece.bytes == kPieceBytes) {
      piece.is_last = false;
      break;
    }
    const u64 left = iov.length - cursor.skip;
    const u64 taken = std::min(left, kPieceBytes - piece.bytes);
    piece.vectors[piece.count++] = {iovs.memory().at(iov.buffer + cursor.skip, taken), taken};
    piece.bytes += taken;
    if (taken < left) {
      piece.is_last = false;
      break;
    }
  }
  return piece;
}

namespace {

bool is_ready(int fd, Direction direction) {
  pollfd wanted = {fd, static_cast<short>(direction == Direction::Read ? POLLIN : POLLOUT), 0};
  return ::poll(&wanted, 1, 0) > 0;
}

i64 attempt_file(Descriptor& descriptor, Direction direction, const Piece& piece, i64 offset,
                 bool may_block) {
  if (!descriptor.no_wait_works && !may_block) return -EAGAIN;
  const int count = static_cast<int>(piece.count);
  const int flags = may_block ? 0 : RWF_NOWAIT;
  const i64 done = direction == Direction::Read
                       ? ::preadv2(descriptor.fd(), piece.vectors.data(), count, offset, flags)
                       : ::pwritev2(descriptor.fd(), piece.vectors.data(), count, offset, flags);
  if (done >= 0) return done;
  if (errno != EOPNOTSUPP) return -errno;
  descriptor.no_wait_works = false;
  return -EAGAIN;
}

i64 attempt_socket(const Descriptor& descriptor, Direction direction, const Piece& piece) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(piece.vectors.data());
  message.msg_iovlen = piece.count;
  const i64 done = direction == Direction::Read
                       ? ::recvmsg(descriptor.fd(), &message, MSG_DONTWAIT)
                       : ::sendmsg(descriptor.fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return done >= 0 ? done : -errno;
}

i64 attempt_stream(const Descriptor& descriptor, Direction direction, const Piece& piece,
                   i64 offset) {
  Piece part = piece;
  if (descriptor.may_block) {
    // Ready means that some bytes move without blocking; more than these are not asked for.
    if (!is_ready(descriptor.fd(), direction)) return -EAGAIN;
    constexpr u64 kAtomicWrite = 512;
    if (direction == Direction::Write && part.count > 0) {
      part.count = 1;
      part.vectors[0].iov_len = std::min<u64>(part.vectors[0].iov_len, kAtomicWrite);
    }
  }
  const int count = static_cast<int>(part.count);
  i64 done = 0;
  if (offset != kFilePosition) {
    done = direction == Direction::Read
               ? ::preadv(descriptor.fd(), part.vectors.data(), count, offset)
               : ::pwritev(descriptor.fd(), part.vectors.data(), count, offset);
  } else {
    done = direction == Direction::Read ? ::readv(descriptor.fd(), part.vectors.data(), count)
                                        : ::writev(descriptor.fd(), part.vectors.data(), count);
  }
  return done >= 0 ? done : -errno;
}

// One piece of a regular file by way of the helper pool.
struct FileJob {
  DescriptorRef descriptor;
  Direction direction{};
  i64 offset = kFilePosition;
  std::vector<u8> bytes;  // To be written, or as many as are wanted.
  i64 done = 0;           // Bytes moved, or minus an errno.

  FileJob operator()() {
    do {
      done = offset == kFilePosition ? at_position() : at_offset();
    } while (done < 0 && errno == EINTR);
    if (done < 0) done = -errno;
    return std::move(*this);
  }
  i64 at_position() {
    return direction == Direction::Read ? ::read(descriptor->fd(), bytes.data(), bytes.size())
                                        : ::write(descriptor->fd(), bytes.data(), bytes.size());
  }
  i64 at_offset() {
    return direction == Direction::Read
               ? ::pread(descriptor->fd(), bytes.data(), bytes.size(), offset)
               : ::pwrite(descriptor->fd(), bytes.data(), bytes.size(), offset);
  }
};

// Copies between a job's bytes and the guest's buffers.
void copy(const Piece& piece, Direction direction, std::vector<u8>& bytes, u64 length) {
  u64 at = 0;
  for (u32 i = 0; i < piece.count && at < length; ++i) {
    const u64 part = std::min<u64>(piece.vectors[i].iov_len, length - at);
    if (direction == Direction::Write) {
      std::memcpy(bytes.data() + at, piece.vectors[i].iov_base, part);
    } else {
      std::memcpy(piece.vectors[i].iov_base, bytes.data() + at, part);
    }
    at += part;
  }
}

FileJob make_job(DescriptorRef descriptor, Direction direction, const Piece& piece, i64 offset) {
  FileJob job{std::move(descriptor), direction, offset, std::vector<u8>(piece.bytes), 0};
  if (direction == Direction::Write) copy(piece, direction, job.bytes, piece.bytes);
  return job;
}

// More than this is not moved by one call, as on Linux: the count has 32 bits.
constexpr u64 kTransferMax = 0x7fff'f000 - kPieceBytes;

// A regular file, piece by piece: without blocking where that works, else on the helper pool.
Task<Errno> transfer_file(Caller& caller, DescriptorRef descriptor, Direction direction,
                          GuestArray<Iovec> iovs, i64 offset, GuestOut<u32> moved) {
  u64 total = 0;
  Cursor cursor;
  for (bool more = true; more && total < kTransferMax;) {
    ErrnoOr<Piece> piece = next_piece(iovs, cursor);
    if (!piece.ok()) {
      if (total == 0) co_return piece.error();
      break;
    }
    const i64 at = offset == kFilePosition ? offset : offset + static_cast<i64>(total);
    i64 done = attempt(caller, *descriptor, direction, *piece, at);
    if (done == -EAGAIN) {
      auto work = off_worker(caller, make_job(descriptor, direction, *piece, at));
      FileJob job = co_await work;
      done = job.done;
      if (direction == Direction::Write && done > 0 && descriptor->record != nullptr) {
        const iovec written = {job.bytes.data(), job.bytes.size()};
        descriptor->record->append({&written, 1}, static_cast<u64>(done));
      }
      // The memory may have moved meanwhile, so addresses are asked for again.
      if (done > 0 && direction == Direction::Read) {
        piece = next_piece(iovs, cursor);
        if (!piece.ok()) co_return piece.error();
        copy(*piece, direction, job.bytes, static_cast<u64>(done));
      }
    } else {
      WaitAwaiter turn = caller.turn();
      co_await turn;
    }
    if (done < 0 && total == 0) co_return from_errno(static_cast<int>(-done));
    if (done <= 0) break;
    total += static_cast<u64>(done);
    cursor.advance(iovs, static_cast<u64>(done));
    const bool is_full = static_cast<u64>(done) == piece->bytes;
    more =
        direction == Direction::Write ? !(is_full && piece->is_last) : is_full && !piece->is_last;
  }
  moved.set(static_cast<u32>(total));
  co_return Errno::Success;
}

Step<Errno> transfer(Caller& caller, DescriptorRef& descriptor, Direction direction,
                     const GuestArray<Iovec>& iovs, i64 offset, GuestOut<u32> moved) {
  ErrnoOr<Piece> piece = next_piece(iovs, Cursor());
  if (!piece.ok()) return piece.error();
  const bool is_file = descriptor->type == Filetype::RegularFile;
  if (is_file && !piece->is_last) {
    return transfer_file(caller, descriptor, direction, iovs, offset, moved);
  }
  const i64 done = attempt(caller, *descriptor, direction, *piece, offset);
  if (is_file && done == -EAGAIN) {
    return transfer_file(caller, descriptor, direction, iovs, offset, moved);
  }
  if (done == -EAGAIN) {
    if (descriptor->wants_no_wait()) return Errno::Again;
    const u32 interest = direction == Direction::Read ? sched::kReadable : sched::kWritable;
    return caller.again_when(descriptor->fd(), interest);
  }
  if (done < 0) return from_errno(static_cast<int>(-done));
  // A short write to a stream is the guest's to continue.
  moved.set(static_cast<u32>(done));
  return Errno::Success;
}

ErrnoOr<i64> file_offset(u64 offset) {
  if (static_cast<i64>(offset) < 0) return Errno::Inval;
  return static_cast<i64>(offset);
}

}  // namespace

i64 attempt(const Caller& caller, Descriptor& descriptor, Direction direction, const Piece& piece,
            i64 offset) {
  i64 done = 0;
  do {
    if (descriptor.type == Filetype::RegularFile) {
      done = attempt_file(descriptor, direction, piece, offset, caller.is_alone());
    } else if (descriptor.is_socket() && offset == kFilePosition) {
      done = attempt_socket(descriptor, direction, piece);
    } else {
      done = attempt_stream(descriptor, direction, piece, offset);
    }
  } while (done == -EINTR);
  if (direction == Direction::Write && done > 0 && descriptor.record != nullptr) {
    descriptor.record->append({piece.vectors.data(), piece.count}, static_cast<u64>(done));
  }
  return done;
}

Step<Errno> fd_read(Caller& caller, u32 fd, GuestArray<Iovec> iovs, GuestOut<u32> nread) {
  DescriptorRef* found = TRY(caller.wasi().fds.find(fd, kFdRead));
  return transfer(caller, *found, Direction::Read, iovs, kFilePosition, nread);
}

Step<Errno> fd_write(Caller& caller, u32 fd, GuestArray<Iovec> iovs, GuestOut<u32> nwritten) {
  DescriptorRef* found = TRY(caller.wasi().fds.find(fd, kFdWrite));
  return transfer(caller, *found, Direction::Write, iovs, kFilePosition, nwritten);
}

Step<Errno> fd_pread(Caller& caller, u32 fd, GuestArray<Iovec> iovs, u64 offset,
                     GuestOut<u32> nread) {
  DescriptorRef* found = TRY(caller.wasi().fds.find(fd, kFdRead | kFdSeek));
  const i64 at = TRY(file_offset(offset));
  return transfer(caller, *found, Direction::Read, iovs, at, nread);
}

Step<Errno> fd_pwrite(Caller& caller, u32 fd, GuestArray<Iovec> iovs, u64 offset,
                      GuestOut<u32> nwritten) {
  DescriptorRef* found = TRY(caller.wasi().fds.find(fd, kFdWrite | kFdSeek));
  const i64 at = TRY(file_offset(offset));
  return transfer(caller, *found, Direction::Write, iovs, at, nwritten);
}

}  // namespace lr::wasi
