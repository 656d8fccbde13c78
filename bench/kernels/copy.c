// Memory traffic: copies, fills, sums and byte swaps of a buffer beyond the nearest caches, by
// plain loops over bytes, words and doublewords.
#include "support.h"

enum { kSize = 1 << 21 };
static u64 source[kSize / 8], target[kSize / 8];

static void copy_bytes(u8* to, const u8* from, u32 size) {
  for (u32 i = 0; i < size; i++) to[i] = from[i];
}
static void copy_words(u32* to, const u32* from, u32 count) {
  for (u32 i = 0; i < count; i++) to[i] = from[i];
}
static void copy_doublewords(u64* to, const u64* from, u32 count) {
  for (u32 i = 0; i < count; i++) to[i] = from[i];
}
static void copy_backwards(u16* to, const u16* from, u32 count) {
  while (count-- > 0) to[count] = from[count];
}
static void fill(u32* to, u32 count, u32 value) {
  for (u32 i = 0; i < count; i++) to[i] = value;
}
static void swap_bytes(u32* p, u32 count) {
  for (u32 i = 0; i < count; i++) p[i] = __builtin_bswap32(p[i]);
}
static u32 sum_bytes(const u8* p, u32 size) {
  u32 sum = 0;
  for (u32 i = 0; i < size; i++) sum += p[i];
  return sum;
}

i32 run(i32 n) {
  u32 seed = 606;
  for (u32 i = 0; i < kSize / 8; i++) source[i] = (u64)next_random(&seed) << 32 | i;
  u32 checksum = 0;
  for (i32 i = 0; i < n; i++) {
    copy_bytes((u8*)target, (const u8*)source, kSize / 4);
    copy_words((u32*)target, (const u32*)source, kSize / 4);
    swap_bytes((u32*)target, kSize / 16);
    copy_doublewords(source, target, kSize / 8);
    copy_backwards((u16*)target, (const u16*)source, kSize / 4);
    fill((u32*)target + i % 1000, kSize / 32, checksum);
    checksum = fold(checksum, sum_bytes((const u8*)target, kSize / 2));
  }
  return (i32)checksum;
}
