#include "host/host_function.h"

#include <fmt/format.h>

#include "host/trace.h"

namespace lr {
namespace {

// After the body ran, for the first time or again.
HostStatus leave_call(Caller& caller, const HostFunction& function, HostStatus status,
                      const u64* slots) {
  if (status == HostStatus::Wait) {
    caller.function = &function;
    return status;
  }
  caller.function = nullptr;
  if (caller.tracer() != nullptr) [[unlikely]] {
    caller.trace_line() += describe_reply(caller, function, status, slots);
    caller.tracer()->line(caller.trace_line());
  }
  return status;
}

HostStatus deny(Caller& caller, const HostFunction& function, u64* slots) {
  if (function.denied) {
    slots[0] = *function.denied;
    return HostStatus::Done;
  }
  const auto name = kPermissionNames[static_cast<usize>(function.permission)];
  caller.trap(jit::Trap::Host, fmt::format("{} needs the permission {}", function.name, name));
  return HostStatus::Trap;
}

}  // namespace

HostStatus call_host(Caller& caller, const HostFunction& function, u64* slots) {
  if (caller.tracer() != nullptr) [[unlikely]] {
    caller.trace_line() = describe_call(caller, function, slots);
  }
  caller.set_repeated(false);
  const HostStatus status = caller.permissions().has(function.permission)
                                ? function.body(caller, function, slots)
                                : deny(caller, function, slots);
  return leave_call(caller, function, status, slots);
}

HostStatus resume_host(Caller& caller, u64* slots) {
  const HostFunction& function = *caller.function;
  caller.set_repeated(true);
  return leave_call(caller, function, function.body(caller, function, slots), slots);
}

}  // namespace lr
