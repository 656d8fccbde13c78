// The collector: Heap's methods that find what is alive.
#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/check.h"
#include "frontend/type_registry.h"
#include "jit/gc/heap.h"

namespace lr::jit::gc {

namespace {

// Between two looks at the clock, each some microseconds.
constexpr u64 kStepsPerLook = 512;  // Objects and references.
constexpr u64 kWordsPerLook = 512;
constexpr u32 kBlocksPerLook = 64;
constexpr u64 kElementsPerPiece = 256;
constexpr u64 kWordsPerPiece = 8;  // That may be anything.

u64 now_ns() {
  return static_cast<u64>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                              std::chrono::steady_clock::now().time_since_epoch())
                              .count());
}

}  // namespace

bool Heap::collect(u64 budget_ns) {
  const u64 start = now_ns();
  const u64 deadline = start + budget_ns;
  if (phase_ == Phase::Idle) start_cycle();
  bool done = false;
  if (phase_ == Phase::Roots && mark_roots(deadline)) phase_ = Phase::Sweep;
  if (phase_ == Phase::Sweep && sweep(deadline)) {
    finish_sweep();
    phase_ = Phase::Tidy;
  }
  if (phase_ == Phase::Tidy && tidy(deadline)) {
    has_collected_ = true;
    phase_ = Phase::Idle;
    done = true;
  }
  stats_.slices++;
  stats_.longest_slice_ns = std::max(stats_.longest_slice_ns, now_ns() - start);
  return done;
}

void Heap::start_cycle() {
  // What is left of the holes stays unused until the next cycle finds it free.
  run_.heap_cursor = run_.heap_limit = 0;
  medium_cursor_ = medium_limit_ = 0;
  current_ = Space::kNoBlock;
  with_holes_.clear();
  cycle_++;
  roots_.start();
  range_ = {};
  phase_ = Phase::Roots;
}

// -- Marking --------------------------------------------------------------------------------------

bool Heap::mark_roots(u64 deadline) {
  for (;;) {
    if (!drain(deadline)) return false;
    u64 left = kWordsPerLook;
    while (left > 0) {
      if (range_.count == 0) {
        const std::optional<Roots::Range> next = roots_.next();
        if (!next) return drain(deadline);
        range_ = *next;
      }
      mark_range(left);
    }
  }
}

// The next `left` words of range_, or fewer; what is left of `left`.
void Heap::mark_range(u64& left) {
  const u64 count = std::min(range_.count, left);
  const u64* const words = range_.words;
  range_.words += count;
  range_.count -= count;
  left -= std::min(left, std::max(count, u64{1}));
  if (range_.is_exact) {
    for (u64 i = 0; i < count; i++) mark(words[i]);
  } else {
    for (u64 i = 0; i < count; i++) mark_maybe(words[i]);
  }
}

// The marking loop, with what it needs of the heap in registers. An object that is next is asked
// for from memory while the few before it are looked at.
class Heap::Marker {
 public:
  explicit Marker(Heap& heap)
      : heap_(heap),
        base_(heap.space_.base()),
        span_(heap.space_.bytes_used()),
        blocks_(&heap.space_.block(0)),
        rows_(reinterpret_cast<const u8*>(heap.types_.rows())),
        cycle_(heap.cycle_) {}

  // Takes so many steps, or a few more, or fewer if there is nothing left; false then.
  bool run(u64 steps) {
    steps_ = 0;
    u64 ring[kAhead];
    u32 first = 0, count = 0;
    MarkStack& stack = heap_.marked_;
    bool more = true;
    for (;;) {
      for (; count < kAhead && !stack.empty(); count++) {
        const u64 ref = stack.pop();
        __builtin_prefetch(object_of(ref));
        ring[(first + count) % kAhead] = ref;
      }
      if (count == 0) {
        if (heap_.pending_.empty()) {
          more = false;
          break;
        }
        const Pending piece = heap_.pending_.back();
        heap_.pending_.pop_back();
        scan_piece(*object_of(piece.object), piece.next);
        if (steps_ >= steps) break;
        continue;
      }
      if (steps_ >= steps) break;
      const u64 ref = ring[first];
      first = (first + 1) % kAhead;
      count--;
      scan(ref);
    }
    for (; count > 0; count--) stack.push(ring[(first + count - 1) % kAhead]);
    return more;
  }

