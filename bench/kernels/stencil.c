// Floating point over arrays with neighbours: heat on a grid, five points at a time.
#include "support.h"

enum { kSide = 512 };
static float grid[2][kSide][kSide];

static void step(const float (*from)[kSide], float (*to)[kSide]) {
  for (i32 y = 1; y < kSide - 1; y++)
    for (i32 x = 1; x < kSide - 1; x++)
      to[y][x] = from[y][x] * 0.5f +
                 (from[y - 1][x] + from[y + 1][x] + from[y][x - 1] + from[y][x + 1]) * 0.125f;
}

i32 run(i32 n) {
  for (i32 y = 0; y < kSide; y++)
    for (i32 x = 0; x < kSide; x++) grid[0][y][x] = grid[1][y][x] = (float)((x * y) % 97);
  for (i32 i = 0; i < n; i++) step(grid[i & 1], grid[~i & 1]);
  u32 checksum = 0;
  for (i32 i = 0; i < kSide; i++) checksum = fold_double(checksum, grid[n & 1][i][(i * 5) % kSide]);
  return (i32)checksum;
}
