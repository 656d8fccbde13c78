#include "jit/code_mapping.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace lr::jit {

namespace {

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

}  // namespace

Result<CodeMapping> CodeMapping::create(u64 data_bytes, u64 code_bytes) {
  data_bytes = round_up_to_pages(data_bytes);
  code_bytes = round_up_to_pages(code_bytes);
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
  return *this;
}

CodeMapping::~CodeMapping() {
  if (range_ != nullptr) munmap(range_, data_bytes_ + code_bytes_);
  if (writable_ != nullptr) munmap(writable_, code_bytes_);
}

}  // namespace lr::jit
