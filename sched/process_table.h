// The table of all processes: pid to block, with references counted in the table's entry, so that
// a stale pid is recognised without touching a block.
//
// Free indices come in batches: each worker keeps some to itself (a Cache), so that a process comes
// and goes without a lock and without a line that two workers write.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "sched/counter.h"
#include "sched/process.h"

namespace lr::sched {

class ProcessTable {
 public:
  // What one worker has of the table. Only its worker hands it to add() and remove().
  class alignas(64) Cache {
   public:
    Worker* owner = nullptr;

   private:
    friend class ProcessTable;
    static constexpr u32 kRoom = 128;
    Counter added_;
    Counter removed_;
    u32 count_ = 0;
    u32 free_[kRoom];
  };

  // At most `blocks_max` processes have blocks at a time: those that live, and those that have
  // ended and are still referred to. With caches it may refuse up to an eighth earlier, unless that
  // is small.
  explicit ProcessTable(u32 blocks_max, u32 caches = 0);
  ~ProcessTable();
  ProcessTable(const ProcessTable&) = delete;
  ProcessTable& operator=(const ProcessTable&) = delete;

  Cache& cache(u32 index) { return caches_[index]; }

  // Enters a process, new or used before: gives it a pid and `references` references, of which one
  // is the table's own. It counts as queued from now on, and whoever finds it may wake it. If that
  // fails, it stays the caller's. Without a cache: any thread.
  Result<Pid> add(Process& process, u32 references, Cache* mine = nullptr);

  // The process has ended: drops the table's own reference. False from now on: find().
  void remove(Process& process, Cache* mine = nullptr);

  // Lock-free.
  ProcessRef find(Pid pid);
  // Drops a reference as remove() does its own.
  void release(ProcessRef& ref, Cache& mine);

  // How many have not been removed. 0 is exact if nobody adds.
  u32 live() const;

  // How many there ever were.
  u64 added() const;

  void for_each(void* context, void (*visit)(void* context, Process& process));

 private:
  friend class ProcessRef;

  // Entries come in chunks that double, so that a small table is small: chunk 0 has the indices
  // below kChunk0, chunk n those from kChunk0 << (n - 1) to twice that. They never move.
  static constexpr u32 kChunk0 = 256;
  static constexpr u32 kChunks = kPidIndexBits - 8 + 1;
  static_assert(kChunk0 << (kChunks - 1) == 1u << kPidIndexBits);
  static constexpr u32 kBatch = Cache::kRoom / 2;

  // In which chunk an index is, where there, and the chunk's size.
  struct Place {
    u32 chunk;
    u32 at;
    u32 size;
  };
  static Place place_of(u32 index);
  ProcessEntry* entry(u32 index) const;
  Result<u32> fetch_index(Cache* mine);
  void give_index(u32 index, Cache* mine);
  Status refill(u32* indices, u32 wanted, u32& got);
  Status make_entry(u32 index);
  void drop(Process& process, Cache* mine);
  void count_one(Counter* mine, Counter& shared);

  const u32 blocks_max_;
  const u32 batch_;  // 0: caches keep nothing.
  std::vector<Cache> caches_;
  std::mutex mutex_;  // For what is below; entries are read without it.
  Counter added_;     // Without a cache.
  Counter removed_;
  u32 out_ = 0;  // Indices in caches and in use.
  std::vector<u32> free_;
  std::atomic<u32> used_{1};  // Indices ever handed out; 0 is nobody's.
  std::atomic<ProcessEntry*> chunks_[kChunks] = {};
};

}  // namespace lr::sched
