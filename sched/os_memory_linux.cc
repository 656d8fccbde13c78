// Pages for slots: mapping, guards, wiping.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "sched/os.h"

namespace lr::sched {

namespace {

constexpr u64 kPage = 4096;

// Since Linux 6.13; the C library's headers may be older than the kernel.
constexpr int kMadvGuardInstall = 102;

// Up to here a range is overwritten without asking which of its pages are resident.
constexpr u64 kBlindWipeBytes = 64 * kKiB;
// More resident bytes than this are cheaper to drop and fault in again than to overwrite.
constexpr u64 kOverwriteBytesMax = 256 * kKiB;

// ioctl PAGEMAP_SCAN of /proc/self/pagemap, since Linux 6.7; declared here for the same reason.
struct PageRegion {
  u64 start;
  u64 end;
  u64 categories;
};
struct PagemapScan {
  u64 size;
  u64 flags;
  u64 start;
  u64 end;
  u64 walk_end;
  u64 regions;
  u64 regions_max;
  u64 pages_max;
  u64 category_inverted;
  u64 category_mask;
  u64 category_anyof_mask;
  u64 return_mask;
};
constexpr u64 kPagePresent = u64{1} << 3;
constexpr u64 kPageSwapped = u64{1} << 4;

Error system_error(const char* what) {
  return make_error(Err::SystemError, std::string(what) + ": " + std::strerror(errno));
}

int pagemap_fd() {
  static const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  return fd;
}

// Overwrites the resident pages of the range, unless they are many or cannot be known.
bool overwrite_resident(u8* start, u64 bytes) {
  constexpr u64 kRegionsMax = 64;
  PageRegion regions[kRegionsMax];
  PagemapScan scan = {};
  scan.size = sizeof scan;
  scan.start = reinterpret_cast<u64>(start);
  scan.end = scan.start + bytes;
  scan.regions = reinterpret_cast<u64>(regions);
  scan.regions_max = kRegionsMax;
  scan.category_anyof_mask = kPagePresent | kPageSwapped;
  scan.return_mask = kPagePresent | kPageSwapped;
  const int count = ioctl(pagemap_fd(), _IOWR('f', 16, PagemapScan), &scan);
  // A scan that ends early has filled all regions: the range is too scattered.
  if (count < 0 || scan.walk_end != scan.end) return false;
  u64 resident = 0;
  for (int i = 0; i < count; ++i) resident += regions[i].end - regions[i].start;
  if (resident > kOverwriteBytesMax) return false;
  for (int i = 0; i < count; ++i) {
    std::memset(reinterpret_cast<void*>(regions[i].start), 0, regions[i].end - regions[i].start);
  }
  return true;
}

bool probe_guard_markers() {
  void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (page == MAP_FAILED) return false;
  // The kernel reads the page as a path, on our behalf: a guard makes that EFAULT, not a signal.
  const bool works = madvise(page, kPage, kMadvGuardInstall) == 0 &&
                     access(static_cast<const char*>(page), F_OK) == -1 && errno == EFAULT;
  munmap(page, kPage);
  return works;
}

}  // namespace

Result<u8*> map_pages(u64 bytes) {
  void* start = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) return system_error("cannot reserve memory for processes");
  // A huge page would make one touched byte of a slot cost 2 MiB. Kernels without them say EINVAL.
  madvise(start, bytes, MADV_NOHUGEPAGE);
  return static_cast<u8*>(start);
}

void unmap_pages(u8* start, u64 bytes) { munmap(start, bytes); }

Status guard_page(u8* page, bool markers) {
  const int failed =
      markers ? madvise(page, kPage, kMadvGuardInstall) : mprotect(page, kPage, PROT_NONE);
  if (failed != 0) return system_error("cannot make a guard page");
  return ok_status();
}

void drop_pages(u8* start, u64 bytes) {
  // It refuses locked memory, which then has to be overwritten.
  if (bytes != 0 && madvise(start, bytes, MADV_DONTNEED) != 0) std::memset(start, 0, bytes);
}

bool wipe_pages(u8* start, u64 bytes) {
  if (bytes <= kBlindWipeBytes) {
    std::memset(start, 0, bytes);
    return true;
  }
  if (overwrite_resident(start, bytes)) return true;
  drop_pages(start, bytes);
  return false;
}

bool guard_markers_work() {
  static const bool works = probe_guard_markers();
  return works;
}

}  // namespace lr::sched
