// ring.wasm N REPETITIONS SIZE: a message goes around a ring of SIZE processes, this one included,
// until it has made N hops.
#include "guest.h"

static u64 next_process, ring_size;

ENTRY(member)(u64 next) {
  for (;;) send_u64(next, receive_u64());
}

static void go_around(u64 hops) {
  for (u64 i = 0; i < hops; i += ring_size) {
    send_u64(next_process, i);
    expect(receive_u64() == i, 10);
  }
}

static void run(const u64* numbers) {
  ring_size = numbers[2];
  next_process = process_process_id();
  for (u64 i = 1; i < ring_size; ++i) next_process = SPAWN(0, "member", next_process);
  u64 hops = numbers[0] / ring_size * ring_size;
  measure(go_around, hops, hops, numbers[1]);
}
