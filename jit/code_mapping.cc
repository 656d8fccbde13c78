#include "jit/code_mapping.h"

#include <fmt/format.h>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "jit/machine.h"

namespace lr::jit {

namespace {

// What waits for reuse: so many mappings, each with at most so many bytes in memory.
constexpr usize kWaitingMax = 16;
constexpr u64 kDataBytesMax = 64 * kKiB;
constexpr u64 kCodeBytesMax = 256 * kKiB;

constexpr u64 round_up_to_pages(u64 bytes) { return (bytes + 4095) & ~u64{4095}; }

Error system_error(const char* what, u64 bytes) {
  return make_error(Err::SystemError, fmt::format("{} of {} MiB for machine code: {}", what,
                                                  bytes / kMiB, std::strerror(errno)));
}

// A file without a name that all mappings of the code share.
int make_code_file(u64 bytes) {
  const int fd = memfd_create("lunatic-run-code", MFD_CLOEXEC);
  if (fd >= 0 && ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

// After this no processor that runs a thread of this program has fetched instructions which have
// been overwritten before. False where the system cannot say so.
bool forget_fetched_instructions() {
  static const bool registered =
      syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0) == 0;
  return registered &&
         syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0) == 0;
}

// Wiped mappings. The last one that came goes first: its pages are most likely in a cache.
class Waiting {
 public:
  static Waiting& get() {
    static Waiting& waiting = *new Waiting;  // Code may go after the destructors of statics.
    return waiting;
  }

  void put(CodeMapping mapping) {
    CodeMapping oldest;  // Unmapped without the lock.
    const std::lock_guard lock(mutex_);
    if (mappings_.size() >= kWaitingMax) {
      oldest = std::move(mappings_.front());
      mappings_.erase(mappings_.begin());
    }
    mappings_.push_back(std::move(mapping));
  }

  bool take(u64 data_bytes, u64 code_bytes, CodeMapping& taken) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(mappings_.rbegin(), mappings_.rend(), [&](const auto& each) {
      return each.data_bytes() == data_bytes && each.code_bytes() == code_bytes;
    });
    if (found == mappings_.rend()) return false;
    taken = std::move(*found);
    mappings_.erase(std::next(found).base());
    return true;
  }

  // False if there was nothing.
  bool drop_all() {
    const std::lock_guard lock(mutex_);
    const bool had_some = !mappings_.empty();
    mappings_.clear();
    return had_some;
  }

 private:
  std::mutex mutex_;
  std::vector<CodeMapping> mappings_;
};

}  // namespace

Result<CodeMapping> CodeMapping::create(u64 data_bytes, u64 code_bytes) {
  data_bytes = round_up_to_pages(data_bytes);
  code_bytes = round_up_to_pages(code_bytes);
  CodeMapping waiting;
  if (Waiting::get().take(data_bytes, code_bytes, waiting)) return waiting;
  auto made = make(data_bytes, code_bytes);
  if (made.ok() || !Waiting::get().drop_all()) return made;
  return make(data_bytes, code_bytes);
}

void CodeMapping::recycle(CodeMapping mapping, u64 touched_bytes) {
  if (mapping.data_bytes_ > kDataBytesMax || !mapping.wipe(touched_bytes)) return;
  Waiting::get().put(std::move(mapping));
}

// What has few pages is overwritten, which costs less than to get them anew; others go back.
bool CodeMapping::wipe(u64 touched_bytes) {
  const u64 touched = std::min(round_up_to_pages(touched_bytes), code_bytes_);
  populated_bytes_ = std::min(touched, kCodeBytesMax);
  if (touched > populated_bytes_ &&
      madvise(writable_ + populated_bytes_, touched - populated_bytes_, MADV_REMOVE) != 0) {
    return false;
  }
  std::memset(range_, 0, data_bytes_);
  std::memset(writable_, kTrapByte, populated_bytes_);
  flush_instructions(code(), populated_bytes_);
  return forget_fetched_instructions();
}

Result<CodeMapping> CodeMapping::make(u64 data_bytes, u64 code_bytes) {
  const u64 all = data_bytes + code_bytes;
  const int fd = make_code_file(code_bytes);
  if (fd < 0) return system_error("a memory file", code_bytes);

  CodeMapping mapping;
  const bool mapped = mapping.map(fd, data_bytes, code_bytes);
  const Error error = system_error("address space", all + code_bytes);
  close(fd);
  if (!mapped) return error;
  return mapping;
}

bool CodeMapping::map(int fd, u64 data_bytes, u64 code_bytes) {
  // Addresses first, which no accounting of memory counts.
  void* range = mmap(nullptr, data_bytes + code_bytes, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) return false;
  range_ = static_cast<u8*>(range);
  data_bytes_ = data_bytes;
  code_bytes_ = code_bytes;
  if (data_bytes != 0 && mprotect(range_, data_bytes, PROT_READ | PROT_WRITE) != 0) return false;
  void* code = mmap(range_ + data_bytes, code_bytes, PROT_READ | PROT_EXEC,
                    MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, 0);
  if (code == MAP_FAILED) return false;
  void* writable =
      mmap(nullptr, code_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (writable == MAP_FAILED) return false;
  writable_ = static_cast<u8*>(writable);
  return true;
}

CodeMapping& CodeMapping::operator=(CodeMapping&& other) noexcept {
  std::swap(range_, other.range_);
  std::swap(writable_, other.writable_);
  std::swap(data_bytes_, other.data_bytes_);
  std::swap(code_bytes_, other.code_bytes_);
  std::swap(populated_bytes_, other.populated_bytes_);
  return *this;
}

CodeMapping::~CodeMapping() {
  if (range_ != nullptr) munmap(range_, data_bytes_ + code_bytes_);
  if (writable_ != nullptr) munmap(writable_, code_bytes_);
}

}  // namespace lr::jit
