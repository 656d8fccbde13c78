// Products of two square matrices of floats, four rows by eight columns at a time.
#include <wasm_simd128.h>

#include "../support.h"

enum { kSide = 128 };
static float a[kSide][kSide], b[kSide][kSide], c[kSide][kSide];

static inline v128_t multiply_add(v128_t sum, float x, v128_t y) {
  return wasm_f32x4_add(sum, wasm_f32x4_mul(wasm_f32x4_splat(x), y));
}

static void multiply_tile(u32 row, u32 column) {
  v128_t sum[4][2];
  for (u32 r = 0; r < 4; r++) sum[r][0] = sum[r][1] = wasm_f32x4_splat(0);
  for (u32 k = 0; k < kSide; k++) {
    const v128_t left = wasm_v128_load(&b[k][column]), right = wasm_v128_load(&b[k][column + 4]);
    for (u32 r = 0; r < 4; r++) {
      sum[r][0] = multiply_add(sum[r][0], a[row + r][k], left);
      sum[r][1] = multiply_add(sum[r][1], a[row + r][k], right);
    }
  }
  for (u32 r = 0; r < 4; r++) {
    wasm_v128_store(&c[row + r][column], sum[r][0]);
    wasm_v128_store(&c[row + r][column + 4], sum[r][1]);
  }
}

i32 run(i32 n) {
  u32 seed = 7, checksum = 0;
  for (u32 i = 0; i < kSide; i++) {
    for (u32 j = 0; j < kSide; j++) {
      a[i][j] = (float)(next_random(&seed) % 1000) / 8;
      b[i][j] = (float)(next_random(&seed) % 1000) / 16;
    }
  }
  for (i32 i = 0; i < n; i++) {
    for (u32 row = 0; row < kSide; row += 4) {
      for (u32 column = 0; column < kSide; column += 8) multiply_tile(row, column);
    }
    checksum = fold_double(checksum, c[i % kSide][i * 7 % kSide]);
    a[i % kSide][i * 3 % kSide] += 1;
  }
  return (i32)checksum;
}
