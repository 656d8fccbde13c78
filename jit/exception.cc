#include "jit/exception.h"

#include <algorithm>
#include <new>

namespace lr::jit {

Exception* ExceptionPool::allocate(Tag* tag, u32 words) {
  void* place = nullptr;
  if (words < free_.size() && !free_[words].empty()) {
    place = free_[words].back();
    free_[words].pop_back();
  } else {
    const u64 need = kExceptionPayload / 8 + words;
    if (need > left_) {
      left_ = std::max(need, kChunkBytes / 8);
      held_bytes_ += left_ * 8;
      chunks_.push_back(std::make_unique<u64[]>(left_));
      next_ = chunks_.back().get();
    }
    place = next_;
    next_ += need;
    left_ -= need;
  }
  return new (place) Exception{.tag = tag, .words = words};
}

void ExceptionPool::free(Exception* exception) {
  if (exception->words >= free_.size()) free_.resize(exception->words + 1);
  free_[exception->words].push_back(exception);
}

}  // namespace lr::jit
