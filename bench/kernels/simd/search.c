// Counts a word in a text: its first and its last letter sixteen places at a time, then the rest.
#include <wasm_simd128.h>

#include "../support.h"

enum { kText = 1 << 16, kMargin = 64 };
static char text[kText + kMargin];

static NOINLINE u32 count(const char* word, u32 length) {
  const v128_t first = wasm_i8x16_splat(word[0]), last = wasm_i8x16_splat(word[length - 1]);
  u32 found = 0;
  for (u32 i = 0; i < kText; i += 16) {
    const v128_t at_first = wasm_i8x16_eq(first, wasm_v128_load(text + i));
    const v128_t at_last = wasm_i8x16_eq(last, wasm_v128_load(text + i + length - 1));
    const v128_t both = wasm_v128_and(at_first, at_last);
    if (!wasm_v128_any_true(both)) continue;
    for (u32 mask = wasm_i8x16_bitmask(both); mask != 0; mask &= mask - 1) {
      const char* at = text + i + __builtin_ctz(mask);
      u32 same = 1;
      while (same < length && at[same] == word[same]) same++;
      found += same == length;
    }
  }
  return found;
}

i32 run(i32 n) {
  u32 seed = 17, checksum = 0;
  for (u32 i = 0; i < kText; i++) text[i] = (char)('a' + next_random(&seed) % 26);
  for (i32 i = 0; i < n; i++) {
    const char word[] = {(char)('a' + i % 26), (char)('a' + i * 7 % 26), (char)('a' + i * 3 % 26)};
    checksum = fold(checksum, count(word, 3));
    checksum = fold(checksum, count(word, 2));
  }
  return (i32)checksum;
}
