// The table of all processes: pid to block, with references counted in the table's entry, so that
// a stale pid is recognised without touching a block.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "sched/process.h"

namespace lr::sched {

class ProcessTable {
 public:
  explicit ProcessTable(u32 live_max) : live_max_(live_max) {}
  ~ProcessTable();
  ProcessTable(const ProcessTable&) = delete;
  ProcessTable& operator=(const ProcessTable&) = delete;

  // Enters a process: gives it a pid and two references, the caller's and the table's own.
  Result<ProcessRef> add(std::unique_ptr<Process> process);

  // The process has ended: drops the table's own reference. False from now on: find().
  void remove(Process& process);

  // Lock-free.
  ProcessRef find(Pid pid);

  // How many have not been removed.
  u32 live() const { return live_.load(std::memory_order_acquire); }

  // How many there ever were.
  u64 added() const { return added_.load(std::memory_order_relaxed); }

  void for_each(void* context, void (*visit)(void* context, Process& process));

  // A block that someone reads without a reference: dispose() waits until it is another. For the
  // tick, which rings processes that may end meanwhile.
  std::atomic<Process*>& hazard() { return hazard_; }

 private:
  friend class ProcessRef;

  // Entries come in chunks that double, so that a small table is small: chunk 0 has the indices
  // below kChunk0, chunk n those from kChunk0 << (n - 1) to twice that. They never move.
  static constexpr u32 kChunk0 = 64;
  static constexpr u32 kChunks = kPidIndexBits - 6 + 1;
  static_assert(kChunk0 << (kChunks - 1) == 1u << kPidIndexBits);
  static constexpr u64 kRefMask = (u64{1} << kPidIndexBits) - 1;
  static constexpr u64 kGenerationMax = ~u64{0} >> kPidIndexBits;

  // In which chunk an index is, where there, and the chunk's size.
  struct Place {
    u32 chunk;
    u32 at;
    u32 size;
  };
  static Place place_of(u32 index);
  ProcessEntry* entry(u32 index) const;
  bool acquire(ProcessEntry& entry, u64 generation);
  void drop(Process& process);
  Result<u32> free_index();

  const u32 live_max_;
  std::atomic<u32> live_{0};
  std::atomic<u64> added_{0};
  std::atomic<Process*> hazard_{nullptr};
  std::mutex mutex_;  // For what is below; entries are read without it.
  std::vector<u32> free_;
  std::atomic<u32> used_{1};  // Indices ever handed out; 0 is nobody's.
  std::atomic<ProcessEntry*> chunks_[kChunks] = {};
};

}  // namespace lr::sched
