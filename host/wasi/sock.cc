// Sockets that a guest was given: accepting, receiving, sending, shutting down. Making new ones is
// not in preview 1.
#include <sys/socket.h>

#include <cerrno>

#include "host/wasi/io.h"

namespace lr::wasi {
namespace {

constexpr u32 kRecvPeek = 1;
constexpr u32 kRecvWaitall = 2;
constexpr u16 kRecvTruncated = 1;

ErrnoOr<DescriptorRef*> find_socket(Caller& caller, u32 fd, Rights rights) {
  DescriptorRef* found = TRY(caller.wasi().fds.find(fd));
  if (!(*found)->is_socket()) return Errno::Notsock;
  return caller.wasi().fds.find(fd, rights);
}

msghdr message_for(Piece& piece) {
  msghdr message{};
  message.msg_iov = piece.vectors.data();
  message.msg_iovlen = piece.count;
  return message;
}

}  // namespace

Step<Errno> sock_accept(Caller& caller, u32 fd, u32 flags, GuestOut<u32> opened) {
  DescriptorRef* found = TRY(find_socket(caller, fd, kSockAccept));
  if ((flags & ~kFdflagNonblock) != 0) return Errno::Inval;
  UniqueFd file(::accept4((*found)->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!file) {
    if (errno != EAGAIN) return from_errno(errno);
    if ((*found)->wants_no_wait()) return Errno::Again;
    return caller.again_when((*found)->fd(), sched::kReadable);
  }
  auto descriptor = std::make_shared<Descriptor>();
  descriptor->type = Filetype::SocketStream;
  descriptor->base = kSocketRights & ~kSockAccept;
  descriptor->flags = flags;
  descriptor->file = std::move(file);
  opened.set(TRY(caller.wasi().fds.add(std::move(descriptor))));
  return Errno::Success;
}

Step<Errno> sock_recv(Caller& caller, u32 fd, GuestArray<Iovec> iovs, u32 flags,
                      GuestOut<u32> nread, GuestOut<u16> out_flags) {
  DescriptorRef* found = TRY(find_socket(caller, fd, kFdRead));
  if ((flags & ~(kRecvPeek | kRecvWaitall)) != 0) return Errno::Inval;
  if ((flags & kRecvWaitall) != 0) return Errno::Notsup;
  Piece piece = TRY(next_piece(iovs, Cursor()));
  msghdr message = message_for(piece);
  const int peek = (flags & kRecvPeek) != 0 ? MSG_PEEK : 0;
  const ssize_t done = ::recvmsg((*found)->fd(), &message, MSG_DONTWAIT | peek);
  if (done < 0) {
    if (errno != EAGAIN && errno != EINTR) return from_errno(errno);
    if ((*found)->wants_no_wait()) return Errno::Again;
    return caller.again_when((*found)->fd(), sched::kReadable);
  }
  nread.set(static_cast<u32>(done));
  out_flags.set((message.msg_flags & MSG_TRUNC) != 0 ? kRecvTruncated : u16{0});
  return Errno::Success;
}

Step<Errno> sock_send(Caller& caller, u32 fd, GuestArray<Iovec> iovs, u32 flags,
                      GuestOut<u32> nwritten) {
  DescriptorRef* found = TRY(find_socket(caller, fd, kFdWrite));
  if (flags != 0) return Errno::Inval;
  const Piece piece = TRY(next_piece(iovs, Cursor()));
  const i64 done = attempt(caller, **found, Direction::Write, piece, kFilePosition);
  if (done == -EAGAIN) {
    if ((*found)->wants_no_wait()) return Errno::Again;
    return caller.again_when((*found)->fd(), sched::kWritable);
  }
  if (done < 0) return from_errno(static_cast<int>(-done));
  nwritten.set(static_cast<u32>(done));
  return Errno::Success;
}

Errno sock_shutdown(Caller& caller, u32 fd, u32 how) {
  constexpr int kHow[] = {-1, SHUT_RD, SHUT_WR, SHUT_RDWR};
  const DescriptorRef& socket = *TRY(find_socket(caller, fd, kSockShutdown));
  if (how == 0 || how >= std::size(kHow)) return Errno::Inval;
  return ::shutdown(socket->fd(), kHow[how]) == 0 ? Errno::Success : from_errno(errno);
}

}  // namespace lr::wasi
