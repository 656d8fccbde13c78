// Spawning with arguments: a number that the entry function gets, or bytes that are copied over.
#include <stdio.h>
#include <stdlib.h>

#include "lunatic.h"

enum { RESULT = 1 };

static void tell(lunatic_pid pid, int64_t value) {
  lunatic_begin(RESULT);
  lunatic_put_i64(value);
  lunatic_send(pid);
}

static int64_t result(void) {
  int64_t value = 0;
  lunatic_receive_tag(RESULT, LUNATIC_FOREVER);
  lunatic_get_i64(&value);
  return value;
}

static int instances = 0;  // Each process has its own.

static void square(int64_t parent) {
  instances++;
  printf("child: I am instance %d\n", instances);
  fflush(stdout);
  tell((lunatic_pid)parent, 7 * 7);
}

typedef struct {
  lunatic_pid parent;
  int64_t from, to;
} range;

static void sum(void* data, size_t size) {
  range said;
  memcpy(&said, data, sizeof said);
  free(data);
  printf("child: %zu bytes came along\n", size);
  fflush(stdout);
  int64_t total = 0;
  for (int64_t i = said.from; i <= said.to; i++) total += i;
  tell(said.parent, total);
}

int main(void) {
  instances++;
  lunatic_pid child;
  if (lunatic_spawn(square, (int64_t)lunatic_self(), &child) != LUNATIC_OK) return 1;
  printf("parent: 7 squared is %lld\n", (long long)result());
  const lunatic_spawn_options options = {LUNATIC_NO_TAG, LUNATIC_SAME};
  const range work = {lunatic_self(), 1, 100};
  if (lunatic_spawn_data(&options, sum, &work, sizeof work, &child) != LUNATIC_OK) return 1;
  printf("parent: the sum of 1 to 100 is %lld\n", (long long)result());
  printf("parent: I am instance %d\n", instances);
  return 0;
}
