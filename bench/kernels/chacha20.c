// Straight-line integer code on sixteen values: the ChaCha20 key stream.
#include "support.h"

#define QUARTER(a, b, c, d)      \
  a += b, d = rotl32(d ^ a, 16); \
  c += d, b = rotl32(b ^ c, 12); \
  a += b, d = rotl32(d ^ a, 8);  \
  c += d, b = rotl32(b ^ c, 7)

NOINLINE static void block(const u32 in[16], u32 out[16]) {
  u32 x0 = in[0], x1 = in[1], x2 = in[2], x3 = in[3], x4 = in[4], x5 = in[5], x6 = in[6];
  u32 x7 = in[7], x8 = in[8], x9 = in[9], x10 = in[10], x11 = in[11], x12 = in[12];
  u32 x13 = in[13], x14 = in[14], x15 = in[15];
  for (i32 i = 0; i < 10; i++) {
    QUARTER(x0, x4, x8, x12);
    QUARTER(x1, x5, x9, x13);
    QUARTER(x2, x6, x10, x14);
    QUARTER(x3, x7, x11, x15);
    QUARTER(x0, x5, x10, x15);
    QUARTER(x1, x6, x11, x12);
    QUARTER(x2, x7, x8, x13);
    QUARTER(x3, x4, x9, x14);
  }
  out[0] = x0 + in[0], out[1] = x1 + in[1], out[2] = x2 + in[2], out[3] = x3 + in[3];
  out[4] = x4 + in[4], out[5] = x5 + in[5], out[6] = x6 + in[6], out[7] = x7 + in[7];
  out[8] = x8 + in[8], out[9] = x9 + in[9], out[10] = x10 + in[10], out[11] = x11 + in[11];
  out[12] = x12 + in[12], out[13] = x13 + in[13], out[14] = x14 + in[14], out[15] = x15 + in[15];
}

i32 run(i32 n) {
  u32 state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, out[16];
  for (u32 i = 4; i < 12; i++) state[i] = i * 0x01010101u;
  u32 checksum = 0;
  for (i32 i = 0; i < n; i++) {
    state[12]++;
    block(state, out);
    checksum = fold(checksum, out[i & 15]);
  }
  return (i32)checksum;
}
