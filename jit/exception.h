// Exceptions: what throw makes and an exnref is the address of (null is 0).
//
// A throw makes it in a pool of the store. One whose catcher asks for its payload alone is dead
// once the payload has been read, which the landing pad does first, and its place serves the next
// one. A catcher that wants a reference gets the address of a copy in the process's heap, where the
// collector finds it (jit/gc/object.h).
#pragma once

#include <memory>
#include <vector>

#include "base/types.h"

namespace lr::jit {

struct Tag;

struct Exception {
  u32 type = 0;    // As an object of the heap.
  u32 length = 0;  // Its words behind this one.
  Tag* tag = nullptr;
  u32 words = 0;         // Of the payload, which follows.
  bool is_kept = false;  // It is in the heap.

  u64* payload() { return reinterpret_cast<u64*>(this + 1); }
};
inline constexpr i32 kExceptionPayload = sizeof(Exception);
static_assert(sizeof(Exception) == 24);

// Of one store. No locks.
class ExceptionPool {
 public:
  // The payload is the caller's to fill.
  Exception* allocate(Tag* tag, u32 words);
  // The payload stays readable until the next allocation.
  void free(Exception* exception);

  u64 held_bytes() const { return held_bytes_; }

 private:
  static constexpr u64 kChunkBytes = 4 * kKiB;

  std::vector<std::vector<Exception*>> free_;  // By words.
  std::vector<std::unique_ptr<u64[]>> chunks_;
  u64* next_ = nullptr;
  u64 left_ = 0;  // Words of the newest chunk.
  u64 held_bytes_ = 0;
};

}  // namespace lr::jit
