// lunatic.h: what a C program needs to be a set of processes.
//
//   void greeter(int64_t times) { ... }
//   lunatic_pid pid;
//   lunatic_spawn(greeter, 3, &pid);
//
// A process is a fresh instance of the program: globals are as they were at the start, nothing is
// shared, and what one tells another it sends as a message. Everything here is plain blocking code;
// a process that waits costs nothing but its memory.
//
// Three parts: the ABI itself (functions named lunatic_<module>_<function>, imported under exactly
// these names), thin wrappers with C types, and what liblunatic.a adds: functions as processes,
// requests and replies, a supervisor, trapping safely. README.md says how to build.
#ifndef LUNATIC_H
#define LUNATIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- The ABI ------------------------------------------------------------------------------------

#define LUNATIC_IMPORT(module, name) \
  __attribute__((import_module("lunatic::" module), import_name(name)))

// Answers of functions that can fail. With LUNATIC_FAILED the function has stored an error's id.
enum {
  LUNATIC_OK = 0,
  LUNATIC_FAILED = 1,
  LUNATIC_TIMEOUT = 9027,
};

#define LUNATIC_FOREVER UINT64_MAX  // As a timeout: none.
#define LUNATIC_NO_TAG 0
#define LUNATIC_SAME (-1)  // As a configuration or module: the caller's own.

// error
LUNATIC_IMPORT("error", "string_size") uint32_t lunatic_error_string_size(uint64_t error);
LUNATIC_IMPORT("error", "to_string") void lunatic_error_to_string(uint64_t error, char* text);
LUNATIC_IMPORT("error", "drop") void lunatic_error_drop(uint64_t error);

// message: one message is being written or read at a time.
LUNATIC_IMPORT("message", "create_data")
void lunatic_message_create_data(int64_t tag, uint64_t capacity);
LUNATIC_IMPORT("message", "write_data")
uint32_t lunatic_message_write_data(const void* data, size_t size);
LUNATIC_IMPORT("message", "read_data") uint32_t lunatic_message_read_data(void* data, size_t size);
LUNATIC_IMPORT("message", "seek_data") void lunatic_message_seek_data(uint64_t position);
LUNATIC_IMPORT("message", "get_tag") int64_t lunatic_message_get_tag(void);
LUNATIC_IMPORT("message", "get_process_id") uint64_t lunatic_message_get_process_id(void);
LUNATIC_IMPORT("message", "data_size") uint64_t lunatic_message_data_size(void);
LUNATIC_IMPORT("message", "push_module") uint64_t lunatic_message_push_module(uint64_t module);
LUNATIC_IMPORT("message", "take_module") uint64_t lunatic_message_take_module(uint64_t index);
LUNATIC_IMPORT("message", "send") uint32_t lunatic_message_send(uint64_t process);
LUNATIC_IMPORT("message", "send_receive_skip_search")
uint32_t lunatic_message_send_receive_skip_search(uint64_t process, int64_t tag,
                                                  uint64_t timeout_ms);
LUNATIC_IMPORT("message", "receive")
uint32_t lunatic_message_receive(const int64_t* tags, size_t count, uint64_t timeout_ms);

// timer
LUNATIC_IMPORT("timer", "send_after")
uint64_t lunatic_timer_send_after(uint64_t process, uint64_t delay_ms);
LUNATIC_IMPORT("timer", "cancel_timer") uint32_t lunatic_timer_cancel_timer(uint64_t timer);

