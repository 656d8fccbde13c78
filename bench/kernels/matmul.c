// Floating point over arrays: products of two square matrices, rows by columns.
#include "support.h"

enum { kSide = 160 };
static double a[kSide][kSide], b[kSide][kSide], c[kSide][kSide];

static void multiply(void) {
  for (i32 i = 0; i < kSide; i++) {
    for (i32 j = 0; j < kSide; j++) {
      double sum = 0;
      for (i32 k = 0; k < kSide; k++) sum += a[i][k] * b[k][j];
      c[i][j] = sum;
    }
  }
}

i32 run(i32 n) {
  u32 seed = 7, checksum = 0;
  for (i32 i = 0; i < kSide; i++) {
    for (i32 j = 0; j < kSide; j++) {
      a[i][j] = next_random(&seed) % 1000 / 8.0;
      b[i][j] = next_random(&seed) % 1000 / 16.0;
    }
  }
  for (i32 i = 0; i < n; i++) {
    multiply();
    checksum = fold_double(checksum, c[i % kSide][(i * 7) % kSide]);
    a[i % kSide][i * 3 % kSide] += 1;
  }
  return (i32)checksum;
}
