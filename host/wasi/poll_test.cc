// poll_oneoff with clocks and descriptors.
#include <fcntl.h>

#include "host/wasi/test_guest.h"

namespace lr::wasi {
namespace {

constexpr u64 kIn = 1024;
constexpr u64 kEvents = 8192;
constexpr u64 kCount = 0;
constexpr u64 kMillisecond = 1'000'000;

struct PollTest : testing::Test {
  PollTest() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    read_end = add(ends[0], kFdRead);
    write_end = add(ends[1], kFdWrite);
    write_fd = ends[1];
  }
  u32 add(int fd, Rights right) {
    auto descriptor = std::make_shared<Descriptor>();
    descriptor->file = UniqueFd(fd);
    descriptor->base = right | kPollFdReadwrite | kFdFdstatSetFlags;
    return *guest.state().fds.add(std::move(descriptor));
  }
  static Subscription clock(u64 userdata, u64 timeout_ns, u32 id = kClockMonotonic) {
    Subscription wanted;
    wanted.userdata = userdata;
    wanted.tag = kEventClock;
    wanted.id = id;
    wanted.timeout_ns = timeout_ns;
    return wanted;
  }
  static Subscription on(u64 userdata, u8 tag, u32 fd) {
    Subscription wanted;
    wanted.userdata = userdata;
    wanted.tag = tag;
    wanted.id = fd;
    return wanted;
  }
  std::vector<Event> poll(const std::vector<Subscription>& wanted) {
    for (usize i = 0; i < wanted.size(); ++i) guest.put(kIn + i * sizeof(Subscription), wanted[i]);
    EXPECT_EQ(guest.errno_of("poll_oneoff", {kIn, kEvents, wanted.size(), kCount}), Errno::Success);
    std::vector<Event> events;
    for (u32 i = 0; i < guest.get<u32>(kCount); ++i) {
      events.push_back(guest.get<Event>(kEvents + i * sizeof(Event)));
    }
    return events;
  }

  TestGuest guest;
  u32 read_end = 0;
  u32 write_end = 0;
  int write_fd = -1;
};

TEST_F(PollTest, ASleepWaitsAsLongAsItSays) {
  const u64 before = sched::now_ns();
  const auto events = poll({clock(7, 20 * kMillisecond)});
  EXPECT_GE(sched::now_ns() - before, 20 * kMillisecond);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].userdata, 7u);
  EXPECT_EQ(events[0].type, kEventClock);
  EXPECT_EQ(events[0].error, 0u);
  EXPECT_GE(guest.waits(), 1u);
}

TEST_F(PollTest, AbsoluteTimes) {
  Subscription past = clock(1, 5, kClockRealtime);
  past.flags = kSubclockAbstime;
  EXPECT_EQ(poll({past}).size(), 1u);
  EXPECT_EQ(guest.waits(), 0u);
  EXPECT_EQ(poll({clock(1, ~u64{0}), past}).size(), 1u);
}

TEST_F(PollTest, ClocksThatAreNone) {
  EXPECT_EQ(poll({clock(1, 0, 9)})[0].error, static_cast<u16>(Errno::Inval));
  const auto events = poll({clock(1, 0, 9), clock(2, ~u64{0})});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].error, static_cast<u16>(Errno::Inval));
}

TEST_F(PollTest, TheFirstOfManyEnds) {
  auto events = poll({on(1, kEventFdRead, read_end), clock(2, 10 * kMillisecond)});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].userdata, 2u);

  std::thread writer([&] {
    ::usleep(5000);
    EXPECT_EQ(::write(write_fd, "abc", 3), 3);
  });
  events = poll({clock(2, 60'000 * kMillisecond), on(1, kEventFdRead, read_end)});
  writer.join();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].userdata, 1u);
  EXPECT_EQ(events[0].bytes, 3u);

  events = poll({on(1, kEventFdRead, read_end), on(2, kEventFdWrite, write_end)});
  EXPECT_EQ(events.size(), 2u);
}

TEST_F(PollTest, HangupIsToldAndBadDescriptorsAreEvents) {
  EXPECT_EQ(guest.errno_of("fd_close", {write_end}), Errno::Success);
  const auto events = poll({on(1, kEventFdRead, read_end), on(2, kEventFdRead, 99),
                            on(3, kEventFdWrite, read_end), on(4, 9, 0)});
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].flags, kEventHangup);
  EXPECT_EQ(events[1].error, static_cast<u16>(Errno::Badf));
  EXPECT_EQ(events[2].error, static_cast<u16>(Errno::Badf));
  EXPECT_EQ(events[3].error, static_cast<u16>(Errno::Inval));
}

TEST_F(PollTest, ArgumentsThatAreNone) {
  EXPECT_EQ(guest.errno_of("poll_oneoff", {kIn, kEvents, 0, kCount}), Errno::Inval);
  EXPECT_EQ(guest.errno_of("poll_oneoff", {kIn, kEvents, 0xffff'ffff, kCount}), Errno::Inval);
  EXPECT_EQ(guest.errno_of("poll_oneoff", {kIn, kEvents, 60'000, kCount}), Errno::Fault);
  EXPECT_EQ(guest.errno_of("poll_oneoff", {0xffff'fff0, kEvents, 1, kCount}), Errno::Fault);
  EXPECT_EQ(guest.errno_of("poll_oneoff", {kIn, 0xffff'fff0, 1, kCount}), Errno::Fault);
}

}  // namespace
}  // namespace lr::wasi
