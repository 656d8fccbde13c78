// An interpreter loop: a register machine of 32-bit instruction words runs a prime sieve, a
// greatest common divisor and a bubble sort.
#include "support.h"

enum Opcode {
  kHalt,
  kLoadImm,
  kMove,
  kAdd,
  kAddImm,
  kSub,
  kMul,
  kDiv,
  kRem,
  kAnd,
  kOr,
  kXor,
  kShl,
  kShr,
  kLoad,
  kStore,
  kLess,
  kEqual,
  kJump,
  kJumpIf,
  kJumpIfNot,
  kCall,
  kReturn,
  kPush,
  kPop,
  kOut,
};

#define ABC(op, a, b, c) ((u32)(op) | (u32)(a) << 8 | (u32)(b) << 16 | (u32)(c) << 24)
#define ABX(op, a, x) ((u32)(op) | (u32)(a) << 8 | (u32)(u16)(x) << 16)

// r0..r15; jump targets are absolute. r1 holds the size of the problem.
static const u32 kProgram[] = {
    /*  0 */ ABX(kCall, 0, 4),
    /*  1 */ ABX(kCall, 0, 28),
    /*  2 */ ABX(kCall, 0, 47),
    /*  3 */ ABX(kHalt, 0, 0),
    // Sieve: clear, then cross out multiples, then count.
    /*  4 */ ABX(kLoadImm, 2, 0),
    /*  5 */ ABX(kLoadImm, 3, 0),
    /*  6 */ ABC(kStore, 3, 2, 0),
    /*  7 */ ABX(kAddImm, 2, 1),
    /*  8 */ ABC(kLess, 4, 2, 1),
    /*  9 */ ABX(kJumpIf, 4, 6),
    /* 10 */ ABX(kLoadImm, 2, 2),
    /* 11 */ ABX(kLoadImm, 7, 1),
    /* 12 */ ABX(kLoadImm, 9, 0),
    /* 13 */ ABC(kLoad, 5, 2, 0),
    /* 14 */ ABX(kJumpIf, 5, 22),
    /* 15 */ ABX(kAddImm, 9, 1),
    /* 16 */ ABC(kAdd, 6, 2, 2),
    /* 17 */ ABC(kLess, 4, 6, 1),
    /* 18 */ ABX(kJumpIfNot, 4, 22),
    /* 19 */ ABC(kStore, 7, 6, 0),
    /* 20 */ ABC(kAdd, 6, 6, 2),
    /* 21 */ ABX(kJump, 0, 17),
    /* 22 */ ABX(kAddImm, 2, 1),
    /* 23 */ ABC(kLess, 4, 2, 1),
    /* 24 */ ABX(kJumpIf, 4, 13),
    /* 25 */ ABX(kOut, 9, 0),
    /* 26 */ ABX(kReturn, 0, 0),
    /* 27 */ ABX(kHalt, 0, 0),
    // Sum of gcd(i, r1) for all i below r1.
    /* 28 */ ABX(kLoadImm, 2, 1),
    /* 29 */ ABX(kLoadImm, 9, 0),
    /* 30 */ ABX(kLoadImm, 8, 0),
    /* 31 */ ABC(kMove, 3, 2, 0),
    /* 32 */ ABC(kMove, 4, 1, 0),
    /* 33 */ ABX(kPush, 2, 0),
    /* 34 */ ABC(kEqual, 5, 4, 8),
    /* 35 */ ABX(kJumpIf, 5, 40),
    /* 36 */ ABC(kRem, 6, 3, 4),
    /* 37 */ ABC(kMove, 3, 4, 0),
    /* 38 */ ABC(kMove, 4, 6, 0),
    /* 39 */ ABX(kJump, 0, 34),
    /* 40 */ ABC(kAdd, 9, 9, 3),
    /* 41 */ ABX(kPop, 2, 0),
    /* 42 */ ABX(kAddImm, 2, 1),
    /* 43 */ ABC(kLess, 5, 2, 1),
    /* 44 */ ABX(kJumpIf, 5, 31),
    /* 45 */ ABX(kOut, 9, 0),
    /* 46 */ ABX(kReturn, 0, 0),
    // Fill 128 cells with a random sequence, then sort them by exchange.
    /* 47 */ ABX(kLoadImm, 1, 128),
    /* 48 */ ABX(kLoadImm, 2, 0),
    /* 49 */ ABX(kLoadImm, 10, 31821),
    /* 50 */ ABX(kLoadImm, 11, 16383),
    /* 51 */ ABC(kMul, 9, 9, 10),
    /* 52 */ ABX(kAddImm, 9, 13849),
    /* 53 */ ABC(kAnd, 12, 9, 11),
    /* 54 */ ABC(kStore, 12, 2, 0),
    /* 55 */ ABX(kAddImm, 2, 1),
    /* 56 */ ABC(kLess, 4, 2, 1),
    /* 57 */ ABX(kJumpIf, 4, 51),
    /* 58 */ ABX(kLoadImm, 2, 1),
    /* 59 */ ABX(kLoadImm, 13, 0),
    /* 60 */ ABC(kMove, 3, 2, 0),
    /* 61 */ ABX(kAddImm, 3, -1),
    /* 62 */ ABC(kLoad, 5, 2, 0),
    /* 63 */ ABC(kLoad, 6, 3, 0),
    /* 64 */ ABC(kLess, 4, 5, 6),
    /* 65 */ ABX(kJumpIfNot, 4, 69),
    /* 66 */ ABC(kStore, 6, 2, 0),
    /* 67 */ ABC(kStore, 5, 3, 0),
    /* 68 */ ABX(kAddImm, 13, 1),
    /* 69 */ ABX(kAddImm, 2, 1),
    /* 70 */ ABC(kLess, 4, 2, 1),
    /* 71 */ ABX(kJumpIf, 4, 60),
    /* 72 */ ABX(kJumpIf, 13, 58),
    /* 73 */ ABC(kLoad, 5, 10, 0),
    /* 74 */ ABX(kOut, 5, 0),
    /* 75 */ ABX(kReturn, 0, 0),
};

