// hold.wasm N MS KIND: how much too long N sleeps of MS milliseconds take while another process has
// the runtime do something long, over and over: nothing (0), compile a function of 5 MB when it is
// called (1), drop a gigabyte (2), send 64 MiB (3), end 100,000 linked processes (4).
#include "guest.h"

enum { kPageBytes = 0x10000, kMessageBytes = 64 << 20, kGigabyte = 1 << 30, kLinks = 100000 };

static void wait_until_gone(u64 process) {
  while (process_exists(process)) process_sleep_ms(1);
}

// ---- A function of 5 MB
// --------------------------------------------------------------------------

enum { kBodyBytes = 5000000 };

// A size of four bytes, so that whatever contains it has a known size.
static u8* put_size(u8* at, u32 size) {
  for (u32 i = 0; i < 3; ++i) *at++ = (u8)(size >> 7 * i | 0x80);
  *at++ = (u8)(size >> 21);
  return at;
}

static u8* put(u8* at, const void* bytes, u32 size) {
  __builtin_memcpy(at, bytes, size);
  return at + size;
}

// A module that exports f: [] -> []. Different seeds make different modules.
static u32 make_module(u8* bytes, u8 seed) {
  static const u8 head[] = {0, 'a', 's', 'm',  1,   0, 0, 0,    // magic, version
                            1, 4,   1,   0x60, 0,   0,          // types: [] -> []
                            3, 2,   1,   0,                     // functions: of type 0
                            7, 5,   1,   1,    'f', 0, 0, 10};  // exports; code
  static const u8 locals[] = {1, 1, 0x7f};                      // one i32
  u8 step[] = {0x20, 0, 0x41, seed, 0x6a, 0x21, 0};  // local.get, i32.const, i32.add, local.set
  u32 steps = kBodyBytes / sizeof step;
  u32 body = sizeof locals + steps * sizeof step + 1;
  u8* at = put(bytes, head, sizeof head);
  at = put_size(at, 1 + 4 + body);
  *at++ = 1;
  at = put_size(at, body);
  at = put(at, locals, sizeof locals);
  for (u32 i = 0; i < steps; ++i) at = put(at, step, sizeof step);
  *at++ = 0x0b;
  return (u32)(at - bytes);
}

ENTRY(compile)(u64 parent) {
  (void)parent;
  u8* bytes = (u8*)make_array(kBodyBytes / 8 + 100);
  for (u8 seed = 0;; seed = (seed + 1) & 0x3f) {
    u32 size = make_module(bytes, seed);
    u64 module;
    expect(process_compile_module(bytes, size, &module) == 0, 11);
    wait_until_gone(must_be_process(try_spawn(0, (i64)module, "f", 1, 0, 0)));
    process_drop_module(module);
  }
}

// ---- A gigabyte, large messages, links
// -----------------------------------------------------------

ENTRY(have_gigabyte)(u64 parent) {
  (void)parent;
  volatile u8* bytes = (volatile u8*)make_array(kGigabyte / 8);
  for (u32 at = 0; at < kGigabyte; at += 4096) bytes[at] = 1;
}

ENTRY(drop)(u64 parent) {
  for (;;) wait_until_gone(SPAWN(0, "have_gigabyte", parent));
}

ENTRY(receive_large)(u64 parent) {
  (void)parent;
  u64* bytes = make_array(kMessageBytes / 8);
  for (;;) {
    u64 sender = receive_u64();
    receive_bytes(bytes, kMessageBytes);
    send_u64(sender, 1);
  }
}

ENTRY(send_large)(u64 parent) {
  u64* bytes = make_array(kMessageBytes / 8);
  u64 receiver = SPAWN(0, "receive_large", parent);
  for (;;) {
    send_u64(receiver, process_process_id());
    send_bytes(receiver, bytes, kMessageBytes);
    receive_u64();
  }
}

ENTRY(leaf)(u64 parent) {
  process_link(1, parent);
  send_u64(parent, 1);
  receive_u64();
}

ENTRY(star)(u64 parent) {
  (void)parent;
  for (u32 i = 0; i < kLinks; ++i) SPAWN(0, "leaf", process_process_id());
  for (u32 i = 0; i < kLinks; ++i) receive_u64();
  __builtin_trap();
}

ENTRY(links)(u64 parent) {
  for (;;) wait_until_gone(SPAWN(0, "star", parent));
}

static void run(const u64* numbers) {
  u64 self = process_process_id();
  switch (numbers[2]) {
    case 1:
      SPAWN(0, "compile", self);
      break;
    case 2:
      SPAWN(0, "drop", self);
      break;
    case 3:
      SPAWN(0, "send_large", self);
      break;
    case 4:
      SPAWN(0, "links", self);
      break;
  }
  process_sleep_ms(200);
  measure_sleeps(numbers[1], numbers[0]);
}
