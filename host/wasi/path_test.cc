// Names: opening, making, renaming and removing them, and the wall around the directory.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <fstream>

#include "host/wasi/test_guest.h"

namespace lr::wasi {
namespace {

// Where arguments lie in the guest's memory.
constexpr u64 kOut = 0;
constexpr u64 kFirst = 1024;
constexpr u64 kSecond = 8 * 1024;
constexpr u64 kBuffer = 16 * 1024;

struct PathTest : testing::Test {
  PathTest() {
    std::filesystem::create_directory(scratch.path("box"));
    std::ofstream(scratch.path("secret")) << "secret";
    box = add_preopen(scratch.path("box"), false);
  }
  u32 add_preopen(const std::string& path, bool read_only) {
    Result<DescriptorRef> directory = open_preopen({path, "/", read_only});
    EXPECT_TRUE(directory.ok());
    return *guest.state().fds.add(std::move(directory.value()));
  }
  void make_file(const std::string& name, const std::string& text = "x") const {
    std::ofstream(scratch.path("box/" + name)) << text;
  }
  bool exists(const std::string& name) const {
    return std::filesystem::exists(std::filesystem::symlink_status(scratch.path(name)));
  }

  // Calls with a path, and with two.
  Errno one(std::string_view name, std::string_view path, u32 fd) {
    guest.put_text(kFirst, path);
    return guest.errno_of(name, {fd, kFirst, path.size()});
  }
  Errno one(std::string_view name, std::string_view path) { return one(name, path, box); }
  Errno open(std::string_view path, u32 oflags = 0, Rights base = kFdRead, u32 dirflags = 0,
             u32 fd = 0) {
    guest.put_text(kFirst, path);
    return guest.errno_of(
        "path_open", {fd == 0 ? box : fd, dirflags, kFirst, path.size(), oflags, base, 0, 0, kOut});
  }
  Errno stat(std::string_view path, u32 flags = 0) {
    guest.put_text(kFirst, path);
    return guest.errno_of("path_filestat_get", {box, flags, kFirst, path.size(), kBuffer});
  }
  Errno symlink(std::string_view target, std::string_view path) {
    guest.put_text(kFirst, target);
    guest.put_text(kSecond, path);
    return guest.errno_of("path_symlink", {kFirst, target.size(), box, kSecond, path.size()});
  }
  Errno link(std::string_view from, std::string_view to, u32 from_fd, u32 to_fd) {
    guest.put_text(kFirst, from);
    guest.put_text(kSecond, to);
    return guest.errno_of("path_link",
                          {from_fd, 0, kFirst, from.size(), to_fd, kSecond, to.size()});
  }
  Errno rename(std::string_view from, std::string_view to, u32 from_fd, u32 to_fd) {
    guest.put_text(kFirst, from);
    guest.put_text(kSecond, to);
    return guest.errno_of("path_rename", {from_fd, kFirst, from.size(), to_fd, kSecond, to.size()});
  }
  Errno link(std::string_view from, std::string_view to) { return link(from, to, box, box); }
  Errno rename(std::string_view from, std::string_view to) { return rename(from, to, box, box); }

