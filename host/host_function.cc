#include "host/host_function.h"

#include <fmt/format.h>

#include "host/trace.h"

namespace lr {
namespace {

// After the body ran, for the first time or again.
HostStatus leave_traced(Caller& caller, HostStatus status, const u64* slots) {
  if (status != HostStatus::Wait && caller.tracer() != nullptr) {
    caller.trace_line() += describe_reply(caller, *caller.function, status, slots);
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

HostStatus call_host_slowly(Caller& caller, const HostFunction& function, u64* slots) {
  if (caller.tracer() != nullptr) caller.trace_line() = describe_call(caller, function, slots);
  const HostStatus status = caller.permissions().has(function.permission)
                                ? function.body(caller, function, slots)
                                : deny(caller, function, slots);
  return leave_traced(caller, status, slots);
}

HostStatus resume_host_traced(Caller& caller, u64* slots) {
  return leave_traced(caller, caller.function->body(caller, *caller.function, slots), slots);
}

}  // namespace lr
