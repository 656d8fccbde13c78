// Who a process is, and what it does to others. All but sleeping takes effect through inboxes: the
// caller's own, when it next stops, and the other's.
#include "host/lunatic/abi.h"
#include "host/lunatic/lunatic.h"

namespace lr::lunatic {
namespace {

using Kind = Envelope::Kind;

void tell_myself(Process& process, std::unique_ptr<Signal> signal) {
  process.send(std::move(signal), &process.worker());
}

// False: there is no such process.
bool tell(Process& process, u64 process_id, std::unique_ptr<Signal> signal) {
  const sched::ProcessRef other = process.environment().find(process_id);
  return other && static_cast<Process&>(*other).send(std::move(signal), &process.worker());
}

}  // namespace

Step<Done> process_sleep_ms(Caller& caller, u64 millis) {
  if (!caller.repeated()) return caller.again_at(deadline_after(millis));
  if (caller.wait.expired) return Done();
  return caller.again_at(caller.wait.deadline_ns);
}

Done process_die_when_link_dies(Caller& caller, u32 dies) {
  Process& process = *caller.process();
  auto signal = std::make_unique<Signal>(Kind::DieWhenLinkDies, process.pid());
  signal->on = dies != 0;
  tell_myself(process, std::move(signal));
  return {};
}

u64 process_process_id(Caller& caller) { return caller.process()->pid(); }

u64 process_environment_id(Caller& caller) { return caller.process()->environment().id(); }

Done process_link(Caller& caller, i64 tag, u64 process_id) {
  Process& process = *caller.process();
  tell_myself(process, std::make_unique<Signal>(Kind::Link, process_id, tag));
  if (tell(process, process_id, std::make_unique<Signal>(Kind::Link, process.pid(), tag))) {
    return {};
  }
  auto died = std::make_unique<Signal>(Kind::LinkDied, process_id, tag);
  died->reason = DeathReason::NoProcess;
  tell_myself(process, std::move(died));
  return {};
}

Done process_unlink(Caller& caller, u64 process_id) {
  Process& process = *caller.process();
  tell_myself(process, std::make_unique<Signal>(Kind::Unlink, process_id));
  tell(process, process_id, std::make_unique<Signal>(Kind::Unlink, process.pid()));
  return {};
}

Done process_monitor(Caller& caller, u64 process_id) {
  Process& process = *caller.process();
  tell(process, process_id, std::make_unique<Signal>(Kind::Monitor, process.pid()));
  return {};
}

Done process_stop_monitoring(Caller& caller, u64 process_id) {
  Process& process = *caller.process();
  tell(process, process_id, std::make_unique<Signal>(Kind::StopMonitoring, process.pid()));
  return {};
}

Done process_kill(Caller& caller, u64 process_id) {
  Process& process = *caller.process();
  tell(process, process_id, std::make_unique<Signal>(Kind::Kill, process.pid()));
  return {};
}

u32 process_exists(Caller& caller, u64 process_id) {
  const sched::ProcessRef other = caller.process()->environment().find(process_id);
  return other && !static_cast<const Process&>(*other).has_ended() ? 1 : 0;
}

}  // namespace lr::lunatic
