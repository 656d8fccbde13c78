// What a memory does with held pages.
#include "jit/held_pages.h"

#include <cstring>

#include "jit/memory.h"

namespace lr::jit {

void Memory::set_ready() {
  const HeldPages* const held = this->held();
  const u64 ready = held == nullptr ? view.extent : std::min(view.extent, held->first());
  __atomic_store_n(&view.ready, ready, __ATOMIC_RELEASE);
}

// What the image says of [from, to), but for held pages and those that were.
void Memory::copy_image(u64 from, u64 to) {
  if (image_ == nullptr) return;
  const HeldPages* const held = this->held();
  if (held == nullptr) return image_->copy(view.base, from, to);
  image_->copy(view.base, from, std::min(to, held->from()));
  image_->copy(view.base, std::max(from, held->to()), to);
}

// Holds the pages of the longest data that the extent is about to reach. Those at its ends are
// shared with what is touched in any case: the shadow stack, the variables.
void Memory::hold_back(u64 extent) {
  constexpr u64 kWorthACall = 3 * HeldPages::kPage;
  if (image_ == nullptr || held() != nullptr) return;
  const DataImage::Stretch data = image_->longest();
  const u64 base = reinterpret_cast<u64>(view.base);
  const auto page_at = [&](u64 offset) { return (base + offset) & ~(HeldPages::kPage - 1); };
  const bool everything = options_->exact_extent;
  if (!everything && (extent <= data.from || view.extent >= data.to)) return;
  const u64 first = page_at(everything ? data.from : data.from + HeldPages::kPage - 1);
  const u64 last = page_at(everything ? data.to + HeldPages::kPage - 1 : data.to);
  const u64 from = std::max(first, page_at(view.extent + HeldPages::kPage - 1));
  const u64 to = std::min({last, page_at(capacity_), from + HeldPages::kBytesMax});
  if (from + (everything ? HeldPages::kPage : kWorthACall) > to) return;
  if (!source().hold(area(), from - base, to - base)) return;
  own().held = std::make_unique<HeldPages>(from - base, to - base);
}

void Memory::let_in(u64 from, u64 to) {
  HeldPages* const held = this->held();
  if (held == nullptr || !held->widen(from, to)) return;
  source().let_in(area(), from, to);
  held->for_each(true, from, to,
                 [&](u64 first, u64 last) { image_->copy(view.base, first, last); });
  held->let_in(from, to);
  set_ready();
}

bool Memory::admit(const void* address) {
  const u64 offset = static_cast<u64>(static_cast<const u8*>(address) - view.base);
  const HeldPages* const held = this->held();
  if (held == nullptr || offset >= view.extent || !held->holds(offset)) return false;
  let_in(offset, offset + 1);
  return true;
}

// Before the memory moves.
void Memory::let_all_in() {
  if (held() != nullptr) let_in(held()->from(), held()->to());
}

// The memory has moved.
void Memory::forget_held() {
  if (own_ != nullptr) own_->held.reset();
}

// So much of the area may have been written.
u64 Memory::used() const {
  return held() == nullptr ? view.extent : std::max(view.extent, held()->to());
}

// What was touched will be again, mostly, and stays; much of it is held anew.
void Memory::restore_held() {
  constexpr u64 kStayMax = 128 * kKiB;
  HeldPages* const held = this->held();
  const u64 from = held->from(), to = held->to();
  if (held->copied_bytes() > kStayMax) {
    const bool held_anew = source().hold(area(), from, to);
    *held = HeldPages(from, to);
    if (held_anew) return;
    held->let_in(from, to);
  }
  held->for_each(false, from, to, [&](u64 first, u64 last) {
    std::memset(view.base + first, 0, last - first);
    image_->copy(view.base, first, last);
  });
}

}  // namespace lr::jit
