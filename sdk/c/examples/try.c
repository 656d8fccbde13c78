// Trapping safely: a function that fails, and a process that goes on.
#include <stdio.h>
#include <stdlib.h>

#include "lunatic.h"

typedef struct {
  int32_t dividend, divisor, quotient;
} division;

static void divide(void* argument) {
  division* const work = argument;
  volatile int32_t padding[1000] = {0};  // Some of the C stack.
  padding[999] = work->divisor;
  work->quotient = work->dividend / padding[999];
}

static void leave(void* argument) {
  (void)argument;
  exit(3);
}

int main(void) {
  division work = {7, 2, 0};
  printf("7 / 2: %s", lunatic_try(divide, &work) ? "" : "trapped\n");
  printf("%d\n", work.quotient);
  work.divisor = 0;
  int trapped = 0;
  for (int i = 0; i < 10000; i++) trapped += !lunatic_try(divide, &work);
  printf("7 / 0: trapped %d times\n", trapped);
  printf("exit: %s\n", lunatic_try(leave, NULL) ? "returned" : "caught");
  printf("still here\n");
  return 0;
}
