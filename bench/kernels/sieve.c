// Integer loops over bytes: the sieve of Eratosthenes.
#include "support.h"

enum { kLimit = 1 << 20 };
static u8 composite[kLimit];

static u32 count_primes(u32 limit) {
  for (u32 i = 0; i < limit; i++) composite[i] = 0;
  u32 count = 0;
  for (u32 i = 2; i < limit; i++) {
    if (composite[i]) continue;
    count++;
    for (u32 j = 2 * i; j < limit; j += i) composite[j] = 1;
  }
  return count;
}

i32 run(i32 n) {
  u32 checksum = 0;
  for (i32 i = 0; i < n; i++) checksum = fold(checksum, count_primes(kLimit - (u32)i));
  return (i32)checksum;
}
