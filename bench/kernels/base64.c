// Bytes through tables: base64 encoding and decoding.
#include "support.h"

enum { kSize = 3 << 13 };
static const char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static u8 plain[kSize], decoded[kSize + 3], encoded[kSize / 3 * 4 + 8], value_of[256];

static u32 encode(const u8* in, u32 size, u8* out) {
  u8* start = out;
  u32 i = 0;
  for (; i + 3 <= size; i += 3) {
    u32 bits = (u32)in[i] << 16 | (u32)in[i + 1] << 8 | in[i + 2];
    *out++ = (u8)kAlphabet[bits >> 18];
    *out++ = (u8)kAlphabet[bits >> 12 & 63];
    *out++ = (u8)kAlphabet[bits >> 6 & 63];
    *out++ = (u8)kAlphabet[bits & 63];
  }
  if (i < size) {
    u32 bits = (u32)in[i] << 16 | (i + 1 < size ? (u32)in[i + 1] << 8 : 0);
    *out++ = (u8)kAlphabet[bits >> 18];
    *out++ = (u8)kAlphabet[bits >> 12 & 63];
    *out++ = i + 1 < size ? (u8)kAlphabet[bits >> 6 & 63] : '=';
    *out++ = '=';
  }
  return (u32)(out - start);
}

static u32 decode(const u8* in, u32 size, u8* out) {
  u32 bits = 0, have = 0, written = 0;
  for (u32 i = 0; i < size; i++) {
    u8 value = value_of[in[i]];
    if (value > 63) continue;
    bits = bits << 6 | value;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out[written++] = (u8)(bits >> have);
  }
  return written;
}

i32 run(i32 n) {
  u32 seed = 64;
  for (u32 i = 0; i < 256; i++) value_of[i] = 255;
  for (u32 i = 0; i < 64; i++) value_of[(u8)kAlphabet[i]] = (u8)i;
  for (u32 i = 0; i < kSize; i++) plain[i] = (u8)next_random(&seed);
  u32 checksum = 0;
  for (i32 i = 0; i < n; i++) {
    u32 size = kSize - (u32)i % 3;
    u32 length = encode(plain, size, encoded);
    if (decode(encoded, length, decoded) != size) return -1;
    plain[i % kSize] = (u8)(decoded[(i * 11) % kSize] + 1);
    checksum = fold(checksum, encoded[(u32)i * 7 % length]);
  }
  return (i32)checksum;
}
