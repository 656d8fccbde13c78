// A Gaussian blur of an image of bytes: rows by 1 4 6 4 1, then columns.
#include <wasm_simd128.h>

#include "../support.h"

enum { kWidth = 512, kHeight = 256, kMargin = 16 };
static u8 image[kHeight][kWidth + 2 * kMargin], between[kHeight + 4][kWidth];

// (a + 4b + 6c + 4d + e + 8) / 16 of 16-bit lanes.
static inline v128_t weigh(v128_t a, v128_t b, v128_t c, v128_t d, v128_t e) {
  const v128_t ends = wasm_i16x8_add(a, e);
  const v128_t middle = wasm_i16x8_add(wasm_i16x8_shl(wasm_i16x8_add(b, wasm_i16x8_add(c, d)), 2),
                                       wasm_i16x8_shl(c, 1));
  const v128_t sum = wasm_i16x8_add(wasm_i16x8_add(ends, middle), wasm_i16x8_splat(8));
  return wasm_u16x8_shr(sum, 4);
}

static inline v128_t weigh_bytes(v128_t a, v128_t b, v128_t c, v128_t d, v128_t e) {
  const v128_t low = weigh(wasm_u16x8_extend_low_u8x16(a), wasm_u16x8_extend_low_u8x16(b),
                           wasm_u16x8_extend_low_u8x16(c), wasm_u16x8_extend_low_u8x16(d),
                           wasm_u16x8_extend_low_u8x16(e));
  const v128_t high = weigh(wasm_u16x8_extend_high_u8x16(a), wasm_u16x8_extend_high_u8x16(b),
                            wasm_u16x8_extend_high_u8x16(c), wasm_u16x8_extend_high_u8x16(d),
                            wasm_u16x8_extend_high_u8x16(e));
  return wasm_u8x16_narrow_i16x8(low, high);
}

static void blur_rows(void) {
  for (u32 y = 0; y < kHeight; y++) {
    for (u32 x = 0; x < kWidth; x += 16) {
      const u8* at = &image[y][kMargin + x];
      wasm_v128_store(&between[y + 2][x],
                      weigh_bytes(wasm_v128_load(at - 2), wasm_v128_load(at - 1),
                                  wasm_v128_load(at), wasm_v128_load(at + 1),
                                  wasm_v128_load(at + 2)));
    }
  }
}

static void blur_columns(void) {
  for (u32 y = 0; y < kHeight; y++) {
    for (u32 x = 0; x < kWidth; x += 16) {
      wasm_v128_store(&image[y][kMargin + x],
                      weigh_bytes(wasm_v128_load(&between[y][x]), wasm_v128_load(&between[y + 1][x]),
                                  wasm_v128_load(&between[y + 2][x]),
                                  wasm_v128_load(&between[y + 3][x]),
                                  wasm_v128_load(&between[y + 4][x])));
    }
  }
}

i32 run(i32 n) {
  u32 seed = 11, checksum = 0;
  for (u32 y = 0; y < kHeight; y++) {
    for (u32 x = 0; x < kWidth + 2 * kMargin; x++) image[y][x] = (u8)next_random(&seed);
  }
  for (i32 i = 0; i < n; i++) {
    blur_rows();
    blur_columns();
    image[i % kHeight][kMargin + i * 31 % kWidth] ^= 0xff;
  }
  for (u32 y = 0; y < kHeight; y += 5) checksum = fold(checksum, image[y][kMargin + y]);
  return (i32)checksum;
}
