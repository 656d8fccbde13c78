// What processes do to one another, seen from both ends. A signal waits in the receiver's inbox
// until it has stopped running code; only what may end it interrupts it.

#include <utility>

#include "host/process.h"
#include "sched/reclaimer.h"

namespace lr {
namespace {

// Envelopes that a process handles before others have a turn: some 50 us.
constexpr u32 kHeardAtOnce = 500;

}  // namespace

void Process::send(MessagePtr message, sched::Worker* from) {
  switch (inbox_.push(message.get())) {
    case Pushed::Refused:
      return;
    case Pushed::Quietly:
      break;
    case Pushed::WakeOwner:
      if (from != nullptr) {
        from->wake_next(*this);
      } else {
        scheduler_.wake(*this);
      }
      break;
  }
  static_cast<void>(message.release());
}

bool Process::send(std::unique_ptr<Signal> signal, sched::Worker* from) {
  const bool may_end =
      signal->kind == Envelope::Kind::Kill ||
      (signal->kind == Envelope::Kind::LinkDied && signal->reason != DeathReason::Normal);
  const Pushed pushed = inbox_.push(signal.get());
  if (pushed == Pushed::Refused) return false;
  static_cast<void>(signal.release());
  if (may_end && from != nullptr) {
    from->request(*this, kRequestSignal);
  } else if (may_end) {
    scheduler_.request(*this, kRequestSignal);
  } else if (pushed == Pushed::WakeOwner) {
    if (from != nullptr) {
      from->wake(*this);
    } else {
      scheduler_.wake(*this);
    }
  }
  return true;
}

Process::Heard Process::handle_inbox() {
  for (u32 n = 0;; ++n) {
    if (unheard_ == nullptr) unheard_ = inbox_.take_all();
    Envelope* const envelope = unheard_;
    if (envelope == nullptr) return Heard::All;
    if (n == kHeardAtOnce) return Heard::Some;
    unheard_ = envelope->next;
    if (envelope->kind == Envelope::Kind::Message) {
      deliver(MessagePtr(static_cast<Message*>(envelope)));
    } else if (envelope->kind == Envelope::Kind::Report) {
      const std::unique_ptr<ReportRequest> asked(static_cast<ReportRequest*>(envelope));
      answer(*asked);
    } else {
      const std::unique_ptr<Signal> signal(static_cast<Signal*>(envelope));
      if (!handle(*signal)) return Heard::Killed;
    }
  }
}

// What does not fit any more, into the mailbox or into what all processes may have, is dropped.
void Process::deliver(MessagePtr message) {
  if (pay_for_messages(message->footprint())) {
    mailbox_.deliver(std::move(message), config_->mailbox);
  } else {
    mailbox_.refuse();
  }
}

// False: it ends the process.
bool Process::handle(const Signal& signal) {
  switch (signal.kind) {
    case Envelope::Kind::Message:
    case Envelope::Kind::Report:
      break;
    case Envelope::Kind::Kill:
      return false;
    case Envelope::Kind::DieWhenLinkDies:
      dies_with_links_ = signal.on;
      break;
    case Envelope::Kind::Link:
    case Envelope::Kind::Monitor:
      relations().heed(signal);
      break;
    case Envelope::Kind::Unlink:
    case Envelope::Kind::StopMonitoring:
      if (relations_ != nullptr) relations_->heed(signal);
      break;
    case Envelope::Kind::LinkDied: {
      if (relations_ != nullptr) relations_->links.remove(signal.pid);
      if (signal.reason == DeathReason::Normal) break;
      if (dies_with_links_) return false;
      auto message = std::make_unique<Message>();
      message->type = Message::Type::LinkDied;
      message->tag = signal.tag;
      deliver(std::move(message));
      break;
    }
    case Envelope::Kind::ProcessDied: {
      auto message = std::make_unique<Message>();
      message->type = Message::Type::ProcessDied;
      message->process = signal.pid;
      deliver(std::move(message));
      break;
    }
  }
  return true;
}

Relations& Process::relations() {
  if (relations_ == nullptr) relations_ = std::make_unique<Relations>();
  return *relations_;
}

// --- The end, as the others see it.

namespace {

// What a process leaves behind: whom to tell of its end, and what to free.
struct Aftermath {
  Pid dead;
  DeathReason reason;
  Relations relations;
  Envelope* unread = nullptr;  // Of the inbox, ...
  Envelope* later = nullptr;   // ... and what came behind that.
  Envelope* envelopes = nullptr;

