#include "sched/helper_pool.h"

#include <algorithm>
#include <atomic>

namespace lr::sched {

// A parallel_for in progress. Lanes take indices from `next` until there are no more.
struct HelperPool::Loop {
  void* context;
  Body body;
  usize count;
  u32 lanes_max;
  std::atomic<usize> next{0};
  u32 lanes = 1;   // Given out; 0 is the caller's. Under the mutex.
  u32 active = 0;  // Of them, those of threads that have not left. Under the mutex.
};

HelperPool::HelperPool(u32 job_threads, u32 width)
    : job_threads_max_(std::max(job_threads, 1u)), width_(width) {}

u32 HelperPool::width() const {
  if (width_.load(std::memory_order_relaxed) == 0) {
    width_.store(usable_processors(), std::memory_order_relaxed);
  }
  return width_.load(std::memory_order_relaxed);
}

void HelperPool::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  job_ready_.notify_all();
  loop_ready_.notify_all();
  for (auto& thread : job_threads_) thread->join();
  for (auto& thread : loop_threads_) thread->join();
  job_threads_.clear();
  loop_threads_.clear();
}

// Under the lock.
bool HelperPool::add_thread(Threads& threads, Thread::Body body) {
  auto thread = std::make_unique<Thread>();
  if (!thread->start("lr-helper", body, this)) return false;
  threads.push_back(std::move(thread));
  return true;
}

void HelperPool::submit(HelperJob& job) {
  std::unique_lock lock(mutex_);
  if (jobs_waiting_ >= jobs_idle_ && job_threads_.size() < job_threads_max_) {
    const auto body = [](void* self) { static_cast<HelperPool*>(self)->job_thread(); };
    if (!add_thread(job_threads_, body) && job_threads_.empty()) {
      // The system gives us no thread at all: slow is better than never.
      lock.unlock();
      return job.run(job);
    }
  }
  job.next_ = nullptr;
  *last_ = &job;
  last_ = &job.next_;
  ++jobs_waiting_;
  job_ready_.notify_one();
}

bool HelperPool::withdraw(HelperJob& job) {
  std::lock_guard lock(mutex_);
  for (HelperJob** link = &first_; *link != nullptr; link = &(*link)->next_) {
    if (*link != &job) continue;
    *link = job.next_;
    if (job.next_ == nullptr) last_ = link;
    --jobs_waiting_;
    return true;
  }
  return false;
}

void HelperPool::job_thread() {
  std::unique_lock lock(mutex_);
  while (true) {
    while (first_ == nullptr && !stopping_) {
      ++jobs_idle_;
      job_ready_.wait(lock);
      --jobs_idle_;
    }
    if (first_ == nullptr) return;
    HelperJob& job = *first_;
    first_ = job.next_;
    if (first_ == nullptr) last_ = &first_;
    --jobs_waiting_;
    lock.unlock();
    job.run(job);
    lock.lock();
  }
}

void HelperPool::run_lane(Loop& loop, u32 lane) {
  while (true) {
    const usize index = loop.next.fetch_add(1, std::memory_order_relaxed);
    if (index >= loop.count) return;
    loop.body(loop.context, index, lane);
  }
}

void HelperPool::parallel_for(usize count, void* context, Body body) {
  if (count <= 1 || width() == 1) {
    for (usize i = 0; i < count; ++i) body(context, i, 0);
    return;
  }
  Loop loop;
  loop.context = context;
  loop.body = body;
  loop.count = count;
  loop.lanes_max = static_cast<u32>(std::min<usize>(width(), count));
  // Two callers at a time: the second waits for the first.
  std::lock_guard turn(loop_turn_);
  {
    std::lock_guard lock(mutex_);
    loop_ = &loop;
    const auto thread = [](void* self) { static_cast<HelperPool*>(self)->loop_thread(); };
    while (loop_threads_.size() + 1 < loop.lanes_max && add_thread(loop_threads_, thread)) {
    }
  }
  loop_ready_.notify_all();
  run_lane(loop, 0);
  std::unique_lock lock(mutex_);
  loop_ = nullptr;  // Nobody joins any more; wait for those who did.
  while (loop.active != 0) loop_left_.wait(lock);
}

void HelperPool::loop_thread() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (loop_ == nullptr || loop_->lanes == loop_->lanes_max) {
      loop_ready_.wait(lock);
      continue;
    }
    Loop& loop = *loop_;
    const u32 lane = loop.lanes++;
    ++loop.active;
    lock.unlock();
    run_lane(loop, lane);
    lock.lock();
    if (--loop.active == 0) loop_left_.notify_all();
  }
}

}  // namespace lr::sched
