// Request and reply: a process that keeps a total, and answers whoever adds to it.
#include <stdio.h>

#include "lunatic.h"

enum { ADD = 1, STOP = 2 };

static void keeper(int64_t total) {
  for (;;) {
    const int64_t tags[] = {ADD, STOP};
    lunatic_receive_tags(tags, 2, LUNATIC_FOREVER);
    const bool stops = lunatic_tag() == STOP;
    lunatic_request request;
    int64_t more = 0;
    if (!lunatic_request_read(&request)) continue;
    if (!stops && lunatic_get_i64(&more)) total += more;
    lunatic_reply_begin(&request);
    lunatic_put_i64(total);
    lunatic_put_string(stops ? "good bye" : "noted");
    lunatic_reply(&request);
    if (stops) return;
  }
}

static void silent(int64_t unused) {
  (void)unused;
  lunatic_receive(LUNATIC_FOREVER);
}

static void show_reply(void) {
  int64_t total = 0;
  char text[16] = "";
  lunatic_get_i64(&total);
  lunatic_get_string(text, sizeof text);
  printf("total %lld: %s\n", (long long)total, text);
}

int main(void) {
  lunatic_pid pid;
  if (lunatic_spawn(keeper, 100, &pid) != LUNATIC_OK) return 1;
  for (int64_t more = 1; more <= 3; more++) {
    lunatic_request_begin(ADD);
    lunatic_put_i64(more);
    if (lunatic_ask(pid, LUNATIC_FOREVER) == LUNATIC_OK) show_reply();
  }
  lunatic_request_begin(STOP);
  if (lunatic_ask(pid, LUNATIC_FOREVER) == LUNATIC_OK) show_reply();

  if (lunatic_spawn(silent, 0, &pid) != LUNATIC_OK) return 1;
  lunatic_request_begin(ADD);
  if (lunatic_ask(pid, 20) == LUNATIC_TIMEOUT) printf("no answer in time\n");
  return 0;
}
