// Timers: messages that are sent later, and receiving that ends at some time.
#include <stdio.h>

#include "lunatic.h"

enum { TICK = 1, ALARM = 2 };

static lunatic_timer after(uint64_t delay_ms, int64_t tag, const char* text) {
  lunatic_begin(tag);
  lunatic_put_string(text);
  return lunatic_send_after(lunatic_self(), delay_ms);
}

static void show(void) {
  char text[32] = "";
  lunatic_get_string(text, sizeof text);
  printf("%s\n", text);
}

int main(void) {
  after(60, TICK, "third");
  after(20, TICK, "first");
  after(40, TICK, "second");
  const lunatic_timer alarm = after(30, ALARM, "alarm");
  printf("the alarm is %s\n", lunatic_cancel(alarm) ? "cancelled" : "too late");
  for (int i = 0; i < 3; i++) {
    lunatic_receive_tag(TICK, LUNATIC_FOREVER);
    show();
  }
  if (lunatic_receive_tag(ALARM, 20) == LUNATIC_NOTHING) printf("no alarm came\n");
  lunatic_sleep(1);
  printf("slept\n");
  return 0;
}
