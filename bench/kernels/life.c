// Bytes with neighbours and table look-ups: Conway's Game of Life on a torus.
#include "support.h"

enum { kSide = 256 };
static u8 world[2][kSide][kSide];
static const u8 kNext[2][9] = {{0, 0, 0, 1, 0, 0, 0, 0, 0}, {0, 0, 1, 1, 0, 0, 0, 0, 0}};

static void generation(const u8 (*from)[kSide], u8 (*to)[kSide]) {
  for (u32 y = 0; y < kSide; y++) {
    const u8 *above = from[(y - 1) % kSide], *here = from[y], *below = from[(y + 1) % kSide];
    for (u32 x = 0; x < kSide; x++) {
      u32 left = (x - 1) % kSide, right = (x + 1) % kSide;
      u32 neighbours = above[left] + above[x] + above[right] + here[left] + here[right] +
                       below[left] + below[x] + below[right];
      to[y][x] = kNext[here[x]][neighbours];
    }
  }
}

i32 run(i32 n) {
  u32 seed = 2024;
  for (u32 y = 0; y < kSide; y++)
    for (u32 x = 0; x < kSide; x++) world[0][y][x] = next_random(&seed) % 3 == 0;
  for (i32 i = 0; i < n; i++) generation(world[i & 1], world[~i & 1]);
  u32 checksum = 0;
  for (u32 y = 0; y < kSide; y++)
    for (u32 x = 0; x < kSide; x++) checksum = fold(checksum, world[n & 1][y][x]);
  return (i32)checksum;
}
