// Inbox: where everything arrives that other processes do to one: messages and signals, in one
// queue, so that the order of any one sender is kept. Any number of senders; the process itself
// takes all that is there at once.
//
//   head -> newest -> ... -> oldest        take_all() turns the list round
//
// Whoever pushes onto an empty inbox wakes the process; later senders know that it was woken and
// has not looked yet. So a burst of messages costs one wake. A template over the atomic type, so
// that a model checker runs the code that ships.
#pragma once

#include <atomic>

#include "base/types.h"

namespace lr {

// What arrives. Made by the sender, owned by the inbox once pushed, then by the receiver.
struct Envelope {
  enum class Kind : u8 {
    Message,  // A Message (host/message.h).
    Report,   // A ReportRequest (host/report.h). The others are Signals (host/signal.h).
    Kill,
    DieWhenLinkDies,
    Link,
    Unlink,
    LinkDied,
    Monitor,
    StopMonitoring,
    ProcessDied,
  };

  explicit Envelope(Kind k) : kind(k) {}

  Envelope* next = nullptr;
  const Kind kind;
};

enum class Pushed : u8 {
  Quietly,    // Something was there already: the process has been woken for that.
  WakeOwner,  // The inbox was empty: the caller must wake the process.
  Refused,    // The process has ended; the envelope is still the caller's.
};

template <typename Node = Envelope, template <typename> typename Atomic = std::atomic>
class Inbox {
 public:
  // Any thread that holds a reference to the process.
  Pushed push(Node* node) {
    Node* head = head_.load(std::memory_order_relaxed);
    do {
      if (head == closed()) return Pushed::Refused;
      node->next = head;
      // Release: the receiver sees what is in the node. Acquire is not needed: only pointers of
      // the list are read before the exchange succeeds.
    } while (!head_.compare_exchange_weak(head, node, std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
    return head == nullptr ? Pushed::WakeOwner : Pushed::Quietly;
  }

  bool is_closed() const { return head_.load(std::memory_order_acquire) == closed(); }

  // --- The owner.

  bool empty() const { return head_.load(std::memory_order_relaxed) == nullptr; }
  // All that has arrived, the oldest first.
  Node* take_all() { return empty() ? nullptr : reversed(head_.exchange(nullptr, kTake)); }
  // The same, and nothing more arrives.
  Node* close() { return reversed(head_.exchange(closed(), kTake)); }
  // A closed inbox is empty and open again. Nobody else may hold the process.
  void reopen() { head_.store(nullptr, std::memory_order_relaxed); }

 private:
  static constexpr std::memory_order kTake = std::memory_order_acq_rel;

  static Node* closed() { return reinterpret_cast<Node*>(usize{1}); }
  static Node* reversed(Node* node) {
    if (node == closed()) return nullptr;
    Node* first = nullptr;
    while (node != nullptr) {
      Node* const next = node->next;
      node->next = first;
      first = node;
      node = next;
    }
    return first;
  }

  Atomic<Node*> head_{nullptr};
};

}  // namespace lr
