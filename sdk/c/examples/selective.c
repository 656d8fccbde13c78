// Selective receive: what has the wrong tag stays in the mailbox, in order.
#include <stdio.h>

#include "lunatic.h"

enum { LOW = 1, HIGH = 2, DONE = 3 };

static void post(lunatic_pid pid, int64_t tag, const char* text) {
  lunatic_begin(tag);
  lunatic_put_string(text);
  lunatic_send(pid);
}

static void sender(int64_t parent) {
  const lunatic_pid pid = (lunatic_pid)parent;
  post(pid, LOW, "low 1");
  post(pid, LUNATIC_NO_TAG, "without a tag");
  post(pid, LOW, "low 2");
  post(pid, HIGH, "high 1");
  post(pid, HIGH, "high 2");
  post(pid, DONE, "done");
}

static void show(void) {
  char text[32] = "";
  lunatic_get_string(text, sizeof text);
  printf("tag %lld: %s\n", (long long)lunatic_tag(), text);
}

int main(void) {
  lunatic_pid pid;
  if (lunatic_spawn(sender, (int64_t)lunatic_self(), &pid) != LUNATIC_OK) return 1;
  lunatic_receive_tag(DONE, LUNATIC_FOREVER);
  show();
  while (lunatic_receive_tag(HIGH, 0) == LUNATIC_DATA) show();
  const int64_t either[] = {HIGH, LOW};
  lunatic_receive_tags(either, 2, 0);
  show();
  while (lunatic_receive(0) == LUNATIC_DATA) show();
  printf("nothing is left\n");
  return 0;
}
