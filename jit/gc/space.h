// Space: the addresses of all heaps of the program, one reservation cut into blocks of 32 KiB, each
// of which belongs to one heap. What is known of a block stands in a table beside the reservation,
// so that "does this word point into my heap?" is a compare and two loads, wherever the word came
// from:
//
//   reservation   |block 0|block 1|block 2| ...           objects, nothing else
//   table         |Block 0|Block 1|Block 2| ...           owner, marks, lines
//
// A block that is given back keeps its bytes until it is used again: the heap that gets it clears
// what it hands out. Beyond a budget the system gets the pages back, piece by piece: see trim().
#pragma once

#include <atomic>
#include <mutex>
#include <span>
#include <vector>

#include "jit/gc/object.h"

namespace lr::jit::gc {

inline constexpr u32 kBlockLog2 = 15;
inline constexpr u64 kBlockBytes = u64{1} << kBlockLog2;
inline constexpr u32 kLineLog2 = 8;
inline constexpr u64 kLineBytes = u64{1} << kLineLog2;
inline constexpr u32 kLinesPerBlock = static_cast<u32>(kBlockBytes / kLineBytes);
inline constexpr u32 kGranulesPerBlock = static_cast<u32>(kBlockBytes / kGranule);

using BlockIndex = u32;

// One bit for each line.
struct LineSet {
  u64 words[kLinesPerBlock / 64] = {};

  // [first, last]
  void add_range(u32 first, u32 last) {
    words[first / 64] |= u64{1} << first % 64;
    for (u32 line = first + 1; line <= last; line++) words[line / 64] |= u64{1} << line % 64;
  }
  // The first line from `at` on that is in the set, or is not; kLinesPerBlock if there is none.
  u32 next(u32 at, bool in_set) const;
  u32 count() const;
};

// One bit for each multiple of 16 in a block.
struct GranuleSet {
  u64 words[kGranulesPerBlock / 64] = {};

  static u32 index_of(u64 address) { return (address & (kBlockBytes - 1)) / kGranule; }
  bool has(u64 address) const {
    const u32 i = index_of(address);
    return (words[i / 64] >> i % 64 & 1) != 0;
  }
  void add(u64 address) {
    const u32 i = index_of(address);
    words[i / 64] |= u64{1} << i % 64;
  }
  // False if it was in the set already.
  bool insert(u64 address) {
    const u32 i = index_of(address);
    u64& word = words[i / 64];
    const u64 bit = u64{1} << i % 64;
    if ((word & bit) != 0) return false;
    word |= bit;
    return true;
  }
};

struct alignas(64) Block {
  enum class Kind : u8 {
    Small,  // Objects side by side.
    Large   // The first of one object's blocks.
  };

  std::atomic<u64> owner{0};  // The heap's number, which is never given to another.
  Kind kind = Kind::Small;
  bool is_clean = false;   // All bytes are zero, to the end of what was acquired with it.
  bool is_walked = false;  // `starts` has the objects that are newer than the last collection.
  u32 cycle = 0;           // The collection that `marks` and `fresh` belong to.
  u32 next_line = 0;       // Lines below have been handed out, or are in use.
  LineSet used;            // Lines with objects, as the last collection found them.
  LineSet fresh;           // As the running one finds them.
  GranuleSet marks;        // Starts of objects found alive.
  GranuleSet starts;       // During a collection: of those that were there before it.

  // No word leads to an object in it.
  void forget_objects() {
    cycle = 0;
    next_line = 0;
    used = LineSet();
  }
  // Before it is given back by a heap that goes on: another's objects must not pass for its own.
  void disown() { owner.store(0, std::memory_order_relaxed); }
};

class Space {
 public:
  // Null when the system refuses the addresses.
  static Space* get();

  // So many blocks one behind the other; kNoBlock when the reservation is used up.
  static constexpr BlockIndex kNoBlock = ~BlockIndex{0};
  BlockIndex acquire(u32 count);
  void release(std::span<const BlockIndex> blocks);
  void release_range(BlockIndex first, u32 count);

  // Free blocks hold more pages than they should.
  bool wants_trim();
  // Gives the pages of at most so many blocks back; true if there is nothing left to do.
  bool trim(u32 blocks);
  // What a heap does between two looks at the clock: some 20 us.
  static constexpr u32 kTrimBlocks = 4;

  u64 base() const { return base_; }
  u64 address_of(BlockIndex block) const { return base_ + (u64{block} << kBlockLog2); }
  Block& block(BlockIndex index) const { return blocks_[index]; }
  BlockIndex index_of(u64 address) const {
    return static_cast<BlockIndex>((address - base_) >> kBlockLog2);
  }
  // From base() on: what was acquired once.
  u64 bytes_used() const { return bytes_used_.load(std::memory_order_relaxed); }
  bool contains(u64 address) const { return address - base_ < bytes_used(); }

 private:
  struct Range {
    BlockIndex first;
    u32 count;
  };
  static constexpr usize kResidentMax = 2048;  // Free blocks that keep their pages: 64 MiB.

  Space() = default;
  bool reserve();
  BlockIndex acquire_range(u32 count);
  void add_free_range(Range range);
  void forget_pages(Range range);

  u64 base_ = 0;
  u64 bytes_ = 0;
  std::atomic<u64> bytes_used_{0};
  Block* blocks_ = nullptr;
  std::mutex mutex_;
  std::vector<BlockIndex> free_;       // Single blocks with their pages.
  std::vector<BlockIndex> free_bare_;  // Single blocks without.
  std::vector<Range> free_ranges_;     // Without pages, by address.
  std::vector<Range> dirty_ranges_;    // With pages, not used before they are trimmed.
};

}  // namespace lr::jit::gc
