// Integer arrays and branches: shortest paths between all nodes of graphs.
#include "support.h"

enum { kNodes = 160, kFar = 1 << 29 };
static i32 distance[kNodes][kNodes];

static void make_graph(u32 seed) {
  for (i32 i = 0; i < kNodes; i++) {
    for (i32 j = 0; j < kNodes; j++) {
      i32 linked = next_random(&seed) % 8 == 0;
      distance[i][j] = i == j ? 0 : linked ? (i32)(next_random(&seed) % 1000) : kFar;
    }
  }
}

static void find_paths(void) {
  for (i32 k = 0; k < kNodes; k++) {
    for (i32 i = 0; i < kNodes; i++) {
      for (i32 j = 0; j < kNodes; j++) {
        i32 through = distance[i][k] + distance[k][j];
        if (through < distance[i][j]) distance[i][j] = through;
      }
    }
  }
}

i32 run(i32 n) {
  u32 checksum = 0;
  for (i32 round = 0; round < n; round++) {
    make_graph((u32)round + 1);
    find_paths();
    for (i32 i = 0; i < kNodes; i++)
      checksum = fold(checksum, (u32)distance[i][(i * 13 + 1) % kNodes]);
  }
  return (i32)checksum;
}
