// A real library: zlib compresses and decompresses text at its usual level.
#include "zlib.h"

#include "support.h"

enum { kSize = 1 << 18, kArena = 1 << 20 };
static u8 plain[kSize], packed[kSize + 4096], unpacked[kSize];
static u64 arena[kArena / 8];
static u32 arena_used;

static voidpf allocate(voidpf opaque, uInt items, uInt size) {
  (void)opaque;
  u32 words = (items * size + 7) / 8;
  if (arena_used + words > COUNT_OF(arena)) return 0;
  arena_used += words;
  return &arena[arena_used - words];
}

static void release(voidpf opaque, voidpf block) { (void)opaque, (void)block; }

static z_stream new_stream(u8* in, u32 in_size, u8* out, u32 out_size) {
  arena_used = 0;
  return (z_stream){.next_in = in,
                    .avail_in = in_size,
                    .next_out = out,
                    .avail_out = out_size,
                    .zalloc = allocate,
                    .zfree = release};
}

static void write_plain(u32 seed) {
  static const char kLetters[] = "eeeetttaaooinnshrdlcumwfgyp      ,.\n";
  u32 at = 0;
  while (at < kSize) {
    u32 back = next_random(&seed) % 4096 + 1, length = next_random(&seed) % 12 + 3;
    for (u32 i = 0; i < length && at < kSize; i++, at++)
      plain[at] = at >= back && back & 1 ? plain[at - back]
                                         : (u8)kLetters[next_random(&seed) % (sizeof kLetters - 1)];
  }
}

i32 run(i32 n) {
  u32 checksum = 0;
  for (i32 i = 0; i < n; i++) {
    write_plain((u32)i + 1);
    z_stream s = new_stream(plain, kSize, packed, sizeof packed);
    if (deflateInit(&s, Z_DEFAULT_COMPRESSION) != Z_OK) return -1;
    if (deflate(&s, Z_FINISH) != Z_STREAM_END) return -2;
    u32 size = (u32)s.total_out;
    deflateEnd(&s);
    s = new_stream(packed, size, unpacked, kSize);
    if (inflateInit(&s) != Z_OK) return -3;
    if (inflate(&s, Z_FINISH) != Z_STREAM_END) return -4;
    inflateEnd(&s);
    checksum = fold(checksum, size);
    checksum = fold(checksum, (u32)crc32(adler32(1, plain, kSize), unpacked, kSize));
  }
  return (i32)checksum;
}
