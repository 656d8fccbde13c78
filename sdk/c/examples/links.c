// Links: linked processes fail together, unless one of them wants to hear of it instead.
#include <stdio.h>

#include "lunatic.h"

enum { CHILD = 5, CHAIN = 6, QUIET = 7, READY = 8 };

static void fails(int64_t unused) {
  (void)unused;
  __builtin_trap();
}

static void returns(int64_t unused) { (void)unused; }

// Has a child of its own, whose failure ends it.
static void middle(int64_t unused) {
  (void)unused;
  lunatic_pid pid;
  lunatic_spawn_link(fails, 0, 1, &pid);
  lunatic_receive_tag(READY, LUNATIC_FOREVER);  // Never comes.
}

int main(void) {
  lunatic_trap_exits();
  lunatic_pid pid;

  lunatic_spawn_link(fails, 0, CHILD, &pid);
  if (lunatic_receive(LUNATIC_FOREVER) == LUNATIC_LINK_DIED) {
    printf("link %lld died\n", (long long)lunatic_tag());
  }
  printf("the child is %s\n", lunatic_is_alive(pid) ? "alive" : "gone");

  lunatic_spawn_link(middle, 0, CHAIN, &pid);
  if (lunatic_receive(LUNATIC_FOREVER) == LUNATIC_LINK_DIED) {
    printf("link %lld died of its own child\n", (long long)lunatic_tag());
  }

  lunatic_spawn_link(returns, 0, QUIET, &pid);
  if (lunatic_receive(50) == LUNATIC_NOTHING) printf("a normal end tells nobody\n");

  lunatic_process_link(QUIET, pid);
  if (lunatic_receive(LUNATIC_FOREVER) == LUNATIC_LINK_DIED) {
    printf("link %lld: there is no such process\n", (long long)lunatic_tag());
  }
  return 0;
}
