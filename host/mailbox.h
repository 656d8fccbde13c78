// Mailbox: the messages that a process has been sent and has not received, in order of arrival, and
// what it waits for. Belongs to the process: no locks.
//
//   first -> ... -> last            every message
//   index[tag] -> ... ->            those of one tag, once there are more than kIndexFrom
//
// A message only ever leaves a tag's queue at its front, since whoever takes one of the tag takes
// the oldest. So receiving by tag costs a look at each tag's front, however much else is there; and
// while the process waits, each arriving message is compared once and never again.
#pragma once

#include <span>
#include <unordered_map>

#include "host/message.h"

namespace lr {

// What a process may let pile up. A message that does not fit any more is dropped.
struct MailboxLimits {
  u64 messages_max = 1'000'000;
  u64 bytes_max = 256 * kMiB;
};

class Mailbox {
 public:
  Mailbox() = default;
  ~Mailbox() { drop_envelopes(take_list()); }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // The oldest message (of any kind, with or without tag); null if there is none.
  MessagePtr take() { return first_ == nullptr ? nullptr : unlink(first_); }
  // The oldest message whose tag is one of these. Tag 0 is none and is never found.
  MessagePtr take(std::span<const i64> tags);

  // From now until take_awaited() or stop_waiting(), the first message to arrive that take(tags)
  // would find (without tags: the first of all) goes past the list. What is in the list is not
  // looked at: who has not searched it first skips it.
  void await(std::span<const i64> tags) {
    DCHECK(awaited_ == nullptr);
    awaiting_ = true;
    awaited_tags_ = static_cast<u32>(tags.size());
    if (!tags.empty()) keep_tags(tags);
  }
  bool is_awaiting() const { return awaiting_; }
  // It has come.
  bool has_awaited() const { return awaited_ != nullptr; }
  MessagePtr take_awaited() {
    awaiting_ = false;
    return std::move(awaited_);
  }
  // If it has come meanwhile, it is the newest of the list now.
  void stop_waiting();

  // A message arrives. False: the limits do not allow it; it is dropped and counted.
  bool deliver(MessagePtr message, const MailboxLimits& limits) {
    if (!awaiting_ || awaited_ != nullptr || !is_awaited(*message)) {
      return enlist(std::move(message), limits);
    }
    awaited_ = std::move(message);
    return true;
  }

  // One that does not arrive for want of memory is counted.
  void refuse() { ++dropped_; }
  // For how many bytes of messages the process has paid (ProcessMemory::pay_for_messages).
  static constexpr u64 kFewBytes = kKiB;
  u64& paid() { return paid_; }

  u64 count() const { return count_; }
  u64 bytes() const { return bytes_; }
  u64 dropped() const { return dropped_; }

  // All messages, as a list through Envelope::next; the mailbox is as new.
  Envelope* take_list();

 private:
  static constexpr u64 kIndexFrom = 16;

  struct TagQueue {
    Message* first = nullptr;
    Message* last = nullptr;
  };
  using Index = std::unordered_map<i64, TagQueue>;

  static Message* next(Message* message) { return static_cast<Message*>(message->next); }
  static bool is_among(std::span<const i64> tags, const Message& message);
  bool is_awaited(const Message& message) const {
    if (awaited_tags_ == 0) return true;
    const i64* tags = awaited_tags_ <= std::size(few_tags_) ? few_tags_ : many_tags_.get();
    return is_among({tags, awaited_tags_}, message);
  }
  void keep_tags(std::span<const i64> tags);
  bool enlist(MessagePtr message, const MailboxLimits& limits);
  Message* find(std::span<const i64> tags);
  void append(Message* message);
  void enter_index(Message* message);
  MessagePtr unlink(Message* message);

  Message* first_ = nullptr;
  Message* last_ = nullptr;
  u64 count_ = 0;
  u64 bytes_ = 0;
  u64 paid_ = kFewBytes;
  u64 arrivals_ = 0;
  u64 dropped_ = 0;
  std::unique_ptr<Index> index_;  // Of all that have a tag; made when it pays.

  bool awaiting_ = false;
  u32 awaited_tags_ = 0;  // How many; the first few are here.
  i64 few_tags_[2] = {};
  std::unique_ptr<i64[]> many_tags_;
  MessagePtr awaited_;
};

}  // namespace lr
