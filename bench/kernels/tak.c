// Recursion with three arguments: Takeuchi's function on integers and on doubles.
#include "support.h"

NOINLINE static i32 tak(i32 x, i32 y, i32 z) {
  if (y >= x) return z;
  return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y));
}

NOINLINE static double takf(double x, double y, double z) {
  if (y >= x) return z;
  return takf(takf(x - 1, y, z), takf(y - 1, z, x), takf(z - 1, x, y));
}

i32 run(i32 n) {
  u32 checksum = 0;
  for (i32 i = 0; i < n; i++) {
    checksum = fold(checksum, (u32)tak(18, 12, 6 - (i & 1)));
    checksum = fold_double(checksum, takf(16, 10, 4 + (i & 1)));
  }
  return (i32)checksum;
}
