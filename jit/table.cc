#include "jit/table.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace lr::jit {

namespace {

// Large tables are reserved and touched when used; mremap moves them without copying.
u64 bytes_of(u64 capacity) { return (capacity * 8 + 4095) & ~u64{4095}; }

u64* map_elements(u64 bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<u64*>(memory);
}

}  // namespace

Status Table::start(u64 init) {
  if (type_->limits.min > elements_max_) {
    return make_error(Err::LimitExceeded,
                      "a table of more than " + std::to_string(elements_max_) + " elements");
  }
  if (!grow(type_->limits.min, init)) return make_error(Err::SystemError, "no memory for a table");
  return ok_status();
}

Table::~Table() { unmap(); }

void Table::unmap() {
  if (is_mapped()) {
    munmap(view.elements, bytes_of(capacity_));
  } else {
    delete[] view.elements;
  }
}

std::optional<u64> Table::grow(u64 delta, u64 value) {
  if (!reserve(delta)) return std::nullopt;
  const u64 old_size = view.size;
  if (value != 0) std::fill_n(view.elements + old_size, delta, value);
  view.size = old_size + delta;
  return old_size;
}

bool Table::reserve(u64 delta) {
  const u64 max = std::min<u64>(type_->limits.max.value_or(elements_max_), elements_max_);
  if (delta > max || view.size > max - delta) return false;
  const u64 size = view.size + delta;
  return size <= capacity_ || enlarge(std::min(std::max(size, 2 * capacity_), max));
}

bool Table::reset(u64 init) {
  if (is_mapped()) return false;
  const u64 size = type_->limits.min;
  // Elements beyond the size are zero, too.
  std::fill_n(view.elements, size, init);
  std::fill_n(view.elements + size, capacity_ - size, 0);
  view.size = size;
  return true;
}

// Elements beyond the size are zero.
bool Table::enlarge(u64 capacity) {
  const bool map = capacity * 8 >= kMapBytes;
  if (is_mapped()) {
    void* moved = mremap(view.elements, bytes_of(capacity_), bytes_of(capacity), MREMAP_MAYMOVE);
    if (moved == MAP_FAILED) return false;
    view.elements = static_cast<u64*>(moved);
    capacity_ = capacity;
    return true;
  }
  u64* elements = map ? map_elements(bytes_of(capacity)) : new u64[capacity]();
  if (elements == nullptr) return false;
  if (view.size != 0) std::memcpy(elements, view.elements, view.size * 8);
  unmap();
  view.elements = elements;
  capacity_ = capacity;
  return true;
}

}  // namespace lr::jit
