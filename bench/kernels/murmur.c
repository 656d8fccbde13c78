// Hashing in 32 bits: FNV-1a by bytes, and a multiply-rotate hash by words.
#include "support.h"

enum { kSize = 1 << 16 };
static u8 text[kSize];

static u32 fnv1a(const u8* p, u32 size) {
  u32 hash = 0x811c9dc5u;
  for (u32 i = 0; i < size; i++) hash = (hash ^ p[i]) * 0x01000193u;
  return hash;
}

static u32 load32(const u8* p) { return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24; }

static u32 murmur3(const u8* p, u32 size, u32 seed) {
  u32 hash = seed, rest = 0, i = 0;
  for (; i + 4 <= size; i += 4) {
    u32 k = rotl32(load32(p + i) * 0xcc9e2d51u, 15) * 0x1b873593u;
    hash = rotl32(hash ^ k, 13) * 5 + 0xe6546b64u;
  }
  for (u32 shift = 0; i < size; i++, shift += 8) rest |= (u32)p[i] << shift;
  hash ^= rotl32(rest * 0xcc9e2d51u, 15) * 0x1b873593u;
  hash ^= size;
  hash = (hash ^ hash >> 16) * 0x85ebca6bu;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
  return hash ^ hash >> 16;
}

i32 run(i32 n) {
  u32 seed = 1;
  for (u32 i = 0; i < kSize; i++) text[i] = (u8)next_random(&seed);
  u32 checksum = 0;
  for (i32 i = 0; i < n; i++) {
    checksum = fold(checksum, fnv1a(text, kSize / 4));
    checksum = fold(checksum, murmur3(text, kSize - ((u32)i & 3), checksum));
  }
  return (i32)checksum;
}
