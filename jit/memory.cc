#include "jit/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace lr::jit {

namespace {

constexpr u64 kPage = 4 * kKiB;
// An index, an offset below kGuardBytes and the bytes of one access.
constexpr u64 kGuardedBytes = 4 * kGiB + kGuardBytes + kPage;

constexpr u64 round_up(u64 n, u64 to) { return (n + to - 1) & ~(to - 1); }

u8* map_bytes(u64 bytes, int protection) {
  void* memory =
      mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<u8*>(memory);
}

// Before a large copy into fresh pages: one system call in place of a page fault for each.
void populate(u8* start, u64 bytes) {
  constexpr u64 kWorthACall = 64 * kKiB;
  if (bytes < kWorthACall) return;
  const u64 first = reinterpret_cast<u64>(start) & ~(kPage - 1);
  const u64 last = round_up(reinterpret_cast<u64>(start) + bytes, kPage);
  madvise(reinterpret_cast<void*>(first), last - first, MADV_POPULATE_WRITE);
}

}  // namespace

// -- MemorySource -------------------------------------------------------------------------------

MemoryArea MemorySource::acquire(u64 bytes) {
  const u64 capacity = round_up(std::max<u64>(bytes, 1), kPage);
  u8* base = map_bytes(capacity, PROT_READ | PROT_WRITE);
  return base == nullptr ? MemoryArea{} : MemoryArea{base, capacity};
}

MemoryArea MemorySource::enlarge(MemoryArea area, u64 /*used*/, u64 bytes) {
  const u64 capacity = round_up(std::max(bytes, area.capacity + area.capacity / 4), kPage);
  void* base = mremap(area.base, area.capacity, capacity, MREMAP_MAYMOVE);
  return base == MAP_FAILED ? MemoryArea{} : MemoryArea{static_cast<u8*>(base), capacity};
}

void MemorySource::release(MemoryArea area) { munmap(area.base, area.capacity); }

MemorySource& MemorySource::plain() {
  static MemorySource source;
  return source;
}

// -- Memory -------------------------------------------------------------------------------------

Memory::Memory(const MemoryType& type, const MemoryOptions& options)
    : type_(type),
      options_(options),
      source_(options.source != nullptr && !type.limits.is_shared ? *options.source
                                                                  : MemorySource::plain()) {
  if (type.limits.is_shared) sharing_ = std::make_unique<Sharing>();
  if (type.limits.is_64 || type.page_size_log2 != 16) options_.memory_class = MemoryClass::Dense;
}

Result<std::unique_ptr<Memory>> Memory::create(const MemoryType& type,
                                               const MemoryOptions& options) {
  std::unique_ptr<Memory> memory(new Memory(type, options));
  TRY(memory->start());
  return memory;
}

Status Memory::start() {
  if (options_.memory_class == MemoryClass::Guarded) {
    area_.base = map_bytes(kGuardedBytes, PROT_NONE);
    if (area_.base == nullptr) {
      return make_error(Err::SystemError,
                        "no 4 GiB of addresses for a guarded memory (try --memory-class=dense)");
    }
    area_.capacity = kGuardedBytes;
    view.base = area_.base;
  } else if (is_shared()) {
    area_ = source_.acquire(size_max());
    if (area_.base == nullptr) {
      return make_error(Err::SystemError, "no addresses for the maximum of a shared memory");
    }
    view.base = area_.base;
  }
  const u64 min = type_.limits.min;
  if (min > ~u64{0} >> type_.page_size_log2 || !grow(min)) {
    return make_error(Err::LimitExceeded, "the memory's initial size is beyond what is allowed");
  }
  return ok_status();
}

Memory::~Memory() {
  if (area_.base != nullptr) {
    if (options_.memory_class == MemoryClass::Guarded) {
      munmap(area_.base, area_.capacity);
    } else {
      source_.release(area_);
    }
  }
  source_.release_charge(charged_);
}

// In bytes.
u64 Memory::size_max() const {
  const u64 all = type_.limits.is_64 ? u64{1} << 48 : u64{1} << 32;
  const u64 max_pages = all >> type_.page_size_log2;
  const u64 pages = std::min(type_.limits.max.value_or(max_pages), max_pages);
  return std::min(pages << type_.page_size_log2, options_.size_max);
}

std::unique_lock<std::mutex> Memory::lock() {
  return is_shared() ? std::unique_lock(sharing_->mutex) : std::unique_lock<std::mutex>();
}

// Machine code and other threads read them at any time.
void Memory::set_size(u64 size) { __atomic_store_n(&view.size, size, __ATOMIC_RELEASE); }
void Memory::set_extent(u64 extent) { __atomic_store_n(&view.extent, extent, __ATOMIC_RELEASE); }

