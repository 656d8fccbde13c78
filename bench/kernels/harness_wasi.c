// The command around a kernel for WASI preview 1, without a C library: PROGRAM N REPETITIONS.
#include "harness.h"

#define WASI(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))

WASI(args_sizes_get) u32 args_sizes_get(u32* count, u32* size);
WASI(args_get) u32 args_get(char** arguments, char* buffer);
WASI(clock_time_get) u32 clock_time_get(u32 clock, u64 precision, u64* time);
WASI(fd_write) u32 fd_write(u32 fd, const void* vectors, u32 count, u32* written);
WASI(proc_exit) _Noreturn void proc_exit(u32 status);

void __wasm_call_ctors(void);

static u64 now_ns(void) {
  u64 time = 0;
  clock_time_get(1, 1, &time);
  return time;
}

__attribute__((export_name("_start"))) void _start(void) {
  static char* arguments[8];
  static char buffer[1024], line[kLineMax];
  u32 count, size;
  __wasm_call_ctors();
  args_sizes_get(&count, &size);
  if (count != 3 || size > sizeof buffer) proc_exit(2);
  args_get(arguments, buffer);
  struct {
    const char* data;
    u32 size;
  } vector = {line, measure(parse_number(arguments[1]), parse_number(arguments[2]), now_ns, line)};
  u32 written;
  fd_write(1, &vector, 1, &written);
}
