// hogs.wasm N MS HOGS: how much too long N sleeps of MS milliseconds take while HOGS processes
// compute without end.
#include "guest.h"

ENTRY(hog)(u64 start) {
  for (volatile u64 i = start;; ++i) {
  }
}

static void run(const u64* numbers) {
  for (u64 i = 0; i < numbers[2]; ++i) SPAWN(0, "hog", i);
  process_sleep_ms(200);
  measure_sleeps(numbers[1], numbers[0]);
}
