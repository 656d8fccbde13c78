// spawn.wasm N REPETITIONS SPAWNERS: spawns a process that replies and ends, N times one after the
// other, by each of the spawners at once.
#include "guest.h"

static u64 spawners;

ENTRY(child)(u64 parent) { send_u64(parent, 1); }

static void spawn_and_wait(u64 count) {
  u64 self = process_process_id();
  for (u64 i = 0; i < count; ++i) {
    SPAWN(0, "child", self);
    receive_u64();
  }
}

ENTRY(spawner)(u64 parent, u64 count) {
  spawn_and_wait(count);
  send_u64(parent, count);
}

static void spawn_from_all(u64 count) {
  u64 self = process_process_id();
  for (u64 i = 0; i < spawners; ++i) SPAWN(0, "spawner", self, count);
  for (u64 i = 0; i < spawners; ++i) receive_u64();
}

static void run(const u64* numbers) {
  spawners = numbers[2];
  measure(spawners == 1 ? spawn_and_wait : spawn_from_all, numbers[0], numbers[0] * spawners,
          numbers[1]);
}
