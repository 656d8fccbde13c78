#include "sched/process_table.h"

#include <bit>

#include "base/check.h"
#include "sched/os.h"

namespace lr::sched {

ProcessTable::~ProcessTable() {
  for (std::atomic<ProcessEntry*>& chunk : chunks_) delete[] chunk.load();
}

ProcessTable::Place ProcessTable::place_of(u32 index) {
  if (index < kChunk0) return {0, index, kChunk0};
  const u32 chunk = static_cast<u32>(std::bit_width(index / kChunk0));
  const u32 size = kChunk0 << (chunk - 1);
  return {chunk, index - size, size};
}

ProcessEntry* ProcessTable::entry(u32 index) const {
  const Place place = place_of(index);
  ProcessEntry* chunk = chunks_[place.chunk].load(std::memory_order_acquire);
  return chunk == nullptr ? nullptr : &chunk[place.at];
}

// Under the lock: an index whose entry nobody uses.
Result<u32> ProcessTable::free_index() {
  if (!free_.empty()) {
    const u32 index = free_.back();
    free_.pop_back();
    return index;
  }
  const u32 index = used_.load(std::memory_order_relaxed);
  if (index >> kPidIndexBits != 0) return make_error(Err::LimitExceeded, "out of process ids");
  if (entry(index) == nullptr) {
    const Place place = place_of(index);
    chunks_[place.chunk].store(new ProcessEntry[place.size], std::memory_order_release);
  }
  used_.store(index + 1, std::memory_order_release);
  return index;
}

Result<ProcessRef> ProcessTable::add(std::unique_ptr<Process> process) {
  std::lock_guard lock(mutex_);
  if (live_.load(std::memory_order_relaxed) >= live_max_) {
    return make_error(Err::LimitExceeded, "too many processes");
  }
  const u32 index = TRY(free_index());
  ProcessEntry& slot = *entry(index);
  const u64 generation = slot.word.load(std::memory_order_relaxed) >> kPidIndexBits;
  ProcessRef ref;
  ref.process_ = process.release();
  ref->table_ = this;
  ref->entry_ = &slot;
  ref->pid_ = generation << kPidIndexBits | index;
  slot.process.store(ref.process_, std::memory_order_relaxed);
  // Release: whoever finds the generation finds the process in the state it is in now.
  slot.word.store(generation << kPidIndexBits | 2, std::memory_order_release);
  live_.fetch_add(1, std::memory_order_acq_rel);
  added_.fetch_add(1, std::memory_order_relaxed);
  return ref;
}

// Takes a reference if the entry is still that process's.
bool ProcessTable::acquire(ProcessEntry& slot, u64 generation) {
  u64 word = slot.word.load(std::memory_order_acquire);
  while (word >> kPidIndexBits == generation && (word & kRefMask) != 0) {
    if ((word & kRefMask) == kRefMask) return false;
    if (slot.word.compare_exchange_weak(word, word + 1, std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
      return true;
    }
  }
  return false;
}

ProcessRef ProcessTable::find(Pid pid) {
  ProcessRef ref;
  ProcessEntry* slot = entry(static_cast<u32>(pid & kRefMask));
  if (slot == nullptr || !acquire(*slot, pid >> kPidIndexBits)) return ref;
  ref.process_ = slot->process.load(std::memory_order_relaxed);
  if (ref->state() == Process::kDone) ref.reset();
  return ref;
}

void ProcessTable::remove(Process& process) {
  live_.fetch_sub(1, std::memory_order_acq_rel);
  drop(process);
}

void ProcessTable::drop(Process& process) {
  ProcessEntry& slot = *process.entry_;
  const u64 before = slot.word.fetch_sub(1, std::memory_order_acq_rel);
  if ((before & kRefMask) != 1) return;
  // The tick publishes a block here before it looks whether a worker still holds it; we stopped
  // holding it before we look here.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  while (hazard_.load(std::memory_order_acquire) == &process) cpu_relax();
  const u32 index = static_cast<u32>(process.pid_ & kRefMask);
  const u64 generation = process.pid_ >> kPidIndexBits;
  process.dispose();
  if (generation == kGenerationMax) return;  // Used up: the index retires.
  slot.word.store((generation + 1) << kPidIndexBits, std::memory_order_release);
  std::lock_guard lock(mutex_);
  free_.push_back(index);
}

void ProcessTable::for_each(void* context, void (*visit)(void* context, Process& process)) {
  const u32 used = used_.load(std::memory_order_acquire);
  for (u32 index = 1; index < used; ++index) {
    ProcessEntry& slot = *entry(index);
    const u64 generation = slot.word.load(std::memory_order_acquire) >> kPidIndexBits;
    const ProcessRef ref = find(generation << kPidIndexBits | index);
    if (ref) visit(context, *ref);
  }
}

ProcessRef::ProcessRef(Process& process) : process_(&process) {
  process.entry_->word.fetch_add(1, std::memory_order_relaxed);
}

ProcessRef::ProcessRef(const ProcessRef& other) : process_(other.process_) {
  if (process_ != nullptr) process_->entry_->word.fetch_add(1, std::memory_order_relaxed);
}

void ProcessRef::reset() {
  if (process_ != nullptr) process_->table_->drop(*process_);
  process_ = nullptr;
}

}  // namespace lr::sched
