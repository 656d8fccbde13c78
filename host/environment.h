// Environment: a set of processes that can reach one another, with the names that they have given
// each other. A program runs in one; in test mode each test has its own.
#pragma once

#include <atomic>
#include <memory>

#include "base/types.h"
#include "host/config.h"
#include "host/linked_module.h"
#include "host/registry.h"
#include "sched/scheduler.h"

namespace lr {

class Process;
class ReportSink;
class Runtime;
struct Outcome;

class Environment {
 public:
  Environment(Runtime& runtime, u64 id) : runtime_(runtime), id_(id) {}
  virtual ~Environment() = default;
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  Runtime& runtime() const { return runtime_; }
  u64 id() const { return id_; }
  Registry& registry() { return registry_; }

  // The live process of that id, if it is of this environment.
  sched::ProcessRef find(Pid pid) const;
  // The same on a worker, valid until the next call there.
  Process* find(Pid pid, sched::Worker& worker) const;

  // Whether the outcomes of processes are to say where they were.
  virtual bool wants_backtraces() const;
  // A process has failed or was killed, and so many links are about to be told. On its worker:
  // brief, and it must not wait.
  virtual void report_death(const Process& process, const Outcome& outcome, usize links);

  // Who is told of every end (host/report.h), or null. Set before there are processes; outlives
  // them.
  ReportSink* sink() const { return sink_; }
  void set_sink(ReportSink* sink) { sink_ = sink; }

 private:
  Runtime& runtime_;
  const u64 id_;
  Registry registry_;
  ReportSink* sink_ = nullptr;
};

using EnvironmentRef = std::shared_ptr<Environment>;

}  // namespace lr
