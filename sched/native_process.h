// A process whose code is C++, for tests and benchmarks of the scheduler. Its body runs on a
// process stack, so everything it calls does too: the stack is large and never moves.
#pragma once

#include <functional>
#include <utility>

#include "base/check.h"
#include "sched/process.h"
#include "sched/scheduler.h"
#include "sched/stack.h"
#include "sched/switch.h"
#include "sched/worker.h"

namespace lr::sched {

class NativeProcess : public Process {
 public:
  using Body = std::function<void(NativeProcess& self)>;

  explicit NativeProcess(Body body) : body_(std::move(body)) {}

  // --- For the body.

  // Lets others run.
  void yield() { lr_leave(&run, Leave::Yield); }
  // What machine code does at loop headers.
  void poll() {
    if (bell_.alarm.load(std::memory_order_relaxed) != 0) yield();
  }
  // Until somebody wakes this process; perhaps earlier.
  void park() { lr_leave(&run, Leave::HostWait); }
  template <typename Condition>
  void wait_for(Condition&& condition) {
    while (!condition()) park();
  }
  // Wakes this process then, once.
  void wake_at(u64 deadline_ns) {
    timer_.cancel();
    worker().arm(timer_, deadline_ns);
  }
  void sleep_until(u64 deadline_ns) {
    wake_at(deadline_ns);
    wait_for([&] { return now_ns() >= deadline_ns; });
    timer_.cancel();
  }

  // --- For the test.

  // Signalled when the process has ended in any way.
  Completion* ended = nullptr;
  bool was_killed() const { return killed_; }

  Next on_dispatch(Worker& worker, u32 requests) override {
    if ((requests & kRequestKill) != 0) {
      killed_ = true;
      return Next::Done;
    }
    if (!slot_) {
      Result<Slot> slot = worker.scheduler().slots().allocate(kStackBytes, 0);
      CHECK(slot.ok());
      slot_ = *slot;
      run.stack_top = reinterpret_cast<u64>(slot_.stack_top());
      run.stack_limit = reinterpret_cast<u64>(slot_.stack_low());
      run.doorbell.store(&bell_, std::memory_order_release);
      run.publish_limit();
      prepare_native(run, &NativeProcess::start, this);
    }
    return Next::Resume;
  }
  Next on_leave(Worker&, Leave reason) override {
    return reason == Leave::HostWait ? Next::Park : Next::Done;
  }
  void on_done(Worker& worker) override {
    timer_.cancel();
    if (slot_) {
      stack_dropped(slot_.stack_low(), slot_.stack_bytes);
      worker.scheduler().slots().release(slot_, {slot_.stack_bytes, 0});
    }
    if (ended != nullptr) ended->signal();
  }

 private:
  static void start(RunState*, void* self) {
    NativeProcess& process = *static_cast<NativeProcess*>(self);
    process.body_(process);
  }

  struct WakeTimer : Timer {
    explicit WakeTimer(NativeProcess& owner) : Timer(&WakeTimer::fire), process(owner) {}
    static void fire(Timer& timer, Worker& worker) {
      worker.wake(static_cast<WakeTimer&>(timer).process);
    }
    NativeProcess& process;
  };

  // Enough for what a sanitizer does on it, too. Only what is touched costs anything.
  static constexpr u64 kStackBytes = 200 * kKiB;

  Body body_;
  Doorbell bell_;
  Slot slot_;
  WakeTimer timer_{*this};
  bool killed_ = false;
};

}  // namespace lr::sched