  // A reference that may be an object's.
  [[gnu::always_inline]] void mark(u64 ref) {
    const u64 offset = ref - base_;
    if (offset >= span_ || offset % kGranule != 0) return;
    Block& block = blocks_[offset >> kBlockLog2];
    if (block.cycle != cycle_) [[unlikely]]
      heap_.prepare(block);
    if (block.marks.insert(offset)) heap_.marked_.push(ref);
  }

 private:
  static constexpr u32 kAhead = 8;

  [[gnu::always_inline]] void scan(u64 ref) {
    Object& object = *object_of(ref);
    const TypeRow& type = *reinterpret_cast<const TypeRow*>(rows_ + object.type);
    const bool is_struct = type.shape == Shape::Struct;
    const u64 offset = ref - base_;
    Block& block = blocks_[offset >> kBlockLog2];
    if (block.kind == Block::Kind::Small) {
      const u64 bytes = is_struct ? type.size_bytes : array_bytes(object.length, type.element_log2);
      const u64 in_block = offset % kBlockBytes;
      block.fresh.add_range(static_cast<u32>(in_block >> kLineLog2),
                            static_cast<u32>((in_block + bytes - 1) >> kLineLog2));
    }
    steps_++;
    if (!is_struct || type.is_large) {
      if (type.references != 0 || type.is_large || type.shape == Shape::Exception) {
        scan_piece(object, 0);
      }
      return;
    }
    steps_ += static_cast<u64>(std::popcount(type.references));
    const auto* words = reinterpret_cast<const u64*>(&object);
    for (u64 rest = type.references; rest != 0; rest &= rest - 1) {
      mark(words[std::countr_zero(rest)]);
    }
  }

  // Fields or elements from `from` on; what does not fit a piece waits.
  void scan_piece(Object& object, u64 from) {
    const TypeRow& type = *reinterpret_cast<const TypeRow*>(rows_ + object.type);
    if (type.shape == Shape::Struct) return scan_fields(object, from);
    const bool is_exact = type.shape == Shape::Array;
    const auto* elements = reinterpret_cast<const u64*>(object.elements());
    const u64 end =
        piece_end(object, from, object.length, is_exact ? kElementsPerPiece : kWordsPerPiece);
    for (u64 i = from; i < end; i++) {
      if (is_exact) {
        mark(elements[i]);
      } else {
        heap_.mark_maybe(elements[i]);  // An integer of a payload may look like a reference.
      }
    }
    if (!is_exact) steps_ += kStepsPerLook;
  }

  // Of a structure with more references than the row's bits reach.
  void scan_fields(Object& object, u64 from) {
    const DefinedType& type = defined_type(type_of_word(object.type));
    const auto mark_at = [&](u32 offset) {
      mark(*reinterpret_cast<const u64*>(object.bytes() + offset));
    };
    const u64 end = piece_end(object, from, type.fields.size(), kElementsPerPiece);
    for (u64 i = from; i < end; i++) {
      if (may_refer(type.fields[i].type)) mark_at(type.offsets[i]);
    }
    if (from == 0 && type.descriptor != kNoType) mark_at(type.descriptor_offset);
  }

  u64 piece_end(Object& object, u64 from, u64 count, u64 piece) {
    const u64 end = std::min(from + piece, count);
    if (end < count) heap_.pending_.push_back({ref_of(&object), end});
    steps_ += end - from;
    return end;
  }

  Heap& heap_;
  const u64 base_;
  const u64 span_;
  Block* const blocks_;
  const u8* const rows_;
  const u32 cycle_;
  u64 steps_ = 0;
};

bool Heap::drain(u64 deadline) {
  Marker marker(*this);
  do {
    if (!marker.run(kStepsPerLook)) return now_ns() < deadline;
  } while (now_ns() < deadline);
  return false;
}

void Heap::mark(u64 ref) { Marker(*this).mark(ref); }

