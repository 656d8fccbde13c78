#include "jit/table.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

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

Result<std::unique_ptr<Table>> Table::create(const TableType& type, u64 init) {
  if (type.limits.min > kMaxElements) {
    return make_error(Err::LimitExceeded, "a table of more than 10,000,000 elements");
  }
  std::unique_ptr<Table> table(new Table(type));
  if (!table->grow(type.limits.min, init)) {
    return make_error(Err::SystemError, "no memory for a table");
  }
  return table;
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
  const u64 old_size = view.size;
  const u64 max = std::min(type_.limits.max.value_or(kMaxElements), kMaxElements);
  if (delta > max || old_size > max - delta) return std::nullopt;
  const u64 size = old_size + delta;
  if (size > capacity_ && !enlarge(std::min(std::max(size, 2 * capacity_), max))) {
    return std::nullopt;
  }
  if (value != 0) std::fill(view.elements + old_size, view.elements + size, value);
  view.size = size;
  return old_size;
}

// Elements beyond the old size are zero.
bool Table::enlarge(u64 capacity) {
  const bool map = capacity * 8 >= kMapBytes;
  u64* elements = map ? map_elements(bytes_of(capacity)) : new u64[capacity]();
  if (elements == nullptr) return false;
  if (view.size != 0) std::memcpy(elements, view.elements, view.size * 8);
  unmap();
  view.elements = elements;
  capacity_ = capacity;
  return true;
}

}  // namespace lr::jit
