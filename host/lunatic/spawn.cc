// Making processes: from the words of a call to a SpawnRequest. The plain case makes the process on
// the spot; a configuration whose directories have to be opened first, a module with a start
// function that has to run, and a registry that another process holds are waited for in coroutines.
#include "host/spawn.h"

#include "host/lunatic/abi.h"
#include "host/lunatic/hot.h"
#include "host/lunatic/lunatic.h"
#include "host/lunatic/registry_wait.h"
#include "host/wasi/grants.h"

namespace lr::lunatic {
namespace {

// An argument of the function as the guest writes it: its type's byte, then 16 bytes of value.
constexpr u64 kRecordBytes = 17;
// More than any function of a module has.
constexpr u64 kArgumentsMax = 1000;
// Of get_or_spawn: the name was known.
constexpr u32 kFound = 2;

// The arguments of a call, read: none of them is the guest's memory's any more.
struct Order {
  i64 link = 0;
  ModuleRef module;
  ConfigRef config;              // Null: of `draft`, to be made.
  ConfigDraft* draft = nullptr;  // Valid until the process runs.
  std::string function;
  std::vector<SpawnArgument> arguments;
  GuestOut<u64> id;
};

// False for an unknown type.
bool read_argument(const u8* record, SpawnArgument& argument) {
  std::memcpy(&argument.bits, record + 1, 8);
  std::memcpy(&argument.high, record + 9, 8);
  switch (*record) {
    case 0x7f:
      argument.type = kI32;
      argument.bits = static_cast<u32>(argument.bits);
      return true;
    case 0x7e:
      argument.type = kI64;
      return true;
    case 0x7b:
      argument.type = kV128;
      return true;
    default:
      return false;
  }
}

TrapOr<Done> read_module(Caller& caller, i64 module_id, Order& order) {
  Process& process = *caller.process();
  if (module_id == -1) {
    order.module = process.module();
    if (order.module == nullptr) return refuse(caller, "this process has no module of its own");
    return Done();
  }
  const HeldModule* held = process.resources().modules.find(static_cast<u64>(module_id));
  if (held == nullptr) return refuse(caller, "there is no module {}", module_id);
  order.module = held->module;
  return Done();
}

TrapOr<Done> read_config(Caller& caller, i64 config_id, Order& order) {
  Process& process = *caller.process();
  if (config_id == -1) {
    order.config = process.config_ref();
    return Done();
  }
  order.draft = TRY(find_config(caller, static_cast<u64>(config_id)));
  if (order.draft->granted == nullptr && order.draft->directories.empty()) {
    order.draft->granted =
        std::make_shared<const ProcessConfig>(shrink(order.draft->wanted, process.config()));
  }
  order.config = order.draft->granted;
  return Done();
}

TrapOr<Order> read_order(Caller& caller, i64 link, i64 config_id, i64 module_id,
                         const GuestString& function, const GuestBytes& params,
                         const GuestOut<u64>& id) {
  Process& process = *caller.process();
  if (!process.config().may_spawn) return refuse(caller, "this process may not spawn processes");
  if (process.is_starting()) {
    return refuse(caller, "a module's start function cannot spawn processes");
  }
  Order order;
  order.link = link;
  order.id = id;
  TRY(read_config(caller, config_id, order));
  TRY(read_module(caller, module_id, order));
  order.function = TRY(read_text(caller, function));
  if (params.size() % kRecordBytes != 0) {
    return refuse(caller, "the parameters are {} bytes, no multiple of 17", params.size());
  }
  if (params.size() / kRecordBytes > kArgumentsMax) {
    return refuse(caller, "{} parameters are more than any function has",
                  params.size() / kRecordBytes);
  }
  order.arguments.reserve(params.size() / kRecordBytes);
  for (u64 at = 0; at < params.size(); at += kRecordBytes) {
    const u8* const record = params.span().data() + at;
    if (!read_argument(record, order.arguments.emplace_back())) {
      return refuse(caller, "a parameter of the unknown type {:#x}", *record);
    }
  }
  return order;
}

bool starts_first(const Order& order) { return order.module->has_start(); }

Result<Pid> make(Process& process, const Order& order, std::shared_ptr<StartReport> report) {
  const SpawnRequest request = {.environment = process.environment_ref(),
                                .module = order.module,
                                .config = order.config,
                                .function = order.function,
                                .entry = order.module->entry(order.function),
                                .arguments = order.arguments,
                                .link_with = order.link != 0 ? &process : nullptr,
                                .link_tag = order.link,
                                .report = std::move(report)};
  return spawn(request, process.worker());
}

// What the call answers when no process came into existence.
TrapOr<u32> fail(Caller& caller, const Order& order, const Error& error) {
  order.id.set(keep_error(caller, error.message()));
  return kFailure;
}

// Opens the directories of the order's draft.
Task<TrapOr<Done>> open_directories(Caller& caller, Order& order) {
  Process& process = *caller.process();
  ProcessConfig wanted = shrink(order.draft->wanted, process.config());
  const ConfigRef own = process.config_ref();
  auto work = off_worker(
      caller, [own, paths = order.draft->directories]() -> Result<std::vector<DirectoryGrant>> {
        std::vector<DirectoryGrant> grants;
        for (const std::string& path : paths) {
          grants.push_back(TRY(wasi::grant_beneath(own->directories, path)));
        }
        return grants;
      });
  Result<std::vector<DirectoryGrant>> grants = co_await work;
  if (!grants.ok()) co_return refuse(caller, "{}", grants.error().detail);
  wanted.directories = std::move(*grants);
  order.config = std::make_shared<const ProcessConfig>(std::move(wanted));
  // The process waited here, so nothing has changed.
  order.draft->granted = order.config;
  co_return Done();
}

// Everything that may have to be waited for. `made_pid` is set if a process came into existence.
Task<TrapOr<u32>> spawn_slowly(Caller& caller, Order order, Pid& made_pid) {
  if (order.config == nullptr) {
    Task<TrapOr<Done>> opening = open_directories(caller, order);
    TrapOr<Done> opened = co_await opening;
    if (!opened.ok()) co_return opened.error();
  }
  std::shared_ptr<StartReport> report;
  if (starts_first(order)) {
    report = std::make_shared<StartReport>(sched::ProcessRef(*caller.process()));
  }
  const Result<Pid> made = make(*caller.process(), order, report);
  if (!made.ok()) co_return fail(caller, order, made.error());
  if (report != nullptr) {
    WaitAwaiter started = caller.event(report->done);
    co_await started;
    if (!report->outcome.returned()) {
      co_return fail(caller, order, make_error(Err::StartFailed, report->outcome.message));
    }
  }
  made_pid = made.value();
  order.id.set(made_pid);
  co_return kSuccess;
}

Task<TrapOr<u32>> spawn_slowly(Caller& caller, Order order) {
  Pid made = 0;
  Task<TrapOr<u32>> spawning = spawn_slowly(caller, std::move(order), made);
  TrapOr<u32> status = co_await spawning;
  co_return status;
}

// Until this process holds the registry.
Task<Done> take_registry(Caller& caller) {
  Process& process = *caller.process();
  while (!process.environment().registry().hold(process.pid())) {
    Task<Done> turn = wait_for_registry(caller);
    co_await turn;
  }
  co_return Done();
}

// The arguments of get_or_spawn, of which nothing is looked at when the name is known.
struct Unread {
  i64 link;
  i64 config_id;
  i64 module_id;
  GuestPointer function;
  u32 function_length;
  GuestPointer params;
  u32 params_length;
};

TrapOr<Order> read_order(Caller& caller, const Unread& words, const GuestOut<u64>& id) {
  const GuestMemory& memory = *words.function.memory;
  if (!memory.claim(words.function.offset, words.function_length) ||
      !memory.claim(words.params.offset, words.params_length)) {
    return out_of_bounds(caller);
  }
  const GuestString function(memory, words.function.offset, words.function_length);
  const GuestBytes params(memory, words.params.offset, words.params_length);
  return read_order(caller, words.link, words.config_id, words.module_id, function, params, id);
}

// Nobody else sees the registry between the look and the entry.
Task<TrapOr<u32>> get_or_spawn_slowly(Caller& caller, std::string name, Unread words,
                                      GuestOut<u64> node_id, GuestOut<u64> id) {
  Process& process = *caller.process();
  Registry& registry = process.environment().registry();
  Task<Done> taking = take_registry(caller);
  co_await taking;
  const RegistryHold hold(registry, process.pid());
  Registry::Place place;
  if (registry.get(process.pid(), name, place) == Registry::Answer::Done) {
    node_id.set(place.node);
    id.set(place.process);
    co_return kFound;
  }
  if (!registry.has_room(name)) co_return refuse(caller, "there are too many names");
  Order order = CO_TRY(read_order(caller, words, id));
  node_id.set(0);
  Pid made = 0;
  Task<TrapOr<u32>> spawning = spawn_slowly(caller, std::move(order), made);
  TrapOr<u32> status = co_await spawning;
  if (made != 0) registry.put(process.pid(), name, {0, made});
  co_return status;
}

}  // namespace

Step<TrapOr<u32>> process_spawn(Caller& caller, i64 link, i64 config_id, i64 module_id,
                                GuestString function, GuestBytes params, GuestOut<u64> id) {
  Order order = TRY(read_order(caller, link, config_id, module_id, function, params, id));
  if (order.config == nullptr || starts_first(order)) {
    return spawn_slowly(caller, std::move(order));
  }
  const Result<Pid> made = make(*caller.process(), order, nullptr);
  if (!made.ok()) return fail(caller, order, made.error());
  id.set(made.value());
  return kSuccess;
}

// The plain case: the caller's own module and configuration, a function that is there, few
// arguments.
HostStatus hot_process_spawn(jit::Context* context, const jit::HostFunction* self, u64* args) {
  auto& process = static_cast<Process&>(sched::Process::from(context->run));
  const u64 link = args[0], config = args[1], module = args[2];
  const u64 name = args[3], name_length = args[4], params = args[5], params_length = args[6];
  const u64 id = args[7];
  constexpr u64 kFewArguments = 4;
  const bool is_plain =
      process.may_directly(Permission::Processes) && process.config().may_spawn &&
      process.module() != nullptr && !process.module()->has_start() && ~config == 0 &&
      ~module == 0 && params_length <= kFewArguments * kRecordBytes &&
      params_length % kRecordBytes == 0 && may_touch(*context, name, name_length) &&
      may_touch(*context, params, params_length) && may_touch(*context, id, sizeof(Pid));
  if (!is_plain) return host_entry(context, self, args);
  const u8* const memory = context->memory_base;
  const std::string_view function(reinterpret_cast<const char*>(memory + name), name_length);
  const EntryPoint* const entry = process.module()->entry(function);
  SpawnArgument arguments[kFewArguments];
  const u64 count = params_length / kRecordBytes;
  bool good = entry != nullptr;
  for (u64 i = 0; i < count; ++i) {
    good &= read_argument(memory + params + i * kRecordBytes, arguments[i]);
  }
  if (!good) return host_entry(context, self, args);
  const Result<Pid> made = spawn({.environment = process.environment_ref(),
                                  .module = process.module(),
                                  .config = process.config_ref(),
                                  .function = function,
                                  .entry = entry,
                                  .arguments = {arguments, count},
                                  .link_with = link != 0 ? &process : nullptr,
                                  .link_tag = static_cast<i64>(link)},
                                 process.worker());
  // Nothing has happened, and the error is an object.
  if (!made.ok()) return host_entry(context, self, args);
  std::memcpy(context->memory_base + id, &made.value(), sizeof(Pid));
  args[0] = kSuccess;
  return HostStatus::Done;
}

Step<TrapOr<u32>> process_get_or_spawn(Caller& caller, GuestString name, i64 link, i64 config_id,
                                       i64 module_id, GuestPointer function, u32 function_length,
                                       GuestPointer params, u32 params_length,
                                       GuestOut<u64> node_id, GuestOut<u64> id) {
  if (is_to_put(caller)) return must_put(caller);
  Process& process = *caller.process();
  std::string text = TRY(read_text(caller, name));
  Registry::Place place;
  if (process.environment().registry().get(process.pid(), text, place) == Registry::Answer::Done) {
    node_id.set(place.node);
    id.set(place.process);
    return kFound;
  }
  const Unread words = {link,   config_id,    module_id, function, function_length,
                        params, params_length};
  return get_or_spawn_slowly(caller, std::move(text), words, node_id, id);
}

}  // namespace lr::lunatic
