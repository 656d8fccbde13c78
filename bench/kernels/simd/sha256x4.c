// SHA-256 of four messages at once, one in each lane.
#include <wasm_simd128.h>

#include "../support.h"

enum { kBlocks = 16, kBlockWords = 16 };

static const u32 kRounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static v128_t message[kBlocks][kBlockWords];

static inline v128_t rotr(v128_t x, u32 by) {
  return wasm_v128_or(wasm_u32x4_shr(x, by), wasm_i32x4_shl(x, 32 - by));
}
static inline v128_t xor3(v128_t a, v128_t b, v128_t c) {
  return wasm_v128_xor(wasm_v128_xor(a, b), c);
}
static inline v128_t add(v128_t a, v128_t b) { return wasm_i32x4_add(a, b); }

static v128_t schedule(v128_t* w, u32 i) {
  const v128_t w15 = w[(i + 1) & 15], w2 = w[(i + 14) & 15];
  const v128_t s0 = xor3(rotr(w15, 7), rotr(w15, 18), wasm_u32x4_shr(w15, 3));
  const v128_t s1 = xor3(rotr(w2, 17), rotr(w2, 19), wasm_u32x4_shr(w2, 10));
  return w[i & 15] = add(add(w[i & 15], s0), add(w[(i + 9) & 15], s1));
}

static void compress(v128_t* state, const v128_t* block) {
  v128_t w[16], s[8];
  for (u32 i = 0; i < 16; i++) w[i] = block[i];
  for (u32 i = 0; i < 8; i++) s[i] = state[i];
  v128_t a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
  for (u32 i = 0; i < 64; i++) {
    const v128_t word = i < 16 ? w[i] : schedule(w, i);
    const v128_t s1 = xor3(rotr(e, 6), rotr(e, 11), rotr(e, 25));
    const v128_t choice = wasm_v128_bitselect(f, g, e);
    const v128_t t1 = add(add(add(h, s1), add(choice, wasm_i32x4_splat((i32)kRounds[i]))), word);
    const v128_t s0 = xor3(rotr(a, 2), rotr(a, 13), rotr(a, 22));
    const v128_t majority =
        wasm_v128_xor(wasm_v128_and(wasm_v128_xor(a, b), wasm_v128_xor(a, c)), a);
    h = g, g = f, f = e, e = add(d, t1);
    d = c, c = b, b = a, a = add(t1, add(s0, majority));
  }
  const v128_t out[8] = {a, b, c, d, e, f, g, h};
  for (u32 i = 0; i < 8; i++) state[i] = add(state[i], out[i]);
}

i32 run(i32 n) {
  u32 seed = 3, checksum = 0;
  u32* words = (u32*)message;
  for (u32 i = 0; i < sizeof message / 4; i++) words[i] = next_random(&seed);
  v128_t state[8];
  for (u32 i = 0; i < 8; i++) state[i] = wasm_i32x4_splat((i32)next_random(&seed));
  for (i32 i = 0; i < n; i++) {
    for (u32 block = 0; block < kBlocks; block++) compress(state, message[block]);
  }
  for (u32 i = 0; i < 8; i++) checksum = fold(checksum, (u32)wasm_i32x4_extract_lane(state[i], 2));
  return (i32)checksum;
}
