#include "sched/process_table.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"
#include "sched/os.h"

namespace lr::sched {

// A small table is filled to its last place.
ProcessTable::ProcessTable(u32 blocks_max, u32 caches)
    : blocks_max_(blocks_max),
      batch_(std::min(blocks_max / (16 * (caches + 1)), kBatch)),
      caches_(caches) {}

ProcessTable::~ProcessTable() {
  for (u32 i = 0; i < kChunks; ++i) {
    ProcessEntry* chunk = chunks_[i].load();
    if (chunk == nullptr) continue;
    const u64 entries = i == 0 ? kChunk0 : u64{kChunk0} << (i - 1);
    unmap_pages(reinterpret_cast<u8*>(chunk), entries * sizeof(ProcessEntry));
  }
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

// Under the lock: there is an entry for the index. Pages that are zero until they are touched are
// as good as constructed, and a large chunk costs nothing at once.
Status ProcessTable::make_entry(u32 index) {
  const Place place = place_of(index);
  std::atomic<ProcessEntry*>& chunk = chunks_[place.chunk];
  if (chunk.load(std::memory_order_relaxed) != nullptr) return ok_status();
  static_assert(kChunk0 * sizeof(ProcessEntry) % 4096 == 0);
  u8* pages = TRY(map_pages(place.size * sizeof(ProcessEntry)));
  chunk.store(reinterpret_cast<ProcessEntry*>(pages), std::memory_order_release);
  return ok_status();
}

// Under the lock: at least one index whose entry nobody uses, at most `wanted`.
Status ProcessTable::refill(u32* indices, u32 wanted, u32& got) {
  wanted = std::min(wanted, blocks_max_ - out_);
  if (wanted == 0) return make_error(Err::LimitExceeded, "too many processes");
  for (got = 0; got < wanted; ++got) {
    if (!free_.empty()) {
      indices[got] = free_.back();
      free_.pop_back();
      continue;
    }
    const u32 index = used_.load(std::memory_order_relaxed);
    if (index >> kPidIndexBits != 0) break;
    if (Status made = make_entry(index); !made.ok() && got == 0) return made;
    if (entry(index) == nullptr) break;
    indices[got] = index;
    used_.store(index + 1, std::memory_order_release);
  }
  if (got == 0) return make_error(Err::LimitExceeded, "out of process ids");
  out_ += got;
  return ok_status();
}

// One for the caller and, if it has a cache, more for that.
Result<u32> ProcessTable::fetch_index(Cache* mine) {
  std::lock_guard lock(mutex_);
  if (mine == nullptr || batch_ == 0) {
    u32 index = 0;
    u32 got = 0;
    TRY(refill(&index, 1, got));
    return index;
  }
  TRY(refill(mine->free_, batch_, mine->count_));
  // The lowest first: neighbours in the table for neighbours in time.
  std::reverse(mine->free_, mine->free_ + mine->count_);
  return mine->free_[--mine->count_];
}

void ProcessTable::give_index(u32 index, Cache* mine) {
  if (mine == nullptr || batch_ == 0) {
    std::lock_guard lock(mutex_);
    free_.push_back(index);
    --out_;
    return;
  }
  if (mine->count_ == 2 * batch_) {
    std::lock_guard lock(mutex_);
    // The oldest; what was used last is still in this processor's cache.
    free_.insert(free_.end(), mine->free_, mine->free_ + batch_);
    std::copy(mine->free_ + batch_, mine->free_ + mine->count_, mine->free_);
    mine->count_ -= batch_;
    out_ -= batch_;
  }
  mine->free_[mine->count_++] = index;
}

Result<Pid> ProcessTable::add(Process& process, u32 references, Cache* mine) {
  const bool cached = mine != nullptr && mine->count_ != 0;
  const u32 index = cached ? mine->free_[--mine->count_] : TRY(fetch_index(mine));
  ProcessEntry& slot = *entry(index);
  process.renew();
  process.table_ = this;
  process.entry_ = &slot;
  process.pid_ = slot.word.generation() << kPidIndexBits | index;
  const Pid pid = process.pid_;
  slot.process.store(&process, std::memory_order_relaxed);
  // Before anyone can count its end.
  count_one(mine != nullptr ? &mine->added_ : nullptr, added_);
  slot.word.open(references);
  return pid;
}

ProcessRef ProcessTable::find(Pid pid) {
  ProcessRef ref;
  ProcessEntry* slot = entry(static_cast<u32>(pid & ((1u << kPidIndexBits) - 1)));
  if (slot == nullptr || !slot->word.acquire(pid >> kPidIndexBits)) return ref;
  ref.process_ = slot->process.load(std::memory_order_relaxed);
  if (ref->state() == Process::kDone) ref.reset();
  return ref;
}

void ProcessTable::release(ProcessRef& ref, Cache& mine) {
  drop(*std::exchange(ref.process_, nullptr), &mine);
}

void ProcessTable::remove(Process& process, Cache* mine) {
  drop(process, mine);
  count_one(mine != nullptr ? &mine->removed_ : nullptr, removed_);
}

// On the cache's own counter, or on the one that all others share.
void ProcessTable::count_one(Counter* mine, Counter& shared) {
  if (mine != nullptr) return mine->publish();
  std::lock_guard lock(mutex_);
  shared.publish();
}

void ProcessTable::drop(Process& process, Cache* mine) {
  ProcessEntry& slot = *process.entry_;
  if (!slot.word.release()) return;
  const u32 index = static_cast<u32>(process.pid_ & ((1u << kPidIndexBits) - 1));
  process.dispose(mine != nullptr ? mine->owner : nullptr);
  if (slot.word.close()) return give_index(index, mine);
  // Used up: the index retires, and no longer counts.
  std::lock_guard lock(mutex_);
  --out_;
}

u32 ProcessTable::live() const {
  // Those removed first: so the difference is never too small, and 0 only if it was.
  u64 removed = removed_.get();
  for (const Cache& cache : caches_) removed += cache.removed_.get();
  std::atomic_thread_fence(std::memory_order_acquire);
  return static_cast<u32>(added() - removed);
}

u64 ProcessTable::added() const {
  u64 sum = added_.get();
  for (const Cache& cache : caches_) sum += cache.added_.get();
  return sum;
}

void ProcessTable::for_each(void* context, void (*visit)(void* context, Process& process)) {
  const u32 used = used_.load(std::memory_order_acquire);
  for (u32 index = 1; index < used; ++index) {
    const u64 generation = entry(index)->word.generation();
    const ProcessRef ref = find(generation << kPidIndexBits | index);
    if (ref) visit(context, *ref);
  }
}

ProcessRef::ProcessRef(Process& process) : process_(&process) { process.entry_->word.retain(); }

ProcessRef::ProcessRef(const ProcessRef& other) : process_(other.process_) {
  if (process_ != nullptr) process_->entry_->word.retain();
}

void ProcessRef::reset() {
  if (process_ != nullptr) process_->table_->drop(*process_, nullptr);
  process_ = nullptr;
}

}  // namespace lr::sched
