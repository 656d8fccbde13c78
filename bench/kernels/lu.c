// Floating point over arrays: LU decomposition with pivoting and the solution of linear systems.
#include "support.h"

enum { kSide = 200 };
static double a[kSide][kSide], x[kSide];
static i32 pivot[kSide];

static void swap_rows(i32 i, i32 j) {
  for (i32 k = 0; k < kSide; k++) {
    double t = a[i][k];
    a[i][k] = a[j][k];
    a[j][k] = t;
  }
}

static void decompose(void) {
  for (i32 column = 0; column < kSide; column++) {
    i32 best = column;
    for (i32 i = column + 1; i < kSide; i++)
      if (__builtin_fabs(a[i][column]) > __builtin_fabs(a[best][column])) best = i;
    pivot[column] = best;
    if (best != column) swap_rows(best, column);
    for (i32 i = column + 1; i < kSide; i++) {
      double factor = a[i][column] /= a[column][column];
      for (i32 k = column + 1; k < kSide; k++) a[i][k] -= factor * a[column][k];
    }
  }
}

static void solve(void) {
  for (i32 i = 0; i < kSide; i++) {
    double t = x[pivot[i]];
    x[pivot[i]] = x[i];
    x[i] = t;
  }
  for (i32 i = 1; i < kSide; i++)
    for (i32 k = 0; k < i; k++) x[i] -= a[i][k] * x[k];
  for (i32 i = kSide - 1; i >= 0; i--) {
    for (i32 k = i + 1; k < kSide; k++) x[i] -= a[i][k] * x[k];
    x[i] /= a[i][i];
  }
}

i32 run(i32 n) {
  u32 seed = 31, checksum = 0;
  for (i32 round = 0; round < n; round++) {
    for (i32 i = 0; i < kSide; i++) {
      for (i32 j = 0; j < kSide; j++) a[i][j] = (double)(i32)next_random(&seed) / 65536.0;
      x[i] = i;
    }
    decompose();
    solve();
    for (i32 i = 0; i < kSide; i++) checksum = fold_double(checksum, x[i]);
  }
  return (i32)checksum;
}