// process
LUNATIC_IMPORT("process", "compile_module")
int32_t lunatic_process_compile_module(const void* data, size_t size, uint64_t* id);
LUNATIC_IMPORT("process", "drop_module") void lunatic_process_drop_module(uint64_t module);
LUNATIC_IMPORT("process", "create_config") int64_t lunatic_process_create_config(void);
LUNATIC_IMPORT("process", "drop_config") void lunatic_process_drop_config(uint64_t config);
LUNATIC_IMPORT("process", "config_set_max_memory")
void lunatic_process_config_set_max_memory(uint64_t config, uint64_t bytes);
LUNATIC_IMPORT("process", "config_get_max_memory")
uint64_t lunatic_process_config_get_max_memory(uint64_t config);
LUNATIC_IMPORT("process", "config_set_max_fuel")
void lunatic_process_config_set_max_fuel(uint64_t config, uint64_t slices);
LUNATIC_IMPORT("process", "config_get_max_fuel")
uint64_t lunatic_process_config_get_max_fuel(uint64_t config);
LUNATIC_IMPORT("process", "config_can_compile_modules")
uint32_t lunatic_process_config_can_compile_modules(uint64_t config);
LUNATIC_IMPORT("process", "config_set_can_compile_modules")
void lunatic_process_config_set_can_compile_modules(uint64_t config, uint32_t can);
LUNATIC_IMPORT("process", "config_can_create_configs")
uint32_t lunatic_process_config_can_create_configs(uint64_t config);
LUNATIC_IMPORT("process", "config_set_can_create_configs")
void lunatic_process_config_set_can_create_configs(uint64_t config, uint32_t can);
LUNATIC_IMPORT("process", "config_can_spawn_processes")
uint32_t lunatic_process_config_can_spawn_processes(uint64_t config);
LUNATIC_IMPORT("process", "config_set_can_spawn_processes")
void lunatic_process_config_set_can_spawn_processes(uint64_t config, uint32_t can);
LUNATIC_IMPORT("process", "spawn")
uint32_t lunatic_process_spawn(int64_t link_tag, int64_t config, int64_t module,
                               const char* function, size_t function_size, const void* params,
                               size_t params_size, uint64_t* id);
LUNATIC_IMPORT("process", "get_or_spawn")
uint32_t lunatic_process_get_or_spawn(const char* name, size_t name_size, int64_t link_tag,
                                      int64_t config, int64_t module, const char* function,
                                      size_t function_size, const void* params, size_t params_size,
                                      uint64_t* node, uint64_t* id);
LUNATIC_IMPORT("process", "sleep_ms") void lunatic_process_sleep_ms(uint64_t milliseconds);
LUNATIC_IMPORT("process", "die_when_link_dies")
void lunatic_process_die_when_link_dies(uint32_t dies);
LUNATIC_IMPORT("process", "process_id") uint64_t lunatic_process_process_id(void);
LUNATIC_IMPORT("process", "environment_id") uint64_t lunatic_process_environment_id(void);
LUNATIC_IMPORT("process", "link") void lunatic_process_link(int64_t tag, uint64_t process);
LUNATIC_IMPORT("process", "unlink") void lunatic_process_unlink(uint64_t process);
LUNATIC_IMPORT("process", "monitor") void lunatic_process_monitor(uint64_t process);
LUNATIC_IMPORT("process", "stop_monitoring") void lunatic_process_stop_monitoring(uint64_t process);
LUNATIC_IMPORT("process", "kill") void lunatic_process_kill(uint64_t process);
LUNATIC_IMPORT("process", "exists") uint32_t lunatic_process_exists(uint64_t process);

// registry
LUNATIC_IMPORT("registry", "put")
void lunatic_registry_put(const char* name, size_t size, uint64_t node, uint64_t process);
LUNATIC_IMPORT("registry", "get")
uint32_t lunatic_registry_get(const char* name, size_t size, uint64_t* node, uint64_t* process);
LUNATIC_IMPORT("registry", "remove") void lunatic_registry_remove(const char* name, size_t size);

// wasi: what a configuration gives its processes to see.
LUNATIC_IMPORT("wasi", "config_add_environment_variable")
void lunatic_wasi_config_add_environment_variable(uint64_t config, const char* key, size_t key_size,
                                                  const char* value, size_t value_size);
LUNATIC_IMPORT("wasi", "config_add_command_line_argument")
void lunatic_wasi_config_add_command_line_argument(uint64_t config, const char* argument,
                                                   size_t size);
LUNATIC_IMPORT("wasi", "config_preopen_dir")
void lunatic_wasi_config_preopen_dir(uint64_t config, const char* path, size_t size);

// version, trap, distributed
LUNATIC_IMPORT("version", "major") uint32_t lunatic_version_major(void);
LUNATIC_IMPORT("version", "minor") uint32_t lunatic_version_minor(void);
LUNATIC_IMPORT("version", "patch") uint32_t lunatic_version_patch(void);
LUNATIC_IMPORT("trap", "catch") uint32_t lunatic_trap_catch(uintptr_t function, uintptr_t pointer);
LUNATIC_IMPORT("distributed", "node_id") uint64_t lunatic_distributed_node_id(void);
LUNATIC_IMPORT("distributed", "module_id") uint64_t lunatic_distributed_module_id(void);
LUNATIC_IMPORT("distributed", "nodes_count") uint32_t lunatic_distributed_nodes_count(void);

// ---- Thin wrappers ------------------------------------------------------------------------------

