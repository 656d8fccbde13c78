// touch N STRIDE PAGES EXTRA: what the memory of N processes costs a program that does nothing
// else. It reserves N areas of STRIDE bytes, installs a guard page at the start of each and writes
// to PAGES pages behind it, area by area, and to EXTRA further bytes for each area elsewhere.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

enum { kPage = 4096 };

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static char* reserve(size_t size) {
  char* area =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (area == MAP_FAILED || madvise(area, size, MADV_NOHUGEPAGE) != 0) {
    perror("touch");
    exit(1);
  }
  return area;
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  size_t count = strtoull(argv[1], NULL, 10), stride = strtoull(argv[2], NULL, 10);
  size_t pages = strtoull(argv[3], NULL, 10), extra = strtoull(argv[4], NULL, 10);
  char* areas = reserve(count * stride);
  char* others = reserve(count * extra + kPage);
  int guards = madvise(areas, kPage, MADV_GUARD_INSTALL) == 0;
  int64_t start = now_ns();
  for (size_t i = 0; i < count; ++i) {
    char* area = areas + i * stride;
    if (guards) madvise(area, kPage, MADV_GUARD_INSTALL);
    for (size_t page = 1; page <= pages; ++page) *(volatile char*)(area + page * kPage) = 1;
    for (size_t at = 0; at < extra; at += 64) *(volatile char*)(others + i * extra + at) = 1;
  }
  printf("{\"ns\":[%.3f],\"guards\":%d}\n", (double)(now_ns() - start) / (double)count, guards);
}
