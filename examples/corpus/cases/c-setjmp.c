// setjmp and longjmp: locals kept in memory and in registers, several buffers, from deep frames,
// out of callbacks, in loops, nested, and with the value 0.
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static jmp_buf outer, inner;
static int depth_reached;

__attribute__((noinline)) static int deep(int n, jmp_buf* where, int value) {
  char local[64];
  local[n % 64] = (char)n;
  depth_reached = n;
  if (n == 0) longjmp(*where, value);
  return deep(n - 1, where, value) + local[n % 64];
}

static void basic(void) {
  volatile int kept = 1;
  const int got = setjmp(outer);
  if (got == 0) {
    kept = 2;
    deep(50, &outer, 42);
    puts("never");
  }
  printf("basic %d %d\n", got, kept);
}

// longjmp(env, 0) arrives as 1.
static void zero(void) {
  const int got = setjmp(outer);
  if (got == 0) longjmp(outer, 0);
  printf("zero %d\n", got);
}

static void nested(void) {
  volatile int log = 0;
  if (setjmp(outer) == 0) {
    log = log * 10 + 1;
    if (setjmp(inner) == 0) {
      log = log * 10 + 2;
      deep(3, &inner, 5);
    } else {
      log = log * 10 + 3;
      deep(4, &outer, 6);
    }
    log = log * 10 + 9;
  } else {
    log = log * 10 + 4;
  }
  printf("nested %d\n", log);
}

static int compare(const void* a, const void* b) {
  const int x = *(const int*)a, y = *(const int*)b;
  if (x == 13 || y == 13) longjmp(outer, 13);
  return x < y ? -1 : x > y;
}

static void callback(void) {
  int good[] = {5, 3, 9, 1};
  int bad[] = {5, 3, 13, 1};
  for (int i = 0; i < 2; i++) {
    const int got = setjmp(outer);
    if (got != 0) {
      printf("callback %d\n", got);
      break;
    }
    qsort(i == 0 ? good : bad, 4, sizeof(int), compare);
    printf("sorted %d %d\n", good[0], good[3]);
  }
}

static void loop(void) {
  volatile uint64_t sum = 0;
  volatile int i = 0;
  while (i < 20000) {
    const int got = setjmp(outer);
    if (got == 0) deep(i % 7, &outer, i % 5 + 1);
    sum = sum * 31 + (uint64_t)got;
    i++;
  }
  printf("loop %016llx\n", (unsigned long long)sum);
}

// A generator of two jump buffers: each round leaves the frame that made the other's state.
static int parse(const char* text, int* position) {
  int value = 0;
  while (text[*position] >= '0' && text[*position] <= '9') {
    value = value * 10 + (text[(*position)++] - '0');
  }
  if (text[*position] == '*') {
    (*position)++;
    return value * parse(text, position);
  }
  if (text[*position] != 0) longjmp(inner, *position + 1);
  return value;
}

static void errors(void) {
  const char* texts[] = {"6*7", "12*x", "2*3*4*5", "", "9*9?"};
  for (volatile int i = 0; i < 5; i++) {
    int position = 0;
    const int failed = setjmp(inner);
    if (failed == 0) {
      printf("%s = %d\n", texts[i], parse(texts[i], &position));
    } else {
      printf("%s: unexpected at %d\n", texts[i], failed);
    }
  }
}

int main(void) {
  basic();
  zero();
  nested();
  callback();
  loop();
  errors();
  printf("depth %d\n", depth_reached);
  if (setjmp(outer) == 0) deep(1000, &outer, 3);
  printf("status\n");
  return 33;
}
