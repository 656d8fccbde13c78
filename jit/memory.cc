#include "jit/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

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

void MemorySource::release(MemoryArea area, u64 /*used*/) { munmap(area.base, area.capacity); }

void MemorySource::unmap(MemoryArea area, u64 /*used*/) { munmap(area.base, area.capacity); }

MemorySource& MemorySource::plain() {
  static MemorySource source;
  return source;
}

// -- DataImage ----------------------------------------------------------------------------------

void DataImage::add(u64 offset, std::span<const u8> bytes) {
  if (bytes.empty()) return;
  is_sorted_ = is_sorted_ && offset >= end_;
  pieces_.push_back({offset, bytes});
  if (last_.to == 0 || offset - last_.to >= kPage) last_.from = offset;
  last_.to = pieces_.back().end();
  if (last_.to - last_.from > longest_.to - longest_.from) longest_ = last_;
  end_ = std::max(end_, pieces_.back().end());
}

// The pieces before it end at or before `from`.
const DataImage::Piece* DataImage::first_behind(u64 from) const {
  const Piece* const begin = pieces_.data();
  if (!is_sorted_) return begin;
  return std::partition_point(begin, begin + pieces_.size(),
                              [&](const Piece& piece) { return piece.end() <= from; });
}

u64 DataImage::next(u64 from) const {
  if (from >= end_) return ~u64{0};
  u64 next = end_;
  for (const Piece* piece = first_behind(from); piece != pieces_.data() + pieces_.size(); piece++) {
    if (piece->end() > from) next = std::min(next, std::max(piece->offset, from));
    if (is_sorted_) break;
  }
  return next;
}

void DataImage::copy(u8* base, u64 from, u64 to) const {
  if (from >= end_) return;
  for (const Piece* piece = first_behind(from); piece != pieces_.data() + pieces_.size(); piece++) {
    const u64 first = std::max(from, piece->offset);
    const u64 last = std::min(to, piece->end());
    if (first < last) {
      populate(base + first, last - first);
      std::memcpy(base + first, piece->bytes.data() + (first - piece->offset), last - first);
    } else if (is_sorted_) {
      break;
    }
  }
}

// -- Memory: its life ---------------------------------------------------------------------------

MemoryClass Memory::class_for(const MemoryType& type, MemoryClass wanted) {
  return type.limits.is_64 || type.page_size_log2 != 16 ? MemoryClass::Dense : wanted;
}

Memory::Memory(const MemoryType& type, const MemoryOptions& options, MemoryClass memory_class)
    : type_(&type),
      options_(&options),
      is_guarded_(class_for(type, memory_class) == MemoryClass::Guarded) {}

Result<std::unique_ptr<Memory>> Memory::create(const MemoryType& type,
                                               const MemoryOptions& options) {
  auto memory = std::make_unique<Memory>(type, options, options.memory_class);
  Own& own = memory->own();
  own.kind = std::make_unique<Kind>(Kind{type, options});
  if (type.limits.is_shared) own.sharing = std::make_unique<Sharing>();
  memory->type_ = &own.kind->type;
  memory->options_ = &own.kind->options;
  TRY(memory->start());
  return memory;
}

Status Memory::start() {
  if (is_guarded_) {
    view.base = map_bytes(kGuardedBytes, PROT_NONE);
    if (view.base == nullptr) {
      return make_error(Err::SystemError,
                        "no 4 GiB of addresses for a guarded memory (try --memory-class=dense)");
    }
    capacity_ = kGuardedBytes;
  } else if (is_shared()) {
    const MemoryArea area = source().acquire(size_max());
    if (area.base == nullptr) {
      return make_error(Err::SystemError, "no addresses for the maximum of a shared memory");
    }
    use(area);
  }
  const u64 min = type_->limits.min;
  if (min > ~u64{0} >> type_->page_size_log2 || !grow(min)) {
    return make_error(Err::LimitExceeded, "the memory's initial size is beyond what is allowed");
  }
  return ok_status();
}

Memory::~Memory() {
  if (view.base == nullptr) return;
  if (held() != nullptr) source().let_in(area(), held()->from(), held()->to());
  is_guarded_ ? source().unmap(area(), used()) : source().release(area(), used());
  source().release_charge(view.extent);
}

