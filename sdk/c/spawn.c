// Functions as processes. A process starts with an exported function by name, so there is one
// exported function for all: its first argument says which function of the table it calls. That is
// safe because the new process is an instance of the same module, whose table is the same.
#include <stdlib.h>

#include "lunatic.h"

// A process that does not begin with _start needs its constructors, too. With older versions of
// wasi-libc the linker puts the call into every export, unless it sees one; with newer ones, whose
// _start has it, the call is ours.
#ifdef LUNATIC_CALL_CTORS
extern void __wasm_call_ctors(void);  // Made by the linker.
#define CONSTRUCT() __wasm_call_ctors()
#else
#define CONSTRUCT() (void)0
#endif

// Internal tag of the bytes that a process is spawned with.
#define DATA_TAG INT64_MIN

__attribute__((export_name("_lunatic_c_spawn"))) void lunatic_c_spawn(uintptr_t entry,
                                                                      int64_t argument) {
  CONSTRUCT();
  ((lunatic_entry)entry)(argument);
  exit(0);  // Not a return: buffered output is written.
}

__attribute__((export_name("_lunatic_c_spawn_data"))) void lunatic_c_spawn_data(uintptr_t entry) {
  CONSTRUCT();
  lunatic_receive_tag(DATA_TAG, LUNATIC_FOREVER);
  const size_t size = lunatic_size();
  void* const data = malloc(size > 0 ? size : 1);
  if (data == NULL || !lunatic_get(data, size)) abort();
  ((lunatic_data_entry)entry)(data, size);
  exit(0);
}

// A parameter as the ABI wants it: a type byte and 16 bytes of value.
#define PARAM_SIZE 17

static void put_param(uint8_t* at, uint8_t type, int64_t value) {
  memset(at, 0, PARAM_SIZE);
  at[0] = type;
  memcpy(at + 1, &value, sizeof value);
}

static uint32_t spawn_export(const lunatic_spawn_options* options, const char* name,
                             uintptr_t entry, const int64_t* argument, lunatic_pid* id) {
  enum { I32 = 0x7f, I64 = 0x7e };
  uint8_t params[2 * PARAM_SIZE];
  put_param(params, I32, (int64_t)entry);
  if (argument != NULL) put_param(params + PARAM_SIZE, I64, *argument);
  const size_t size = argument != NULL ? 2 * PARAM_SIZE : PARAM_SIZE;
  return lunatic_process_spawn(options->link_tag, options->config, LUNATIC_SAME, name, strlen(name),
                               params, size, id);
}

uint32_t lunatic_spawn_with(const lunatic_spawn_options* options, lunatic_entry entry,
                            int64_t argument, lunatic_pid* id) {
  return spawn_export(options, "_lunatic_c_spawn", (uintptr_t)entry, &argument, id);
}

uint32_t lunatic_spawn(lunatic_entry entry, int64_t argument, lunatic_pid* id) {
  return lunatic_spawn_link(entry, argument, LUNATIC_NO_TAG, id);
}

uint32_t lunatic_spawn_link(lunatic_entry entry, int64_t argument, int64_t link_tag,
                            lunatic_pid* id) {
  const lunatic_spawn_options options = {link_tag, LUNATIC_SAME};
  return lunatic_spawn_with(&options, entry, argument, id);
}

uint32_t lunatic_spawn_waiting(const lunatic_spawn_options* options, lunatic_data_entry entry,
                               lunatic_pid* id) {
  return spawn_export(options, "_lunatic_c_spawn_data", (uintptr_t)entry, NULL, id);
}

void lunatic_send_data(lunatic_pid pid, const void* data, size_t size) {
  lunatic_begin(DATA_TAG);
  lunatic_put(data, size);
  lunatic_send(pid);
}

uint32_t lunatic_spawn_data(const lunatic_spawn_options* options, lunatic_data_entry entry,
                            const void* data, size_t size, lunatic_pid* id) {
  const uint32_t status = lunatic_spawn_waiting(options, entry, id);
  if (status == LUNATIC_OK) lunatic_send_data(*id, data, size);
  return status;
}
