// Making processes: from the words of a call to a SpawnRequest.
#include "host/spawn.h"

#include "frontend/reader.h"
#include "host/lunatic/abi.h"
#include "host/lunatic/lunatic.h"

namespace lr::lunatic {
namespace {

// An argument of the function as the guest writes it: its type's byte, then 16 bytes of value.
constexpr u64 kRecordBytes = 17;

TrapOr<std::vector<SpawnArgument>> read_arguments(Caller& caller, const GuestBytes& params) {
  if (params.size() % kRecordBytes != 0) {
    return refuse(caller, "the parameters are {} bytes, no multiple of 17", params.size());
  }
  std::vector<SpawnArgument> arguments(params.size() / kRecordBytes);
  for (usize i = 0; i < arguments.size(); ++i) {
    SpawnArgument& argument = arguments[i];
    u8 type = 0;
    params.copy_in(&type, 1, i * kRecordBytes);
    params.copy_in(&argument.bits, 8, i * kRecordBytes + 1);
    params.copy_in(&argument.high, 8, i * kRecordBytes + 9);
    switch (type) {
      case 0x7f:
        argument.type = kI32;
        argument.bits = static_cast<u32>(argument.bits);
        break;
      case 0x7e:
        argument.type = kI64;
        break;
      case 0x7b:
        argument.type = kV128;
        break;
      default:
        return refuse(caller, "a parameter of the unknown type {:#x}", type);
    }
  }
  return arguments;
}

u32 store_error(Caller& caller, const Error& error, const GuestOut<u64>& id) {
  id.set(caller.process()->resources().errors.add(error.message()));
  return kFailure;
}

// The process is made and waits for its start function.
Task<TrapOr<u32>> finish_start(Caller& caller, Pid made, std::shared_ptr<StartReport> report,
                               GuestOut<u64> id) {
  WaitAwaiter started = caller.event(report->done);
  co_await started;
  if (report->outcome.returned()) {
    id.set(made);
    co_return kSuccess;
  }
  co_return store_error(caller, make_error(Err::StartFailed, report->outcome.message), id);
}

}  // namespace

Step<TrapOr<u32>> process_spawn(Caller& caller, i64 link, i64 config_id, i64 module_id,
                                GuestString function, GuestBytes params, GuestOut<u64> id) {
  Process& process = *caller.process();
  if (!process.config().may_spawn) {
    return refuse(caller, "this process may not spawn processes");
  }
  if (config_id != -1) return refuse(caller, "no configuration {}", config_id);
  if (module_id != -1) return refuse(caller, "no module {}", module_id);
  const std::string name = function.copy();
  if (!is_utf8(name)) return refuse(caller, "the function's name is not UTF-8");
  const std::vector<SpawnArgument> arguments = TRY(read_arguments(caller, params));

  SpawnRequest request;
  request.environment = process.environment_ref();
  request.module = process.module();
  request.config = process.config_ref();
  request.function = name;
  request.arguments = arguments;
  if (link != 0) {
    request.link_with = &process;
    request.link_tag = link;
  }
  const bool starts = request.module->compiled()->module().start.has_value();
  if (starts) request.report = std::make_shared<StartReport>(sched::ProcessRef(process));
  Result<Pid> made = spawn(request, process.worker());
  if (!made.ok()) {
    if (made.error().code == Err::BadArgument) {
      return refuse(caller, "{}", made.error().detail);
    }
    return store_error(caller, made.error(), id);
  }
  if (starts) return finish_start(caller, *made, request.report, id);
  id.set(*made);
  return kSuccess;
}

}  // namespace lr::lunatic
