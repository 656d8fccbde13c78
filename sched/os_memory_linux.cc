// Pages for slots: mapping, guards, wiping.
#include <fcntl.h>
#include <malloc.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "sched/os.h"

namespace lr::sched {

namespace {

constexpr u64 kPage = 4096;

// Since Linux 6.13; the C library's headers may be older than the kernel.
constexpr int kMadvGuardInstall = 102;
constexpr int kMadvGuardRemove = 103;

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
constexpr u64 kPageOfZeros = u64{1} << 5;  // The kernel's own: was read and never written.
constexpr u64 kPageGuarded = u64{1} << 8;  // Since Linux 6.15; says kPageSwapped as well.

Error system_error(const char* what) {
  return make_error(Err::SystemError, std::string(what) + ": " + std::strerror(errno));
}

int pagemap_fd() {
  static const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  return fd;
}

u64 page_of(const u8* address) { return reinterpret_cast<u64>(address) & ~(kPage - 1); }
u64 page_behind(const u8* address) { return page_of(address + kPage - 1); }

// True if the kernel knows guards from what it has swapped.
bool guards_are_told() {
  static const bool told = [] {
    PagemapScan scan = {};
    scan.size = sizeof scan;
    scan.category_mask = kPageGuarded;
    return ioctl(pagemap_fd(), _IOWR('f', 16, PagemapScan), &scan) == 0;
  }();
  return told;
}

// Calls visit(first, last) for each stretch of resident pages, as far as it lies in the range;
// stops when that answers false. False if the kernel cannot say.
template <typename Visit>
bool scan_resident(const u8* start, u64 bytes, Visit&& visit) {
  constexpr u64 kRegionsMax = 64;
  const u64 range_start = reinterpret_cast<u64>(start);
  const u64 range_end = range_start + bytes;
  PageRegion regions[kRegionsMax];
  PagemapScan scan = {};
  scan.size = sizeof scan;
  scan.start = page_of(start);
  scan.end = page_behind(start + bytes);
  scan.regions = reinterpret_cast<u64>(regions);
  scan.regions_max = kRegionsMax;
  scan.category_mask = scan.category_inverted =
      kPageOfZeros | (guards_are_told() ? kPageGuarded : 0);
  scan.category_anyof_mask = kPagePresent | kPageSwapped;
  scan.return_mask = kPagePresent | kPageSwapped;
  while (scan.start < scan.end) {
    const int count = ioctl(pagemap_fd(), _IOWR('f', 16, PagemapScan), &scan);
    if (count < 0) return false;
    for (int i = 0; i < count; ++i) {
      if (!visit(std::max(regions[i].start, range_start), std::min(regions[i].end, range_end))) {
        return true;
      }
    }
    scan.start = scan.walk_end;
  }
  return true;
}

// The same by mincore, a page at a time.
template <typename Visit>
bool scan_by_mincore(const u8* start, u64 bytes, Visit&& visit) {
  constexpr u64 kPagesAtOnce = 1024;
  unsigned char is_resident[kPagesAtOnce];
  const u64 range_end = reinterpret_cast<u64>(start) + bytes;
  for (u64 at = page_of(start); at < range_end; at += kPagesAtOnce * kPage) {
    const u64 pages = std::min((page_behind(start + bytes) - at) / kPage, kPagesAtOnce);
    if (mincore(reinterpret_cast<void*>(at), pages * kPage, is_resident) != 0) return false;
    for (u64 i = 0; i < pages; ++i) {
      const u64 page = at + i * kPage;
      if ((is_resident[i] & 1) != 0 &&
          !visit(std::max(page, reinterpret_cast<u64>(start)), std::min(page + kPage, range_end))) {
        return true;
      }
    }
  }
  return true;
}

template <typename Visit>
bool for_resident(const u8* start, u64 bytes, Visit&& visit) {
  return scan_resident(start, bytes, visit) || scan_by_mincore(start, bytes, visit);
}

u64 read_number(const std::string& path) {
  std::ifstream file(path);
  u64 number = 0;
  return file >> number ? number : ~u64{0};  // "max", or no such file.
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

bool wipe_bytes(u8* start, u64 bytes) {
  if (bytes <= kBlindWipeBytes) {
    if (bytes != 0) std::memset(start, 0, bytes);
    return true;
  }
  return wipe_resident(start, bytes);
}

bool wipe_resident(u8* start, u64 bytes) {
  u64 wiped = 0;
  const bool known = scan_resident(start, bytes, [&](u64 first, u64 last) {
    wiped += last - first;
    if (wiped > kOverwriteBytesMax) return false;
    std::memset(reinterpret_cast<void*>(first), 0, last - first);
    return true;
  });
  return known && wiped <= kOverwriteBytesMax;
}

u64 resident_bytes(const u8* start, u64 bytes) {
  u64 resident = 0;
  const bool known = for_resident(start, bytes, [&](u64 first, u64 last) {
    resident += page_behind(reinterpret_cast<u8*>(last)) - page_of(reinterpret_cast<u8*>(first));
    return true;
  });
  return known ? resident : page_behind(start + bytes) - page_of(start);
}

u64 resident_bytes_at_most(const u8* start, u64 bytes) {
  if (bytes > kBlindWipeBytes) return resident_bytes(start, bytes);
  return page_behind(start + bytes) - page_of(start);
}

void copy_resident(u8* to, const u8* from, u64 bytes) {
  if (bytes <= kBlindWipeBytes) {
    if (bytes != 0) std::memcpy(to, from, bytes);
    return;
  }
  const u64 distance = reinterpret_cast<u64>(to) - reinterpret_cast<u64>(from);
  const bool known = for_resident(from, bytes, [&](u64 first, u64 last) {
    std::memcpy(reinterpret_cast<void*>(first + distance), reinterpret_cast<void*>(first),
                last - first);
    return true;
  });
  if (!known) std::memcpy(to, from, bytes);
}

void trim_heap() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

u64 usable_memory() {
  u64 usable = static_cast<u64>(sysconf(_SC_PHYS_PAGES)) * static_cast<u64>(sysconf(_SC_PAGESIZE));
  // The line of the unified hierarchy: "0::/path". Each group above bounds those below it.
  std::ifstream groups("/proc/self/cgroup");
  std::string path;
  while (std::getline(groups, path) && !path.starts_with("0::")) path.clear();
  path.erase(0, std::min<usize>(3, path.size()));
  while (true) {
    usable = std::min(usable, read_number("/sys/fs/cgroup" + path + "/memory.max"));
    if (path.empty() || path == "/") return usable;
    path.erase(path.rfind('/'));
  }
}

bool guard_markers_work() {
  static const bool works = probe_guard_markers();
  return works;
}

bool hold_pages(u8* start, u64 bytes) {
  if (madvise(start, bytes, kMadvGuardInstall) == 0) return true;
  let_in_pages(start, bytes);
  return false;
}

void let_in_pages(u8* start, u64 bytes) { madvise(start, bytes, kMadvGuardRemove); }

bool held_pages_work() { return guard_markers_work() && guards_are_told(); }

}  // namespace lr::sched
