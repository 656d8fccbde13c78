#include "host/lunatic/delayed_message.h"

#include "host/process.h"
#include "host/runtime.h"

namespace lr::lunatic {

DelayedMessage::DelayedMessage(EnvironmentRef environment, Pid target, MessagePtr message,
                               u64 charged)
    : sched::Timer(&fire),
      environment_(std::move(environment)),
      target_(target),
      message_(std::move(message)),
      charged_(charged) {}

DelayedMessageRef DelayedMessage::start(EnvironmentRef environment, Pid target, MessagePtr& message,
                                        u64 deadline_ns, sched::Worker& worker) {
  constexpr u64 kTableBytes = 64;  // Where its id leads to it.
  const u64 bytes = sizeof(DelayedMessage) + message->footprint() + kTableBytes;
  if (!environment->runtime().scheduler().slots().account().charge(bytes)) {
    return DelayedMessageRef(nullptr);
  }
  auto* const delayed =
      new DelayedMessage(std::move(environment), target, std::move(message), bytes);
  delayed->environment_->runtime().delayed_messages().enter(*delayed);
  worker.arm(*delayed, deadline_ns);
  return DelayedMessageRef(delayed);
}

void DelayedMessage::give_back_charge() {
  environment_->runtime().scheduler().slots().account().release(charged_);
}

// With the wheel's lock held.
void DelayedMessage::fire(sched::Timer& timer, sched::Worker& worker) {
  auto& self = static_cast<DelayedMessage&>(timer);
  self.environment_->runtime().delayed_messages().leave(self);
  if (const sched::ProcessRef target = self.environment_->find(self.target_)) {
    static_cast<Process&>(*target).send(std::move(self.message_), &worker);
  }
  self.message_.reset();
  self.give_back_charge();
  self.fired_.store(true, std::memory_order_release);
  self.release();
}

bool DelayedMessage::cancel() {
  if (!Timer::cancel()) return false;
  environment_->runtime().delayed_messages().leave(*this);
  message_.reset();
  give_back_charge();
  release();
  return true;
}

void DelayedMessage::release() {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

DelayedMessages::~DelayedMessages() {
  while (first_ != nullptr) {
    DelayedMessage& message = *first_;
    leave(message);
    message.release();
  }
}

void DelayedMessages::enter(DelayedMessage& message) {
  const std::lock_guard lock(mutex_);
  message.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &message;
  first_ = &message;
}

void DelayedMessages::leave(DelayedMessage& message) {
  const std::lock_guard lock(mutex_);
  if (message.next_ != nullptr) message.next_->previous_ = message.previous_;
  (message.previous_ == nullptr ? first_ : message.previous_->next_) = message.next_;
}

}  // namespace lr::lunatic