  Aftermath(Pid pid, DeathReason why, Relations&& whom)
      : dead(pid), reason(why), relations(std::move(whom)) {}
  Aftermath(Aftermath&& other) noexcept
      : dead(other.dead),
        reason(other.reason),
        relations(std::move(other.relations)),
        unread(std::exchange(other.unread, nullptr)),
        later(std::exchange(other.later, nullptr)),
        envelopes(std::exchange(other.envelopes, nullptr)) {}
  Aftermath& operator=(Aftermath&&) = delete;
  ~Aftermath() {
    drop_envelopes(unread);
    drop_envelopes(later);
    drop_envelopes(envelopes);
  }

  // At most kPiece of each. True when nothing is left.
  bool step(Environment& environment, sched::Worker& worker) {
    if (unread == nullptr) unread = std::exchange(later, nullptr);
    for (u32 n = 0; n < kPiece && unread != nullptr; ++n) {
      Envelope* const first = std::exchange(unread, unread->next);
      first->next = nullptr;
      // Who has linked itself to the process or watches it, and was not heard any more, is told
      // too.
      if (is_signal(*first)) relations.heed(static_cast<const Signal&>(*first));
      drop_envelopes(first);
    }
    if (unread != nullptr || later != nullptr) return false;
    if (!tell(relations.links, Envelope::Kind::LinkDied, environment, worker)) return false;
    if (!tell(relations.monitors, Envelope::Kind::ProcessDied, environment, worker)) return false;
    envelopes = drop_envelopes(envelopes, kPiece);
    return envelopes == nullptr;
  }

 private:
  static constexpr u32 kPiece = 200;

  bool tell(PidSet& whom, Envelope::Kind what, Environment& environment, sched::Worker& worker) {
    for (u32 n = 0; n < kPiece && !whom.empty(); ++n) {
      const PidSet::Entry entry = whom.take();
      Process* const other = environment.find(entry.pid, worker);
      if (other == nullptr) continue;
      auto signal = std::make_unique<Signal>(what, dead, entry.tag);
      signal->reason = reason;
      other->send(std::move(signal), &worker);
    }
    return whom.empty();
  }
};

// Deals with what is too much for one go: a process without code.
class AftermathProcess final : public sched::Process {
 public:
  AftermathProcess(EnvironmentRef environment, Aftermath&& left)
      : environment_(std::move(environment)), left_(std::move(left)) {}

  sched::Next on_dispatch(sched::Worker& worker, u32 requests) override {
    if ((requests & kRequestKill) != 0) return sched::Next::Done;
    ++steps_;
    return left_.step(*environment_, worker) ? sched::Next::Done : sched::Next::Requeue;
  }
  sched::Next on_leave(sched::Worker&, Leave) override { return sched::Next::Done; }
  void on_done(sched::Worker&) override {
    if (steps_ >= kStepsToTrim) sched::trim_heap_later();
  }

 private:
  static constexpr u32 kStepsToTrim = 100;  // 20,000 messages: a flood.

  u32 steps_ = 0;
  EnvironmentRef environment_;
  Aftermath left_;
};

}  // namespace

void Process::tell_the_others(sched::Worker& worker) {
  Envelope* const unheard = std::exchange(unheard_, nullptr);
  Envelope* const later = inbox_.close();
  mailbox_.stop_waiting();  // It may have been killed over it.
  Envelope* const waiting = mailbox_.count() != 0 ? mailbox_.take_list() : nullptr;
  const Outcome& outcome = this->outcome();
  const bool failed = outcome.kind == Outcome::Kind::Trapped ||
                      outcome.kind == Outcome::Kind::Killed ||
                      (outcome.kind == Outcome::Kind::Exited && outcome.exit_status != 0);
  // What a program outside controls is that program's to report.
  if (failed && entry_.ends_process) {
    environment_->report_death(*this, outcome, relations_ ? relations_->links.size() : 0);
  }
  const bool concerns_nobody = relations_ == nullptr || relations_->empty();
  if (concerns_nobody && unheard == nullptr && later == nullptr && waiting == nullptr) return;
  // Links of both ends go; only failures reach further, but each end forgets the other.
  Aftermath left(pid(), failed ? DeathReason::Failure : DeathReason::Normal,
                 relations_ == nullptr ? Relations() : std::move(*relations_));
  left.unread = unheard;
  left.later = later;
  left.envelopes = waiting;
  if (left.step(*environment_, worker)) return;
  static_cast<void>(
      worker.spawn(std::make_unique<AftermathProcess>(environment_, std::move(left))));
}

}  // namespace lr
