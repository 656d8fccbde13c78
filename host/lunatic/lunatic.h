// The functions that Lunatic gives its guests, as C++ sees them; lunatic.def has a row for each.
// By file:
//   message.cc   the message being made or read, sending, receiving
//   process.cc   who I am, links, monitors, kills, sleeping     spawn.cc  making processes
//   misc.cc      errors, version, the local answers about other nodes
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
TrapOr<u32> message_write_data(Caller& caller, GuestPointer data, u32 length);
TrapOr<u32> message_read_data(Caller& caller, GuestPointer data, u32 length);
TrapOr<Done> message_seek_data(Caller& caller, u64 index);
TrapOr<i64> message_get_tag(Caller& caller);
TrapOr<u64> message_get_process_id(Caller& caller);
TrapOr<u64> message_data_size(Caller& caller);
TrapOr<u32> message_send(Caller& caller, u64 process_id);
Step<TrapOr<u32>> message_send_receive_skip_search(Caller& caller, u64 process_id, i64 tag,
                                                   u64 timeout_ms);
// The tags are not looked at when there are none.
Step<TrapOr<u32>> message_receive(Caller& caller, GuestPointer tags, u32 tag_count, u64 timeout_ms);

Step<TrapOr<u32>> process_spawn(Caller& caller, i64 link, i64 config_id, i64 module_id,
                                GuestString function, GuestBytes params, GuestOut<u64> id);
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

u32 version_major(Caller& caller);
u32 version_minor(Caller& caller);
u32 version_patch(Caller& caller);

u64 distributed_node_id(Caller& caller);
u64 distributed_module_id(Caller& caller);
u32 distributed_nodes_count(Caller& caller);

// The rows of lunatic.def.
std::span<const HostFunction> functions();

}  // namespace lr::lunatic