typedef uint64_t lunatic_pid;
typedef uint64_t lunatic_error;  // An error's id: to be dropped.
typedef uint64_t lunatic_timer;
typedef int64_t lunatic_config;
typedef int64_t lunatic_module;

static inline lunatic_pid lunatic_self(void) { return lunatic_process_process_id(); }
static inline void lunatic_sleep(uint64_t milliseconds) { lunatic_process_sleep_ms(milliseconds); }
static inline bool lunatic_is_alive(lunatic_pid pid) { return lunatic_process_exists(pid) != 0; }
// From now on a linked process's failure is a message (LUNATIC_LINK_DIED) instead of the end.
static inline void lunatic_trap_exits(void) { lunatic_process_die_when_link_dies(0); }

// Writing: begin a message, put values into it, send it. Values are stored as they lie in memory.
static inline void lunatic_begin(int64_t tag) { lunatic_message_create_data(tag, 0); }
static inline void lunatic_put(const void* data, size_t size) {
  lunatic_message_write_data(data, size);
}
static inline void lunatic_put_i32(int32_t value) { lunatic_put(&value, sizeof value); }
static inline void lunatic_put_u32(uint32_t value) { lunatic_put(&value, sizeof value); }
static inline void lunatic_put_i64(int64_t value) { lunatic_put(&value, sizeof value); }
static inline void lunatic_put_u64(uint64_t value) { lunatic_put(&value, sizeof value); }
static inline void lunatic_put_f64(double value) { lunatic_put(&value, sizeof value); }
// Its length in 4 bytes, then its characters.
static inline void lunatic_put_string(const char* text) {
  const uint32_t size = (uint32_t)strlen(text);
  lunatic_put_u32(size);
  lunatic_put(text, size);
}
static inline void lunatic_send(lunatic_pid pid) { lunatic_message_send(pid); }
static inline lunatic_timer lunatic_send_after(lunatic_pid pid, uint64_t delay_ms) {
  return lunatic_timer_send_after(pid, delay_ms);
}
// False if it had been sent.
static inline bool lunatic_cancel(lunatic_timer timer) {
  return lunatic_timer_cancel_timer(timer) != 0;
}

// Receiving: what came is read with the functions below.
typedef enum {
  LUNATIC_DATA = 0,
  LUNATIC_LINK_DIED = 1,     // lunatic_tag() says which link.
  LUNATIC_PROCESS_DIED = 2,  // lunatic_dead() says which process.
  LUNATIC_NOTHING = LUNATIC_TIMEOUT,
} lunatic_kind;

static inline lunatic_kind lunatic_receive(uint64_t timeout_ms) {
  return (lunatic_kind)lunatic_message_receive(NULL, 0, timeout_ms);
}
// The first that has this tag; all others stay where they are.
static inline lunatic_kind lunatic_receive_tag(int64_t tag, uint64_t timeout_ms) {
  return (lunatic_kind)lunatic_message_receive(&tag, 1, timeout_ms);
}
static inline lunatic_kind lunatic_receive_tags(const int64_t* tags, size_t count,
                                                uint64_t timeout_ms) {
  return (lunatic_kind)lunatic_message_receive(tags, count, timeout_ms);
}
static inline int64_t lunatic_tag(void) { return lunatic_message_get_tag(); }
static inline lunatic_pid lunatic_dead(void) { return lunatic_message_get_process_id(); }
static inline size_t lunatic_size(void) { return (size_t)lunatic_message_data_size(); }

// Reading, in the order of writing. False: the message has less than that left.
static inline bool lunatic_get(void* data, size_t size) {
  return lunatic_message_read_data(data, size) == size;
}
static inline bool lunatic_get_i32(int32_t* value) { return lunatic_get(value, sizeof *value); }
static inline bool lunatic_get_u32(uint32_t* value) { return lunatic_get(value, sizeof *value); }
static inline bool lunatic_get_i64(int64_t* value) { return lunatic_get(value, sizeof *value); }
static inline bool lunatic_get_u64(uint64_t* value) { return lunatic_get(value, sizeof *value); }
static inline bool lunatic_get_f64(double* value) { return lunatic_get(value, sizeof *value); }
// With a zero at its end; false too if `room` bytes do not hold it.
static inline bool lunatic_get_string(char* text, size_t room) {
  uint32_t size = 0;
  if (!lunatic_get_u32(&size) || size >= room || !lunatic_get(text, size)) return false;
  text[size] = 0;
  return true;
}

