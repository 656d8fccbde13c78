// Exceptions: what throw makes and an exnref is the address of (null is 0).
//
// One whose catcher asks for its payload alone is dead once the payload has been read, which the
// landing pad does first; its memory serves the next one. The others live as long as their store.
#pragma once

#include <memory>
#include <vector>

#include "base/types.h"

namespace lr::jit {

struct Tag;

struct Exception {
  u64 header = 0;  // The collector's.
  Tag* tag = nullptr;
  u32 words = 0;         // Of the payload, which follows.
  bool is_kept = false;  // Some catcher has a reference.

  u64* payload() { return reinterpret_cast<u64*>(this + 1); }
};
inline constexpr i32 kExceptionPayload = sizeof(Exception);
static_assert(sizeof(Exception) == 24);

// The exceptions of one store. No locks.
class ExceptionHeap {
 public:
  // Null when the store has too many. The payload is the caller's to fill.
  Exception* allocate(Tag* tag, u32 words);
  // Nobody has a reference. The payload stays readable until the next allocation.
  void free(Exception* exception);

 private:
  static constexpr u64 kChunkBytes = 4 * kKiB;
  static constexpr u64 kBytesMax = 256 * kMiB;

  std::vector<std::vector<Exception*>> free_;  // By words.
  std::vector<std::unique_ptr<u64[]>> chunks_;
  u64* next_ = nullptr;
  u64 left_ = 0;  // Words of the newest chunk.
  u64 bytes_ = 0;
};

}  // namespace lr::jit
