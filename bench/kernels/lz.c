// A compressor: LZ77 with a hash of the last positions, and the decompressor that checks it.
#include "support.h"

enum { kSize = 1 << 17, kHashBits = 14, kMinMatch = 4, kWindow = 0xffff };
static u8 plain[kSize], packed[kSize * 2], unpacked[kSize];
static i32 last_at[1 << kHashBits];

static u32 load32(const u8* p) {
  u32 value;
  __builtin_memcpy(&value, p, sizeof value);
  return value;
}

static u8* put_length(u8* out, u32 length) {
  for (; length >= 255; length -= 255) *out++ = 255;
  *out++ = (u8)length;
  return out;
}

static u8* put_sequence(u8* out, const u8* literals, u32 count, u32 match, u32 distance) {
  *out++ = (u8)((count < 15 ? count : 15) << 4 | (match < 15 ? match : 15));
  if (count >= 15) out = put_length(out, count - 15);
  for (u32 i = 0; i < count; i++) *out++ = literals[i];
  *out++ = (u8)distance;
  *out++ = (u8)(distance >> 8);
  if (match >= 15) out = put_length(out, match - 15);
  return out;
}

static u32 compress(const u8* in, i32 size, u8* out) {
  u8* start = out;
  for (u32 i = 0; i < COUNT_OF(last_at); i++) last_at[i] = -1;
  i32 at = 0, literals = 0;
  while (at + kMinMatch <= size) {
    u32 slot = load32(in + at) * 2654435761u >> (32 - kHashBits);
    i32 candidate = last_at[slot];
    last_at[slot] = at;
    if (candidate < 0 || at - candidate > kWindow || load32(in + candidate) != load32(in + at)) {
      at++;
      continue;
    }
    i32 length = kMinMatch;
    while (at + length < size && in[candidate + length] == in[at + length]) length++;
    out = put_sequence(out, in + literals, (u32)(at - literals), (u32)(length - kMinMatch),
                       (u32)(at - candidate));
    at += length;
    literals = at;
  }
  return (u32)(put_sequence(out, in + literals, (u32)(size - literals), 0, 0) - start);
}

static u32 get_length(const u8** in, u32 nibble) {
  u32 length = nibble;
  if (nibble == 15) {
    u8 byte;
    do length += byte = *(*in)++;
    while (byte == 255);
  }
  return length;
}

static u32 decompress(const u8* in, u8* out) {
  u8* start = out;
  for (;;) {
    u8 token = *in++;
    for (u32 count = get_length(&in, token >> 4); count > 0; count--) *out++ = *in++;
    u32 distance = in[0] | (u32)in[1] << 8;
    in += 2;
    if (distance == 0) return (u32)(out - start);
    const u8* from = out - distance;
    for (u32 count = get_length(&in, token & 15) + kMinMatch; count > 0; count--) *out++ = *from++;
  }
}

static void write_plain(u32 seed) {
  static const char* const kWords[] = {"the ",  "compiler ", "of ",       "memory ",
                                       "and ",  "process ",  "register ", "a ",
                                       "loop ", "function ", "\n",        "value "};
  u32 at = 0;
  while (at < kSize) {
    const char* word = kWords[next_random(&seed) % COUNT_OF(kWords)];
    while (*word && at < kSize) plain[at++] = (u8)*word++;
    if (next_random(&seed) % 5 == 0 && at < kSize) plain[at++] = (u8)next_random(&seed);
  }
}

i32 run(i32 n) {
  u32 checksum = 0;
  for (i32 i = 0; i < n; i++) {
    write_plain((u32)i + 1);
    u32 size = compress(plain, kSize, packed);
    if (decompress(packed, unpacked) != kSize) return -1;
    for (u32 j = 0; j < kSize; j++)
      if (plain[j] != unpacked[j]) return -2;
    checksum = fold(checksum, size);
  }
  return (i32)checksum;
}
