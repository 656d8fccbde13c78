// A supervisor: its children fail and are started again, until it happens too often.
#include <stdio.h>

#include "lunatic.h"

enum { COUNT = 1, CRASH = 2, STOP = 3, ENDED = 4 };

// Counts the requests that it has answered.
static void counter(int64_t unused) {
  (void)unused;
  for (int64_t answered = 1;; answered++) {
    const int64_t tags[] = {COUNT, CRASH};
    lunatic_receive_tags(tags, 2, LUNATIC_FOREVER);
    if (lunatic_tag() == CRASH) __builtin_trap();
    lunatic_request request;
    lunatic_request_read(&request);
    lunatic_reply_begin(&request);
    lunatic_put_i64(answered);
    lunatic_reply(&request);
  }
}

static void idle(int64_t unused) {
  (void)unused;
  lunatic_receive_tag(COUNT, LUNATIC_FOREVER);
}

static void supervisor(int64_t parent) {
  const lunatic_child children[] = {
      {.entry = idle, .name = "idle"},
      {.entry = counter, .name = "counter"},
  };
  const lunatic_supervision how = {
      .strategy = LUNATIC_ONE_FOR_ONE, .restarts_max = 2, .within_ms = 60000, .stop_tag = STOP};
  const bool ok = lunatic_supervise(children, 2, &how);
  lunatic_begin(ENDED);
  lunatic_put_u32(ok);
  lunatic_send((lunatic_pid)parent);
}

// The process of that name that is not `old`, which may not be there yet.
static lunatic_pid find(const char* name, lunatic_pid old) {
  lunatic_pid pid = 0;
  while (!lunatic_lookup(name, &pid) || pid == old) lunatic_sleep(1);
  return pid;
}

static void ask(lunatic_pid pid) {
  int64_t answered = 0;
  lunatic_request_begin(COUNT);
  lunatic_ask(pid, LUNATIC_FOREVER);
  lunatic_get_i64(&answered);
  printf("request %lld\n", (long long)answered);
}

static void crash(lunatic_pid pid) {
  lunatic_begin(CRASH);
  lunatic_send(pid);
}

static bool how_it_ended(void) {
  uint32_t ok = 0;
  lunatic_receive_tag(ENDED, LUNATIC_FOREVER);
  lunatic_get_u32(&ok);
  return ok != 0;
}

int main(void) {
  lunatic_pid boss;
  lunatic_spawn(supervisor, (int64_t)lunatic_self(), &boss);
  const lunatic_pid idle_pid = find("idle", 0);
  lunatic_pid pid = find("counter", 0);
  ask(pid);
  ask(pid);
  for (int i = 0; i < 2; i++) {
    crash(pid);
    pid = find("counter", pid);
    printf("a new counter\n");
    ask(pid);
  }
  printf("the other child is %s\n", find("idle", 0) == idle_pid ? "the same" : "a new one");
  crash(pid);
  printf("too many crashes: %s\n", how_it_ended() ? "still there" : "the supervisor gave up");
  printf("the other child is %s\n", lunatic_is_alive(idle_pid) ? "alive" : "gone");

  lunatic_spawn(supervisor, (int64_t)lunatic_self(), &boss);
  pid = find("counter", pid);
  ask(pid);
  lunatic_begin(STOP);
  lunatic_send(boss);
  printf("told to stop: %s\n", how_it_ended() ? "it did" : "it failed");
  printf("the counter is %s\n", lunatic_is_alive(pid) ? "alive" : "gone");
  return 0;
}
