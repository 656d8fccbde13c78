// Division: Euclid's algorithm in 32 and 64 bits, modular powers, and digits of numbers.
#include "support.h"

static u32 gcd32(u32 a, u32 b) {
  while (b != 0) {
    u32 r = a % b;
    a = b;
    b = r;
  }
  return a;
}

static i64 gcd64(i64 a, i64 b) {
  while (b != 0) {
    i64 r = a % b;
    a = b;
    b = r;
  }
  return a;
}

static u32 power_mod(u32 base, u32 exponent, u32 modulus) {
  u64 result = 1, square = base % modulus;
  for (; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result = result * square % modulus;
    square = square * square % modulus;
  }
  return (u32)result;
}

static u32 digit_sum(u32 x) {
  u32 sum = 0;
  for (; x != 0; x /= 10) sum += x % 10;
  return sum;
}

i32 run(i32 n) {
  u32 checksum = 0, seed = 12345;
  for (i32 i = 0; i < n; i++) {
    u32 a = next_random(&seed), b = next_random(&seed) | 1;
    checksum = fold(checksum, gcd32(a, b));
    checksum = fold(checksum, (u32)gcd64((i64)a * b, (i64)(a ^ b) * 97));
    checksum = fold(checksum, power_mod(a, b & 0xfff, b));
    checksum = fold(checksum, digit_sum(a));
  }
  return (i32)checksum;
}
