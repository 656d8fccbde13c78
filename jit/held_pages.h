// HeldPages: which pages of a dense memory's initial data wait to be copied until somebody touches
// them. Data lies behind a shadow stack of a megabyte and before everything else that a program
// writes, so without this a process that uses one variable has a copy of every text of its module.
//
//   base            from                                     to
//    |  the rest     | copied | held | held | copied | held |   the rest
//
// A held page faults; the handler (Memory::admit) copies it and the access is made again. What the
// host is about to touch is let in before (Memory::touch). Offsets are those of the memory; pages
// are the machine's, so none of them need be a multiple of a page. At most 64 pieces of some pages.
#pragma once

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/types.h"

namespace lr::jit {

class HeldPages {
 public:
  static constexpr u64 kPage = 4 * kKiB;
  static constexpr u64 kPieces = 64;
  static constexpr u64 kBytesMax = kPieces * 64 * kKiB;

  // All of [from, to) is held: some pages, at most kBytesMax.
  HeldPages(u64 from, u64 to) : from_(from), bytes_(static_cast<u32>(to - from)) {
    DCHECK(from < to && to - from <= kBytesMax && (to - from) % kPage == 0);
    shift_ = static_cast<u32>(std::bit_width(std::max(kPage, bytes_ / kPieces) - 1));
    mask_ = mask_of(0, (bytes_ - 1) >> shift_);
  }

  u64 from() const { return from_; }
  u64 to() const { return from_ + bytes_; }
  // The first byte that is held; ~0 if none is.
  u64 first() const {
    return mask_ == 0 ? ~u64{0} : piece(static_cast<u64>(std::countr_zero(mask_)));
  }
  bool holds(u64 offset) const {
    return offset >= from_ && offset < to() && (mask_ >> ((offset - from_) >> shift_) & 1) != 0;
  }
  bool holds_any(u64 first, u64 last) const { return widen(first, last); }
  u64 copied_bytes() const {
    const u64 pieces = ((bytes_ - 1) >> shift_) + 1;
    return (pieces - static_cast<u64>(std::popcount(mask_))) << shift_;
  }

  // Makes [first, last) what whole pieces it has within [from, to). False if none of them is held.
  bool widen(u64& first, u64& last) const {
    if (mask_ == 0 || first >= last || first >= to() || last <= from_) return false;
    const u64 low = first <= from_ ? 0 : (first - from_) >> shift_;
    const u64 high = (std::min(last, to()) - 1 - from_) >> shift_;
    first = piece(low);
    last = std::min(piece(high + 1), to());
    return (mask_ & mask_of(low, high)) != 0;
  }

  // Calls visit(first, last) for each piece of a widened range that is held, or that is not.
  template <typename Visit>
  void for_each(bool is_held, u64 first, u64 last, Visit&& visit) const {
    for (u64 i = (first - from_) >> shift_; piece(i) < last; i++) {
      if ((mask_ >> i & 1) == u64{is_held}) visit(piece(i), std::min(piece(i + 1), to()));
    }
  }
  // The pieces of a widened range are no longer held.
  void let_in(u64 first, u64 last) {
    mask_ &= ~mask_of((first - from_) >> shift_, (last - 1 - from_) >> shift_);
  }

 private:
  u64 piece(u64 index) const { return from_ + (index << shift_); }
  static u64 mask_of(u64 low, u64 high) { return ~u64{0} >> (kPieces - 1 - (high - low)) << low; }

  u64 from_;
  u64 mask_;  // By piece.
  u32 bytes_;
  u32 shift_;
};

}  // namespace lr::jit