// Names, for all processes of the program.
static inline void lunatic_register(const char* name, lunatic_pid pid) {
  lunatic_registry_put(name, strlen(name), 0, pid);
}
static inline bool lunatic_lookup(const char* name, lunatic_pid* pid) {
  uint64_t node = 0;
  return lunatic_registry_get(name, strlen(name), &node, pid) == LUNATIC_OK;
}
static inline void lunatic_unregister(const char* name) {
  lunatic_registry_remove(name, strlen(name));
}

// ---- liblunatic.a: errors -----------------------------------------------------------------------

// The text of an error, which is dropped. For the caller to free().
char* lunatic_error_text(lunatic_error error);

// ---- liblunatic.a: functions as processes -------------------------------------------------------

// What a process runs. It ends normally when this returns or calls exit(0); a trap, abort() or
// another exit status is a failure, which its links are told.
typedef void (*lunatic_entry)(int64_t argument);
// The same with bytes, which are the process's own copy: its to free().
typedef void (*lunatic_data_entry)(void* data, size_t size);

typedef struct {
  int64_t link_tag;       // Not 0: linked with the caller, whom its failure reaches with this tag.
  lunatic_config config;  // LUNATIC_SAME, or what it may do.
} lunatic_spawn_options;

// LUNATIC_OK stores the process's id in *id, LUNATIC_FAILED an error's (lunatic_error_text).
uint32_t lunatic_spawn(lunatic_entry entry, int64_t argument, lunatic_pid* id);
uint32_t lunatic_spawn_link(lunatic_entry entry, int64_t argument, int64_t link_tag,
                            lunatic_pid* id);
uint32_t lunatic_spawn_with(const lunatic_spawn_options* options, lunatic_entry entry,
                            int64_t argument, lunatic_pid* id);
uint32_t lunatic_spawn_data(const lunatic_spawn_options* options, lunatic_data_entry entry,
                            const void* data, size_t size, lunatic_pid* id);

// In two steps: the process waits for its data, and what the caller does in between (monitoring it,
// registering a name) is done before `entry` runs.
uint32_t lunatic_spawn_waiting(const lunatic_spawn_options* options, lunatic_data_entry entry,
                               lunatic_pid* id);
void lunatic_send_data(lunatic_pid pid, const void* data, size_t size);

// ---- liblunatic.a: requests and replies ---------------------------------------------------------

// A tag that this process has not used, above 2^32.
int64_t lunatic_fresh_tag(void);

// Whom to answer.
typedef struct {
  lunatic_pid from;
  int64_t reply_tag;
} lunatic_request;

// The asking side: begin with the tag that the other side receives, put values, and ask. After
// LUNATIC_OK the reply can be read. LUNATIC_TIMEOUT: none came; one that comes later stays in the
// mailbox. A process that does not exist never answers.
void lunatic_request_begin(int64_t tag);
uint32_t lunatic_ask(lunatic_pid pid, uint64_t timeout_ms);

// The answering side: after receiving a request, this comes first; then its values can be read.
bool lunatic_request_read(lunatic_request* request);
// Begin, put values, and answer.
void lunatic_reply_begin(const lunatic_request* request);
static inline void lunatic_reply(const lunatic_request* request) { lunatic_send(request->from); }

// ---- liblunatic.a: supervisor -------------------------------------------------------------------

typedef enum {
  LUNATIC_ONE_FOR_ONE,   // Only the child that failed is started again,
  LUNATIC_ONE_FOR_ALL,   // ... or all of them,
  LUNATIC_REST_FOR_ONE,  // ... or it and those behind it in the list.
} lunatic_strategy;

typedef struct {
  lunatic_entry entry;
  int64_t argument;
  const char* name;  // Registered for each new process; NULL: none.
} lunatic_child;

typedef struct {
  lunatic_strategy strategy;
  uint32_t restarts_max;  // More failures than this within `within_ms` end the supervisor.
  uint64_t within_ms;
  int64_t stop_tag;  // A message with this tag ends children and supervisor; 0: none does.
} lunatic_supervision;

// Starts the children in order, linked with the caller, and starts those again that fail, until all
// have ended normally or the stop message comes (true), or too many fail or one cannot be started
// (false); those left are then killed, last first. For a process of its own: until it returns other
// messages are dropped, and deaths of other links do not end it.
bool lunatic_supervise(const lunatic_child* children, size_t count, const lunatic_supervision* how);

// ---- liblunatic.a: trapping safely --------------------------------------------------------------

// Calls function(argument). False if it trapped or called exit(): what it had written stays
// written, its C stack is given back.
bool lunatic_try(void (*function)(void*), void* argument);

#ifdef __cplusplus
}
#endif

#endif
