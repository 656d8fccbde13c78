// The records and flags of WASI preview 1 as they lie in guest memory (little-endian, padding
// spelled out so that no byte of the host's leaks).
#pragma once

#include "base/types.h"

namespace lr::wasi {

enum class Filetype : u8 {
  Unknown,
  BlockDevice,
  CharacterDevice,
  Directory,
  RegularFile,
  SocketDgram,
  SocketStream,
  SymbolicLink
};

using Rights = u64;
inline constexpr Rights kFdDatasync = 1ull << 0;
inline constexpr Rights kFdRead = 1ull << 1;
inline constexpr Rights kFdSeek = 1ull << 2;
inline constexpr Rights kFdFdstatSetFlags = 1ull << 3;
inline constexpr Rights kFdSync = 1ull << 4;
inline constexpr Rights kFdTell = 1ull << 5;
inline constexpr Rights kFdWrite = 1ull << 6;
inline constexpr Rights kFdAdvise = 1ull << 7;
inline constexpr Rights kFdAllocate = 1ull << 8;
inline constexpr Rights kPathCreateDirectory = 1ull << 9;
inline constexpr Rights kPathCreateFile = 1ull << 10;
inline constexpr Rights kPathLinkSource = 1ull << 11;
inline constexpr Rights kPathLinkTarget = 1ull << 12;
inline constexpr Rights kPathOpen = 1ull << 13;
inline constexpr Rights kFdReaddir = 1ull << 14;
inline constexpr Rights kPathReadlink = 1ull << 15;
inline constexpr Rights kPathRenameSource = 1ull << 16;
inline constexpr Rights kPathRenameTarget = 1ull << 17;
inline constexpr Rights kPathFilestatGet = 1ull << 18;
inline constexpr Rights kPathFilestatSetSize = 1ull << 19;
inline constexpr Rights kPathFilestatSetTimes = 1ull << 20;
inline constexpr Rights kFdFilestatGet = 1ull << 21;
inline constexpr Rights kFdFilestatSetSize = 1ull << 22;
inline constexpr Rights kFdFilestatSetTimes = 1ull << 23;
inline constexpr Rights kPathSymlink = 1ull << 24;
inline constexpr Rights kPathRemoveDirectory = 1ull << 25;
inline constexpr Rights kPathUnlinkFile = 1ull << 26;
inline constexpr Rights kPollFdReadwrite = 1ull << 27;
inline constexpr Rights kSockShutdown = 1ull << 28;
inline constexpr Rights kSockAccept = 1ull << 29;
inline constexpr Rights kAllRights = (1ull << 30) - 1;

// Which rights mean something for which type of file.
inline constexpr Rights kDirectoryRights =
    kFdFdstatSetFlags | kFdSync | kFdDatasync | kFdAdvise | kPathCreateDirectory | kPathCreateFile |
    kPathLinkSource | kPathLinkTarget | kPathOpen | kFdReaddir | kPathReadlink | kPathRenameSource |
    kPathRenameTarget | kPathFilestatGet | kPathFilestatSetSize | kPathFilestatSetTimes |
    kFdFilestatGet | kFdFilestatSetTimes | kPathSymlink | kPathRemoveDirectory | kPathUnlinkFile |
    kPollFdReadwrite;
inline constexpr Rights kFileRights =
    kFdDatasync | kFdRead | kFdSeek | kFdFdstatSetFlags | kFdSync | kFdTell | kFdWrite | kFdAdvise |
    kFdAllocate | kFdFilestatGet | kFdFilestatSetSize | kFdFilestatSetTimes | kPollFdReadwrite;
inline constexpr Rights kStreamRights =
    kFdRead | kFdWrite | kFdFdstatSetFlags | kFdFilestatGet | kPollFdReadwrite;
inline constexpr Rights kSocketRights = kStreamRights | kSockShutdown | kSockAccept;
// What a read-only directory does not pass on.
inline constexpr Rights kChangingRights =
    kFdDatasync | kFdSync | kFdWrite | kFdAllocate | kPathCreateDirectory | kPathCreateFile |
    kPathLinkSource | kPathLinkTarget | kPathRenameSource | kPathRenameTarget |
    kPathFilestatSetSize | kPathFilestatSetTimes | kFdFilestatSetSize | kFdFilestatSetTimes |
    kPathSymlink | kPathRemoveDirectory | kPathUnlinkFile;

inline constexpr u32 kFdflagAppend = 1;
inline constexpr u32 kFdflagDsync = 2;
inline constexpr u32 kFdflagNonblock = 4;
inline constexpr u32 kFdflagRsync = 8;
inline constexpr u32 kFdflagSync = 16;
inline constexpr u32 kAllFdflags = 31;

inline constexpr u32 kOflagCreat = 1;
inline constexpr u32 kOflagDirectory = 2;
inline constexpr u32 kOflagExcl = 4;
inline constexpr u32 kOflagTrunc = 8;
inline constexpr u32 kAllOflags = 15;

inline constexpr u32 kLookupSymlinkFollow = 1;

inline constexpr u32 kFstAtim = 1;
inline constexpr u32 kFstAtimNow = 2;
inline constexpr u32 kFstMtim = 4;
inline constexpr u32 kFstMtimNow = 8;
inline constexpr u32 kAllFstflags = 15;

inline constexpr u32 kClockRealtime = 0;
inline constexpr u32 kClockMonotonic = 1;
inline constexpr u32 kClockProcessCpu = 2;
inline constexpr u32 kClockThreadCpu = 3;

inline constexpr u8 kEventClock = 0;
inline constexpr u8 kEventFdRead = 1;
inline constexpr u8 kEventFdWrite = 2;
inline constexpr u16 kSubclockAbstime = 1;
inline constexpr u16 kEventHangup = 1;

struct Iovec {
  u32 buffer = 0;
  u32 length = 0;
};

struct Fdstat {
  Filetype filetype{};
  u8 pad0 = 0;
  u16 flags = 0;
  u32 pad1 = 0;
  Rights rights_base = 0;
  Rights rights_inheriting = 0;
};
static_assert(sizeof(Fdstat) == 24);

struct Filestat {
  u64 device = 0;
  u64 inode = 0;
  Filetype filetype{};
  u8 pad[7] = {};
  u64 links = 0;
  u64 size = 0;
  u64 accessed_ns = 0;
  u64 modified_ns = 0;
  u64 changed_ns = 0;
};
static_assert(sizeof(Filestat) == 64);

struct Prestat {
  u32 tag = 0;  // 0: a directory.
  u32 name_length = 0;
};

struct Dirent {
  u64 next = 0;
  u64 inode = 0;
  u32 name_length = 0;
  Filetype type{};
  u8 pad[3] = {};
};
static_assert(sizeof(Dirent) == 24);

struct Subscription {
  u64 userdata = 0;
  u8 tag = 0;
  u8 pad0[7] = {};
  u32 id = 0;  // A clock, or a descriptor; what follows is for clocks.
  u32 pad1 = 0;
  u64 timeout_ns = 0;
  u64 precision_ns = 0;
  u16 flags = 0;
  u16 pad2[3] = {};
};
static_assert(sizeof(Subscription) == 48);

struct Event {
  u64 userdata = 0;
  u16 error = 0;
  u8 type = 0;
  u8 pad0[5] = {};
  u64 bytes = 0;
  u16 flags = 0;
  u16 pad1[3] = {};
};
static_assert(sizeof(Event) == 32);

}  // namespace lr::wasi
