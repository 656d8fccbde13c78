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
// What is copied without looking up.
constexpr u64 kPieceBytes = 128 * kKiB;

TrapOr<u32> received(Caller& caller, MessagePtr message) {
  const u32 type = static_cast<u32>(message->type);
  caller.process()->scratch() = std::move(message);
  return type;
}

// A message that no mailbox takes cannot be made either.
u64 size_max(Caller& caller) { return caller.config().mailbox.bytes_max; }

Halt no_memory(Caller& caller) { return refuse(caller, "no memory for the message"); }

// Appends to the message that the process works on, at the process's charge.
bool append(Caller& caller, Message& message, const u8* from, u64 length) {
  if (!message.has_room(length)) {
    Process& process = *caller.process();
    // Blocks double up to a chunk.
    const u64 spare = std::min(message.footprint(), Message::kChunkBytes);
    if (!process.pay_for_messages(message.footprint() + length + spare)) return false;
  }
  return message.append(from, length);
}

Task<TrapOr<u32>> write_in_pieces(Caller& caller, MessagePtr message, GuestBytes bytes) {
  for (u64 at = 0; at < bytes.size(); at += kPieceBytes) {
    const u64 piece = std::min(kPieceBytes, bytes.size() - at);
    if (!append(caller, *message, bytes.span().data() + at, piece)) co_return no_memory(caller);
    WaitAwaiter turn = caller.turn();
    co_await turn;
  }
  caller.process()->scratch() = std::move(message);
  co_return static_cast<u32>(bytes.size());
}

Task<TrapOr<u32>> read_in_pieces(Caller& caller, MessagePtr message, GuestBytes bytes) {
  for (u64 at = 0; at < bytes.size(); at += kPieceBytes) {
    const u64 piece = std::min(kPieceBytes, bytes.size() - at);
    message->copy_out(message->read_at, bytes.span().data() + at, piece);
    message->read_at += piece;
    WaitAwaiter turn = caller.turn();
    co_await turn;
  }
  caller.process()->scratch() = std::move(message);
  co_return static_cast<u32>(bytes.size());
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

// The slot is empty while the bytes move and stays so when the call traps.
Step<TrapOr<u32>> message_write_data(Caller& caller, GuestPointer data, u32 length) {
  MessagePtr& scratch = caller.process()->scratch();
  TRY(data_message(caller));
  MessagePtr message = std::move(scratch);
  if (!data.memory->claim(data.offset, length)) return out_of_bounds(caller);
  if (length > size_max(caller) - std::min(size_max(caller), message->size())) {
    return refuse(caller, "a message of more than {} bytes", size_max(caller));
  }
  const GuestBytes bytes(*data.memory, data.offset, length);
  if (length > kPieceBytes) return write_in_pieces(caller, std::move(message), bytes);
  if (!append(caller, *message, bytes.span().data(), length)) return no_memory(caller);
  scratch = std::move(message);
  return length;
}

Step<TrapOr<u32>> message_read_data(Caller& caller, GuestPointer data, u32 length) {
  MessagePtr& scratch = caller.process()->scratch();
  TRY(data_message(caller));
  MessagePtr message = std::move(scratch);
  if (message->read_at > message->size()) {
    return refuse(caller, "the read position lies beyond the end of the message");
  }
  if (!data.memory->claim(data.offset, length)) return out_of_bounds(caller);
  const u64 count = std::min<u64>(length, message->size() - message->read_at);
  const GuestBytes bytes(*data.memory, data.offset, count);
  if (count > kPieceBytes) return read_in_pieces(caller, std::move(message), bytes);
  message->copy_out(message->read_at, bytes.span().data(), count);
  message->read_at += count;
  scratch = std::move(message);
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
  send_from(*caller.process(), process_id, std::move(scratch));
  return kSuccess;
}

Step<TrapOr<u32>> message_send_receive_skip_search(Caller& caller, u64 process_id, i64 tag,
                                                   u64 timeout_ms) {
  if (caller.repeated()) return after_wait(caller);
  Process& process = *caller.process();
  if (process.scratch() == nullptr) return no_message(caller);
  process.mailbox().await({&tag, 1});
  send_from(process, process_id, std::move(process.scratch()));
  return caller.again_at_message(deadline_after(timeout_ms));
}

Step<TrapOr<u32>> message_send_receive_skip_search_old(Caller& caller, u64 process_id,
                                                       u64 timeout_ms) {
  if (caller.repeated()) return after_wait(caller);
  Process& process = *caller.process();
  if (process.scratch() == nullptr) return no_message(caller);
  const i64 tag = process.scratch()->tag;
  process.mailbox().await({&tag, tag == 0 ? usize{0} : usize{1}});
  send_from(process, process_id, std::move(process.scratch()));
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
