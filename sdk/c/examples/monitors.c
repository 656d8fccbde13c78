// Monitors: hearing of the end of a process, whatever it was, without being part of it.
#include <stdio.h>

#include "lunatic.h"

enum { GO = 1 };

static void waits(int64_t unused) {
  (void)unused;
  lunatic_receive_tag(GO, LUNATIC_FOREVER);
}

static void waits_and_fails(int64_t unused) {
  waits(unused);
  __builtin_trap();
}

static void await_end(lunatic_pid pid, const char* what) {
  const lunatic_kind kind = lunatic_receive(LUNATIC_FOREVER);
  const bool is_it = kind == LUNATIC_PROCESS_DIED && lunatic_dead() == pid;
  printf("%s: %s\n", what, is_it ? "seen" : "something else came");
}

static void go(lunatic_pid pid) {
  lunatic_begin(GO);
  lunatic_send(pid);
}

int main(void) {
  lunatic_pid pid;
  lunatic_spawn(waits, 0, &pid);
  lunatic_process_monitor(pid);
  go(pid);
  await_end(pid, "a normal end");

  lunatic_spawn(waits_and_fails, 0, &pid);
  lunatic_process_monitor(pid);
  go(pid);
  await_end(pid, "a failure");

  lunatic_spawn(waits, 0, &pid);
  lunatic_process_monitor(pid);
  lunatic_process_kill(pid);
  await_end(pid, "a kill");

  lunatic_spawn(waits, 0, &pid);
  lunatic_process_monitor(pid);
  lunatic_process_stop_monitoring(pid);
  go(pid);
  if (lunatic_receive(50) == LUNATIC_NOTHING) printf("no longer monitored: nothing came\n");
  return 0;
}
