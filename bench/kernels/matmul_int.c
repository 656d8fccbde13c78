// Integers over arrays: products of two matrices of 32-bit numbers, inner loop along rows.
#include "support.h"

enum { kSide = 200 };
static u32 a[kSide][kSide], b[kSide][kSide], c[kSide][kSide];

static void multiply(void) {
  for (i32 i = 0; i < kSide; i++) {
    for (i32 j = 0; j < kSide; j++) c[i][j] = 0;
    for (i32 k = 0; k < kSide; k++) {
      u32 factor = a[i][k];
      for (i32 j = 0; j < kSide; j++) c[i][j] += factor * b[k][j];
    }
  }
}

i32 run(i32 n) {
  u32 seed = 99, checksum = 0;
  for (i32 i = 0; i < kSide; i++) {
    for (i32 j = 0; j < kSide; j++) {
      a[i][j] = next_random(&seed);
      b[i][j] = next_random(&seed);
    }
  }
  for (i32 i = 0; i < n; i++) {
    multiply();
    checksum = fold(checksum, c[i % kSide][(i * 7) % kSide]);
    a[i % kSide][i * 3 % kSide] += checksum;
  }
  return (i32)checksum;
}
