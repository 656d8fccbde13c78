// What a host function sees of its guest's memory. An argument that points there is checked once,
// when the call is decoded: it lies inside the memory and the extent reaches it (memories never
// shrink and extents never fall). It is turned into an address at each use, because a memory can
// move whenever the guest runs or the call waits: no address or span outlives the statement that
// asked for it.
#pragma once

#include <cstring>
#include <span>
#include <string>
#include <type_traits>

#include "base/check.h"
#include "base/types.h"
#include "jit/context.h"

namespace lr {

// A view of one memory of an instance. The callback is the one function that raises extents.
class GuestMemory {
 public:
  // Makes such bytes usable; false if the process may not have so much memory.
  using Raise = bool (*)(void* owner, u64 offset, u64 length);

  GuestMemory() = default;
  GuestMemory(jit::MemoryView& view, Raise raise, void* owner)
      : view_(&view), raise_(raise), owner_(owner) {}

  // True if the range lies in the memory and may be used from now on.
  bool claim(u64 offset, u64 length) const {
    if (view_ == nullptr || offset > view_->size || length > view_->size - offset) return false;
    return length == 0 || offset + length <= view_->ready || raise_(owner_, offset, length);
  }

  // Address of a claimed range. Valid until the guest runs or the call waits.
  u8* at(u64 offset, u64 length) const {
    DCHECK(length == 0 || offset + length <= view_->extent);
    static_cast<void>(length);
    return view_->base + offset;
  }

 private:
  jit::MemoryView* view_ = nullptr;
  Raise raise_ = nullptr;
  void* owner_ = nullptr;
};

// `length` claimed bytes. Two words: pointer and length.
class GuestBytes {
 public:
  GuestBytes() = default;
  GuestBytes(const GuestMemory& memory, u64 offset, u64 length)
      : memory_(&memory), offset_(offset), length_(length) {}

  u64 offset() const { return offset_; }
  u64 size() const { return length_; }
  bool empty() const { return length_ == 0; }
  // For use at once; see the top of the file.
  std::span<u8> span() const {
    if (length_ == 0) return {};
    return {memory_->at(offset_, length_), length_};
  }
  // Copies from or to the guest, starting at byte `at`, which must leave room.
  void copy_in(void* to, u64 length, u64 at = 0) const {
    DCHECK(at + length <= length_);
    if (length > 0) std::memcpy(to, memory_->at(offset_ + at, length), length);
  }
  void copy_out(const void* from, u64 length, u64 at = 0) const {
    DCHECK(at + length <= length_);
    if (length > 0) std::memcpy(memory_->at(offset_ + at, length), from, length);
  }
  GuestBytes prefix(u64 length) const {
    DCHECK(length <= length_);
    return length_ == 0 ? GuestBytes() : GuestBytes(*memory_, offset_, length);
  }

 private:
  const GuestMemory* memory_ = nullptr;
  u64 offset_ = 0;
  u64 length_ = 0;
};

// Bytes that are meant as text; whether they are UTF-8 is for the function to judge. Two words.
class GuestString : public GuestBytes {
 public:
  using GuestBytes::GuestBytes;
  std::string copy() const {
    const std::span<u8> bytes = span();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

// One T that the function writes. One word.
template <typename T>
class GuestOut {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  GuestOut() = default;
  GuestOut(const GuestMemory& memory, u64 offset) : memory_(&memory), offset_(offset) {}
  void set(const T& value) const {
    std::memcpy(memory_->at(offset_, sizeof(T)), &value, sizeof(T));
  }

 private:
  const GuestMemory* memory_ = nullptr;
  u64 offset_ = 0;
};

// `count` claimed Ts in a row. Two words: pointer and count.
template <typename T>
class GuestArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  GuestArray() = default;
  GuestArray(const GuestMemory& memory, u64 offset, u64 count)
      : memory_(&memory), offset_(offset), count_(count) {}

  const GuestMemory& memory() const { return *memory_; }
  u64 size() const { return count_; }
  T get(u64 index) const {
    DCHECK(index < count_);
    T value;
    std::memcpy(&value, memory_->at(offset_ + index * sizeof(T), sizeof(T)), sizeof(T));
    return value;
  }
  void set(u64 index, const T& value) const {
    DCHECK(index < count_);
    std::memcpy(memory_->at(offset_ + index * sizeof(T), sizeof(T)), &value, sizeof(T));
  }

 private:
  const GuestMemory* memory_ = nullptr;
  u64 offset_ = 0;
  u64 count_ = 0;
};

// Any number of Ts, from `offset` on, whose end another argument decides (argv, environ). One
// word; the function claims what it writes.
struct GuestPointer {
  const GuestMemory* memory = nullptr;
  u64 offset = 0;
};

}  // namespace lr