// The block's first object in this cycle.
void Heap::prepare(Block& block) {
  if (block.cycle == cycle_ - 1) {
    block.starts = block.marks;
  } else {
    block.starts = GranuleSet();
  }
  block.marks = GranuleSet();
  block.fresh = LineSet();
  block.is_walked = false;
  block.cycle = cycle_;
}

void Heap::mark_maybe(u64 word) {
  if ((word & (kGranule - 1)) != 0 || !space_.contains(word)) return;
  const BlockIndex index = space_.index_of(word);
  Block& block = space_.block(index);
  if (block.owner.load(std::memory_order_relaxed) != number_) return;
  if (block.kind == Block::Kind::Large) {
    if (word == space_.address_of(index)) mark(word);
    return;
  }
  if (block.cycle != cycle_) prepare(block);
  if (!block.is_walked) walk_new_objects(block, index);
  if (block.starts.has(word)) mark(word);
}

// Objects that were made since the last collection lie side by side from the start of each hole
// that was handed out; zeros follow the last one.
void Heap::walk_new_objects(Block& block, BlockIndex index) {
  block.is_walked = true;
  const u64 start = space_.address_of(index);
  for (u32 first = block.used.next(0, false); first < block.next_line;) {
    const u32 last = std::min(block.used.next(first, true), block.next_line);
    u64 at = start + first * kLineBytes;
    const u64 end = start + last * kLineBytes;
    while (at < end && object_of(at)->type != 0) {
      block.starts.add(at);
      at += types_.size_of(*object_of(at));
    }
    first = block.used.next(last, false);
  }
}

// -- Sweeping -------------------------------------------------------------------------------------

bool Heap::sweep(u64 deadline) {
  while (swept_ < blocks_.size()) {
    const usize end = std::min(swept_ + kBlocksPerLook, blocks_.size());
    for (; swept_ < end; swept_++) sweep_block(blocks_[swept_]);
    if (now_ns() >= deadline) return false;
  }
  while (swept_large_ < large_.size()) {
    const Large large = large_[swept_large_];
    if (space_.block(large.first).cycle == cycle_) {
      live_bytes_ += u64{large.count} << kBlockLog2;
      swept_large_++;
      continue;
    }
    large_[swept_large_] = large_.back();
    large_.pop_back();
    release_large(large);
    if (now_ns() >= deadline) return false;
  }
  return true;
}

void Heap::sweep_block(BlockIndex index) {
  Block& block = space_.block(index);
  block.is_clean = false;
  if (block.cycle != cycle_) {
    block.forget_objects();
    if (collects_always_) spoil_free_lines(block, index);
    free_blocks_.push_back(index);
    return;
  }
  block.used = block.fresh;
  block.next_line = 0;
  const u32 lines = block.used.count();
  live_bytes_ += lines * kLineBytes;
  if (lines < kLinesPerBlock) with_holes_.push_back(index);
  if (collects_always_) spoil_free_lines(block, index);
  blocks_[kept_++] = index;
}

// Test mode: what was dead and is still used shows.
void Heap::spoil_free_lines(Block& block, BlockIndex index) {
  for (u32 line = 0; line < kLinesPerBlock; line++) {
    if (block.used.next(line, true) == line) continue;
    std::memset(reinterpret_cast<u8*>(space_.address_of(index)) + line * kLineBytes, 0xd7,
                kLineBytes);
  }
}

void Heap::finish_sweep() {
  blocks_.resize(kept_);
  stats_.collections++;
  stats_.live_bytes = live_bytes_;
  threshold_bytes_ = std::max(kThresholdMin, live_bytes_);
  swept_ = swept_large_ = kept_ = 0;
  live_bytes_ = allocated_bytes_ = 0;
  marked_.shrink();
}

// More free blocks than the next cycle can need go back, and so do pages.
bool Heap::tidy(u64 deadline) {
  const usize keep = threshold_bytes_ / kBlockBytes + 1;
  while (free_blocks_.size() > keep) {
    release_free_blocks(
        std::max(keep, free_blocks_.size() - std::min<usize>(free_blocks_.size(), kBlocksPerLook)));
    if (now_ns() >= deadline) return false;
  }
  while (!space_.trim(Space::kTrimBlocks)) {
    if (now_ns() >= deadline) return false;
  }
  return true;
}

}  // namespace lr::jit::gc
