// Dynamic programming: Levenshtein distances, where minima of three become selects or branches.
#include "support.h"

enum { kMax = 1024 };
static u8 a[kMax], b[kMax];
static i32 row[kMax + 1];

static i32 smaller(i32 x, i32 y) { return x < y ? x : y; }

static i32 distance(const u8* x, i32 x_size, const u8* y, i32 y_size) {
  for (i32 j = 0; j <= y_size; j++) row[j] = j;
  for (i32 i = 1; i <= x_size; i++) {
    i32 diagonal = row[0];
    row[0] = i;
    for (i32 j = 1; j <= y_size; j++) {
      i32 above = row[j];
      i32 change = diagonal + (x[i - 1] != y[j - 1]);
      row[j] = smaller(change, smaller(above, row[j - 1]) + 1);
      diagonal = above;
    }
  }
  return row[y_size];
}

i32 run(i32 n) {
  u32 seed = 222, checksum = 0;
  for (i32 i = 0; i < kMax; i++) {
    a[i] = (u8)(next_random(&seed) % 8);
    b[i] = (u8)(next_random(&seed) % 8);
  }
  for (i32 i = 0; i < n; i++)
    checksum = fold(checksum, (u32)distance(a, kMax - i % 7, b, kMax - i % 5));
  return (i32)checksum;
}
