// Executes AArch64 code that masm_harness.cc sends, for tests on machines of another kind. Needs no
// library:
//   clang --target=aarch64-linux-gnu -O2 -static -nostdlib -fuse-ld=lld a64_runner.c -o a64_runner
//   LR_A64_RUNNER="qemu-aarch64 ./a64_runner" masm_test
typedef unsigned long u64;

enum { kRead = 63, kWrite = 64, kExit = 93, kMmap = 222, kMprotect = 226 };
enum { kReadWrite = 3, kReadExec = 5, kPrivateAnonymousFixed = 0x32 };

static const u64 kStateAddress = 1ul << 45;
static const u64 kStateBytes = 128 + 256 + 512;
static const u64 kCodeAddress = (1ul << 45) + (1ul << 30);
static const u64 kCodeBytesMax = 256ul << 10;

static long call(long number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  register u64 x0 __asm__("x0") = a;
  register u64 x1 __asm__("x1") = b;
  register u64 x2 __asm__("x2") = c;
  register u64 x3 __asm__("x3") = d;
  register u64 x4 __asm__("x4") = e;
  register u64 x5 __asm__("x5") = f;
  register long x8 __asm__("x8") = number;
  __asm__ volatile("svc #0"
                   : "+r"(x0)
                   : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5), "r"(x8)
                   : "memory");
  return (long)x0;
}

static void receive(u64 to, u64 size) {
  for (u64 got = 0; got < size;) {
    const long n = call(kRead, 0, to + got, size - got, 0, 0, 0);
    if (n <= 0) call(kExit, n != 0, 0, 0, 0, 0, 0);
    got += (u64)n;
  }
}

static void place(u64 size) {
  call(kMprotect, kCodeAddress, kCodeBytesMax, kReadWrite, 0, 0, 0);
  receive(kCodeAddress, size);
  call(kMprotect, kCodeAddress, kCodeBytesMax, kReadExec, 0, 0, 0);
  for (u64 at = kCodeAddress; at < kCodeAddress + size; at += 4) {
    __asm__ volatile("dc cvau, %0\n\tdsb ish\n\tic ivau, %0" : : "r"(at) : "memory");
  }
  __asm__ volatile("dsb ish\n\tisb" : : : "memory");
}

void _start(void) {
  call(kMmap, kStateAddress, kStateBytes, kReadWrite, kPrivateAnonymousFixed, (u64)-1, 0);
  call(kMmap, kCodeAddress, kCodeBytesMax, kReadWrite, kPrivateAnonymousFixed, (u64)-1, 0);
  for (;;) {
    u64 size;
    receive((u64)&size, sizeof size);
    if (size != 0) {
      place(size);
    } else {
      receive(kStateAddress, kStateBytes);
      ((void (*)(u64))kCodeAddress)(kStateAddress);
      call(kWrite, 1, kStateAddress, kStateBytes, 0, 0, 0);
    }
  }
}
