// Arguments, clocks, random numbers, and reading and writing, by their trace.
#include <fcntl.h>
#include <sys/socket.h>

#include "host/wasi/test_guest.h"

namespace lr::wasi {
namespace {

struct FdTest : testing::Test {
  FdTest() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    read_end = add(ends[0], kFdRead);
    write_end = add(ends[1], kFdWrite);
  }
  u32 add(int fd, Rights rights) {
    auto descriptor = std::make_shared<Descriptor>();
    descriptor->file = UniqueFd(fd);
    descriptor->base = kStreamRights & (rights | ~(kFdRead | kFdWrite));
    return *guest.state().fds.add(std::move(descriptor));
  }
  u32 add_file(int fd) {
    auto descriptor = std::make_shared<Descriptor>();
    descriptor->file = UniqueFd(fd);
    descriptor->type = Filetype::RegularFile;
    descriptor->base = kFileRights;
    return *guest.state().fds.add(std::move(descriptor));
  }

  TestGuest guest;
  u32 read_end = 0;
  u32 write_end = 0;
};

TEST_F(FdTest, ArgumentsAndEnvironment) {
  guest.state().arguments = {"prog", "", "x y"};
  EXPECT_EQ(guest.trace("args_sizes_get", {0, 4}),
            "args_sizes_get(argc=0, argv_buf_size=4) -> success");
  EXPECT_EQ(guest.get<u32>(0), 3u);
  EXPECT_EQ(guest.get<u32>(4), 10u);
  EXPECT_EQ(guest.errno_of("args_get", {16, 100}), Errno::Success);
  EXPECT_EQ(guest.get<u32>(16), 100u);
  EXPECT_EQ(guest.get<u32>(24), 106u);
  EXPECT_EQ(guest.text(100, 10), std::string("prog\0\0x y\0", 10));
  EXPECT_EQ(guest.errno_of("args_get", {16, TestGuest::kMemoryBytes - 9}), Errno::Fault);
  EXPECT_EQ(guest.errno_of("environ_sizes_get", {0, 4}), Errno::Success);
  EXPECT_EQ(guest.get<u32>(0), 0u);
  EXPECT_EQ(guest.errno_of("environ_get", {0, 0}), Errno::Success);
}

TEST_F(FdTest, ClocksAndRandomness) {
  EXPECT_EQ(guest.trace("clock_time_get", {1, 0, 8}),
            "clock_time_get(id=1, precision=0, time=8) -> success");
  const u64 first = guest.get<u64>(8);
  guest.call("clock_time_get", {1, 0, 8});
  EXPECT_GE(guest.get<u64>(8), first);
  EXPECT_EQ(guest.errno_of("clock_time_get", {9, 0, 8}), Errno::Inval);
  EXPECT_EQ(guest.errno_of("clock_res_get", {0, 8}), Errno::Success);
  EXPECT_EQ(guest.trace("random_get", {8, 4}), "random_get(buf=8, buf_len=4) -> success");
  EXPECT_EQ(guest.errno_of("random_get", {0, TestGuest::kMemoryBytes}), Errno::Success);
  EXPECT_GT(guest.waits(), 0u);
  EXPECT_EQ(guest.trace("random_get", {8, 0xffffffff}),
            "random_get(buf=8, buf_len=4294967295) -> fault");
}

TEST_F(FdTest, BadPointersAreFaultsAndClaimNothing) {
  const u64 end = TestGuest::kMemoryBytes;
  for (const u64 out : {end - 3, end, u64{0x8000'0000}, u64{0xffff'fffc}, u64{0xffff'ffff}}) {
    EXPECT_EQ(guest.errno_of("fd_write", {write_end, 0, 0, out}), Errno::Fault) << out;
    EXPECT_EQ(guest.errno_of("fd_fdstat_get", {0, out}), Errno::Fault) << out;
    EXPECT_EQ(guest.errno_of("args_sizes_get", {out, 0}), Errno::Fault) << out;
  }
  EXPECT_LE(guest.extent(), 4u);
  // The array's length in bytes does not wrap around.
  EXPECT_EQ(guest.errno_of("fd_write", {write_end, 8, 0x2000'0001, 0}), Errno::Fault);
  guest.put_iovec(64, static_cast<u32>(end) - 4, 5);
  EXPECT_EQ(guest.errno_of("fd_write", {write_end, 64, 1, 0}), Errno::Fault);
  guest.put_iovec(64, 0xffff'ffff, 0xffff'ffff);
  EXPECT_EQ(guest.errno_of("fd_read", {read_end, 64, 1, 0}), Errno::Fault);
}

TEST_F(FdTest, PipesMoveBytesAndWait) {
  guest.put_text(100, "hello");
  guest.put_iovec(0, 100, 2);
  guest.put_iovec(8, 102, 0);
  guest.put_iovec(16, 102, 3);
  EXPECT_EQ(guest.trace("fd_write", {write_end, 0, 3, 40}),
            "fd_write(fd=1, iovs=0, iovs_len=3, nwritten=40) -> success");
  EXPECT_EQ(guest.get<u32>(40), 5u);
  guest.put_iovec(0, 200, 100);
  EXPECT_EQ(guest.errno_of("fd_read", {read_end, 0, 1, 40}), Errno::Success);
  EXPECT_EQ(guest.text(200, guest.get<u32>(40)), "hello");
  EXPECT_EQ(guest.waits(), 0u);

  EXPECT_EQ(guest.errno_of("fd_fdstat_set_flags", {read_end, kFdflagNonblock}), Errno::Success);
  EXPECT_EQ(guest.errno_of("fd_read", {read_end, 0, 1, 40}), Errno::Again);
  EXPECT_EQ(guest.errno_of("fd_fdstat_set_flags", {read_end, 0}), Errno::Success);
  std::thread writer([&] {
    ::usleep(5000);
    EXPECT_EQ(::write((*guest.state().fds.find(write_end))->get()->fd(), "x", 1), 1);
  });
  EXPECT_EQ(guest.errno_of("fd_read", {read_end, 0, 1, 40}), Errno::Success);
  EXPECT_EQ(guest.waits(), 1u);
  EXPECT_EQ(guest.text(200, guest.get<u32>(40)), "x");
  writer.join();

  EXPECT_EQ(guest.errno_of("fd_close", {write_end}), Errno::Success);
  EXPECT_EQ(guest.errno_of("fd_read", {read_end, 0, 1, 40}), Errno::Success);
  EXPECT_EQ(guest.get<u32>(40), 0u);
  EXPECT_EQ(guest.trace("fd_close", {write_end}), "fd_close(fd=1) -> badf");
}

TEST_F(FdTest, WritingToAPipeThatNobodyReads) {
  ::signal(SIGPIPE, SIG_IGN);
  guest.put_iovec(0, 100, 1);
  EXPECT_EQ(guest.errno_of("fd_close", {read_end}), Errno::Success);
  EXPECT_EQ(guest.errno_of("fd_write", {write_end, 0, 1, 40}), Errno::Pipe);
}

TEST_F(FdTest, RightsLimitWhatADescriptorDoes) {
  guest.put_iovec(0, 100, 1);
  EXPECT_EQ(guest.errno_of("fd_read", {write_end, 0, 1, 40}), Errno::Badf);
  EXPECT_EQ(guest.errno_of("fd_write", {read_end, 0, 1, 40}), Errno::Badf);
  EXPECT_EQ(guest.errno_of("fd_seek", {read_end, 0, 0, 40}), Errno::Spipe);
  EXPECT_EQ(guest.errno_of("fd_readdir", {read_end, 0, 10, 0, 40}), Errno::Notdir);
  EXPECT_EQ(guest.errno_of("fd_fdstat_set_rights", {read_end, kFdRead, 0}), Errno::Success);
  EXPECT_EQ(guest.errno_of("fd_fdstat_set_rights", {read_end, kFdRead | kFdFilestatGet, 0}),
            Errno::Notcapable);
  EXPECT_EQ(guest.errno_of("fd_filestat_get", {read_end, 200}), Errno::Notcapable);
}

TEST_F(FdTest, RenumberMovesADescriptor) {
  EXPECT_EQ(guest.errno_of("fd_renumber", {write_end, 7}), Errno::Badf);
  EXPECT_EQ(guest.errno_of("fd_renumber", {0xffff'ffff, write_end}), Errno::Badf);
  EXPECT_EQ(guest.errno_of("fd_renumber", {write_end, write_end}), Errno::Success);
  EXPECT_EQ(guest.errno_of("fd_renumber", {write_end, read_end}), Errno::Success);
  EXPECT_EQ(guest.errno_of("fd_close", {write_end}), Errno::Badf);
  guest.put_iovec(0, 100, 1);
  EXPECT_EQ(guest.errno_of("fd_write", {read_end, 0, 1, 40}), Errno::Pipe);
}

TEST_F(FdTest, RegularFiles) {
  ScratchDirectory scratch;
  const u32 file = add_file(::open(scratch.path("f").c_str(), O_RDWR | O_CREAT, 0666));
  // More buffers and more bytes than one system call takes.
  for (u32 i = 0; i < 200; ++i) {
    guest.put_iovec(i * 8, 4096 + i, 1);
    guest.put<u8>(4096 + i, static_cast<u8>(i));
  }
  EXPECT_EQ(guest.errno_of("fd_write", {file, 0, 200, 3000}), Errno::Success);
  EXPECT_EQ(guest.get<u32>(3000), 200u);
  EXPECT_EQ(guest.errno_of("fd_tell", {file, 3000}), Errno::Success);
  EXPECT_EQ(guest.get<u64>(3000), 200u);
  EXPECT_EQ(guest.trace("fd_seek", {file, ~u64{99}, 1, 3000}),
            "fd_seek(fd=2, offset=-100, whence=1, newoffset=3000) -> success");
  guest.put_iovec(0, 8192, 1000);
  EXPECT_EQ(guest.errno_of("fd_read", {file, 0, 1, 3000}), Errno::Success);
  EXPECT_EQ(guest.get<u32>(3000), 100u);
  EXPECT_EQ(guest.get<u8>(8192), 100u);
  EXPECT_EQ(guest.errno_of("fd_pread", {file, 0, 1, 150, 3000}), Errno::Success);
  EXPECT_EQ(guest.get<u32>(3000), 50u);
  EXPECT_EQ(guest.get<u8>(8192), 150u);
  EXPECT_EQ(guest.errno_of("fd_pread", {file, 0, 1, ~u64{0}, 3000}), Errno::Inval);
  guest.put_iovec(0, 8192, 10);
  EXPECT_EQ(guest.errno_of("fd_pwrite", {file, 0, 1, 500, 3000}), Errno::Success);
  EXPECT_EQ(guest.errno_of("fd_filestat_get", {file, 3000}), Errno::Success);
  EXPECT_EQ(guest.get<Filestat>(3000).size, 510u);
  EXPECT_EQ(guest.errno_of("fd_filestat_set_size", {file, 3}), Errno::Success);
  EXPECT_EQ(guest.errno_of("fd_filestat_set_times", {file, 5, 7, kFstAtim | kFstMtim}),
            Errno::Success);
  EXPECT_EQ(guest.errno_of("fd_filestat_set_times", {file, 5, 7, kFstAtim | kFstAtimNow}),
            Errno::Inval);
  EXPECT_EQ(guest.errno_of("fd_filestat_get", {file, 3000}), Errno::Success);
  EXPECT_EQ(guest.get<Filestat>(3000).size, 3u);
  EXPECT_EQ(guest.get<Filestat>(3000).modified_ns, 7u);
  EXPECT_EQ(guest.errno_of("fd_sync", {file}), Errno::Success);
  EXPECT_EQ(guest.errno_of("fd_datasync", {file}), Errno::Success);
  EXPECT_EQ(guest.errno_of("fd_advise", {file, 0, 10, 3}), Errno::Success);
  EXPECT_EQ(guest.errno_of("fd_advise", {file, 0, 10, 6}), Errno::Inval);
  EXPECT_EQ(guest.errno_of("fd_allocate", {file, 0, 100}), Errno::Success);
  EXPECT_EQ(guest.errno_of("fd_seek", {file, 0, 3, 3000}), Errno::Inval);
}

TEST_F(FdTest, LargeTransfersGoThroughTheHelperPool) {
  ScratchDirectory scratch;
  const u32 file = add_file(::open(scratch.path("f").c_str(), O_RDWR | O_CREAT, 0666));
  (*guest.state().fds.find(file))->get()->no_wait_works = false;
  // The same 128 KiB sixteen times: two pieces.
  for (u32 i = 0; i < 16; ++i) guest.put_iovec(i * 8, 64 * 1024, 128 * 1024);
  for (u32 i = 0; i < 128 * 1024; i += 4) guest.put<u32>(64 * 1024 + i, i);
  EXPECT_EQ(guest.errno_of("fd_write", {file, 0, 16, 3000}), Errno::Success);
  EXPECT_EQ(guest.get<u32>(3000), 2u << 20);
  guest.put<u32>(64 * 1024, 17);
  EXPECT_EQ(guest.errno_of("fd_pread", {file, 0, 16, 0, 3000}), Errno::Success);
  EXPECT_EQ(guest.get<u32>(3000), 2u << 20);
  EXPECT_EQ(guest.get<u32>(64 * 1024), 0u);
  EXPECT_EQ(guest.get<u32>(64 * 1024 + 1000), 1000u);
  EXPECT_GE(guest.waits(), 4u);
}

TEST_F(FdTest, EndingAndYielding) {
  EXPECT_EQ(guest.trace("sched_yield", {}), "sched_yield() -> success");
  EXPECT_EQ(guest.waits(), 1u);
  EXPECT_EQ(guest.trace("proc_exit", {42}), "proc_exit(rval=42)");
  EXPECT_EQ(guest.caller().exit_status, 42u);
  EXPECT_EQ(guest.trace("proc_raise", {0}), "proc_raise(sig=0) -> success");
  EXPECT_EQ(guest.errno_of("proc_raise", {99}), Errno::Inval);
  guest.call("proc_raise", {6});
  EXPECT_EQ(guest.caller().exit_status, 134u);
}

TEST_F(FdTest, Sockets) {
  EXPECT_EQ(guest.errno_of("sock_shutdown", {99, 1}), Errno::Badf);
  EXPECT_EQ(guest.errno_of("sock_shutdown", {read_end, 1}), Errno::Notsock);
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const DescriptorRef socket = adopt_stream(ends[0], kAllRights);
  ASSERT_NE(socket, nullptr);
  const u32 fd = *guest.state().fds.add(socket);
  guest.put_text(100, "ping");
  guest.put_iovec(0, 100, 4);
  EXPECT_EQ(guest.errno_of("sock_send", {fd, 0, 1, 0, 40}), Errno::Success);
  char text[5] = {};
  EXPECT_EQ(::read(ends[1], text, 4), 4);
  EXPECT_EQ(::write(ends[1], "pong", 4), 4);
  EXPECT_EQ(guest.errno_of("sock_recv", {fd, 0, 1, 1, 40, 44}), Errno::Success);
  EXPECT_EQ(guest.errno_of("sock_recv", {fd, 0, 1, 0, 40, 44}), Errno::Success);
  EXPECT_EQ(guest.text(100, 4), "pong");
  EXPECT_EQ(guest.errno_of("sock_shutdown", {fd, 0}), Errno::Inval);
  EXPECT_EQ(guest.errno_of("sock_shutdown", {fd, 2}), Errno::Success);
  EXPECT_EQ(guest.errno_of("sock_send", {fd, 0, 1, 0, 40}), Errno::Pipe);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace lr::wasi
