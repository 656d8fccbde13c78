// Whoever stands beside a running program: SIGUSR1 prints what each process does, SIGINT ends the
// program gracefully and a second one at once, and in the end it asks those that are left.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "host/report.h"
#include "host/run.h"

namespace lr::cli {

class RunWatch final : public RunObserver {
 public:
  // From now on the signals are this thread's. Made before other threads are, of which none takes
  // them then. `asks_at_end`: whether left() is wanted.
  explicit RunWatch(bool asks_at_end);
  ~RunWatch();
  RunWatch(const RunWatch&) = delete;
  RunWatch& operator=(const RunWatch&) = delete;

  void started(Runtime& runtime, Process& root) override;
  void ended() override;

  // SIGINT has ended the program.
  bool interrupted() const { return interrupted_.load(std::memory_order_relaxed); }
  // The processes that were there when the program's first had ended, it among them.
  const std::vector<ProcessReport>& left() const { return left_; }

 private:
  void watch();
  void print_processes();
  void interrupt();
  void call_back();

  const bool asks_at_end_;
  std::atomic<Runtime*> runtime_{nullptr};
  std::atomic<Process*> root_{nullptr};
  std::atomic<bool> interrupted_{false};
  std::atomic<bool> ending_{false};
  std::atomic<bool> stopping_{false};
  sched::Completion asked_;
  std::vector<ProcessReport> left_;
  std::thread thread_;
};

}  // namespace lr::cli
