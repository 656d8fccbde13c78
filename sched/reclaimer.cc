#include "sched/reclaimer.h"

#include <algorithm>
#include <utility>

#include "sched/memory_account.h"

namespace lr::sched {

namespace {

class Mapping final : public Reclaimer::Scrap {
 public:
  Mapping(u8* start, u64 bytes, u64 used_bytes, MemoryAccount* account)
      : start_(start), bytes_(bytes), used_(used_bytes), account_(account) {
    if (account_ != nullptr) account_->hold(used_);
  }
  ~Mapping() override {
    unmap_pages(start_, bytes_);
    if (account_ != nullptr) account_->release(used_ - dropped_);
  }

  u64 step() override {
    const u64 piece = std::min(used_ - dropped_, Reclaimer::kPieceBytes);
    if (piece == 0) return 0;
    drop_pages(start_ + dropped_, piece);
    dropped_ += piece;
    if (account_ != nullptr) account_->release(piece);
    return piece;
  }

 private:
  u8* const start_;
  const u64 bytes_;
  const u64 used_;
  u64 dropped_ = 0;
  MemoryAccount* const account_;
};

class FreeHeap final : public Reclaimer::Scrap {
 public:
  u64 step() override {
    trim_heap();
    return 0;
  }
};

}  // namespace

Reclaimer& Reclaimer::get() {
  static Reclaimer reclaimer;
  return reclaimer;
}

Reclaimer::~Reclaimer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Reclaimer::take(std::unique_ptr<Scrap> scrap) {
  {
    const std::lock_guard lock(mutex_);
    scraps_.push_back(std::move(scrap));
    const auto body = [](void* self) { static_cast<Reclaimer*>(self)->work(); };
    if (thread_.started() || thread_.start("lr-reclaim", body, this)) return changed_.notify_all();
  }
  // The system gives us no thread: slow is better than never.
  drain();
}

// Does one step of the oldest scrap, without the lock. How many bytes that gave back.
u64 Reclaimer::step_first(std::unique_lock<std::mutex>& lock) {
  std::unique_ptr<Scrap> scrap = std::move(scraps_.front());
  scraps_.pop_front();
  ++in_hand_;
  lock.unlock();
  const u64 bytes = scrap->step();
  if (bytes == 0) scrap.reset();
  lock.lock();
  --in_hand_;
  if (scrap != nullptr) scraps_.push_front(std::move(scrap));
  if (scraps_.empty() && in_hand_ == 0) changed_.notify_all();
  return bytes;
}

void Reclaimer::help(u64 wanted) {
  std::unique_lock lock(mutex_);
  while (wanted != 0 && !scraps_.empty()) wanted -= std::min(wanted, step_first(lock));
}

void Reclaimer::drain() {
  std::unique_lock lock(mutex_);
  while (!scraps_.empty() || in_hand_ != 0) {
    if (scraps_.empty()) {
      changed_.wait(lock);
    } else {
      step_first(lock);
    }
  }
}

void Reclaimer::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (scraps_.empty()) {
      changed_.wait(lock);
    } else {
      step_first(lock);
    }
  }
}

void trim_heap_later() { Reclaimer::get().take(std::make_unique<FreeHeap>()); }

void unmap_later(u8* start, u64 bytes, u64 used_bytes, MemoryAccount* account) {
  constexpr u64 kPage = 4096;
  const u64 used = std::min(bytes, (used_bytes + kPage - 1) & ~(kPage - 1));
  if (used <= Reclaimer::kLargeBytes) return unmap_pages(start, bytes);
  Reclaimer::get().take(std::make_unique<Mapping>(start, bytes, used, account));
}

}  // namespace lr::sched
