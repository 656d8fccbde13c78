// flood.wasm N REPETITIONS: N messages of 32 bytes, sent as fast as they can be; the receiver
// copies each into its memory and answers when it has them all.
#include "guest.h"

enum { kWords = 4 };

static u64 sink_process;

ENTRY(sink)(u64 parent, u64 count) {
  for (;;) {
    u64 sum = 0;
    for (u64 i = 0; i < count; ++i) {
      u64 words[kWords];
      receive_bytes(words, sizeof words);
      sum += words[0];
    }
    send_u64(parent, sum);
  }
}

static void flood(u64 count) {
  for (u64 i = 0; i < count; ++i) {
    u64 words[kWords] = {i, i, i, i};
    send_bytes(sink_process, words, sizeof words);
  }
  expect(receive_u64() == count * (count - 1) / 2, 10);
}

static void run(const u64* numbers) {
  sink_process = SPAWN(0, "sink", process_process_id(), numbers[0]);
  measure(flood, numbers[0], numbers[0], numbers[1]);
}
