// Dot products: of floats with four sums, and of 16-bit integers.
#include <wasm_simd128.h>

#include "../support.h"

enum { kLength = 4096 };
static float a[kLength], b[kLength];
static int16_t c[kLength], d[kLength];

static NOINLINE float dot_floats(const float* x, const float* y, u32 length) {
  v128_t sum[4] = {wasm_f32x4_splat(0), wasm_f32x4_splat(0), wasm_f32x4_splat(0),
                   wasm_f32x4_splat(0)};
  for (u32 i = 0; i < length; i += 16) {
    for (u32 k = 0; k < 4; k++) {
      const v128_t product =
          wasm_f32x4_mul(wasm_v128_load(x + i + 4 * k), wasm_v128_load(y + i + 4 * k));
      sum[k] = wasm_f32x4_add(sum[k], product);
    }
  }
  const v128_t all =
      wasm_f32x4_add(wasm_f32x4_add(sum[0], sum[1]), wasm_f32x4_add(sum[2], sum[3]));
  return wasm_f32x4_extract_lane(all, 0) + wasm_f32x4_extract_lane(all, 1) +
         wasm_f32x4_extract_lane(all, 2) + wasm_f32x4_extract_lane(all, 3);
}

static NOINLINE i32 dot_words(const int16_t* x, const int16_t* y, u32 length) {
  v128_t sum = wasm_i32x4_splat(0);
  for (u32 i = 0; i < length; i += 8) {
    sum = wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(wasm_v128_load(x + i), wasm_v128_load(y + i)));
  }
  return wasm_i32x4_extract_lane(sum, 0) + wasm_i32x4_extract_lane(sum, 1) +
         wasm_i32x4_extract_lane(sum, 2) + wasm_i32x4_extract_lane(sum, 3);
}

i32 run(i32 n) {
  u32 seed = 5, checksum = 0;
  for (u32 i = 0; i < kLength; i++) {
    a[i] = (float)(next_random(&seed) % 64) / 8;
    b[i] = (float)(next_random(&seed) % 64) / 16;
    c[i] = (int16_t)(next_random(&seed) % 200);
    d[i] = (int16_t)(next_random(&seed) % 200);
  }
  for (i32 i = 0; i < n; i++) {
    checksum = fold_double(checksum, dot_floats(a, b, kLength));
    checksum = fold(checksum, (u32)dot_words(c, d, kLength));
    a[i % kLength] += 1;
    c[i % kLength] ^= 1;
  }
  return (i32)checksum;
}
