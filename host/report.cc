#include "host/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "host/process.h"
#include "host/runtime.h"

namespace lr {

void ReportCollector::expect_one() {
  const std::lock_guard lock(mutex_);
  ++expected_;
}

void ReportCollector::add(ProcessReport report) {
  const std::lock_guard lock(mutex_);
  reports_.push_back(std::move(report));
  settle();
}

void ReportCollector::gone() {
  const std::lock_guard lock(mutex_);
  settle();
}

// Under the lock.
void ReportCollector::settle() {
  if (--expected_ == 0) all_.signal();
}

std::vector<ProcessReport> ReportCollector::wait(u64 deadline_ns) {
  gone();  // The asking is over.
  all_.wait_until(deadline_ns);
  const std::lock_guard lock(mutex_);
  std::vector<ProcessReport> reports = std::exchange(reports_, {});
  std::ranges::sort(reports, {}, &ProcessReport::pid);
  return reports;
}

std::vector<ProcessReport> collect_reports(Runtime& runtime, usize processes_max, u64 deadline_ns) {
  struct Asking {
    std::shared_ptr<ReportCollector> collector = std::make_shared<ReportCollector>();
    usize left = 0;
  } asking;
  asking.left = processes_max;
  runtime.scheduler().for_each(&asking, [](void* context, sched::Process& process) {
    auto& now = *static_cast<Asking*>(context);
    if (process.family() != Process::kFamily || now.left == 0) return;
    --now.left;
    now.collector->expect_one();
    static_cast<Process&>(process).ask_for_report(std::make_unique<ReportRequest>(now.collector));
  });
  return asking.collector->wait(deadline_ns);
}

// --- What a process says of itself.

namespace {

std::string_view name_of(Wait::Kind kind) {
  switch (kind) {
    case Wait::Kind::None:
    case Wait::Kind::Turn:
      return "running";
    case Wait::Kind::Fds:
      return "waiting for descriptors";
    case Wait::Kind::Job:
      return "waiting for a helper";
    case Wait::Kind::Message:
      return "receiving";
    case Wait::Kind::Event:
      return "waiting for a process";
    case Wait::Kind::Notify:
      return "waiting at an address";
    case Wait::Kind::Guest:
      return "running";
  }
  return "";
}

std::string_view name_of(Outcome::Kind kind) {
  switch (kind) {
    case Outcome::Kind::Returned:
      return "returned";
    case Outcome::Kind::Trapped:
      return "trapped";
    case Outcome::Kind::Exited:
      return "exited";
    case Outcome::Kind::Killed:
      return "killed";
  }
  return "";
}

}  // namespace

void Process::ask_for_report(std::unique_ptr<ReportRequest> request) {
  if (inbox_.push(request.get()) == Pushed::Refused) return;
  static_cast<void>(request.release());
  scheduler_.request(*this, kRequestSignal);
}

ProcessReport Process::figures() const {
  ProcessReport report;
  report.pid = pid();
  const Account& used = account();
  report.cpu_ns = used.cpu_ticks.get() * scheduler_.tick_ns();
  report.switches = used.switches.get();
  report.preemptions = used.preemptions.get();
  report.mailbox_messages = mailbox_.count();
  report.mailbox_bytes = mailbox_.bytes();
  report.mailbox_dropped = mailbox_.dropped();
  report.memory_bytes = memory_->charged_bytes();
  if (relations_ != nullptr) {
    report.links = relations_->links.size();
    report.monitors = relations_->monitors.size();
  }
  report.bookkeeping_bytes = bookkeeping_bytes();
  return report;
}

void Process::answer(ReportRequest& request) {
  ProcessReport report = figures();
  report.state = top_ == nullptr ? "idle" : name_of(top_->caller.wait.kind);
  if (is_waiting() && top_->caller.wait.kind == Wait::Kind::Fds && top_->caller.wait.fds.empty()) {
    report.state = "sleeping";
  }
  if (top_ != nullptr) {
    for (const jit::Frame& frame : jit::backtrace(run, 8).frames) {
      if (frame.module.empty()) continue;
      report.function = frame.module + "!" + frame.function;
      break;
    }
  }
  request.collector->add(std::move(report));
  request.collector.reset();
}

void Process::report_end(ReportSink& sink) const {
  ProcessReport report = figures();
  report.state = name_of(outcome().kind);
  if (module_ != nullptr && entry_.function != nullptr) {
    const jit::CompiledModule& module = *module_->compiled();
    report.function =
        fmt::format("{}!{}", module.name(), module.module().function_name(entry_.function->index));
  }
  sink.ended(report);
}

u64 Process::bookkeeping_bytes() const {
  u64 bytes = sizeof(Process) + sizeof(ProcessMemory) + store_->bookkeeping_bytes();
  if (rare_ != nullptr) bytes += sizeof(Rare);
  if (relations_ != nullptr) bytes += sizeof(Relations);
  if (timer_ != nullptr) bytes += sizeof(WakeTimer);
  return bytes;
}

}  // namespace lr
