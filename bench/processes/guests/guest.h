// What the guests of these benchmarks share: the part of the Lunatic ABI and of WASI that they use,
// and a line of JSON at the end. There is no C library: a guest has one page of memory, of which the
// first half kilobyte is its stack.
//
// A guest is a command, `guest.wasm NUMBER...`: a file defines run() and exports the entries of the
// processes that it spawns. It prints {"ns":[...]}, a number for each measurement.
#pragma once

typedef int i32;
typedef unsigned u32;
typedef long long i64;
typedef unsigned long long u64;
typedef unsigned char u8;

#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define MESSAGE(name) IMPORT("lunatic::message", #name) message_##name
#define PROCESS(name) IMPORT("lunatic::process", #name) process_##name
#define TIMER(name) IMPORT("lunatic::timer", #name) timer_##name
#define ERROR(name) IMPORT("lunatic::error", #name) error_##name
#define WASI(name) IMPORT("wasi_snapshot_preview1", #name) wasi_##name
// The entry of a process: named in spawn() and called with its numbers.
#define ENTRY(name) __attribute__((export_name(#name))) void name

// The attribute stands between type and name, so that a row reads like the ABI's own list.
void MESSAGE(create_data)(i64 tag, i64 capacity);
u32 MESSAGE(write_data)(const void* data, u32 size);
u32 MESSAGE(read_data)(void* data, u32 size);
u32 MESSAGE(send)(u64 process);
u32 MESSAGE(receive)(const i64* tags, u32 tag_count, u64 timeout_ms);
u32 PROCESS(spawn)(i64 link, i64 config, i64 module, const char* entry, u32 entry_size,
                   const void* params, u32 params_size, u64* id);
u32 PROCESS(compile_module)(const void* bytes, u32 size, u64* id);
void PROCESS(drop_module)(u64 module);
void PROCESS(sleep_ms)(u64 ms);
void PROCESS(die_when_link_dies)(u32 yes);
u64 PROCESS(process_id)(void);
void PROCESS(link)(i64 tag, u64 process);
void PROCESS(monitor)(u64 process);
void PROCESS(kill)(u64 process);
u32 PROCESS(exists)(u64 process);
u64 TIMER(send_after)(u64 process, u64 delay_ms);
u32 TIMER(cancel_timer)(u64 timer);
void ERROR(drop)(u64 error);
u32 WASI(args_sizes_get)(u32* count, u32* size);
u32 WASI(args_get)(char** arguments, char* buffer);
u32 WASI(clock_time_get)(u32 clock, u64 precision, u64* time);
u32 WASI(fd_read)(u32 fd, const void* vectors, u32 count, u32* done);
u32 WASI(fd_write)(u32 fd, const void* vectors, u32 count, u32* done);
_Noreturn void WASI(proc_exit)(u32 status);

enum { kMessage = 0, kLinkDied = 1, kProcessDied = 2, kTimeout = 9027 };
#define FOREVER (~0ull)

// ---- The command
// ---------------------------------------------------------------------------------

// The guest's own main function. `numbers` are its arguments; those not given are 0.
static void run(const u64* numbers);

static inline u64 now_ns(void) {
  u64 time = 0;
  wasi_clock_time_get(1, 1, &time);
  return time;
}

// Ends the program if something that cannot fail has failed; the status says where.
static inline void expect(int holds, u32 status) {
  if (!holds) wasi_proc_exit(status);
}

struct Buffer {
  char text[1024];
  u32 size;
};
static struct Buffer out;

static void flush(void) {
  struct {
    const char* data;
    u32 size;
  } vector = {out.text, out.size};
  u32 written;
  if (out.size != 0) wasi_fd_write(1, &vector, 1, &written);
  out.size = 0;
}

static void print(const char* text) {
  for (; *text; ++text) {
    if (out.size == sizeof out.text) flush();
    out.text[out.size++] = *text;
  }
}

static inline void print_number(u64 value) {
  char digits[21];
  u32 at = sizeof digits - 1;
  digits[at] = 0;
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0);
  print(digits + at);
}

// Thousandths of a nanosecond, since an operation may take a few nanoseconds only.
static inline void print_per_operation(u64 ns, u64 operations) {
  u64 thousandths = ns * 1000 / operations;
  print_number(thousandths / 1000);
  char tail[] = {'.', (char)('0' + thousandths / 100 % 10), (char)('0' + thousandths / 10 % 10),
                 (char)('0' + thousandths % 10), 0};
  print(tail);
}

