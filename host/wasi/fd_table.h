// The descriptors of a guest: small numbers on one side, what the system opened on the other. A
// guest's number never is the system's.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "host/config.h"
#include "host/wasi/capture.h"
#include "host/wasi/errno.h"
#include "host/wasi/types.h"

namespace lr::wasi {

// Owns a descriptor of the system.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// A position in a directory that is being read: raw entries of the system, and the cookie that
// the next one of them answers to.
struct DirectoryStream {
  std::vector<u8> entries;
  usize at = 0;
  usize end = 0;
  u64 cookie = ~u64{0};  // None yet.
};

// What a guest's number leads to. Shared with jobs of the helper pool, so that the system's number
// is not reused while one of them runs.
class Descriptor {
 public:
  UniqueFd file;
  Filetype type{};
  Rights base = 0;
  Rights inheriting = 0;
  u32 flags = 0;           // Fdflags, as the guest sees them.
  bool read_only = false;  // Opened beneath a directory that was given as read-only.
  bool is_preopen = false;
  bool no_wait_works = true;  // RWF_NOWAIT has not been refused yet.
  bool may_block = false;     // A stream that could not be opened again without blocking.
  std::string name;           // Of a preopened directory, as the guest knows it.
  DirectoryStream stream;
  std::shared_ptr<Capture::Stream> record;  // Of what is written; null: none is kept.

  int fd() const { return file.get(); }
  bool is_stream() const { return type != Filetype::RegularFile && type != Filetype::Directory; }
  bool is_socket() const { return type == Filetype::SocketDgram || type == Filetype::SocketStream; }
  bool wants_no_wait() const { return (flags & kFdflagNonblock) != 0; }
};

using DescriptorRef = std::shared_ptr<Descriptor>;

class FdTable {
 public:
  // The most that a guest may have open.
  explicit FdTable(u32 open_max = 1u << 20) : open_max_(open_max) {}

  // The descriptor if it is open and has all of `rights`; Badf, or what lacking() says. The
  // reference is good until the next change of the table; a job takes a copy.
  ErrnoOr<DescriptorRef*> find(u32 fd, Rights rights = 0);
  // Gives it the lowest free number.
  ErrnoOr<u32> add(DescriptorRef descriptor);
  // Gives it that number, which is free; null leaves the number closed.
  void put(u32 fd, DescriptorRef descriptor);
  Errno close(u32 fd);
  // Moves `from` to the number `to`, which is closed.
  Errno renumber(u32 from, u32 to);

  u32 size() const { return static_cast<u32>(slots_.size()); }

 private:
  u32 open_max_;
  u32 lowest_free_ = 0;  // None below it.
  std::vector<DescriptorRef> slots_;
};

// The error for a right that `descriptor` does not have.
Errno lacking(const Descriptor& descriptor, Rights missing);

Filetype filetype_of_mode(u32 st_mode);

// The rights that mean something for an open file of this type.
Rights fitting_rights(Filetype type, int fd);

// Takes a standard stream into the table: a descriptor of our own, which does not block where
// the system allows that, with the rights that fit what it is. `fd` stays open.
DescriptorRef adopt_stream(int fd, Rights rights);

// A descriptor of a directory for a guest to start from, with a position of its own: the grant's
// handle, opened again, or its path.
Result<DescriptorRef> open_preopen(const DirectoryGrant& grant);

}  // namespace lr::wasi
