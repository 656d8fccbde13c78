// The message that a process makes or reads lies in its scratch slot; sending takes it out,
// receiving puts one in.
#include <algorithm>

#include "host/lunatic/abi.h"
#include "host/lunatic/lunatic.h"

namespace lr::lunatic {
namespace {

// Longer lists than this are refused: looking for a tag among them would hold the worker.
constexpr u32 kTagsMax = 4096;
constexpr usize kFewTags = 16;

Halt no_message(Caller& caller) { return refuse(caller, "there is no message in the slot"); }

// The data message in the slot.
TrapOr<Message*> data_message(Caller& caller) {
  Message* const message = caller.process()->scratch().get();
  if (message == nullptr) return no_message(caller);
  if (message->type != Message::Type::Data) return refuse(caller, "this is no data message");
  return message;
}

TrapOr<u32> received(Caller& caller, MessagePtr message) {
  const u32 type = static_cast<u32>(message->type);
  caller.process()->scratch() = std::move(message);
  return type;
}

void send_to(Caller& caller, u64 process_id, MessagePtr message) {
  Process& process = *caller.process();
  const sched::ProcessRef target = process.environment().find(process_id);
  if (target) static_cast<Process&>(*target).send(std::move(message), &process.worker());
}

// The wait of a receive is over.
Step<TrapOr<u32>> after_wait(Caller& caller) {
  Mailbox& mailbox = caller.process()->mailbox();
  if (mailbox.has_awaited()) return received(caller, mailbox.take_awaited());
  mailbox.stop_waiting();
  return kTimedOut;
}

}  // namespace

Done message_create_data(Caller& caller, i64 tag, u64 /*capacity*/) {
  MessagePtr& scratch = caller.process()->scratch();
  if (scratch == nullptr) scratch = std::make_unique<Message>();
  scratch->reset(tag);
  return {};
}

// A call that traps leaves the slot empty.
TrapOr<u32> message_write_data(Caller& caller, GuestPointer data, u32 length) {
  MessagePtr& scratch = caller.process()->scratch();
  Message* const message = TRY(data_message(caller));
  if (!data.memory->claim(data.offset, length)) {
    scratch.reset();
    return out_of_bounds(caller);
  }
  if (!message->append(data.memory->at(data.offset, length), length)) {
    scratch.reset();
    return refuse(caller, "no memory for the message");
  }
  return length;
}

TrapOr<u32> message_read_data(Caller& caller, GuestPointer data, u32 length) {
  MessagePtr& scratch = caller.process()->scratch();
  Message* const message = TRY(data_message(caller));
  if (message->read_at > message->size()) {
    scratch.reset();
    return refuse(caller, "the read position lies beyond the end of the message");
  }
  if (!data.memory->claim(data.offset, length)) {
    scratch.reset();
    return out_of_bounds(caller);
  }
  const u64 count = std::min<u64>(length, message->size() - message->read_at);
  if (count > 0) message->copy_out(message->read_at, data.memory->at(data.offset, count), count);
  message->read_at += count;
  return static_cast<u32>(count);
}

TrapOr<Done> message_seek_data(Caller& caller, u64 index) {
  Message* const message = TRY(data_message(caller));
  message->read_at = index;
  return Done();
}

TrapOr<i64> message_get_tag(Caller& caller) {
  const MessagePtr& scratch = caller.process()->scratch();
  if (scratch == nullptr) return no_message(caller);
  return scratch->tag;
}

TrapOr<u64> message_get_process_id(Caller& caller) {
  const MessagePtr& scratch = caller.process()->scratch();
  if (scratch == nullptr) return no_message(caller);
  return scratch->process;
}

TrapOr<u64> message_data_size(Caller& caller) {
  Message* const message = TRY(data_message(caller));
  return message->size();
}

TrapOr<u32> message_send(Caller& caller, u64 process_id) {
  MessagePtr& scratch = caller.process()->scratch();
  if (scratch == nullptr) return no_message(caller);
  send_to(caller, process_id, std::move(scratch));
  return kSuccess;
}

Step<TrapOr<u32>> message_send_receive_skip_search(Caller& caller, u64 process_id, i64 tag,
                                                   u64 timeout_ms) {
  if (caller.repeated()) return after_wait(caller);
  Process& process = *caller.process();
  if (process.scratch() == nullptr) return no_message(caller);
  process.mailbox().await({&tag, 1});
  send_to(caller, process_id, std::move(process.scratch()));
  return caller.again_at_message(deadline_after(timeout_ms));
}

Step<TrapOr<u32>> message_receive(Caller& caller, GuestPointer tags, u32 tag_count,
                                  u64 timeout_ms) {
  if (caller.repeated()) return after_wait(caller);
  Mailbox& mailbox = caller.process()->mailbox();
  if (tag_count == 0) {
    if (MessagePtr message = mailbox.take()) return received(caller, std::move(message));
    mailbox.await({});
    return caller.again_at_message(deadline_after(timeout_ms));
  }
  const u64 bytes = u64{tag_count} * sizeof(i64);
  if (!tags.memory->claim(tags.offset, bytes)) return out_of_bounds(caller);
  if (tag_count > kTagsMax) {
    return refuse(caller, "{} tags are more than {}", tag_count, kTagsMax);
  }
  i64 few[kFewTags];
  std::vector<i64> many;
  if (tag_count > kFewTags) many.resize(tag_count);
  i64* const wanted = tag_count > kFewTags ? many.data() : few;
  std::memcpy(wanted, tags.memory->at(tags.offset, bytes), bytes);
  const std::span<const i64> all(wanted, tag_count);
  if (MessagePtr message = mailbox.take(all)) return received(caller, std::move(message));
  mailbox.await(all);
  return caller.again_at_message(deadline_after(timeout_ms));
}

}  // namespace lr::lunatic
