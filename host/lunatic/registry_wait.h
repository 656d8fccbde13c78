// Doing something with the registry as soon as nobody else holds it.
#pragma once

#include <utility>

#include "host/lunatic/abi.h"

namespace lr::lunatic {

// Who has asked with get_or_put_later and not found the name can only put one.
inline bool is_to_put(Caller& caller) {
  return caller.process()->resources().registry_hold.has_value();
}
inline Halt must_put(Caller& caller) {
  return refuse(caller, "the name that was not found has not been put yet");
}

// Waits until the process that holds the registry lets go of it, if there is one.
inline Task<Done> wait_for_registry(Caller& caller) {
  Process& process = *caller.process();
  const std::shared_ptr<Registry::Turn> turn =
      process.environment().registry().line_up(sched::ProcessRef(process));
  if (turn != nullptr) {
    WaitAwaiter come = caller.event(turn->has_come);
    co_await come;
  }
  co_return Done();
}

template <typename Operation>
Task<TrapOr<typename Operation::Value>> do_in_turn(Caller& caller, Operation operation) {
  for (;;) {
    Task<Done> turn = wait_for_registry(caller);
    co_await turn;
    std::optional<TrapOr<typename Operation::Value>> done = operation(caller);
    if (done) co_return std::move(*done);
  }
}

// `operation(caller)` is std::nullopt while another process holds the registry.
template <typename Operation>
Step<TrapOr<typename Operation::Value>> in_turn(Caller& caller, Operation operation) {
  std::optional<TrapOr<typename Operation::Value>> done = operation(caller);
  if (done) return std::move(*done);
  return do_in_turn(caller, std::move(operation));
}

}  // namespace lr::lunatic