std::optional<u64> Memory::grow(u64 delta_pages) {
  const auto locked = lock();
  const u64 old_pages = pages();
  const u64 max_pages = size_max() >> type_.page_size_log2;
  if (delta_pages > max_pages || old_pages > max_pages - delta_pages) return std::nullopt;
  const u64 size = (old_pages + delta_pages) << type_.page_size_log2;
  const bool grown =
      options_.memory_class == MemoryClass::Guarded ? grow_guarded(size) : grow_dense(size);
  if (!grown) return std::nullopt;
  publish();
  return old_pages;
}

bool Memory::grow_guarded(u64 size) {
  const u64 more = size - view.size;
  if (more == 0) return true;
  if (!charge(more)) return false;
  if (mprotect(view.base + view.size, more, PROT_READ | PROT_WRITE) != 0) {
    source_.release_charge(more);
    charged_ -= more;
    return false;
  }
  set_extent(size);
  set_size(size);
  return true;
}

bool Memory::grow_dense(u64 size) {
  if (area_.base == nullptr) {
    if (size == 0) return true;
    area_ = source_.acquire(size);
    if (area_.base == nullptr) return false;
  } else if (size > area_.capacity) {
    const MemoryArea area = source_.enlarge(area_, view.extent, size);
    if (area.base == nullptr) return false;
    area_ = area;
  }
  view.base = area_.base;
  set_size(size);
  return !options_.move_always || relocate();
}

bool Memory::relocate() {
  if (options_.memory_class == MemoryClass::Guarded || area_.base == nullptr || is_shared()) {
    return true;
  }
  const MemoryArea area = source_.acquire(view.size);
  if (area.base == nullptr) return false;
  std::memcpy(area.base, area_.base, view.extent);
  source_.release(area_);
  area_ = area;
  view.base = area.base;
  publish();
  return true;
}

bool Memory::charge(u64 bytes) {
  if (!source_.charge(bytes)) return false;
  charged_ += bytes;
  return true;
}

bool Memory::raise_extent(u64 end, Trap* why) {
  if (end <= __atomic_load_n(&view.extent, __ATOMIC_ACQUIRE)) return true;
  const auto locked = lock();
  if (end <= view.extent) return true;
  if (end > view.size) {
    if (why != nullptr) *why = Trap::MemoryOutOfBounds;
    return false;
  }
  // In steps, so that a walk through memory asks seldom.
  u64 extent = end;
  if (!options_.exact_extent) {
    extent = std::max(end, view.extent + view.extent / 8);
    extent = std::min(round_up(extent, kPage), view.size);
  }
  if (!charge(extent - view.extent)) {
    extent = end;
    if (!charge(extent - view.extent)) {
      if (why != nullptr) *why = Trap::OutOfMemory;
      return false;
    }
  }
  copy_segments(view.extent, extent);
  set_extent(extent);
  publish();
  return true;
}

std::optional<std::span<u8>> Memory::range(u64 offset, u64 length) {
  const u64 bytes = size();
  if (length > bytes || offset > bytes - length) return std::nullopt;
  if (!raise_extent(offset + length)) return std::nullopt;
  return std::span<u8>(view.base + offset, length);
}

void Memory::add_segment(u64 offset, std::span<const u8> bytes) {
  if (bytes.empty()) return;
  segments_.push_back({offset, bytes});
  if (offset < view.extent) {
    const u64 count = std::min(bytes.size(), view.extent - offset);
    populate(view.base + offset, count);
    std::memcpy(view.base + offset, bytes.data(), count);
  }
  if (offset + bytes.size() <= view.extent) segments_.pop_back();
}

// Those parts of all segments that lie in [from, to); in order, since later ones win.
void Memory::copy_segments(u64 from, u64 to) {
  bool all_done = true;
  for (const Segment& segment : segments_) {
    const u64 end = segment.offset + segment.bytes.size();
    const u64 first = std::max(from, segment.offset);
    const u64 last = std::min(to, end);
    if (first < last) {
      std::memcpy(view.base + first, segment.bytes.data() + (first - segment.offset), last - first);
    }
    all_done = all_done && end <= to;
  }
  if (all_done) segments_.clear();
}

void Memory::attach(Context* context) {
  // Others' contexts are not this thread's to write.
  if (!is_shared()) contexts_.push_back(context);
  context->memory0 = &view;
  context->memory_base = view.base;
  context->memory_extent = view.extent;
}

void Memory::detach(Context* context) { std::erase(contexts_, context); }

void Memory::publish() {
  for (Context* context : contexts_) {
    context->memory_base = view.base;
    context->memory_extent = view.extent;
  }
}

bool Memory::owns_guarded(const void* address) const {
  return options_.memory_class == MemoryClass::Guarded &&
         static_cast<u64>(static_cast<const u8*>(address) - area_.base) < area_.capacity;
}

}  // namespace lr::jit
