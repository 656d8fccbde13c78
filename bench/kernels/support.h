// What every kernel shares: fixed-width names, a random sequence and a way to fold results into a
// checksum. Kernels need no C library, so that the WebAssembly module contains nothing but the
// kernel.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;

#define NOINLINE __attribute__((noinline))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

// The kernel: does work in proportion to `n` and returns a checksum of what it computed. Calling it
// again with the same `n` returns the same value.
i32 run(i32 n);

// xorshift32: the seed must not be zero.
static inline u32 next_random(u32* state) {
  u32 x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

static inline u32 rotl32(u32 x, unsigned r) { return (x << r) | (x >> (32 - r)); }
static inline u64 rotl64(u64 x, unsigned r) { return (x << r) | (x >> (64 - r)); }

static inline u32 fold(u32 checksum, u32 value) {
  return rotl32(checksum ^ value, 5) * 0x9e3779b1u;
}

static inline u32 fold_double(u32 checksum, double value) {
  union {
    double d;
    u64 bits;
  } u = {value};
  return fold(fold(checksum, (u32)u.bits), (u32)(u.bits >> 32));
}
