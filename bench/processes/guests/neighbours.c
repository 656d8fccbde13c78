// neighbours.wasm MS KIND: for MS milliseconds alone and then as long beside a hostile neighbour, a
// continuous ping-pong and a ping every 10 ms. The neighbour is a fork bomb (1), a mailbox flood
// (2), a process that grows for ever (3), 100,000 traps a second (4). Prints what the round trips
// took, and pauses before the neighbour starts and after it has gone.
#include "guest.h"

// ---- Times
// ---------------------------------------------------------------------------------------

// Times in steps of 1/64: an exponent and the next six bits.
enum { kStepBits = 6, kBuckets = 48 << kStepBits };

struct Times {
  u32 counts[kBuckets];
  u64 count, max;
};

static u32 bucket_of(u64 ns) {
  if (ns < 1 << kStepBits) return (u32)ns;
  u32 shift = 63 - (u32)__builtin_clzll(ns) - kStepBits;
  u32 bucket = ((shift + 1) << kStepBits) + ((u32)(ns >> shift) & ((1 << kStepBits) - 1));
  return bucket < kBuckets ? bucket : kBuckets - 1;
}

static u64 least_of(u32 bucket) {
  if (bucket < 1 << kStepBits) return bucket;
  u32 shift = (bucket >> kStepBits) - 1;
  return ((1ull << kStepBits) + (bucket & ((1 << kStepBits) - 1))) << shift;
}

static void add_time(struct Times* times, u64 ns) {
  times->counts[bucket_of(ns)]++;
  times->count++;
  if (ns > times->max) times->max = ns;
}

static u64 quantile(const struct Times* times, u64 per_thousand) {
  u64 left = times->count * per_thousand / 1000;
  for (u32 bucket = 0; bucket < kBuckets; ++bucket) {
    if (left < times->counts[bucket]) return least_of(bucket);
    left -= times->counts[bucket];
  }
  return times->max;
}

static void print_field(const char* name, u64 value) {
  print(",\"");
  print(name);
  print("\":");
  print_number(value);
}

static void print_times(const struct Times* times, const char* what, const char* phase) {
  print("{\"what\":\"");
  print(what);
  print("\",\"phase\":\"");
  print(phase);
  print("\"");
  print_field("count", times->count);
  print_field("p50", quantile(times, 500));
  print_field("p99", quantile(times, 990));
  print_field("p999", quantile(times, 999));
  print_field("max", times->max);
  print("}\n");
  flush();
}

// ---- Pings
// ---------------------------------------------------------------------------------------

static struct Times* times;  // Behind the first page, which all processes have.

ENTRY(echo)(u64 parent) {
  for (;;) send_u64(parent, receive_u64());
}

static void ping_until(u64 other, u64 end_ns, u64 pause_ms, const char* what, const char* phase) {
  __builtin_memset(times, 0, sizeof *times);
  for (u64 start = now_ns(); start < end_ns; start = now_ns()) {
    if (pause_ms != 0) {
      process_sleep_ms(pause_ms);
      start = now_ns();
    }
    send_u64(other, start);
    expect(receive_u64() == start, 10);
    add_time(times, now_ns() - start);
  }
  print_times(times, what, phase);
}

// All that the measurement needs, before a neighbour takes what there is.
static u64 prepare_pings(void) {
  times = (struct Times*)make_array(sizeof *times / 8);
  return SPAWN(0, "echo", process_process_id());
}

ENTRY(metronome)(u64 parent) {
  u64 other = prepare_pings();
  for (u32 phase = 0;; ++phase) {
    send_u64(parent, 0);
    u64 end = receive_u64();
    ping_until(other, end, 10, "every 10 ms", phase == 2 ? "hostile" : "idle");
    process_sleep_ms(100);  // The parent's last round trip is no place for this message.
    send_u64(parent, 1);
  }
}

static void measure_pings(u64 other, u64 metronome, u64 ms, int hostile) {
  expect(receive_u64() == 0, 12);
  u64 end = now_ns() + ms * 1000000;
  send_u64(metronome, end);
  ping_until(other, end, 0, "continuous", hostile ? "hostile" : "idle");
}

// ---- Neighbours
// ----------------------------------------------------------------------------------

ENTRY(fork_bomb)(u64 parent) {
  for (;;) TRY_SPAWN(1, "fork_bomb", parent);
}

ENTRY(deaf)(u64 parent) {
  i64 tag = 1;
  process_link(1, parent);
  message_receive(&tag, 1, FOREVER);
}

ENTRY(flood)(u64 parent) {
  (void)parent;
  static u8 bytes[1000];
  u64 victim = SPAWN(1, "deaf", process_process_id());
  for (;;) send_bytes(victim, bytes, sizeof bytes);
}

ENTRY(grow)(u64 parent) {
  (void)parent;
  for (;;) {
    u32 page = (u32)__builtin_wasm_memory_grow(0, 1);
    for (u32 at = 0; page != ~0u && at < 0x10000; at += 0x1000) {
      *(volatile u8*)(page * 0x10000 + at) = 1;
    }
  }
}

ENTRY(trap)(u64 parent) {
  (void)parent;
  __builtin_trap();
}

// 100 traps at the start of each millisecond.
ENTRY(traps)(u64 parent) {
  process_die_when_link_dies(0);
  u64 start = now_ns();
  for (u64 rounds = 0;; ++rounds) {
    while ((now_ns() - start) / 1000000 < rounds) process_sleep_ms(1);
    for (u32 i = 0; i < 100; ++i) SPAWN(1, "trap", parent);
    for (u32 i = 0; i < 100; ++i) expect(message_receive(0, 0, FOREVER) == kLinkDied, 11);
  }
}

static u64 start_neighbour(u64 kind) {
  u64 self = process_process_id();
  switch (kind) {
    case 1:
      return SPAWN(0, "fork_bomb", self);
    case 2:
      return SPAWN(0, "flood", self);
    case 3:
      return SPAWN(0, "grow", self);
    default:
      return SPAWN(0, "traps", self);
  }
}

static void run(const u64* numbers) {
  u64 other = prepare_pings();
  u64 metronome = SPAWN(0, "metronome", process_process_id());
  measure_pings(other, metronome, numbers[0] / 10, 0);
  expect(receive_u64() == 1, 13);
  pause_at("before");
  measure_pings(other, metronome, numbers[0], 0);
  expect(receive_u64() == 1, 13);
  u64 neighbour = start_neighbour(numbers[1]);
  process_sleep_ms(100);
  measure_pings(other, metronome, numbers[0], 1);
  expect(receive_u64() == 1, 13);
  process_kill(neighbour);
  while (process_exists(neighbour)) process_sleep_ms(1);
  pause_at("after");
}
