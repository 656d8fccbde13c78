// links.wasm N REPETITIONS SHAPE: N processes linked as a chain (0), star (1), ring (2) or tree
// (3). Measured is the time from the kill of the first until none exists any more.
#include "guest.h"

enum Shape { kChain, kStar, kRing, kTree };

static u64* members;

// Links itself to what exists already, reports that, and waits for its end.
ENTRY(member)(u64 parent, u64 neighbour, u64 other) {
  if (neighbour != 0) process_link(1, neighbour);
  if (other != 0) process_link(1, other);
  send_u64(parent, 1);
  receive_u64();
}

static void build(u64 count, enum Shape shape) {
  u64 self = process_process_id();
  for (u64 i = 0; i < count; ++i) {
    u64 before = i == 0 ? 0 : members[shape == kStar ? 0 : shape == kTree ? (i - 1) / 2 : i - 1];
    u64 first = shape == kRing && i == count - 1 ? members[0] : 0;
    members[i] = SPAWN(0, "member", self, before, first);
  }
  for (u64 i = 0; i < count; ++i) receive_u64();
}

static void wait_until_gone(u64 count) {
  for (u64 i = 0; i < count; ++i) {
    while (process_exists(members[i])) process_sleep_ms(0);
  }
}

static void run(const u64* numbers) {
  u64 count = numbers[0];
  members = make_array(count);
  print("{\"ns\":[");
  for (u64 i = 0; i <= numbers[1]; ++i) {
    build(count, (enum Shape)numbers[2]);
    u64 start = now_ns();
    process_kill(members[0]);
    wait_until_gone(count);
    if (i > 1) print(",");
    if (i > 0) print_number(now_ns() - start);
  }
  print("]}\n");
}
