// What the functions of the Lunatic ABI share.
#pragma once

#include <fmt/format.h>

#include "frontend/reader.h"
#include "host/caller.h"
#include "host/lunatic/resources.h"
#include "host/process.h"

namespace lr::lunatic {

// --- Refusing.

// A trap with this text.
template <typename... Args>
Halt refuse(Caller& caller, fmt::format_string<Args...> text, Args&&... args) {
  return caller.trap(jit::Trap::Host, fmt::format(text, std::forward<Args>(args)...));
}
inline Halt out_of_bounds(Caller& caller) { return caller.trap(jit::Trap::MemoryOutOfBounds); }
inline Halt no_message(Caller& caller) { return refuse(caller, "there is no message in the slot"); }

// Keeps the error for the guest; its id.
inline u64 keep_error(Caller& caller, std::string text) {
  return caller.process()->resources().keep_error(std::move(text));
}

// --- Arguments.

// Longer texts are refused: a worker copies and checks them in one go.
inline constexpr u64 kTextMax = 64 * kKiB;

inline TrapOr<std::string> read_text(Caller& caller, const GuestString& text) {
  if (text.size() > kTextMax) {
    return refuse(caller, "a text of {} bytes is longer than {}", text.size(), kTextMax);
  }
  std::string copy = text.copy();
  if (!is_utf8(copy)) return refuse(caller, "a text is not UTF-8");
  return copy;
}

// sched::now_ns() clock. All ones is no deadline; what lies beyond the end of time is none either.
inline u64 deadline_after(u64 millis) {
  constexpr u64 kNsPerMs = 1'000'000;
  if (millis > (sched::kNever - 1) / kNsPerMs) return sched::kNever;
  const u64 now = sched::now_ns();
  return std::min(sched::kNever - now, millis * kNsPerMs) + now;
}

// --- Messages.

// The data message in the slot.
inline TrapOr<Message*> data_message(Caller& caller) {
  Message* const message = caller.process()->scratch().get();
  if (message == nullptr) return no_message(caller);
  if (message->type != Message::Type::Data) return refuse(caller, "this is no data message");
  return message;
}

// To a process of the sender's environment; dropped if there is none of that id.
inline void send_from(Process& process, u64 process_id, MessagePtr message) {
  // It is the receiver's to pay for.
  if (message->footprint() > kTextMax) process.pay_for_messages(0);
  sched::Worker& worker = process.worker();
  Process* const target = process.environment().find(process_id, worker);
  if (target != nullptr) target->send(std::move(message), &worker);
}

// The draft of that id.
TrapOr<ConfigDraft*> find_config(Caller& caller, u64 id);

}  // namespace lr::lunatic
