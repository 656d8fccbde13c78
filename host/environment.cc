#include "host/environment.h"

#include "host/death_log.h"
#include "host/process.h"
#include "host/runtime.h"

namespace lr {

sched::ProcessRef Environment::find(Pid pid) const {
  sched::ProcessRef found = runtime_.scheduler().find(pid);
  if (!found) return found;
  if (found->family() != Process::kFamily ||
      &static_cast<const Process&>(*found).environment() != this) {
    found.reset();
  }
  return found;
}

Process* Environment::find(Pid pid, sched::Worker& worker) const {
  sched::Process* const found = worker.find(pid);
  if (found == nullptr || found->family() != Process::kFamily) return nullptr;
  auto* const process = static_cast<Process*>(found);
  return &process->environment() == this ? process : nullptr;
}

bool Environment::wants_backtraces() const {
  const DeathLog* const log = runtime_.death_log();
  return log != nullptr && log->wants_backtraces();
}

void Environment::report_death(const Process& process, const Outcome& outcome, usize links) {
  if (DeathLog* const log = runtime_.death_log(); log != nullptr) {
    log->report(process, outcome, links);
  }
}

}  // namespace lr
