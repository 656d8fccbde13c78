// What one process does to another other than sending it a message. Handled by the receiver, in the
// order of arrival, whenever it stops running code.
#pragma once

#include "base/types.h"
#include "host/inbox.h"
#include "sched/process.h"

namespace lr {

using sched::Pid;

// Why a link died. Normal ends concern nobody.
enum class DeathReason : u8 { Normal, Failure, NoProcess };

struct Signal final : Envelope {
  Signal(Kind what, Pid about, i64 with_tag = 0) : Envelope(what), pid(about), tag(with_tag) {}

  // From a pool, as messages are.
  static void* operator new(usize size);
  static void operator delete(void* block);

  Pid pid;          // Whom it is about: the other end of the link, who died, who monitors.
  i64 tag;          // Of links. 0: none.
  bool on = false;  // DieWhenLinkDies.
  DeathReason reason = DeathReason::Normal;  // LinkDied.
};

inline bool is_signal(const Envelope& envelope) {
  return envelope.kind != Envelope::Kind::Message && envelope.kind != Envelope::Kind::Report;
}

}  // namespace lr