// Says where the program is, and waits until the harness has looked at it from outside.
static inline void pause_at(const char* where) {
  print("{\"at\":\"");
  print(where);
  print("\"}\n");
  flush();
  char byte;
  struct {
    char* data;
    u32 size;
  } vector = {&byte, 1};
  u32 count;
  wasi_fd_read(0, &vector, 1, &count);
}

__attribute__((export_name("_start"))) void _start(void) {
  enum { kArguments = 8 };
  static char* arguments[kArguments];
  static char buffer[512];
  static u64 numbers[kArguments];
  u32 count = 0, size = 0;
  wasi_args_sizes_get(&count, &size);
  expect(count <= kArguments && size <= sizeof buffer, 2);
  wasi_args_get(arguments, buffer);
  for (u32 i = 1; i < count; ++i) {
    for (const char* c = arguments[i]; *c; ++c)
      numbers[i - 1] = numbers[i - 1] * 10 + (u64)(*c - '0');
  }
  run(numbers);
  flush();
}

// ---- Processes and messages
// ----------------------------------------------------------------------

// A process of this module that runs the entry with these numbers, or 0 if there can be none.
static inline u64 try_spawn(i64 link, i64 module, const char* entry, u32 entry_size,
                            const u64* numbers, u32 count) {
  enum { kRecord = 17, kNumbersMax = 4, kTypeI64 = 0x7e };
  u8 params[kRecord * kNumbersMax];
  for (u32 i = 0; i < count; ++i) {
    u8* record = params + i * kRecord;
    record[0] = kTypeI64;
    __builtin_memcpy(record + 1, &numbers[i], 8);
    __builtin_memset(record + 9, 0, 8);
  }
  u64 id = 0;
  if (process_spawn(link, -1, module, entry, entry_size, params, count * kRecord, &id) == 0) {
    return id;
  }
  error_drop(id);
  return 0;
}

#define TRY_SPAWN(link, entry, ...)                                         \
  try_spawn(link, -1, entry, sizeof(entry) - 1, (const u64[]){__VA_ARGS__}, \
            sizeof((const u64[]){__VA_ARGS__}) / 8)
#define SPAWN(link, entry, ...) must_be_process(TRY_SPAWN(link, entry, __VA_ARGS__))

static inline u64 must_be_process(u64 id) {
  expect(id != 0, 3);
  return id;
}

static inline void send_bytes(u64 process, const void* data, u32 size) {
  message_create_data(0, size);
  message_write_data(data, size);
  message_send(process);
}

static inline void receive_bytes(void* data, u32 size) {
  expect(message_receive(0, 0, FOREVER) == kMessage, 4);
  expect(message_read_data(data, size) == size, 5);
}

static inline void send_u64(u64 process, u64 value) { send_bytes(process, &value, 8); }

static inline u64 receive_u64(void) {
  u64 value;
  receive_bytes(&value, 8);
  return value;
}

// Numbers of any count, in memory that grows behind the first page.
static inline u64* make_array(u64 count) {
  u64 pages = (count * 8 + 0xffff) / 0x10000;
  u64 old = __builtin_wasm_memory_grow(0, pages);
  expect((u32)old != ~0u, 6);
  return (u64*)(u32)(old * 0x10000);
}

// ---- Measurements
// --------------------------------------------------------------------------------

// Runs `body(count)` `repetitions` times, after once as a warm-up, and prints the nanoseconds of
// one of its `operations`.
static inline void measure(void (*body)(u64), u64 count, u64 operations, u64 repetitions) {
  body(count);
  print("{\"ns\":[");
  for (u64 i = 0; i < repetitions; ++i) {
    u64 start = now_ns();
    body(count);
    if (i != 0) print(",");
    print_per_operation(now_ns() - start, operations);
  }
  print("]}\n");
}

// Sleeps `count` times and prints how much too long it took, in nanoseconds, each time.
static inline void measure_sleeps(u64 ms, u64 count) {
  print("{\"ns\":[");
  for (u64 i = 0; i < count; ++i) {
    u64 start = now_ns();
    process_sleep_ms(ms);
    u64 took = now_ns() - start;
    if (i != 0) print(",");
    print_number(took > ms * 1000000 ? took - ms * 1000000 : 0);
  }
  print("]}\n");
}
