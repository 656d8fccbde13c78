// Messages that are sent later.
#include "host/lunatic/abi.h"
#include "host/lunatic/lunatic.h"

namespace lr::lunatic {

TrapOr<u64> timer_send_after(Caller& caller, u64 process_id, u64 delay_ms) {
  Process& process = *caller.process();
  if (process.scratch() == nullptr) return no_message(caller);
  Resources& resources = process.resources();
  if (resources.timers.size() >= resources.timers_to_sweep) {
    resources.timers.remove_if([](const DelayedMessageRef& timer) { return timer->has_fired(); });
    const u64 timers_max = process.config().mailbox.messages_max;
    if (resources.timers.size() >= timers_max) {
      return refuse(caller, "{} timers are under way, the most that there may be", timers_max);
    }
    resources.timers_to_sweep =
        std::min<u64>(timers_max, std::max<u64>(64, 2 * resources.timers.size()));
  }
  DelayedMessageRef timer =
      DelayedMessage::start(process.environment_ref(), process_id, process.scratch(),
                            deadline_after(delay_ms), process.worker());
  if (!timer) return refuse(caller, "no memory for a timer");
  return resources.timers.add(std::move(timer));
}

// 1: it will not be sent. 0: it has been, or there is no such timer.
u32 timer_cancel_timer(Caller& caller, u64 timer_id) {
  auto& timers = caller.process()->resources().timers;
  const DelayedMessageRef* const timer = timers.find(timer_id);
  if (timer == nullptr) return 0;
  const bool cancelled = (*timer)->cancel();
  timers.remove(timer_id);
  return cancelled ? 1 : 0;
}

}  // namespace lr::lunatic
