// Hashing in 64 bits: SipHash-2-4 of short and long messages.
#include "support.h"

enum { kSize = 1 << 12 };
static u8 text[kSize];

typedef struct {
  u64 a, b, c, d;
} State;

static inline void sip_round(State* s) {
  s->a += s->b;
  s->c += s->d;
  s->b = rotl64(s->b, 13) ^ s->a;
  s->d = rotl64(s->d, 16) ^ s->c;
  s->a = rotl64(s->a, 32);
  s->c += s->b;
  s->a += s->d;
  s->b = rotl64(s->b, 17) ^ s->c;
  s->d = rotl64(s->d, 21) ^ s->a;
  s->c = rotl64(s->c, 32);
}

static u64 load64(const u8* p) {
  u64 value;
  __builtin_memcpy(&value, p, sizeof value);
  return value;
}

NOINLINE static u64 siphash(const u8* p, u32 size, u64 key0, u64 key1) {
  State s = {key0 ^ 0x736f6d6570736575u, key1 ^ 0x646f72616e646f6du, key0 ^ 0x6c7967656e657261u,
             key1 ^ 0x7465646279746573u};
  u32 i = 0;
  for (; i + 8 <= size; i += 8) {
    u64 word = load64(p + i);
    s.d ^= word;
    sip_round(&s);
    sip_round(&s);
    s.a ^= word;
  }
  u64 last = (u64)size << 56;
  for (u32 shift = 0; i < size; i++, shift += 8) last |= (u64)p[i] << shift;
  s.d ^= last;
  sip_round(&s);
  sip_round(&s);
  s.a ^= last;
  s.c ^= 0xff;
  for (i32 round = 0; round < 4; round++) sip_round(&s);
  return s.a ^ s.b ^ s.c ^ s.d;
}

i32 run(i32 n) {
  for (u32 i = 0; i < kSize; i++) text[i] = (u8)(i * 7 + (i >> 8));
  u64 hash = 1;
  for (i32 i = 0; i < n; i++) {
    hash = siphash(text, kSize, hash, 0x0706050403020100u);
    for (u32 size = 0; size < 64; size++) hash ^= siphash(text + size, size, hash, size);
  }
  return (i32)(hash ^ hash >> 32);
}
