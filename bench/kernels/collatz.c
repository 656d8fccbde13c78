// Integer loops without memory: the lengths of Collatz sequences in 64-bit arithmetic.
#include "support.h"

static u32 steps(u64 x) {
  u32 count = 0;
  while (x != 1) {
    x = x & 1 ? 3 * x + 1 : x >> 1;
    count++;
  }
  return count;
}

i32 run(i32 n) {
  u32 longest = 0, best = 0, sum = 0;
  for (u32 i = 1; i <= (u32)n; i++) {
    u32 count = steps(i);
    sum += count;
    if (count > longest) {
      longest = count;
      best = i;
    }
  }
  return (i32)fold(fold(longest, best), sum);
}
