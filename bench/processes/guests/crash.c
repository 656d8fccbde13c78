// crash.wasm N REPETITIONS: a linked process traps, its parent receives its death and spawns the
// next, N times.
#include "guest.h"

enum { kLinkTag = 7 };

ENTRY(crasher)(u64 parent) {
  (void)parent;
  __builtin_trap();
}

static void crash(u64 count) {
  for (u64 i = 0; i < count; ++i) {
    SPAWN(kLinkTag, "crasher", 0);
    expect(message_receive(0, 0, FOREVER) == kLinkDied, 10);
  }
}

static void run(const u64* numbers) {
  process_die_when_link_dies(0);
  measure(crash, numbers[0], numbers[0], numbers[1]);
}
