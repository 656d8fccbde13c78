// Reports: what each process says of itself when it is asked, for --stats, SIGUSR1 and
// --accounting.
//
// A process is asked through its inbox and answers when it has stopped: a parked one is woken for
// that and parks again, one that computes is interrupted. So every figure is of one moment of that
// process, and where it stands can be told.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/types.h"
#include "host/signal.h"
#include "sched/scheduler.h"

namespace lr {

class Runtime;

struct ProcessReport {
  Pid pid = 0;
  std::string_view state;  // "running", "receiving", "sleeping", ...
  u64 cpu_ns = 0;          // As far as the scheduler's ticks tell.
  u64 switches = 0;
  u64 preemptions = 0;
  u64 mailbox_messages = 0;
  u64 mailbox_bytes = 0;
  u64 mailbox_dropped = 0;  // Messages that the limits did not allow.
  u64 memory_bytes = 0;     // Of linear memories, touchable.
  u64 links = 0;
  u64 monitors = 0;
  u64 bookkeeping_bytes = 0;  // Beside its memories, tables, messages and stack.
  std::string function;       // Where it stands: the innermost frame of wasm. Empty: nowhere.
};

// Told of every process of an environment that has ended, on its worker: brief, and it must not
// wait. `state` says how it ended: "returned", "trapped", "exited" or "killed".
class ReportSink {
 public:
  virtual void ended(const ProcessReport& report) = 0;

 protected:
  ~ReportSink() = default;
};

// Where answers arrive. Shared by the one who asks and by all who are asked.
class ReportCollector {
 public:
  void expect_one();
  void add(ProcessReport report);
  // One that was asked has ended instead.
  void gone();
  // Until all have answered, or the deadline (now_ns() clock); by pid.
  std::vector<ProcessReport> wait(u64 deadline_ns);

 private:
  void settle();

  std::mutex mutex_;
  std::vector<ProcessReport> reports_;
  u64 expected_ = 1;  // And one for the asking itself.
  sched::Completion all_;
};

// The question, in an inbox.
struct ReportRequest final : Envelope {
  explicit ReportRequest(std::shared_ptr<ReportCollector> to)
      : Envelope(Kind::Report), collector(std::move(to)) {}
  ~ReportRequest() {
    if (collector != nullptr) collector->gone();
  }
  std::shared_ptr<ReportCollector> collector;  // Null once answered.
};

// Asks at most `processes_max` processes. Not on a worker: it waits for them, who does not answer
// by the deadline is left out.
std::vector<ProcessReport> collect_reports(Runtime& runtime, usize processes_max, u64 deadline_ns);

}  // namespace lr
