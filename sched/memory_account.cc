#include "sched/memory_account.h"

#include <algorithm>

#include "sched/os.h"

namespace lr::sched {

namespace {

// Settling takes some microseconds each; what is left over is for the next ones who ask.
constexpr u32 kSettledAtOnce = 16;

u64 default_limit() {
  const u64 usable = usable_memory();
  return usable - usable / 5;
}

}  // namespace

MemoryAccount::MemoryAccount(u64 limit_bytes, Reserve* reserve)
    : limit_(limit_bytes != 0 ? limit_bytes : default_limit()), reserve_(reserve) {}

bool MemoryAccount::try_charge(u64 bytes) {
  if (bytes > limit_) return false;
  if (used_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit_) return true;
  used_.fetch_sub(bytes, std::memory_order_relaxed);
  return false;
}

bool MemoryAccount::charge(u64 bytes) {
  do {
    if (try_charge(bytes)) return true;
  } while (bytes <= limit_ && settle_some(bytes));
  if (reserve_ == nullptr || bytes > limit_) return false;
  reserve_->trim(bytes);
  return try_charge(bytes);
}

// False if nothing was given back.
bool MemoryAccount::settle_some(u64 bytes) {
  const std::lock_guard lock(mutex_);
  const u64 before = used();
  // Others may have settled meanwhile.
  if (before + bytes <= limit_) return true;
  for (u32 i = 0; i < kSettledAtOnce && used() + bytes > limit_; i++) {
    List& list = fresh_.first != nullptr ? fresh_ : settled_bounds_;
    Bound* const bound = list.first;
    if (bound == nullptr) break;
    list.remove(*bound);
    settle(*bound);
    settled_bounds_.push_back(*bound);
  }
  return used() < before;
}

void MemoryAccount::settle(Bound& bound) {
  const u64 resident = std::min(resident_bytes(bound.base_, bound.extent_), bound.extent_);
  const u64 now = bound.extent_ - resident;
  // Unsigned differences wrap around and add up.
  used_.fetch_sub(now - bound.given_back_, std::memory_order_relaxed);
  settled_.fetch_add(now - bound.given_back_, std::memory_order_relaxed);
  bound.given_back_ = now;
  bound.seen_extent_ = bound.extent_;
}

void MemoryAccount::Bound::note(MemoryAccount& account, const u8* base, u64 extent) {
  if (account_ == nullptr && extent <= kExactBytes) return;
  const std::lock_guard lock(account.mutex_);
  base_ = base;
  extent_ = extent;
  if (account_ != nullptr) {
    const bool is_fresh = seen_extent_ == 0;
    if (is_fresh || extent < seen_extent_ + kExactBytes) return;
    account.settled_bounds_.remove(*this);
  }
  account_ = &account;
  seen_extent_ = 0;
  account.fresh_.push_back(*this);
}

void MemoryAccount::Bound::forget() {
  if (account_ == nullptr) return;
  const std::lock_guard lock(account_->mutex_);
  (seen_extent_ == 0 ? account_->fresh_ : account_->settled_bounds_).remove(*this);
  account_->used_.fetch_add(given_back_, std::memory_order_relaxed);
  account_->settled_.fetch_sub(given_back_, std::memory_order_relaxed);
  given_back_ = seen_extent_ = extent_ = 0;
  account_ = nullptr;
}

void MemoryAccount::List::push_back(Bound& bound) {
  if (first == nullptr) {
    bound.next_ = bound.previous_ = &bound;
    first = &bound;
    return;
  }
  bound.next_ = first;
  bound.previous_ = first->previous_;
  bound.previous_->next_ = &bound;
  first->previous_ = &bound;
}

void MemoryAccount::List::remove(Bound& bound) {
  if (bound.next_ == &bound) {
    first = nullptr;
    return;
  }
  bound.previous_->next_ = bound.next_;
  bound.next_->previous_ = bound.previous_;
  if (first == &bound) first = bound.next_;
}

}  // namespace lr::sched
