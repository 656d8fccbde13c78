// Floating point in registers: escape times of the Mandelbrot set.
#include "support.h"

static i32 escape_time(double cx, double cy, i32 limit) {
  double x = 0, y = 0;
  i32 i = 0;
  while (i < limit && x * x + y * y <= 4) {
    double t = x * x - y * y + cx;
    y = 2 * x * y + cy;
    x = t;
    i++;
  }
  return i;
}

i32 run(i32 n) {
  u32 checksum = 0;
  for (i32 row = 0; row < n; row++)
    for (i32 column = 0; column < n; column++)
      checksum = fold(checksum, (u32)escape_time(column * 3.0 / n - 2.2, row * 2.4 / n - 1.2, 200));
  return (i32)checksum;
}
