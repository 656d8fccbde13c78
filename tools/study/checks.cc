#include "tools/study/checks.h"

namespace lr::study {

Result<std::optional<u64>> count_checks(const Program& program, const Setup& setup,
                                        jit::Preempt preempt, u64 duration_max_ns) {
  const bool has_checks = preempt != jit::Preempt::None && preempt != jit::Preempt::Signal;
  if (!has_checks) return std::optional<u64>(0);
  // Never quiet; and unlike the test mode, which it is taken from, it leaves the stack limit alone.
  Alarm alarm = jit::alarm_of(preempt, true);
  alarm.always = false;
  const auto rig = TRY(Rig::create(program, setup, preempt, 1, nullptr));
  TRY(rig->runtime().scheduler().start_all());
  const auto guest = TRY(Guest::create(*rig));
  sched::Process& process = guest->process();
  process.run.alarm.store(&alarm, std::memory_order_relaxed);
  const u64 before = process.account().preemptions.get();
  guest->start();
  if (!guest->wait_until(sched::now_ns() + duration_max_ns)) return std::optional<u64>();
  TRY(guest->finish());
  return std::optional<u64>(process.account().preemptions.get() - before);
}

}  // namespace lr::study
