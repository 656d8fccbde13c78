// A few threads for work that blocks or lasts: file I/O, name look-ups, compiling a large
// function. They start when first needed. The pool is also the Executor of validation and
// compilation, with or without a scheduler.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "base/executor.h"
#include "sched/os.h"
#include "sched/process.h"

namespace lr::sched {

// One piece of work, owned by whoever submits it, at a stable address until it has run or was
// withdrawn. The submitting process keeps itself alive with `keep` and parks; run() ends by telling
// it: takes `keep` out, stores the result, and calls Scheduler::wake.
struct HelperJob {
  using Run = void (*)(HelperJob& job);

  explicit HelperJob(Run run_job) : run(run_job) {}
  HelperJob(const HelperJob&) = delete;
  HelperJob& operator=(const HelperJob&) = delete;

  Run run;          // On a helper thread. May free the job.
  ProcessRef keep;  // Not read by the pool.

 private:
  friend class HelperPool;
  HelperJob* next_ = nullptr;
};

class HelperPool final : public Executor {
 public:
  // Jobs run on at most `job_threads` threads; parallel_for runs on at most `width` lanes, the
  // caller's included; 0: on as many as there are usable processors.
  HelperPool(u32 job_threads, u32 width);
  ~HelperPool() override { stop(); }

  // Runs what was submitted, then joins. Nothing is submitted any more.
  void stop();

  void submit(HelperJob& job);
  // True if the job had not started and now never will. False: it has run or runs.
  bool withdraw(HelperJob& job);

  using Executor::parallel_for;
  u32 width() const override;
  void parallel_for(usize count, void* context, Body body) override;

 private:
  struct Loop;
  using Threads = std::vector<std::unique_ptr<Thread>>;

  bool add_thread(Threads& threads, Thread::Body body);
  void job_thread();
  void loop_thread();
  static void run_lane(Loop& loop, u32 lane);

  const u32 job_threads_max_;
  mutable std::atomic<u32> width_;  // 0: not found out yet.
  std::mutex mutex_;
  std::condition_variable job_ready_;
  std::condition_variable loop_ready_;
  std::condition_variable loop_left_;
  HelperJob* first_ = nullptr;
  HelperJob** last_ = &first_;
  u32 jobs_waiting_ = 0;
  u32 jobs_idle_ = 0;
  std::mutex loop_turn_;
  Loop* loop_ = nullptr;
  bool stopping_ = false;
  Threads job_threads_;
  Threads loop_threads_;
};

}  // namespace lr::sched
