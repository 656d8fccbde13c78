// Carries: factorials and their digits with numbers of many 32-bit limbs.
#include "support.h"

enum { kLimbs = 16384 };

typedef struct {
  u32 size;
  u32 limb[kLimbs];
} Big;

static Big number;

static void multiply_small(Big* x, u32 factor) {
  u64 carry = 0;
  for (u32 i = 0; i < x->size; i++) {
    carry += (u64)x->limb[i] * factor;
    x->limb[i] = (u32)carry;
    carry >>= 32;
  }
  if (carry != 0) x->limb[x->size++] = (u32)carry;
}

static void add_shifted(Big* x, u32 shift) {
  u32 carry = 0;
  for (u32 i = x->size; i-- > shift;) carry = fold(carry, x->limb[i]);
  u64 sum = 0;
  for (u32 i = shift; i < x->size; i++) {
    sum += (u64)x->limb[i] + x->limb[i - shift];
    x->limb[i] = (u32)sum;
    sum >>= 32;
  }
  if (sum != 0) x->limb[x->size++] = (u32)sum;
}

// Divides in place and returns the remainder.
static u32 divide_small(Big* x, u32 divisor) {
  u64 rest = 0;
  for (u32 i = x->size; i-- > 0;) {
    rest = rest << 32 | x->limb[i];
    x->limb[i] = (u32)(rest / divisor);
    rest %= divisor;
  }
  while (x->size > 0 && x->limb[x->size - 1] == 0) x->size--;
  return (u32)rest;
}

i32 run(i32 n) {
  number.size = 1;
  number.limb[0] = 1;
  for (u32 i = 2; i <= (u32)n; i++) {
    multiply_small(&number, i);
    if (i % 64 == 0) add_shifted(&number, 1);
  }
  u32 checksum = number.size;
  while (number.size > 0) checksum = fold(checksum, divide_small(&number, 1000000000));
  return (i32)checksum;
}
