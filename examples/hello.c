// The smallest C program. With Debian's packages clang-19, lld-19, wasi-libc and
// libclang-rt-19-dev-wasm32:
//
//   clang-19 --target=wasm32-wasi -O2 examples/hello.c -o hello.wasm
//   ./dev run hello.wasm
#include <stdio.h>

int main(void) {
  printf("Hello, world!\n");
  return 0;
}
