// Messages that are sent later. They belong to the runtime and go off after their sender's end.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "host/environment.h"
#include "host/message.h"
#include "sched/timer.h"

namespace lr::lunatic {

class DelayedMessages;

// Held by the timer wheel until it fires, and by whoever may cancel it.
class DelayedMessage final : public sched::Timer {
 public:
  // Armed on the caller's worker. Empty, and the message stays, if there is no memory for it.
  static class DelayedMessageRef start(EnvironmentRef environment, Pid target, MessagePtr& message,
                                       u64 deadline_ns, sched::Worker& worker);

  // Nothing is sent any more. False: it has been.
  bool cancel();
  bool has_fired() const { return fired_.load(std::memory_order_acquire); }

 private:
  friend class DelayedMessages;
  friend class DelayedMessageRef;

  DelayedMessage(EnvironmentRef environment, Pid target, MessagePtr message, u64 charged);
  static void fire(sched::Timer& timer, sched::Worker& worker);
  void release();
  void give_back_charge();

  EnvironmentRef environment_;
  const Pid target_;
  MessagePtr message_;
  u64 charged_;  // Until it has fired or been cancelled.
  std::atomic<bool> fired_{false};
  std::atomic<u32> references_{2};
  DelayedMessage* next_ = nullptr;  // Among those that are armed.
  DelayedMessage* previous_ = nullptr;
};

// The holder that may cancel; dropping it leaves the message on its way.
class DelayedMessageRef {
 public:
  DelayedMessageRef(DelayedMessageRef&& other) noexcept
      : message_(std::exchange(other.message_, nullptr)) {}
  DelayedMessageRef& operator=(DelayedMessageRef&& other) noexcept {
    std::swap(message_, other.message_);
    return *this;
  }
  ~DelayedMessageRef() {
    if (message_ != nullptr) message_->release();
  }
  DelayedMessage* operator->() const { return message_; }
  explicit operator bool() const { return message_ != nullptr; }

 private:
  friend class DelayedMessage;
  explicit DelayedMessageRef(DelayedMessage* message) : message_(message) {}
  DelayedMessage* message_;
};

// Those of a runtime that are armed, so that they go with it.
class DelayedMessages {
 public:
  DelayedMessages() = default;
  // No worker runs any more.
  ~DelayedMessages();
  DelayedMessages(const DelayedMessages&) = delete;
  DelayedMessages& operator=(const DelayedMessages&) = delete;

 private:
  friend class DelayedMessage;
  void enter(DelayedMessage& message);
  void leave(DelayedMessage& message);

  std::mutex mutex_;
  DelayedMessage* first_ = nullptr;
};

}  // namespace lr::lunatic
