// The supervisor. It is linked with its children, so that they end with it, and monitors them, so
// that it hears of normal ends, too. A child waits for its orders before it begins, and they are
// sent after the monitor is in place: no end is missed. Of a failure come two messages, the link's
// and then the monitor's; of a normal end comes the second alone.
#include <stdlib.h>
#include <time.h>

#include "lunatic.h"

typedef enum {
  RUNNING,
  FAILING,  // Its link has died.
  FAILED,   // It is gone, too.
  DONE,     // It has ended normally, or was stopped.
} child_state;

typedef struct {
  const lunatic_child* child;
  lunatic_pid pid;
  int64_t tag;
  child_state state;
} running;

typedef struct {
  const lunatic_supervision* how;
  running* runs;
  size_t count;
  uint64_t* failures_ms;  // When the last `restarts_max` happened, as a ring.
  uint64_t failures;
  bool is_stopped;
} supervisor;

typedef struct {
  lunatic_entry entry;
  int64_t argument;
} orders;

static void run_child(void* data, size_t size) {
  orders said;
  memcpy(&said, data, size);
  free(data);
  said.entry(said.argument);
}

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool start(running* run) {
  run->tag = lunatic_fresh_tag();
  const lunatic_spawn_options options = {run->tag, LUNATIC_SAME};
  if (lunatic_spawn_waiting(&options, run_child, &run->pid) != LUNATIC_OK) {
    lunatic_error_drop(run->pid);
    run->state = DONE;
    return false;
  }
  run->state = RUNNING;
  if (run->child->name != NULL) lunatic_register(run->child->name, run->pid);
  lunatic_process_monitor(run->pid);
  const orders said = {run->child->entry, run->child->argument};
  lunatic_send_data(run->pid, &said, sizeof said);
  return true;
}

// Receives one message and notes what it says.
static void note(supervisor* all) {
  const lunatic_kind kind = lunatic_receive(LUNATIC_FOREVER);
  if (kind == LUNATIC_DATA) {
    if (all->how->stop_tag != LUNATIC_NO_TAG && lunatic_tag() == all->how->stop_tag) {
      all->is_stopped = true;
    }
    return;
  }
  for (running* run = all->runs; run < all->runs + all->count; run++) {
    if (kind == LUNATIC_LINK_DIED && run->tag == lunatic_tag() && run->state == RUNNING) {
      run->state = FAILING;
    } else if (kind == LUNATIC_PROCESS_DIED && run->pid == lunatic_dead()) {
      if (run->state == RUNNING) run->state = DONE;
      if (run->state == FAILING) run->state = FAILED;
    }
  }
}

// Ends it and waits until it has.
static void stop(supervisor* all, running* run) {
  if (run->state == RUNNING) lunatic_process_kill(run->pid);
  while (run->state == RUNNING || run->state == FAILING) note(all);
  run->state = DONE;
}

// Notes a failure; false if there were too many.
static bool may_restart(supervisor* all) {
  const uint32_t most = all->how->restarts_max;
  if (most == 0) return false;
  const uint64_t now = now_ms();
  uint64_t* const oldest = &all->failures_ms[all->failures % most];
  const bool is_too_many = all->failures >= most && now - *oldest <= all->how->within_ms;
  *oldest = now;
  all->failures++;
  return !is_too_many;
}

static bool restart(supervisor* all, size_t which) {
  if (!may_restart(all)) return false;
  const size_t first = all->how->strategy == LUNATIC_ONE_FOR_ALL ? 0 : which;
  const size_t end = all->how->strategy == LUNATIC_ONE_FOR_ONE ? which + 1 : all->count;
  for (size_t i = end; i > first; i--) stop(all, &all->runs[i - 1]);
  for (size_t i = first; i < end; i++) {
    if (!start(&all->runs[i])) return false;
  }
  return true;
}

static bool watch(supervisor* all) {
  for (;;) {
    bool is_any_left = false;
    for (size_t i = 0; i < all->count; i++) {
      if (all->runs[i].state == FAILED && !restart(all, i)) return false;
      if (all->runs[i].state != DONE) is_any_left = true;
    }
    if (!is_any_left || all->is_stopped) return true;
    note(all);
  }
}

bool lunatic_supervise(const lunatic_child* children, size_t count,
                       const lunatic_supervision* how) {
  supervisor all = {.how = how, .count = count};
  all.runs = calloc(count + 1, sizeof *all.runs);
  all.failures_ms = calloc(how->restarts_max + 1, sizeof *all.failures_ms);
  if (all.runs == NULL || all.failures_ms == NULL) abort();
  lunatic_trap_exits();
  bool ok = true;
  for (size_t i = 0; i < count; i++) {
    all.runs[i].child = &children[i];
    all.runs[i].state = DONE;
    ok = ok && start(&all.runs[i]);
  }
  ok = ok && watch(&all);
  for (size_t i = count; i > 0; i--) stop(&all, &all.runs[i - 1]);
  lunatic_process_die_when_link_dies(1);
  free(all.runs);
  free(all.failures_ms);
  return ok;
}
