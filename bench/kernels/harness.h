// Runs the kernel several times in one process and prints how long each run took, as one line of
// JSON.
#pragma once

#include "support.h"

enum { kRepetitionsMax = 1000 };

typedef struct {
  char* out;
} Printer;

static inline void print_text(Printer* p, const char* text) {
  while (*text) *p->out++ = *text++;
}

static inline void print_number(Printer* p, u64 value) {
  char digits[20];
  u32 n = 0;
  do digits[n++] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  while (n > 0) *p->out++ = digits[--n];
}

static inline i32 parse_number(const char* text) {
  u32 value = 0;
  for (; *text >= '0' && *text <= '9'; text++) value = value * 10 + (u32)(*text - '0');
  return (i32)value;
}

// Fills `line` and returns its length.
static inline u32 measure(i32 n, i32 repetitions, u64 (*now_ns)(void), char* line) {
  static u64 durations[kRepetitionsMax];
  u32 checksum = 0, agree = 1;
  if (repetitions > kRepetitionsMax) repetitions = kRepetitionsMax;
  for (i32 i = 0; i < repetitions; i++) {
    u64 start = now_ns();
    u32 result = (u32)run(n);
    durations[i] = now_ns() - start;
    if (i > 0 && result != checksum) agree = 0;
    checksum = result;
  }
  Printer p = {line};
  print_text(&p, "{\"checksum\":");
  print_number(&p, checksum);
  print_text(&p, agree ? ",\"agree\":true,\"ns\":[" : ",\"agree\":false,\"ns\":[");
  for (i32 i = 0; i < repetitions; i++) {
    if (i > 0) print_text(&p, ",");
    print_number(&p, durations[i]);
  }
  print_text(&p, "]}\n");
  return (u32)(p.out - line);
}

enum { kLineMax = 128 + 21 * kRepetitionsMax };