MemorySource& Memory::source() const {
  MemorySource* const source = is_shared() ? options_->shared_source : options_->source;
  return source != nullptr ? *source : MemorySource::plain();
}

Memory::Own& Memory::own() {
  if (own_ == nullptr) own_ = std::make_unique<Own>();
  return *own_;
}

bool Memory::reset() {
  if (is_guarded_ || is_shared()) return false;
  const u64 size = type_->limits.min << type_->page_size_log2;
  if (view.base != nullptr && !wipe()) return false;
  // What the last process touched at once the next one will, too.
  const u64 kept = std::min({view.extent, next_extent(1), size});
  source().release_charge(view.extent - kept);
  view.size = size;
  view.extent = kept;
  copy_image(0, kept);
  set_ready();
  publish();
  return true;
}

bool Memory::wipe() {
  const HeldPages* const held = this->held();
  if (held == nullptr) return source().wipe(area(), 0, view.extent);
  if (!source().wipe(area(), 0, std::min(view.extent, held->from()))) return false;
  if (view.extent > held->to() && !source().wipe(area(), held->to(), view.extent)) return false;
  restore_held();
  return true;
}

u64 Memory::bookkeeping_bytes() const {
  u64 bytes = sizeof(Memory);
  if (own_ == nullptr) return bytes;
  bytes += sizeof(Own);
  if (own_->kind != nullptr) bytes += sizeof(Kind);
  if (own_->held != nullptr) bytes += sizeof(HeldPages);
  if (own_->image != nullptr) bytes += sizeof(DataImage) + own_->image->bookkeeping_bytes();
  return bytes;
}

// -- Memory: size and extent --------------------------------------------------------------------

// In bytes.
u64 Memory::size_max() const {
  const Limits& limits = type_->limits;
  const u64 all = limits.is_64 ? u64{1} << 48 : u64{1} << 32;
  const u64 max_pages = all >> type_->page_size_log2;
  const u64 pages = std::min(limits.max.value_or(max_pages), max_pages);
  return std::min(pages << type_->page_size_log2, options_->size_max);
}

std::unique_lock<std::mutex> Memory::lock() {
  return is_shared() ? std::unique_lock(own_->sharing->mutex) : std::unique_lock<std::mutex>();
}

void Memory::use(const MemoryArea& area) {
  view.base = area.base;
  capacity_ = area.capacity & ~u64{0} >> 1;
}

// Machine code and other threads read them at any time.
void Memory::set_size(u64 size) { __atomic_store_n(&view.size, size, __ATOMIC_RELEASE); }
void Memory::set_extent(u64 extent) { __atomic_store_n(&view.extent, extent, __ATOMIC_RELEASE); }

std::optional<u64> Memory::grow(u64 delta_pages) {
  const auto locked = lock();
  const u64 old_pages = pages();
  const u64 max_pages = size_max() >> type_->page_size_log2;
  if (delta_pages > max_pages || old_pages > max_pages - delta_pages) return std::nullopt;
  const u64 size = (old_pages + delta_pages) << type_->page_size_log2;
  const bool grown = is_guarded_ ? grow_guarded(size) : grow_dense(size);
  if (!grown) return std::nullopt;
  publish();
  return old_pages;
}

bool Memory::grow_guarded(u64 size) {
  const u64 more = size - view.size;
  if (more == 0) return true;
  if (!source().charge(more)) return false;
  if (mprotect(view.base + view.size, more, PROT_READ | PROT_WRITE) != 0) {
    source().release_charge(more);
    return false;
  }
  set_extent(size);
  set_ready();
  set_size(size);
  return true;
}

bool Memory::grow_dense(u64 size) {
  MemoryArea area = this->area();
  if (area.base == nullptr) {
    if (size == 0) return true;
    area = source().acquire(size);
  } else if (size > area.capacity) {
    let_all_in();
    area = source().enlarge(area, used(), size);
    if (area.base != nullptr) forget_held();
  }
  if (area.base == nullptr) return false;
  use(area);
  set_size(size);
  return !options_->move_always || relocate();
}

