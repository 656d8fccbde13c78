// Sorting: heapsort of doubles.
#include "support.h"

enum { kMax = 1 << 19 };
static double heap[kMax];

static void sift_down(i32 root, i32 size) {
  double value = heap[root];
  for (;;) {
    i32 child = 2 * root + 1;
    if (child >= size) break;
    if (child + 1 < size && heap[child] < heap[child + 1]) child++;
    if (heap[child] <= value) break;
    heap[root] = heap[child];
    root = child;
  }
  heap[root] = value;
}

i32 run(i32 n) {
  u32 seed = 815;
  for (i32 i = 0; i < n; i++) heap[i] = (double)(i32)next_random(&seed) * 0.37;
  for (i32 i = n / 2 - 1; i >= 0; i--) sift_down(i, n);
  for (i32 size = n - 1; size > 0; size--) {
    double top = heap[0];
    heap[0] = heap[size];
    heap[size] = top;
    sift_down(0, size);
  }
  u32 checksum = 0;
  for (i32 i = 0; i < n; i += 53) checksum = fold_double(checksum, heap[i]);
  return (i32)checksum;
}
