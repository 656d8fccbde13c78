// Recursion over bit sets: the number of ways to place n queens.
#include "support.h"

static u32 place(u32 all, u32 columns, u32 left, u32 right) {
  if (columns == all) return 1;
  u32 solutions = 0;
  for (u32 free = all & ~(columns | left | right); free != 0; free &= free - 1) {
    u32 queen = free & -free;
    solutions += place(all, columns | queen, (left | queen) << 1, (right | queen) >> 1);
  }
  return solutions;
}

i32 run(i32 n) { return (i32)place((1u << n) - 1, 0, 0, 0); }
