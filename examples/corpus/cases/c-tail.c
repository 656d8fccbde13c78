// Calls that must be tail calls: an interpreter whose instructions call one another by a table, and
// a pair of functions with more arguments than registers.
#include <stdint.h>
#include <stdio.h>

#define MUSTTAIL __attribute__((musttail))

typedef struct Vm Vm;
typedef int64_t (*Op)(Vm* vm, const uint8_t* pc, int64_t acc, int64_t counter);
struct Vm {
  Op ops[8];
  int64_t steps;
  int64_t memory[4];
};

#define NEXT(acc, counter) MUSTTAIL return vm->ops[*pc](vm, pc, acc, counter)

static int64_t op_add(Vm* vm, const uint8_t* pc, int64_t acc, int64_t counter) {
  acc = (int64_t)((uint64_t)acc + pc[1]);
  pc += 2;
  NEXT(acc, counter);
}
static int64_t op_multiply(Vm* vm, const uint8_t* pc, int64_t acc, int64_t counter) {
  acc = (int64_t)((uint64_t)acc * pc[1]);
  pc += 2;
  NEXT(acc, counter);
}
static int64_t op_store(Vm* vm, const uint8_t* pc, int64_t acc, int64_t counter) {
  vm->memory[pc[1]] ^= acc;
  pc += 2;
  NEXT(acc, counter);
}
static int64_t op_loop(Vm* vm, const uint8_t* pc, int64_t acc, int64_t counter) {
  vm->steps++;
  pc = counter > 1 ? pc - pc[1] : pc + 2;
  NEXT(acc, counter - 1);
}
static int64_t op_halt(Vm* vm, const uint8_t* pc, int64_t acc, int64_t counter) {
  return (int64_t)((uint64_t)acc ^ (uint64_t)counter ^ (uint64_t)vm->memory[1]) + *pc;
}

// Ten arguments: four of them are on the stack.
#define WIDE                                                                              \
  int64_t n, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f, int64_t g, \
      int64_t h, int64_t i
static int64_t turn(WIDE);
static int64_t start(WIDE) {
  if (n == 0) return a + b + c + d + e + f + g + h + i;
  MUSTTAIL return turn(n - 1, a, 1, 2, 3, 4, 5, 6, 7, n);
}
static int64_t turn(WIDE) {
  if (n % 1000 == 0) MUSTTAIL return start(n, a + b + c, d, e, f, g, h, i, 1, 1);
  MUSTTAIL return turn(n - 1, a + h, i, b, c, d, e, f, g, h);
}

int main(void) {
  static const uint8_t program[] = {0, 3, 1, 5, 2, 1, 3, 6, 4};
  Vm vm = {{op_add, op_multiply, op_store, op_loop, op_halt}, 0, {0}};
  const int64_t result = vm.ops[program[0]](&vm, program, 1, 300000);
  printf("%lld after %lld\n", (long long)result, (long long)vm.steps);
  printf("%lld\n", (long long)start(500000, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  return 0;
}
