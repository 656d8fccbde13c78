// Small arrays and branches: the most prefix reversals over all permutations of n numbers.
#include "support.h"

enum { kMax = 16 };

static i32 flips(const i32* source, i32 n) {
  i32 p[kMax];
  for (i32 i = 0; i < n; i++) p[i] = source[i];
  i32 count = 0;
  while (p[0] != 0) {
    for (i32 low = 0, high = p[0]; low < high; low++, high--) {
      i32 swapped = p[low];
      p[low] = p[high];
      p[high] = swapped;
    }
    count++;
  }
  return count;
}

i32 run(i32 n) {
  i32 permutation[kMax], counter[kMax];
  for (i32 i = 0; i < n; i++) permutation[i] = i, counter[i] = 0;
  i32 most = 0, sign = 1;
  u32 sum = 0;
  for (;;) {
    i32 count = flips(permutation, n);
    if (count > most) most = count;
    sum += (u32)(sign * count);
    sign = -sign;
    i32 i = 1;
    for (;; i++) {
      if (i >= n) return (i32)fold(sum, (u32)most);
      i32 first = permutation[0];
      for (i32 j = 0; j < i; j++) permutation[j] = permutation[j + 1];
      permutation[i] = first;
      if (++counter[i] <= i) break;
      counter[i] = 0;
    }
  }
}
