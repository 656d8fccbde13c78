// parked.wasm N: N processes, of which each has written its number to its memory and holds it in a
// local while it waits for a message, which it answers with both.
#include "guest.h"

// Initialised, so that it lies in front of what only the first process uses.
static volatile u64 remembered = 1;

ENTRY(member)(u64 parent, u64 number) {
  remembered = number;
  send_u64(parent, number);
  for (;;) {
    u64 asked_by = receive_u64();
    u64 both[2] = {remembered, number};
    send_bytes(asked_by, both, sizeof both);
  }
}

static void run(const u64* numbers) {
  u64 count = numbers[0], self = process_process_id();
  u64* members = make_array(count);
  pause_at("start");
  u64 start = now_ns();
  for (u64 i = 0; i < count; ++i) members[i] = SPAWN(0, "member", self, i);
  for (u64 i = 0; i < count; ++i) receive_u64();
  u64 took = now_ns() - start;
  pause_at("parked");
  start = now_ns();
  for (u64 i = 0; i < count; ++i) {
    u64 both[2];
    send_u64(members[i], self);
    receive_bytes(both, sizeof both);
    expect(both[0] == i && both[1] == i, 10);
  }
  u64 asked = now_ns() - start;
  print("{\"ns\":[");
  print_per_operation(took, count);
  print("],\"ask_ns\":[");
  print_per_operation(asked, count);
  print("]}\n");
}
