// Hashing by table: CRC-32 a byte at a time and four bytes at a time.
#include "support.h"

enum { kSize = 1 << 16 };
static u8 text[kSize];
static u32 table[4][256];

static void make_tables(void) {
  for (u32 i = 0; i < 256; i++) {
    u32 crc = i;
    for (i32 bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    table[0][i] = crc;
  }
  for (u32 i = 0; i < 256; i++)
    for (u32 t = 1; t < 4; t++)
      table[t][i] = table[t - 1][i] >> 8 ^ table[0][table[t - 1][i] & 0xff];
}

static u32 by_bytes(u32 crc, const u8* p, u32 size) {
  crc = ~crc;
  for (u32 i = 0; i < size; i++) crc = crc >> 8 ^ table[0][(crc ^ p[i]) & 0xff];
  return ~crc;
}

static u32 by_words(u32 crc, const u8* p, u32 size) {
  crc = ~crc;
  for (u32 i = 0; i + 4 <= size; i += 4) {
    crc ^= p[i] | (u32)p[i + 1] << 8 | (u32)p[i + 2] << 16 | (u32)p[i + 3] << 24;
    crc = table[3][crc & 0xff] ^ table[2][crc >> 8 & 0xff] ^ table[1][crc >> 16 & 0xff] ^
          table[0][crc >> 24];
  }
  return ~crc;
}

i32 run(i32 n) {
  make_tables();
  u32 seed = 77;
  for (u32 i = 0; i < kSize; i++) text[i] = (u8)next_random(&seed);
  u32 crc = 0;
  for (i32 i = 0; i < n; i++) crc = by_words(by_bytes(crc, text, kSize / 4), text, kSize);
  return (i32)crc;
}
