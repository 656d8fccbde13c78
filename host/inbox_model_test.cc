// The inbox and the park word together under a model checker (sched/model.h), as processes use
// them: two senders push and wake, the receiver takes all, parks when there is nothing, and closes
// its inbox when it ends. Each message arrives once and in its sender's order, or its sender knows
// that it did not.
#include "host/inbox.h"
#include "sched/park_word.h"

// After what is tested.
#include "sched/model.h"

namespace lr {
namespace {

namespace model = sched::model;
using model::check;

struct Note {
  model::Plain<Note*> next = nullptr;
  model::Plain<u32> sender = 0;
  model::Plain<u32> number = 0;
};

// `wanted`: how many messages the receiver waits for before it ends.
template <u32 Wanted>
struct MessagesArrive : rl::test_suite<MessagesArrive<Wanted>, 3> {
  static constexpr u32 kEach = 2;
  Note notes[2][kEach];
  Inbox<Note, model::Atomic> inbox;
  sched::ParkWord<model::Atomic> word;
  model::Atomic<u32> queued{0};
  model::Atomic<u32> refused{0};
  u32 received[2] = {};
  u32 left = 0;

  void thread(unsigned index) { index == 2 ? receive() : send(index); }

  void send(u32 sender) {
    for (u32 i = 0; i < kEach; ++i) {
      Note& note = notes[sender][i];
      note.sender = sender;
      note.number = i;
      const Pushed pushed = inbox.push(&note);
      if (pushed == Pushed::Refused) refused.fetch_add(1, std::memory_order_relaxed);
      if (pushed == Pushed::WakeOwner && word.wake()) {
        check(queued.fetch_add(1, std::memory_order_release) == 0);
      }
    }
  }

  u32 count(Note* list) {
    u32 number = 0;
    for (; list != nullptr; list = list->next) {
      check(list->number == received[list->sender]);
      ++received[list->sender];
      ++number;
    }
    return number;
  }

  void receive() {
    u32 sum = 0;
    while (true) {
      while (queued.load(std::memory_order_acquire) == 0) model::relax();
      check(queued.fetch_sub(1, std::memory_order_relaxed) == 1);
      do {
        word.enter();
        sum += count(inbox.take_all());
        if (sum < Wanted) continue;
        word.finish();
        left = count(inbox.close());
        check(sum + left >= Wanted);
        received_all = sum + left;
        return;
      } while (!word.park());
    }
  }

  void after() { check(received_all + refused.load(std::memory_order_relaxed) == 2 * kEach); }
  u32 received_all = 0;
};

}  // namespace
}  // namespace lr

int main() {
  using namespace lr;
  bool good = true;
  good &= model::holds<MessagesArrive<4>>("all messages arrive", 50'000);
  good &=
      model::holds<MessagesArrive<1>>("messages to one that ends arrive or are refused", 50'000);
  return good ? 0 : 1;
}
