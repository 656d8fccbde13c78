// Recursion that goes deep: Ackermann's function of 2 and 3 with a second argument up to 8.
#include "support.h"

NOINLINE static u32 ackermann(u32 m, u32 n) {
  if (m == 0) return n + 1;
  if (n == 0) return ackermann(m - 1, 1);
  return ackermann(m - 1, ackermann(m, n - 1));
}

i32 run(i32 n) {
  u32 checksum = 0;
  for (i32 i = 0; i < n; i++) checksum = fold(checksum, ackermann(2 + (i & 1), 5 + (u32)i % 4));
  return (i32)checksum;
}