bool Memory::relocate() {
  if (is_guarded_ || view.base == nullptr || is_shared()) return true;
  const MemoryArea area = source().acquire(view.size);
  if (area.base == nullptr) return false;
  let_all_in();
  std::memcpy(area.base, view.base, view.extent);
  source().release(this->area(), used());
  forget_held();
  use(area);
  publish();
  return true;
}

// In steps, so that a walk through memory asks seldom; but what would only be data is left to be
// copied when it is wanted, a page at a time. Ends where a page does.
u64 Memory::next_extent(u64 end) const {
  if (options_->exact_extent) return end;
  const u64 base = reinterpret_cast<u64>(view.base);
  u64 extent = round_up(base + end, kPage) - base;
  if (end > view.extent) {
    const u64 far = std::max(extent, view.extent + view.extent / 8);
    const u64 data = image_ == nullptr ? ~u64{0} : image_->next(extent);
    extent = std::max(extent, std::min(far, data));
    extent = round_up(base + extent, kPage) - base;
  }
  return std::min(extent, view.size);
}

bool Memory::raise_extent(u64 end, Trap* why) {
  if (end <= __atomic_load_n(&view.extent, __ATOMIC_ACQUIRE)) return true;
  const auto locked = lock();
  if (end <= view.extent) return true;
  if (end > view.size) {
    if (why != nullptr) *why = Trap::MemoryOutOfBounds;
    return false;
  }
  u64 extent = next_extent(end);
  if (!source().charge_extent(area(), view.extent, extent)) {
    extent = end;
    if (!source().charge_extent(area(), view.extent, extent)) {
      if (why != nullptr) *why = Trap::OutOfMemory;
      return false;
    }
  }
  hold_back(extent);
  copy_image(view.extent, extent);
  set_extent(extent);
  set_ready();
  // What it was raised for is touched next.
  let_in(end - 1, end);
  publish();
  return true;
}

bool Memory::touch(u64 offset, u64 length) {
  const u64 end = offset + length;
  if (length == 0 || end <= __atomic_load_n(&view.ready, __ATOMIC_ACQUIRE)) return true;
  if (!raise_extent(end)) return false;
  let_in(offset, end);
  return true;
}

std::optional<std::span<u8>> Memory::range(u64 offset, u64 length) {
  const u64 bytes = size();
  if (length > bytes || offset > bytes - length) return std::nullopt;
  if (!touch(offset, length)) return std::nullopt;
  return std::span<u8>(view.base + offset, length);
}

void Memory::add_segment(u64 offset, std::span<const u8> bytes) {
  CHECK(held() == nullptr);
  if (own().image == nullptr) own_->image = std::make_unique<DataImage>();
  DataImage& image = *own_->image;
  image.add(offset, bytes);
  image_ = &image;
  if (offset >= view.extent || bytes.empty()) return;
  const u64 count = std::min(bytes.size(), view.extent - offset);
  populate(view.base + offset, count);
  std::memcpy(view.base + offset, bytes.data(), count);
}

void Memory::set_image(const DataImage& image) {
  DCHECK(image_ == nullptr);
  image_ = &image;
  image.copy(view.base, 0, view.extent);
}

// -- Memory: who sees it ------------------------------------------------------------------------

void Memory::attach(Context* context) {
  // Others' contexts are not this thread's to write.
  if (!is_shared()) {
    if (context_ == nullptr) {
      context_ = context;
    } else {
      own().contexts.push_back(context);
    }
  }
  context->memory0 = &view;
  context->memory_base = view.base;
  context->memory_extent = view.extent;
}

void Memory::detach(Context* context) {
  if (context_ == context) {
    context_ = nullptr;
  } else if (own_ != nullptr) {
    std::erase(own_->contexts, context);
  }
}

void Memory::publish() {
  const auto tell = [&](Context* context) {
    context->memory_base = view.base;
    context->memory_extent = view.extent;
  };
  if (context_ != nullptr) tell(context_);
  if (own_ == nullptr) return;
  for (Context* context : own_->contexts) tell(context);
}

bool Memory::owns_guarded(const void* address) const {
  return is_guarded_ && static_cast<u64>(static_cast<const u8*>(address) - view.base) < capacity_;
}

}  // namespace lr::jit
