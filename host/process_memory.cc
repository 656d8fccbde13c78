#include "host/process_memory.h"

#include <algorithm>
#include <cstring>

namespace lr {

bool ProcessMemory::charge(u64 bytes) {
  if (bytes > bytes_max_ - std::min(bytes_max_, charged_)) return false;
  charged_ += bytes;
  charged_most_ = std::max(charged_most_, charged_);
  return true;
}

void ProcessMemory::reset(u64 bytes_max) { bytes_max_ = bytes_max; }

jit::MemoryArea ProcessMemory::acquire(u64 bytes) {
  if (slot_taken_ || bytes > slot_.capacity) return jit::MemorySource::acquire(bytes);
  slot_taken_ = true;
  return slot_;
}

jit::MemoryArea ProcessMemory::enlarge(jit::MemoryArea area, u64 used, u64 bytes) {
  if (!is_slot(area)) return jit::MemorySource::enlarge(area, used, bytes);
  // Room for as much again, so that a memory that grows by the page does not move each time.
  const jit::MemoryArea larger = jit::MemorySource::acquire(bytes + bytes / 4);
  if (larger.base != nullptr) std::memcpy(larger.base, area.base, used);
  return larger;
}

void ProcessMemory::release(jit::MemoryArea area) {
  if (!is_slot(area)) jit::MemorySource::release(area);
}

u64 ProcessMemory::slot_used_bytes() const {
  // Every byte that can be touched has been charged first.
  return slot_taken_ ? std::min(charged_most_, slot_.capacity) : 0;
}

}  // namespace lr
