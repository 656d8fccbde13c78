// ping.wasm N REPETITIONS: N round trips of 8 bytes between two processes.
#include "guest.h"

static u64 echo_process;

ENTRY(echo)(u64 parent) {
  for (;;) send_u64(parent, receive_u64());
}

static void ping(u64 count) {
  for (u64 i = 0; i < count; ++i) {
    send_u64(echo_process, i);
    expect(receive_u64() == i, 10);
  }
}

static void run(const u64* numbers) {
  echo_process = SPAWN(0, "echo", process_process_id());
  measure(ping, numbers[0], numbers[0], numbers[1]);
}
