#include "tools/run_watch.h"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "host/process.h"
#include "host/runtime.h"
#include "tools/commands.h"
#include "tools/process_reports.h"

namespace lr::cli {

namespace {

constexpr usize kAskedMax = 100'000;
constexpr usize kShownMax = 50;
constexpr u64 kPatienceNs = 5'000'000'000;

// Those that the one who started us does not want ignored, as for a job in the background.
sigset_t watched_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  struct sigaction now{};
  if (::sigaction(SIGINT, nullptr, &now) == 0 && now.sa_handler != SIG_IGN) sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

RunWatch::RunWatch(bool asks_at_end) : asks_at_end_(asks_at_end) {
  const sigset_t set = watched_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] { watch(); });
}

RunWatch::~RunWatch() {
  stopping_.store(true, std::memory_order_release);
  call_back();
  thread_.join();
  const sigset_t set = watched_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

// The thread waits for nothing but signals, so one of them says that there is something else.
void RunWatch::call_back() { pthread_kill(thread_.native_handle(), SIGUSR1); }

void RunWatch::started(Runtime& runtime, Process& root) {
  root_.store(&root, std::memory_order_release);
  runtime_.store(&runtime, std::memory_order_release);
}

void RunWatch::ended() {
  // Read first: the thread takes it when it has been called.
  Runtime& runtime = *runtime_.load(std::memory_order_relaxed);
  ending_.store(true, std::memory_order_release);
  call_back();
  // Processes can answer only where somebody runs them.
  runtime.scheduler().drive(asked_);
}

void RunWatch::watch() {
  const sigset_t set = watched_signals();
  while (!stopping_.load(std::memory_order_acquire)) {
    int signal = 0;
    if (sigwait(&set, &signal) != 0) continue;
    if (signal == SIGINT) {
      interrupt();
    } else if (ending_.exchange(false, std::memory_order_acq_rel)) {
      Runtime* runtime = runtime_.exchange(nullptr, std::memory_order_acquire);
      root_.store(nullptr, std::memory_order_relaxed);
      if (asks_at_end_) {
        left_ = collect_reports(*runtime, kAskedMax, sched::now_ns() + kPatienceNs);
      }
      asked_.signal();
    } else if (!stopping_.load(std::memory_order_acquire)) {
      print_processes();
    }
  }
}

void RunWatch::print_processes() {
  Runtime* runtime = runtime_.load(std::memory_order_acquire);
  if (runtime == nullptr) return;
  const std::vector<ProcessReport> reports =
      collect_reports(*runtime, kAskedMax, sched::now_ns() + kPatienceNs);
  const u32 live = runtime->scheduler().live();
  std::string text = process_summary(reports);
  if (reports.size() < live) {
    text += fmt::format("{:<18} {} of {} processes\n", "answered", reports.size(), live);
  }
  text += process_table(reports, kShownMax);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void RunWatch::interrupt() {
  Process* root = root_.load(std::memory_order_acquire);
  // Nothing is there that could end gracefully, or it has been asked to before.
  if (root == nullptr || interrupted_.exchange(true, std::memory_order_relaxed)) {
    ::_exit(kExitInterrupted);
  }
  if (Runtime* runtime = runtime_.load(std::memory_order_acquire)) {
    runtime->scheduler().request(*root, kRequestKill);
  }
}

}  // namespace lr::cli
