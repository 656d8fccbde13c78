// Errors, the version, catching traps, and what a program that runs on one node answers about
// others.
#include <array>

#include "frontend/type_registry.h"
#include "host/lunatic/abi.h"
#include "host/lunatic/lunatic.h"

namespace lr::lunatic {
namespace {

constexpr std::string_view kCatchExport = "_lunatic_catch_trap";

TrapOr<std::string*> find_error(Caller& caller, u64 id) {
  std::string* const error = caller.process()->resources().errors.find(id);
  if (error == nullptr) return refuse(caller, "there is no error {}", id);
  return error;
}

Halt not_distributed(Caller& caller) {
  return refuse(caller, "this program does not run on several nodes");
}

Halt unknown_node(Caller& caller, u64 node_id) {
  return refuse(caller, "there is no node {}", node_id);
}

// A message that may leave the node.
TrapOr<Done> check_message(Caller& caller) {
  const Message* const message = caller.process()->scratch().get();
  if (message == nullptr) return no_message(caller);
  if (message->type != Message::Type::Data) return refuse(caller, "this is no data message");
  if (message->resource_count() != 0) {
    return refuse(caller, "messages to other nodes cannot carry resources");
  }
  return Done();
}

// The guest's function that calls the one whose traps are caught.
jit::FuncRef* find_catcher(Process& process) {
  if (process.instance() == nullptr) return nullptr;
  const std::optional<jit::Extern> found = process.instance()->find_export(kCatchExport);
  if (!found || found->kind != ExternKind::Func || found->func == nullptr) return nullptr;
  const DefinedType& type = defined_type(found->func->type);
  const bool fits = std::ranges::equal(type.params, std::array{kI32, kI32}) &&
                    std::ranges::equal(type.results, std::array{kI32});
  return fits ? found->func : nullptr;
}

}  // namespace

TrapOr<u32> error_string_size(Caller& caller, u64 error_id) {
  std::string* const error = TRY(find_error(caller, error_id));
  return static_cast<u32>(error->size());
}

TrapOr<Done> error_to_string(Caller& caller, u64 error_id, GuestPointer text) {
  std::string* const error = TRY(find_error(caller, error_id));
  if (!text.memory->claim(text.offset, error->size())) return out_of_bounds(caller);
  GuestBytes(*text.memory, text.offset, error->size()).copy_out(error->data(), error->size());
  return Done();
}

TrapOr<Done> error_drop(Caller& caller, u64 error_id) {
  TRY(find_error(caller, error_id));
  caller.process()->resources().drop_error(error_id);
  return Done();
}

// The version of Lunatic whose functions these are.
u32 version_major(Caller& /*caller*/) { return 0; }
u32 version_minor(Caller& /*caller*/) { return 13; }
u32 version_patch(Caller& /*caller*/) { return 2; }

// Nothing of the instance is rolled back. A kill goes through.
Task<TrapOr<u32>> trap_catch(Caller& caller, u32 function, u32 pointer) {
  jit::FuncRef* const catcher = find_catcher(*caller.process());
  if (catcher == nullptr) {
    co_return refuse(caller, "the module does not export {} (i32, i32) -> i32", kCatchExport);
  }
  CallGuest call(caller, catcher, {function, pointer});
  TrapOr<std::vector<u64>> results = co_await call;
  if (!results.ok()) co_return 0u;
  co_return static_cast<u32>(results.value()[0]);
}

u64 distributed_node_id(Caller& /*caller*/) { return 0; }
u64 distributed_module_id(Caller& /*caller*/) { return 0; }
u32 distributed_nodes_count(Caller& /*caller*/) { return 0; }

u32 distributed_get_nodes(Caller& /*caller*/, GuestPointer /*nodes*/, u32 /*nodes_length*/) {
  return 0;
}

TrapOr<u32> distributed_exec_lookup_nodes(Caller& caller, GuestString /*query*/,
                                          GuestOut<u64> /*query_id*/,
                                          GuestOut<u32> /*nodes_length*/, GuestOut<u64> /*error*/) {
  return not_distributed(caller);
}

TrapOr<i32> distributed_copy_lookup_nodes_results(Caller& caller, u64 /*query_id*/,
                                                  GuestPointer /*nodes*/, u32 /*nodes_length*/,
                                                  GuestOut<u64> /*error*/) {
  return not_distributed(caller);
}

Step<TrapOr<u32>> distributed_spawn(Caller& caller, u64 node_id, i64 config_id, u64 module_id,
                                    GuestString function, GuestBytes params, GuestOut<u64> id) {
  if (node_id != 0) return unknown_node(caller, node_id);
  if (module_id != 0) return refuse(caller, "there is no module {} on any node", module_id);
  constexpr u64 kRecordBytes = 17;
  const GuestBytes records = params.prefix(params.size() / kRecordBytes * kRecordBytes);
  return process_spawn(caller, 0, config_id, -1, function, records, id);
}

TrapOr<u32> distributed_send(Caller& caller, u64 node_id, u64 process_id) {
  if (node_id != 0) return unknown_node(caller, node_id);
  TRY(check_message(caller));
  return message_send(caller, process_id);
}

Step<TrapOr<u32>> distributed_send_receive_skip_search(Caller& caller, u64 node_id, u64 process_id,
                                                       i64 tag, u64 timeout_ms) {
  if (!caller.repeated()) {
    if (node_id != 0) return unknown_node(caller, node_id);
    TRY(check_message(caller));
  }
  return message_send_receive_skip_search(caller, process_id, tag, timeout_ms);
}

Step<TrapOr<u32>> distributed_send_receive_skip_search_old(Caller& caller, u64 node_id,
                                                           u64 process_id, u64 timeout_ms) {
  if (!caller.repeated()) {
    if (node_id != 0) return unknown_node(caller, node_id);
    TRY(check_message(caller));
  }
  return message_send_receive_skip_search_old(caller, process_id, timeout_ms);
}

}  // namespace lr::lunatic