  ScratchDirectory scratch;
  TestGuest guest;
  u32 unused = *guest.state().fds.add(std::make_shared<Descriptor>());
  u32 box = 0;
};

TEST_F(PathTest, Traces) {
  guest.put_text(kFirst, "a\n");
  EXPECT_EQ(guest.trace("path_create_directory", {box, kFirst, 1}),
            "path_create_directory(fd=1, path=\"a\") -> success");
  EXPECT_EQ(guest.trace("path_unlink_file", {box, kFirst, 2}),
            "path_unlink_file(fd=1, path=\"a\\n\") -> noent");
  EXPECT_EQ(guest.trace("path_unlink_file", {box, 0xffff'ffff, 2}),
            "path_unlink_file(fd=1, path=4294967295) -> fault");
}

TEST_F(PathTest, Preopens) {
  EXPECT_EQ(guest.errno_of("fd_prestat_get", {box, kOut}), Errno::Success);
  EXPECT_EQ(guest.get<Prestat>(kOut).name_length, 1u);
  EXPECT_EQ(guest.errno_of("fd_prestat_dir_name", {box, kOut, 0}), Errno::Nametoolong);
  EXPECT_EQ(guest.errno_of("fd_prestat_dir_name", {box, kOut, 5}), Errno::Success);
  EXPECT_EQ(guest.text(kOut, 1), "/");
  EXPECT_EQ(guest.errno_of("fd_prestat_get", {unused, kOut}), Errno::Badf);
  EXPECT_EQ(guest.errno_of("fd_prestat_get", {77, kOut}), Errno::Badf);
}

TEST_F(PathTest, OpenCreatesAndTruncates) {
  EXPECT_EQ(open("f"), Errno::Noent);
  EXPECT_EQ(open("f", kOflagCreat, kFdRead | kFdWrite), Errno::Success);
  const u32 fd = guest.get<u32>(kOut);
  guest.put_text(kBuffer, "data");
  guest.put_iovec(kSecond, kBuffer, 4);
  EXPECT_EQ(guest.errno_of("fd_write", {fd, kSecond, 1, kOut}), Errno::Success);
  EXPECT_EQ(open("f", kOflagCreat | kOflagExcl), Errno::Exist);
  EXPECT_EQ(open("f", kOflagDirectory), Errno::Notdir);
  EXPECT_EQ(open("f/"), Errno::Notdir);
  EXPECT_EQ(open("f", 16), Errno::Inval);
  EXPECT_EQ(open("", 0), Errno::Noent);
  EXPECT_EQ(open(std::string(5000, 'a')), Errno::Nametoolong);
  EXPECT_EQ(open(std::string("f\0", 2)), Errno::Ilseq);
  EXPECT_EQ(stat("f"), Errno::Success);
  EXPECT_EQ(guest.get<Filestat>(kBuffer).size, 4u);
  EXPECT_EQ(open("f", kOflagTrunc, kFdWrite), Errno::Success);
  EXPECT_EQ(stat("f"), Errno::Success);
  EXPECT_EQ(guest.get<Filestat>(kBuffer).size, 0u);
  EXPECT_EQ(open("f", 0, kFdRead, 0, fd), Errno::Notdir);
}

TEST_F(PathTest, DirectoriesAreNotFiles) {
  ASSERT_EQ(one("path_create_directory", "d"), Errno::Success);
  EXPECT_EQ(one("path_create_directory", "d"), Errno::Exist);
  EXPECT_EQ(one("path_create_directory", "d/."), Errno::Exist);
  EXPECT_EQ(open("d", kOflagDirectory, kFdRead | kFdWrite), Errno::Isdir);
  EXPECT_EQ(open("d/", kOflagDirectory, kFdRead), Errno::Success);
  const u32 fd = guest.get<u32>(kOut);
  guest.put_iovec(kSecond, kBuffer, 4);
  EXPECT_EQ(guest.errno_of("fd_read", {fd, kSecond, 1, kOut}), Errno::Isdir);
  EXPECT_EQ(guest.errno_of("fd_seek", {fd, 0, 1, kOut}), Errno::Badf);
  EXPECT_EQ(guest.errno_of("fd_tell", {fd, kOut}), Errno::Badf);
  EXPECT_EQ(guest.errno_of("fd_allocate", {fd, 0, 1}), Errno::Badf);
  // All rights of a directory, as a program that copies them asks.
  guest.put_text(kFirst, ".");
  EXPECT_EQ(guest.errno_of("path_open", {box, 0, kFirst, 1, kOflagDirectory, kDirectoryRights,
                                         kDirectoryRights | kFileRights, 0, kOut}),
            Errno::Success);
  EXPECT_EQ(one("path_unlink_file", "d"), Errno::Isdir);
  EXPECT_EQ(one("path_unlink_file", "d/"), Errno::Isdir);
  make_file("d/f");
  EXPECT_EQ(one("path_remove_directory", "d"), Errno::Notempty);
  EXPECT_EQ(one("path_remove_directory", "d/f"), Errno::Notdir);
  EXPECT_EQ(one("path_remove_directory", "d/f/"), Errno::Notdir);
  EXPECT_EQ(one("path_unlink_file", "d/f/"), Errno::Notdir);
  EXPECT_EQ(one("path_unlink_file", "d/f"), Errno::Success);
  EXPECT_EQ(one("path_remove_directory", "d/."), Errno::Inval);
  EXPECT_EQ(one("path_remove_directory", "d/"), Errno::Success);
}

TEST_F(PathTest, Symlinks) {
  make_file("f", "text");
  ASSERT_EQ(symlink("f", "l"), Errno::Success);
  EXPECT_EQ(symlink("f", "l"), Errno::Exist);
  EXPECT_EQ(symlink("f", "new/"), Errno::Noent);
  EXPECT_EQ(symlink("f", "f/"), Errno::Exist);
  EXPECT_EQ(symlink("/etc/passwd", "abs"), Errno::Notcapable);
  EXPECT_EQ(open("l"), Errno::Loop);
  EXPECT_EQ(open("l", 0, kFdRead, kLookupSymlinkFollow), Errno::Success);
  EXPECT_EQ(stat("l"), Errno::Success);
  EXPECT_EQ(guest.get<Filestat>(kBuffer).filetype, Filetype::SymbolicLink);
  EXPECT_EQ(stat("l", kLookupSymlinkFollow), Errno::Success);
  EXPECT_EQ(guest.get<Filestat>(kBuffer).filetype, Filetype::RegularFile);
  guest.put_text(kFirst, "l");
  EXPECT_EQ(guest.errno_of("path_readlink", {box, kFirst, 1, kBuffer, 100, kOut}), Errno::Success);
  EXPECT_EQ(guest.get<u32>(kOut), 1u);
  EXPECT_EQ(guest.text(kBuffer, 1), "f");
  EXPECT_EQ(guest.errno_of("path_readlink", {box, kFirst, 1, kBuffer, 0, kOut}), Errno::Success);
  EXPECT_EQ(guest.get<u32>(kOut), 0u);
  guest.put_text(kFirst, "f");
  EXPECT_EQ(guest.errno_of("path_readlink", {box, kFirst, 1, kBuffer, 100, kOut}), Errno::Inval);
  ASSERT_EQ(symlink("loop", "loop"), Errno::Success);
  EXPECT_EQ(open("loop", 0, kFdRead, kLookupSymlinkFollow), Errno::Loop);
}

TEST_F(PathTest, LinkAndRename) {
  make_file("f");
  std::filesystem::create_directory(scratch.path("box/d"));
  EXPECT_EQ(link("f", "g"), Errno::Success);
  EXPECT_EQ(link("f", "g"), Errno::Exist);
  EXPECT_EQ(link("f", "new/"), Errno::Noent);
  EXPECT_EQ(link("f/", "new"), Errno::Notdir);
  EXPECT_EQ(link("d", "new"), Errno::Perm);
  guest.put_text(kFirst, "f");
  guest.put_text(kSecond, "h");
  EXPECT_EQ(guest.errno_of("path_link", {box, 1, kFirst, 1, box, kSecond, 1}), Errno::Inval);
  EXPECT_EQ(rename("f", "d"), Errno::Isdir);
  EXPECT_EQ(rename("d", "f"), Errno::Notdir);
  EXPECT_EQ(rename("f/", "h"), Errno::Notdir);
  EXPECT_EQ(rename("d/", "e/"), Errno::Success);
  EXPECT_EQ(rename("e", "d/"), Errno::Success);
  EXPECT_EQ(rename("f", "h"), Errno::Success);
  EXPECT_EQ(rename("f", "h"), Errno::Noent);
  EXPECT_EQ(rename(".", "h"), Errno::Busy);
  EXPECT_TRUE(exists("box/h"));
}

TEST_F(PathTest, Times) {
  make_file("f");
  ASSERT_EQ(symlink("f", "l"), Errno::Success);
  guest.put_text(kFirst, "l");
  EXPECT_EQ(guest.errno_of("path_filestat_set_times",
                           {box, 1, kFirst, 1, 11, 2'000'000'022, kFstAtim | kFstMtim}),
            Errno::Success);
  EXPECT_EQ(stat("f"), Errno::Success);
  EXPECT_EQ(guest.get<Filestat>(kBuffer).accessed_ns, 11u);
  EXPECT_EQ(guest.get<Filestat>(kBuffer).modified_ns, 2'000'000'022u);
  guest.put_text(kFirst, "l");
  EXPECT_EQ(guest.errno_of("path_filestat_set_times", {box, 0, kFirst, 1, 5, 0, kFstAtim}),
            Errno::Success);
  EXPECT_EQ(stat("l"), Errno::Success);
  EXPECT_EQ(guest.get<Filestat>(kBuffer).accessed_ns, 5u);
}

TEST_F(PathTest, ReadingADirectoryInPieces) {
  for (int i = 0; i < 100; ++i) make_file(fmt::format("file-{:03}", i));
  std::vector<std::string> names;
  u64 cookie = 0;
  constexpr u32 kBufferBytes = 100;
  for (int calls = 0; calls < 1000; ++calls) {
    ASSERT_EQ(guest.errno_of("fd_readdir", {box, kBuffer, kBufferBytes, cookie, kOut}),
              Errno::Success);
    const u32 used = guest.get<u32>(kOut);
    u32 at = 0;
    while (at + sizeof(Dirent) <= used) {
      const auto entry = guest.get<Dirent>(kBuffer + at);
      if (at + sizeof(Dirent) + entry.name_length > used) break;
      names.push_back(guest.text(kBuffer + at + sizeof(Dirent), entry.name_length));
      at += static_cast<u32>(sizeof(Dirent)) + entry.name_length;
      cookie = entry.next;
    }
    if (used < kBufferBytes) break;
  }
  std::ranges::sort(names);
  ASSERT_EQ(names.size(), 102u);
  EXPECT_EQ(names[0], ".");
  EXPECT_EQ(names[1], "..");
  EXPECT_EQ(names[2], "file-000");
  EXPECT_EQ(names[101], "file-099");
  EXPECT_EQ(guest.errno_of("fd_readdir", {box, kBuffer, 100, ~u64{0}, kOut}), Errno::Inval);
}

TEST_F(PathTest, AReadOnlyDirectoryCannotBeChanged) {
  make_file("f");
  const u32 closed = add_preopen(scratch.path("box"), true);
  EXPECT_EQ(open("f", 0, kFdRead, 0, closed), Errno::Success);
  EXPECT_EQ(open("f", 0, kFdWrite, 0, closed), Errno::Rofs);
  EXPECT_EQ(open("f", kOflagTrunc, kFdRead, 0, closed), Errno::Rofs);
  EXPECT_EQ(open("g", kOflagCreat, kFdRead, 0, closed), Errno::Rofs);
  EXPECT_EQ(one("path_create_directory", "d", closed), Errno::Rofs);
  EXPECT_EQ(one("path_unlink_file", "f", closed), Errno::Rofs);
  EXPECT_EQ(one("path_remove_directory", "f", closed), Errno::Rofs);
  EXPECT_EQ(link("f", "g", closed, box), Errno::Rofs);
  EXPECT_EQ(link("f", "g", box, closed), Errno::Rofs);
  EXPECT_EQ(rename("f", "g", closed, box), Errno::Rofs);
  EXPECT_EQ(rename("f", "g", box, closed), Errno::Rofs);
  EXPECT_EQ(guest.errno_of("fd_fdstat_set_rights", {closed, kAllRights, 0}), Errno::Notcapable);
  EXPECT_EQ(std::filesystem::file_size(scratch.path("box/f")), 1u);
  EXPECT_FALSE(exists("box/g"));
}

TEST_F(PathTest, AFileGainsNoRightsByAnotherName) {
  make_file("f");
  std::filesystem::create_directory(scratch.path("other"));
  const u32 other = add_preopen(scratch.path("other"), false);
  EXPECT_EQ(guest.errno_of("fd_fdstat_set_rights",
                           {box, kDirectoryRights, kDirectoryRights | (kFileRights & ~kFdWrite)}),
            Errno::Success);
  EXPECT_EQ(link("f", "g", box, other), Errno::Notcapable);
  EXPECT_EQ(rename("f", "g", box, other), Errno::Notcapable);
  EXPECT_EQ(open("f", 0, kFdWrite), Errno::Notcapable);
}

// Every path call with every path that would leave the box.
TEST_F(PathTest, NothingLeavesTheDirectory) {
  std::filesystem::create_directory(scratch.path("box/d"));
  std::filesystem::create_symlink("../secret", scratch.path("box/up"));
  std::filesystem::create_symlink(scratch.path("secret"), scratch.path("box/absolute"));
  std::filesystem::create_symlink("..", scratch.path("box/parent"));
  std::filesystem::create_symlink("/", scratch.path("box/root"));
  std::filesystem::create_symlink("/proc/self/cwd", scratch.path("box/magic"));
  const std::string absolute = scratch.path("secret");
  const std::string paths[] = {"../secret",
                               "d/../../secret",
                               absolute,
                               "/etc/passwd",
                               "..",
                               "../",
                               "parent/secret",
                               "root/etc/passwd",
                               "parent/",
                               "root/",
                               "d/../parent/secret",
                               "./../secret",
                               "//etc/passwd",
                               "magic/x"};
  make_file("f");
  for (const std::string& path : paths) {
    const std::string beside = path.ends_with("..") ? path + "/new" : path + "-new";
    for (const u32 follow : {0u, kLookupSymlinkFollow}) {
      EXPECT_NE(open(path, 0, kFdRead, follow), Errno::Success) << path;
      EXPECT_NE(open(path, kOflagCreat | kOflagTrunc, kFdWrite, follow), Errno::Success) << path;
      EXPECT_NE(stat(path, follow), Errno::Success) << path;
    }
    EXPECT_NE(one("path_create_directory", beside), Errno::Success) << path;
    EXPECT_NE(one("path_unlink_file", path), Errno::Success) << path;
    EXPECT_NE(one("path_remove_directory", path), Errno::Success) << path;
    EXPECT_NE(link(path, "stolen"), Errno::Success) << path;
    EXPECT_NE(link("f", beside), Errno::Success) << path;
    EXPECT_NE(rename(path, "stolen"), Errno::Success) << path;
    EXPECT_NE(rename("f", path), Errno::Success) << path;
    EXPECT_NE(symlink("f", beside), Errno::Success) << path;
  }
  for (const char* name : {"up", "absolute", "parent", "root", "up/", "absolute/"}) {
    EXPECT_NE(open(name, 0, kFdRead, kLookupSymlinkFollow), Errno::Success) << name;
    EXPECT_NE(stat(name, kLookupSymlinkFollow), Errno::Success) << name;
    EXPECT_NE(open(name, kOflagCreat, kFdWrite, kLookupSymlinkFollow), Errno::Success) << name;
  }
  EXPECT_TRUE(exists("secret"));
  EXPECT_EQ(std::filesystem::file_size(scratch.path("secret")), 6u);
  EXPECT_FALSE(exists("box/stolen"));
  EXPECT_FALSE(exists("secret-new"));
}

// A name that is a directory one moment and a link to the outside the next.
TEST_F(PathTest, NothingLeavesWhileSomebodyRenames) {
  std::filesystem::create_directory(scratch.path("outside"));
  std::ofstream(scratch.path("outside/f")) << "outside";
  std::filesystem::create_directory(scratch.path("box/a"));
  make_file("a/f", "in");
  std::filesystem::create_symlink("../outside", scratch.path("box/b"));
  std::atomic<bool> stop{false};
  std::thread swapper([&] {
    const std::string a = scratch.path("box/a");
    const std::string b = scratch.path("box/b");
    while (!stop) ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE);
  });
  int opened = 0;
  for (int i = 0; i < 3000; ++i) {
    if (stat("a/f", kLookupSymlinkFollow) == Errno::Success) {
      ++opened;
      EXPECT_EQ(guest.get<Filestat>(kBuffer).size, 2u);
    }
    if (open("a/../a/f", 0, kFdFilestatGet, kLookupSymlinkFollow) == Errno::Success) {
      const u32 fd = guest.get<u32>(kOut);
      EXPECT_EQ(guest.errno_of("fd_filestat_get", {fd, kBuffer}), Errno::Success);
      EXPECT_EQ(guest.get<Filestat>(kBuffer).size, 2u);
      guest.call("fd_close", {fd});
    }
    EXPECT_NE(open("a/new", kOflagCreat | kOflagExcl, kFdWrite), Errno::Fault);
    if (exists("outside/new")) break;
    one("path_unlink_file", "a/new");
  }
  stop = true;
  swapper.join();
  EXPECT_GT(opened, 0);
  EXPECT_FALSE(exists("outside/new"));
}

// Opening the one end of a FIFO does not wait for the other.
TEST_F(PathTest, AFifoParksNobody) {
  ASSERT_EQ(::mkfifo(scratch.path("box/pipe").c_str(), 0600), 0);
  EXPECT_EQ(open("pipe", 0, kFdWrite), Errno::Nxio);
  EXPECT_EQ(open("pipe", 0, kFdRead), Errno::Success);
}

}  // namespace
}  // namespace lr::wasi
