// The functions that Lunatic gives its guests, as C++ sees them; lunatic.def has a row for each,
// not_yet.def one for each of those that can only be imported. By file:
//   message.cc   the message being made or read, sending, receiving;  hot.cc  short ways into them
//   timer.cc     messages that are sent later
//   module.cc    compiling, modules in messages
//   config.cc    what children may
//   spawn.cc     making processes
//   process.cc   who I am, links, monitors, kills, sleeping
//   registry.cc  names
//   misc.cc      errors, version, catching traps, what a single node answers about others
#pragma once

#include <span>

#include "host/host_function.h"

namespace lr::lunatic {

// What functions answer that can fail softly.
inline constexpr u32 kSuccess = 0;
inline constexpr u32 kFailure = 1;  // The id of an error has been stored.
inline constexpr u32 kTimedOut = 9027;

TrapOr<u32> error_string_size(Caller& caller, u64 error_id);
TrapOr<Done> error_to_string(Caller& caller, u64 error_id, GuestPointer text);
TrapOr<Done> error_drop(Caller& caller, u64 error_id);

Done message_create_data(Caller& caller, i64 tag, u64 capacity);
// A call that traps leaves the slot empty, as Lunatic's do.
Step<TrapOr<u32>> message_write_data(Caller& caller, GuestPointer data, u32 length);
Step<TrapOr<u32>> message_read_data(Caller& caller, GuestPointer data, u32 length);
TrapOr<Done> message_seek_data(Caller& caller, u64 index);
TrapOr<i64> message_get_tag(Caller& caller);
TrapOr<u64> message_get_process_id(Caller& caller);
TrapOr<u64> message_data_size(Caller& caller);
TrapOr<u64> message_push_module(Caller& caller, u64 module_id);
TrapOr<u64> message_take_module(Caller& caller, u64 index);
TrapOr<u32> message_send(Caller& caller, u64 process_id);
Step<TrapOr<u32>> message_send_receive_skip_search(Caller& caller, u64 process_id, i64 tag,
                                                   u64 timeout_ms);
// Waits for the tag of the message that is sent, for any message if it has none.
Step<TrapOr<u32>> message_send_receive_skip_search_old(Caller& caller, u64 process_id,
                                                       u64 timeout_ms);
// The tags are not looked at when there are none.
Step<TrapOr<u32>> message_receive(Caller& caller, GuestPointer tags, u32 tag_count, u64 timeout_ms);

TrapOr<u64> timer_send_after(Caller& caller, u64 process_id, u64 delay_ms);
u32 timer_cancel_timer(Caller& caller, u64 timer_id);

Task<TrapOr<i32>> process_compile_module(Caller& caller, GuestBytes module, GuestOut<u64> id);
TrapOr<Done> process_drop_module(Caller& caller, u64 module_id);
i64 process_create_config(Caller& caller);
TrapOr<Done> process_drop_config(Caller& caller, u64 config_id);
TrapOr<Done> process_config_set_max_memory(Caller& caller, u64 config_id, u64 max_memory);
TrapOr<u64> process_config_get_max_memory(Caller& caller, u64 config_id);
TrapOr<Done> process_config_set_max_fuel(Caller& caller, u64 config_id, u64 max_fuel);
TrapOr<u64> process_config_get_max_fuel(Caller& caller, u64 config_id);
TrapOr<u32> process_config_can_compile_modules(Caller& caller, u64 config_id);
TrapOr<Done> process_config_set_can_compile_modules(Caller& caller, u64 config_id, u32 can);
TrapOr<u32> process_config_can_create_configs(Caller& caller, u64 config_id);
TrapOr<Done> process_config_set_can_create_configs(Caller& caller, u64 config_id, u32 can);
TrapOr<u32> process_config_can_spawn_processes(Caller& caller, u64 config_id);
TrapOr<Done> process_config_set_can_spawn_processes(Caller& caller, u64 config_id, u32 can);

Step<TrapOr<u32>> process_spawn(Caller& caller, i64 link, i64 config_id, i64 module_id,
                                GuestString function, GuestBytes params, GuestOut<u64> id);
// Of the function and its parameters nothing is looked at when the name is known.
Step<TrapOr<u32>> process_get_or_spawn(Caller& caller, GuestString name, i64 link, i64 config_id,
                                       i64 module_id, GuestPointer function, u32 function_length,
                                       GuestPointer params, u32 params_length,
                                       GuestOut<u64> node_id, GuestOut<u64> id);
Step<Done> process_sleep_ms(Caller& caller, u64 millis);
Done process_die_when_link_dies(Caller& caller, u32 dies);
u64 process_process_id(Caller& caller);
u64 process_environment_id(Caller& caller);
Done process_link(Caller& caller, i64 tag, u64 process_id);
Done process_unlink(Caller& caller, u64 process_id);
Done process_monitor(Caller& caller, u64 process_id);
Done process_stop_monitoring(Caller& caller, u64 process_id);
Done process_kill(Caller& caller, u64 process_id);
u32 process_exists(Caller& caller, u64 process_id);

Step<TrapOr<Done>> registry_put(Caller& caller, GuestString name, u64 node_id, u64 process_id);
Step<TrapOr<u32>> registry_get(Caller& caller, GuestString name, GuestOut<u64> node_id,
                               GuestOut<u64> process_id);
// Of Lunatic 0.13.0: who does not find the name holds the registry until it puts one.
Step<TrapOr<u32>> registry_get_or_put_later(Caller& caller, GuestString name, GuestOut<u64> node_id,
                                            GuestOut<u64> process_id);
Step<TrapOr<Done>> registry_remove(Caller& caller, GuestString name);

TrapOr<Done> wasi_config_add_environment_variable(Caller& caller, u64 config_id, GuestString key,
                                                  GuestString value);
TrapOr<Done> wasi_config_add_command_line_argument(Caller& caller, u64 config_id,
                                                   GuestString argument);
TrapOr<Done> wasi_config_preopen_dir(Caller& caller, u64 config_id, GuestString directory);

u32 version_major(Caller& caller);
u32 version_minor(Caller& caller);
u32 version_patch(Caller& caller);

Task<TrapOr<u32>> trap_catch(Caller& caller, u32 function, u32 pointer);

u64 distributed_node_id(Caller& caller);
u64 distributed_module_id(Caller& caller);
u32 distributed_nodes_count(Caller& caller);
u32 distributed_get_nodes(Caller& caller, GuestPointer nodes, u32 nodes_length);
TrapOr<u32> distributed_exec_lookup_nodes(Caller& caller, GuestString query, GuestOut<u64> query_id,
                                          GuestOut<u32> nodes_length, GuestOut<u64> error);
TrapOr<i32> distributed_copy_lookup_nodes_results(Caller& caller, u64 query_id, GuestPointer nodes,
                                                  u32 nodes_length, GuestOut<u64> error);
// Node 0 is this one, the only one there is, and module 0 the caller's own.
Step<TrapOr<u32>> distributed_spawn(Caller& caller, u64 node_id, i64 config_id, u64 module_id,
                                    GuestString function, GuestBytes params, GuestOut<u64> id);
TrapOr<u32> distributed_send(Caller& caller, u64 node_id, u64 process_id);
Step<TrapOr<u32>> distributed_send_receive_skip_search(Caller& caller, u64 node_id, u64 process_id,
                                                       i64 tag, u64 timeout_ms);
Step<TrapOr<u32>> distributed_send_receive_skip_search_old(Caller& caller, u64 node_id,
                                                           u64 process_id, u64 timeout_ms);

// The rows of both tables.
std::span<const HostFunction> functions();

}  // namespace lr::lunatic
