// Prints files, or standard input without any: shows directories and the exit status.
//
//   clang-19 --target=wasm32-wasi -O2 examples/cat.c -o cat.wasm
//   ./dev run --dir=examples cat.wasm examples/hello.c
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int print(FILE* file) {
  char buffer[4096];
  size_t size;
  while ((size = fread(buffer, 1, sizeof buffer, file)) > 0)
    if (fwrite(buffer, 1, size, stdout) != size) return 1;
  return ferror(file) != 0;
}

int main(int argc, char** argv) {
  int failed = 0;
  if (argc < 2) failed = print(stdin);
  for (int i = 1; i < argc; i++) {
    FILE* file = fopen(argv[i], "rb");
    if (!file) {
      fprintf(stderr, "cat: %s: %s\n", argv[i], strerror(errno));
      failed = 1;
      continue;
    }
    failed |= print(file);
    fclose(file);
  }
  return failed;
}
