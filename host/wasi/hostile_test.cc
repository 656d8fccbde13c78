// Every function against arguments that no honest program passes: pointers at the ends, huge
// counts, numbers that are no descriptors. What is asked for is that the host survives, and that
// nothing but the guest's own memory was touched (the address sanitizer's part).
#include <fcntl.h>

#include <random>

#include "host/wasi/test_guest.h"

namespace lr::wasi {
namespace {

constexpr u32 kTuples = 300;

struct HostileTest : testing::TestWithParam<usize> {
  HostileTest() {
    guest.forget_time();
    std::filesystem::create_directory(scratch.path("box"));
    add_stream(::open("/dev/null", O_RDWR | O_CLOEXEC));
    add_pipe();
    add_preopen();
    auto file = std::make_shared<Descriptor>();
    file->file = UniqueFd(::open(scratch.path("file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    file->type = Filetype::RegularFile;
    file->base = kFileRights & ~(kFdAllocate | kFdFilestatSetSize);  // The disk is not the test.
    guest.state().fds.put(4, std::move(file));
    // Some of memory looks like paths and buffers.
    guest.put_text(0, "a/b/../../c\0/\xff\xfe");
    for (u32 i = 0; i < 64; ++i) guest.put_iovec(512 + i * 8, i * 977, i * i);
  }
  void add_stream(int fd) {
    auto stream = std::make_shared<Descriptor>();
    stream->file = UniqueFd(fd);
    stream->base = kStreamRights;
    stream->flags = kFdflagNonblock;
    EXPECT_TRUE(guest.state().fds.add(std::move(stream)).ok());
  }
  void add_pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    add_stream(ends[0]);
    add_stream(ends[1]);
  }
  void add_preopen() {
    Result<DescriptorRef> box = open_preopen({scratch.path("box"), "/"});
    EXPECT_TRUE(guest.state().fds.add(std::move(box.value())).ok());
  }

  u64 word(ValType type) {
    constexpr u64 kEnd = TestGuest::kMemoryBytes;
    constexpr u64 kPlaces[] = {0,           1,           2,           3,           4,
                               5,           16,          512,         kEnd - 8,    kEnd - 1,
                               kEnd,        kEnd + 1,    1u << 31,    0xffff'fffe, 0xffff'ffff,
                               0x7fff'ffff, 0x1000'0000, 0x2000'0001, 65,          1000};
    const u64 value = kPlaces[random() % std::size(kPlaces)];
    if (type.kind == Kind::I32) return value;
    return random() % 2 == 0 ? value : ~value << (random() % 64);
  }

  ScratchDirectory scratch;
  TestGuest guest;
  std::mt19937_64 random{GetParam()};
};

TEST_P(HostileTest, TheHostSurvives) {
  const HostFunction& function = functions()[GetParam()];
  for (u32 i = 0; i < kTuples; ++i) {
    std::vector<u64> words;
    for (const ValType type : function.params) words.push_back(word(type));
    const u64 result = guest.call(function.name, words);
    const bool is_end = result == TestGuest::kTrapped && function.permission == Permission::Exit;
    if (!function.results.empty() && !is_end) {
      EXPECT_LE(result, static_cast<u64>(Errno::Notcapable));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Wasi, HostileTest, testing::Range(usize{0}, functions().size()),
                         [](const auto& test) {
                           return std::string(functions()[test.param].name);
                         });

}  // namespace
}  // namespace lr::wasi
