#include "host/mailbox.h"

#include <algorithm>
#include <utility>

namespace lr {

bool Mailbox::is_among(std::span<const i64> tags, const Message& message) {
  return message.tag != 0 && std::find(tags.begin(), tags.end(), message.tag) != tags.end();
}

MessagePtr Mailbox::take(std::span<const i64> tags) {
  Message* const found = find(tags);
  return found == nullptr ? nullptr : unlink(found);
}

Message* Mailbox::find(std::span<const i64> tags) {
  if (index_ == nullptr && count_ <= kIndexFrom) {
    for (Message* at = first_; at != nullptr; at = next(at)) {
      if (is_among(tags, *at)) return at;
    }
    return nullptr;
  }
  if (index_ == nullptr) {
    index_ = std::make_unique<Index>();
    for (Message* at = first_; at != nullptr; at = next(at)) enter_index(at);
  }
  Message* oldest = nullptr;
  for (const i64 tag : tags) {
    const auto queue = index_->find(tag);
    if (queue == index_->end()) continue;
    Message* const front = queue->second.first;
    if (oldest == nullptr || front->arrival_ < oldest->arrival_) oldest = front;
  }
  return oldest;
}

void Mailbox::enter_index(Message* message) {
  message->tag_next_ = nullptr;
  if (message->tag == 0) return;
  TagQueue& queue = (*index_)[message->tag];
  if (queue.first == nullptr) {
    queue.first = message;
  } else {
    queue.last->tag_next_ = message;
  }
  queue.last = message;
}

void Mailbox::append(Message* message) {
  message->next = nullptr;
  message->previous_ = last_;
  message->arrival_ = ++arrivals_;
  if (last_ == nullptr) {
    first_ = message;
  } else {
    last_->next = message;
  }
  last_ = message;
  ++count_;
  bytes_ += message->footprint();
  if (index_ != nullptr) enter_index(message);
}

// The message is the front of its tag's queue.
MessagePtr Mailbox::unlink(Message* message) {
  Message* const after = next(message);
  if (message->previous_ == nullptr) {
    first_ = after;
  } else {
    message->previous_->next = after;
  }
  (after == nullptr ? last_ : after->previous_) = message->previous_;
  --count_;
  bytes_ -= message->footprint();
  if (index_ != nullptr) {
    if (message->tag != 0) {
      const auto queue = index_->find(message->tag);
      DCHECK(queue->second.first == message);
      queue->second.first = message->tag_next_;
      if (queue->second.first == nullptr) index_->erase(queue);
    }
    if (count_ == 0) index_.reset();
  }
  message->next = nullptr;
  return MessagePtr(message);
}

void Mailbox::keep_tags(std::span<const i64> tags) {
  if (tags.size() <= std::size(few_tags_)) {
    std::copy(tags.begin(), tags.end(), few_tags_);
  } else {
    many_tags_ = std::make_unique<i64[]>(tags.size());
    std::copy(tags.begin(), tags.end(), many_tags_.get());
  }
}

void Mailbox::stop_waiting() {
  awaiting_ = false;
  if (awaited_ != nullptr) append(awaited_.release());
}

bool Mailbox::enlist(MessagePtr message, const MailboxLimits& limits) {
  if (count_ >= limits.messages_max ||
      message->footprint() > limits.bytes_max - std::min(limits.bytes_max, bytes_)) {
    ++dropped_;
    return false;
  }
  append(message.release());
  return true;
}

Envelope* Mailbox::take_list() {
  Envelope* list = first_;
  if (awaited_ != nullptr) {
    awaited_->next = list;
    list = awaited_.release();
  }
  first_ = last_ = nullptr;
  count_ = bytes_ = dropped_ = arrivals_ = 0;
  index_.reset();
  awaiting_ = false;
  many_tags_.reset();
  return list;
}

}  // namespace lr
