// Floating point with a division in the inner loop: the spectral norm of an infinite matrix.
#include "support.h"

enum { kMax = 2048 };
static double u[kMax], v[kMax], w[kMax];

static double element(i32 i, i32 j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }

static void multiply(const double* in, double* out, i32 n) {
  for (i32 i = 0; i < n; i++) {
    double sum = 0;
    for (i32 j = 0; j < n; j++) sum += element(i, j) * in[j];
    out[i] = sum;
  }
}

static void multiply_transposed(const double* in, double* out, i32 n) {
  for (i32 i = 0; i < n; i++) {
    double sum = 0;
    for (i32 j = 0; j < n; j++) sum += element(j, i) * in[j];
    out[i] = sum;
  }
}

i32 run(i32 n) {
  for (i32 i = 0; i < n; i++) u[i] = 1;
  for (i32 i = 0; i < 10; i++) {
    multiply(u, w, n);
    multiply_transposed(w, v, n);
    multiply(v, w, n);
    multiply_transposed(w, u, n);
  }
  double uv = 0, vv = 0;
  for (i32 i = 0; i < n; i++) {
    uv += u[i] * v[i];
    vv += v[i] * v[i];
  }
  return (i32)fold_double(0, __builtin_sqrt(uv / vv));
}
