// Sorting: quicksort with a median of three and insertion sort for short runs.
#include "support.h"

enum { kMax = 1 << 20, kShort = 12 };
static i32 data[kMax];

static void swap(i32* a, i32* b) {
  i32 t = *a;
  *a = *b;
  *b = t;
}

static void insertion_sort(i32* first, i32* last) {
  for (i32* i = first + 1; i <= last; i++) {
    i32 value = *i;
    i32* j = i;
    for (; j > first && j[-1] > value; j--) *j = j[-1];
    *j = value;
  }
}

static void quicksort(i32* first, i32* last) {
  while (last - first > kShort) {
    i32* middle = first + (last - first) / 2;
    if (*middle < *first) swap(middle, first);
    if (*last < *first) swap(last, first);
    if (*last < *middle) swap(last, middle);
    i32 pivot = *middle;
    i32 *low = first, *high = last;
    while (low <= high) {
      while (*low < pivot) low++;
      while (*high > pivot) high--;
      if (low <= high) swap(low++, high--);
    }
    if (high - first < last - low) {
      quicksort(first, high);
      first = low;
    } else {
      quicksort(low, last);
      last = high;
    }
  }
  insertion_sort(first, last);
}

i32 run(i32 n) {
  u32 seed = 4711;
  for (i32 i = 0; i < n; i++) data[i] = (i32)next_random(&seed);
  quicksort(data, data + n - 1);
  u32 checksum = 0;
  for (i32 i = 0; i < n; i += 97) checksum = fold(checksum, (u32)data[i]);
  return (i32)checksum;
}