enum { kMemoryMask = 0x3fff };
static u32 memory[kMemoryMask + 1];

NOINLINE static u32 interpret(const u32* program, u32 size) {
  u32 r[16] = {0}, stack[64];
  r[1] = size;
  u32 out = 0, sp = 0, pc = 0;
  for (;;) {
    u32 word = program[pc++];
    u32 a = word >> 8 & 15, b = word >> 16 & 15, c = word >> 24 & 15;
    u32 x = word >> 16;
    switch (word & 0xff) {
      case kHalt:
        return out;
      case kLoadImm:
        r[a] = x;
        break;
      case kMove:
        r[a] = r[b];
        break;
      case kAdd:
        r[a] = r[b] + r[c];
        break;
      case kAddImm:
        r[a] += (u32)(i32)(int16_t)x;
        break;
      case kSub:
        r[a] = r[b] - r[c];
        break;
      case kMul:
        r[a] = r[b] * r[c];
        break;
      case kDiv:
        r[a] = r[c] ? r[b] / r[c] : 0;
        break;
      case kRem:
        r[a] = r[c] ? r[b] % r[c] : 0;
        break;
      case kAnd:
        r[a] = r[b] & r[c];
        break;
      case kOr:
        r[a] = r[b] | r[c];
        break;
      case kXor:
        r[a] = r[b] ^ r[c];
        break;
      case kShl:
        r[a] = r[b] << (r[c] & 31);
        break;
      case kShr:
        r[a] = r[b] >> (r[c] & 31);
        break;
      case kLoad:
        r[a] = memory[(r[b] + c) & kMemoryMask];
        break;
      case kStore:
        memory[(r[b] + c) & kMemoryMask] = r[a];
        break;
      case kLess:
        r[a] = r[b] < r[c];
        break;
      case kEqual:
        r[a] = r[b] == r[c];
        break;
      case kJump:
        pc = x;
        break;
      case kJumpIf:
        if (r[a]) pc = x;
        break;
      case kJumpIfNot:
        if (!r[a]) pc = x;
        break;
      case kCall:
        stack[sp++ & 63] = pc;
        pc = x;
        break;
      case kReturn:
        pc = stack[--sp & 63];
        break;
      case kPush:
        stack[sp++ & 63] = r[a];
        break;
      case kPop:
        r[a] = stack[--sp & 63];
        break;
      case kOut:
        out = fold(out, r[a]);
        break;
      default:
        return ~out;
    }
  }
}

i32 run(i32 n) {
  u32 checksum = 0;
  for (i32 i = 0; i < n; i++) checksum = fold(checksum, interpret(kProgram, 3000 + (u32)i));
  return (i32)checksum;
}
