// Moving bytes between a descriptor and a guest's buffers; shared by io.cc and sock.cc.
#pragma once

#include <sys/uio.h>

#include <array>

#include "host/wasi/wasi.h"

namespace lr::wasi {

enum class Direction : u8 { Read, Write };

// The file's own position, which the system keeps.
inline constexpr i64 kFilePosition = -1;

// What one system call moves: a worker copies no more at a time.
inline constexpr u64 kPieceBytes = kMiB;

// Where a transfer stands in the guest's list of buffers.
struct Cursor {
  u64 index = 0;
  u64 skip = 0;  // Bytes of that buffer that are done.

  void advance(const GuestArray<Iovec>& iovs, u64 bytes);
};

// Addresses of the next buffers, for use at once.
struct Piece {
  std::array<iovec, 32> vectors;
  u32 count = 0;
  u64 bytes = 0;
  bool is_last = true;  // Nothing of the list is behind it.
};

// Fault if one of its buffers is not in memory.
ErrnoOr<Piece> next_piece(const GuestArray<Iovec>& iovs, Cursor cursor);

// One attempt, which blocks only on files, and only if the process is alone. Bytes moved, or minus
// an errno; -EAGAIN: not now.
i64 attempt(const Caller& caller, Descriptor& descriptor, Direction direction, const Piece& piece,
            i64 offset);

}  // namespace lr::wasi
