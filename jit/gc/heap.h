// Heap: the objects of one process. Used only by whoever holds the process: no locks.
//
// Allocation bumps a cursor through a hole, a run of free lines that has just been cleared. Machine
// code does it itself while an object fits (RunState::heap_cursor, heap_limit); what does not fit
// comes here: the next hole of the block, another block with holes, a free block. An object larger
// than a line that does not fit its hole takes a block of its own kind, so that small holes are not
// passed over; one of more than kLargeBytes has blocks for itself.
//
// Collection marks from the roots and never moves. It happens where the process asks for an object,
// with the process's registers on its stack, in slices: collect() returns after a deadline, and the
// process gives its worker back before it asks again. Nothing of the process runs meanwhile, so
// there is no barrier. Marking records the lines that hold live objects; blocks without any are
// free, and the others are filled up, hole by hole (as in Immix).
//
// References in objects are found by their types. A word of the stack may be anything: it counts if
// it is the address of an object of this heap, known by the block's marks of the last collection
// and, for newer objects, by walking the holes that were handed out since.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "base/run_state.h"
#include "jit/gc/space.h"
#include "jit/gc/type_table.h"
#include "jit/memory.h"

namespace lr::jit::gc {

inline constexpr u64 kLargeBytes = 8 * kKiB;
// A collection is not worth its while for less.
inline constexpr u64 kThresholdMin = 8 * kMiB;
// What a block costs a process.
inline constexpr u64 kBlockCharge = kBlockBytes + sizeof(Block);

// Words that keep objects alive, asked for piece by piece while the process stands still.
class Roots {
 public:
  struct Range {
    const u64* words = nullptr;
    u64 count = 0;
    bool is_exact = false;  // Every word is a reference; else some may be by chance.
  };

  virtual ~Roots() = default;
  virtual void start() = 0;
  // The next piece; nothing after the last one.
  virtual std::optional<Range> next() = 0;
};

struct HeapStats {
  u64 collections = 0;
  u64 slices = 0;
  u64 longest_slice_ns = 0;
  u64 live_bytes = 0;  // In lines and large objects, as of the last collection.
};

// References, last in, first out.
class MarkStack {
 public:
  bool empty() const { return size_ == 0; }
  void push(u64 ref) {
    if (size_ == refs_.size()) [[unlikely]]
      refs_.resize(std::max<usize>(1024, 2 * size_));
    refs_[size_++] = ref;
  }
  u64 pop() { return refs_[--size_]; }
  // Between collections it need not hold much memory.
  void shrink() {
    if (size_ == 0 && refs_.size() > kKeep) refs_ = {};
  }

 private:
  static constexpr usize kKeep = 64 * kKiB;
  std::vector<u64> refs_;
  usize size_ = 0;
};

class Heap {
 public:
  // Asks `source` before it takes blocks. All three outlive the heap. Null when the system refuses
  // the addresses.
  static std::unique_ptr<Heap> create(RunState& run, MemorySource& source, Roots& roots,
                                      bool collects_always);
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  enum class Grant : u8 {
    Done,
    Collect,  // Run collect() until it is done, and ask again.
    Refused   // The process may not have more.
  };
  // An object of so many bytes, all of them zero: at least 16. Never collects.
  Grant allocate(u64 bytes, Object** object);
  // The same for whoever cannot collect: takes more memory instead.
  Object* allocate_now(u64 bytes);

  // Works on a collection for about `budget_ns`. True when it is complete.
  bool collect(u64 budget_ns);

  const HeapStats& stats() const { return stats_; }
  u64 held_bytes() const { return held_bytes_; }

 private:
  enum class Phase : u8 { Idle, Roots, Sweep, Tidy };
  struct Large {
    BlockIndex first;
    u32 count;
  };
  class Marker;
  // An object whose elements, or fields, from `next` on have not been looked at.
  struct Pending {
    u64 object;
    u64 next;
  };

  Heap(RunState& run, MemorySource& source, Roots& roots, Space& space, TypeTable& types,
       bool collects_always);

  // -- heap.cc
  bool bump(u64 bytes, u64& cursor, u64 limit, Object** object);
  Grant allocate_small(u64 bytes, Object** object);
  Grant allocate_medium(u64 bytes, Object** object);
  Grant allocate_large(u64 bytes, Object** object);
  bool next_hole();
  Grant take_block(BlockIndex* block);
  bool must_collect(u64 bytes) const;
  void use_hole(Block& block, BlockIndex index, u32 first, u32 last, u64* cursor, u64* limit);
  bool charge(u64 bytes);
  void release_large(const Large& large);
  void release_free_blocks(usize keep);

  // -- collector.cc
  void start_cycle();
  bool mark_roots(u64 deadline);
  void mark_range(u64& left);
  bool drain(u64 deadline);
  bool sweep(u64 deadline);
  void sweep_block(BlockIndex index);
  void spoil_free_lines(Block& block, BlockIndex index);
  void finish_sweep();
  bool tidy(u64 deadline);
  void prepare(Block& block);
  void walk_new_objects(Block& block, BlockIndex index);
  void mark(u64 ref);
  void mark_maybe(u64 word);

  RunState& run_;
  MemorySource& source_;
  Roots& roots_;
  Space& space_;
  TypeTable& types_;
  const u64 number_;
  const bool collects_always_;

  std::vector<BlockIndex> blocks_;       // Of small objects, in use.
  std::vector<BlockIndex> with_holes_;   // The part of them that has free lines, to be filled.
  std::vector<BlockIndex> free_blocks_;  // Ours, without objects.
  std::vector<Large> large_;
  BlockIndex current_ = Space::kNoBlock;  // Where heap_cursor is.
  u64 medium_cursor_ = 0;
  u64 medium_limit_ = 0;
  u64 held_bytes_ = 0;          // Charged.
  u64 allocated_bytes_ = 0;     // Holes and blocks handed out since the last collection.
  u64 threshold_bytes_;         // So many of them lead to the next one.
  bool has_collected_ = false;  // Since the last allocation: what is refused now is refused.

  Phase phase_ = Phase::Idle;
  u32 cycle_ = 1;
  Roots::Range range_;
  MarkStack marked_;              // Objects whose references have not been looked at.
  std::vector<Pending> pending_;  // Long ones, in part.
  usize swept_ = 0;
  usize swept_large_ = 0;
  usize kept_ = 0;
  u64 live_bytes_ = 0;
  HeapStats stats_;
};

}  // namespace lr::jit::gc
