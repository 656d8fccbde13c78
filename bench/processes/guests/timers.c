// timers.wasm N MS CANCEL: N timers that expire at one instant, MS milliseconds after the start.
// Prints how much too long sleeps of 1 ms take from then on until all have arrived. With CANCEL
// all are cancelled first, and the time for that is printed.
#include "guest.h"

enum { kSleepsMax = 20000 };

ENTRY(sink)(u64 parent, u64 count) {
  for (u64 i = 0; i < count; ++i) receive_u64();
  send_u64(parent, count);
}

static void start_timers(u64* timers, u64 count, u64 target, u64 instant_ns) {
  for (u64 i = 0; i < count; ++i) {
    u64 now = now_ns();
    expect(now < instant_ns, 10);  // MS is too short.
    message_create_data(0, 8);
    message_write_data(&i, 8);
    timers[i] = timer_send_after(target, (instant_ns - now) / 1000000);
  }
}

static void cancel_all(const u64* timers, u64 count) {
  u64 start = now_ns();
  for (u64 i = 0; i < count; ++i) expect(timer_cancel_timer(timers[i]) == 1, 11);
  print("{\"ns\":[");
  print_per_operation(now_ns() - start, count);
  print("]}\n");
}

// The lateness of sleeps until a message comes.
static void sleep_until_message(void) {
  print("{\"ns\":[");
  for (u64 i = 0; i < kSleepsMax; ++i) {
    u64 start = now_ns();
    if (message_receive(0, 0, 1) != kTimeout) break;
    u64 took = now_ns() - start;
    if (i != 0) print(",");
    print_number(took > 1000000 ? took - 1000000 : 0);
  }
  print("]}\n");
}

static void run(const u64* numbers) {
  u64 count = numbers[0];
  u64* timers = make_array(count);
  u64 sink_process = SPAWN(0, "sink", process_process_id(), count);
  start_timers(timers, count, sink_process, now_ns() + numbers[1] * 1000000);
  if (numbers[2]) {
    cancel_all(timers, count);
  } else {
    sleep_until_message();
  }
}
