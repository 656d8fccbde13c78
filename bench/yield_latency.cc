// How long a running guest takes to answer a request to yield.
//
//   yield_latency [--preempt=KIND] SAMPLES MODULE N [MODULE N]...
//
// For each module it calls the export `run` with N, again and again, while a second thread asks it
// to yield at random moments. It prints a line of JSON: percentiles of the nanoseconds from request
// to answer. The threads are kept on processors of their own, and a sample during which the system
// took either of them off its processor does not count: `disturbed` says how many there were.
#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "host/runtime.h"
#include "host/wasi/wasi.h"

namespace lr {
namespace {

constexpr u64 kPauseMinNs = 20'000, kPauseMaxNs = 200'000;

u64 now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<u64>(t.tv_sec) * 1'000'000'000 + static_cast<u64>(t.tv_nsec);
}

// Keeps the calling thread on the `index`th of the processors that the program may use.
void pin(u32 index) {
  static const cpu_set_t allowed = [] {
    cpu_set_t set;
    sched_getaffinity(0, sizeof(set), &set);
    return set;
  }();
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed) || index-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
    return;
  }
}

// Calls the guest in a loop on a thread of its own.
class Runner {
 public:
  Runner(ProcessHandle& process, jit::Instance& instance, u64 n)
      : process_(process), instance_(instance), n_(n), thread_([this] { work(); }) {
    while (!started_.load(std::memory_order_acquire)) std::this_thread::yield();
  }
  ~Runner() {
    stop_.store(true, std::memory_order_relaxed);
    thread_.join();
  }

  pid_t thread_id() const { return thread_id_; }
  bool failed() const { return failed_.load(std::memory_order_relaxed); }

 private:
  void work() {
    pin(1);
    thread_id_ = gettid();
    std::vector<u64> values = {1};
    failed_ = !process_.call(instance_, "run", values).returned();  // Compiles what it calls.
    started_.store(true, std::memory_order_release);
    while (!stop_.load(std::memory_order_relaxed) && !failed()) {
      values = {n_};
      failed_ = !process_.call(instance_, "run", values).returned();
    }
  }

  ProcessHandle& process_;
  jit::Instance& instance_;
  u64 n_;
  pid_t thread_id_ = 0;
  std::atomic<bool> started_{false}, stop_{false}, failed_{false};
  std::thread thread_;
};

struct Samples {
  std::vector<u64> wall;
  u32 disturbed = 0;
};

// How often the system has taken the thread off its processor.
u64 times_descheduled(pid_t thread) {
  std::ifstream status(fmt::format("/proc/self/task/{}/status", thread));
  u64 times = 0;
  for (std::string word; status >> word;) {
    if (word == "voluntary_ctxt_switches:" || word == "nonvoluntary_ctxt_switches:") {
      u64 more = 0;
      status >> more;
      times += more;
    }
  }
  return times;
}

// Asks, and waits for the process to have been preempted once more. No sample comes of a request
// that met the process while it did not run: it is answered where it is dispatched.
void take_sample(Runner& runner, sched::Scheduler& scheduler, sched::Process& process,
                 Samples& samples) {
  const u64 before = process.account().preemptions.get();
  const auto preempted = [&] { return process.account().preemptions.get() != before; };
  const auto descheduled = [&] {
    return times_descheduled(runner.thread_id()) + times_descheduled(gettid());
  };
  const u64 times = descheduled();
  const u64 start = now_ns();
  scheduler.interrupt(process);
  while (process.run.request.load(std::memory_order_acquire) != 0 && !runner.failed()) {
  }
  const u64 end = now_ns();
  for (u32 i = 0; i < 1000 && !preempted(); i++) {
  }
  if (!preempted()) return;
  if (descheduled() != times) {
    samples.disturbed++;
  } else {
    samples.wall.push_back(end - start);
  }
}

std::string percentiles(std::vector<u64>& values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](u32 thousandths) {
    return values[std::min(values.size() - 1, values.size() * thousandths / 1000)];
  };
  return fmt::format(R"({{"p50":{},"p99":{},"p999":{},"max":{}}})", at(500), at(990), at(999),
                     values.back());
}

Status measure(const char* path, u64 n, u32 count, jit::Preempt preempt) {
  std::ifstream file(path, std::ios::binary);
  std::vector<u8> bytes(std::istreambuf_iterator<char>(file), {});
  RuntimeOptions options;
  options.scheduler.workers = 1;
  options.engine.preempt = preempt;
  const auto runtime = TRY(Runtime::create(options));
  TRY(runtime->linker().add(wasi::functions()));
  const auto module = TRY(runtime->load(std::move(bytes), path));
  const auto process = TRY(runtime->create_process({}));
  jit::Instance* instance = TRY(process->instantiate(module));
  Samples samples;
  bool failed = false;
  {
    Runner runner(*process, *instance, n);
    std::mt19937 random(1);
    std::uniform_int_distribution<u64> pause(kPauseMinNs, kPauseMaxNs);
    while (samples.wall.size() < count && !runner.failed()) {
      const u64 until = now_ns() + pause(random);
      while (now_ns() < until) {
      }
      take_sample(runner, runtime->scheduler(), process->process(), samples);
    }
    failed = runner.failed();
  }
  if (failed) return make_error(Err::BadArgument, "the guest trapped");
  fmt::print("{{\"module\":\"{}\",\"samples\":{},\"disturbed\":{},\"ns\":{}}}\n", path,
             samples.wall.size(), samples.disturbed, percentiles(samples.wall));
  std::fflush(stdout);
  return ok_status();
}

u64 parse_number(std::string_view text) {
  u64 value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace
}  // namespace lr

int main(int argc, char** argv) {
  constexpr std::string_view kOption = "--preempt=";
  auto preempt = lr::jit::Preempt::Flag;
  bool is_right = true;
  if (argc > 1 && std::string_view(argv[1]).starts_with(kOption)) {
    const auto named = lr::jit::parse_preempt(std::string_view(argv[1]).substr(kOption.size()));
    is_right = named.has_value();
    preempt = named.value_or(preempt);
    argc--;
    argv++;
  }
  if (!is_right || argc < 4 || argc % 2 != 0) {
    fmt::print(stderr, "usage: yield_latency [--preempt=KIND] SAMPLES MODULE N [MODULE N]...\n");
    return 2;
  }
  lr::pin(0);
  const auto samples = static_cast<lr::u32>(lr::parse_number(argv[1]));
  int status = 0;
  for (int i = 2; i < argc; i += 2) {
    const lr::Status done = lr::measure(argv[i], lr::parse_number(argv[i + 1]), samples, preempt);
    if (done.ok()) continue;
    fmt::print(stderr, "{}: {}\n", argv[i], done.error().message());
    status = 1;
  }
  return status;
}
