// A big switch: an emulator of an invented 8-bit processor with flags, whose opcodes are drawn at
// random, so that every case of the switch is taken in no foreseeable order.
#include "support.h"

typedef struct {
  u8 a, b, c, d, carry, zero, sign, sp;
  u16 pc;
  u8 memory[1 << 16];
} Cpu;

static Cpu cpu;

static void set_flags(Cpu* s, u8 value) {
  s->zero = value == 0;
  s->sign = value >> 7;
}

static u8 add(Cpu* s, u8 x, u8 y, u8 carry) {
  u32 sum = (u32)x + y + carry;
  s->carry = sum > 0xff;
  set_flags(s, (u8)sum);
  return (u8)sum;
}

static u8 fetch(Cpu* s) { return s->memory[s->pc++]; }
static u16 pair(u8 high, u8 low) { return (u16)(high << 8 | low); }
static u8* top(Cpu* s) { return &s->memory[0x100 | s->sp]; }

static void branch(Cpu* s, u8 taken) {
  int8_t offset = (int8_t)fetch(s);
  if (taken) s->pc = (u16)(s->pc + offset);
}

NOINLINE static void execute(Cpu* s, u32 steps) {
  while (steps-- > 0) {
    switch (fetch(s) & 63) {
      case 0:
        s->a = fetch(s);
        break;
      case 1:
        s->b = fetch(s);
        break;
      case 2:
        s->c = fetch(s);
        break;
      case 3:
        s->d = fetch(s);
        break;
      case 4:
        s->a = s->b;
        break;
      case 5:
        s->b = s->a;
        break;
      case 6:
        s->c = s->a;
        break;
      case 7:
        s->d = s->c;
        break;
      case 8:
        s->a = s->d;
        break;
      case 9:
        s->b = s->c;
        break;
      case 10:
        s->a = add(s, s->a, s->b, 0);
        break;
      case 11:
        s->a = add(s, s->a, s->c, s->carry);
        break;
      case 12:
        s->a = add(s, s->a, (u8)~s->b, 1);
        break;
      case 13:
        s->a = add(s, s->a, (u8)~s->d, s->carry);
        break;
      case 14:
        s->b = add(s, s->b, fetch(s), 0);
        break;
      case 15:
        add(s, s->a, (u8)~s->b, 1);
        break;
      case 16:
        set_flags(s, s->a &= s->b);
        break;
      case 17:
        set_flags(s, s->a |= s->c);
        break;
      case 18:
        set_flags(s, s->a ^= s->d);
        break;
      case 19:
        set_flags(s, s->a ^= fetch(s));
        break;
      case 20:
        set_flags(s, s->a = (u8)~s->a);
        break;
      case 21:
        set_flags(s, ++s->a);
        break;
      case 22:
        set_flags(s, --s->b);
        break;
      case 23:
        set_flags(s, ++s->c);
        break;
      case 24:
        set_flags(s, --s->d);
        break;
      case 25:
        s->carry = s->a >> 7;
        set_flags(s, s->a = (u8)(s->a << 1));
        break;
      case 26:
        s->carry = s->b & 1;
        set_flags(s, s->b >>= 1);
        break;
      case 27:
        set_flags(s, s->c = (u8)((int8_t)s->c >> 1));
        break;
      case 28: {
        u8 out = s->d >> 7;
        s->d = (u8)(s->d << 1 | s->carry);
        s->carry = out;
        break;
      }
      case 29:
        s->a = (u8)(s->a << 4 | s->a >> 4);
        break;
      case 30:
        s->a = s->memory[pair(s->b, s->c)];
        break;
      case 31:
        s->b = s->memory[pair(s->c, s->d)];
        break;
      case 32:
        s->c = s->memory[fetch(s)];
        break;
      case 33:
        s->d = s->memory[(u16)(fetch(s) + s->c)];
        break;
      case 34:
        s->memory[0x8000 | pair(s->b & 0x7f, s->c)] = s->a;
        break;
      case 35:
        s->memory[0x8000 | pair(s->c & 0x7f, s->d)] = s->b;
        break;
      case 36:
        s->memory[0x200 + fetch(s)] = s->c;
        break;
      case 37:
        s->memory[0x200 + s->d] = s->a;
        break;
      case 38:
        *top(s) = s->a;
        s->sp--;
        break;
      case 39:
        *top(s) = s->c;
        s->sp--;
        break;
      case 40:
        s->sp++;
        s->a = *top(s);
        break;
      case 41:
        s->sp++;
        s->d = *top(s);
        break;
      case 42:
        branch(s, s->zero);
        break;
      case 43:
        branch(s, !s->zero);
        break;
      case 44:
        branch(s, s->carry);
        break;
      case 45:
        branch(s, !s->carry);
        break;
      case 46:
        branch(s, s->sign);
        break;
      case 47:
        branch(s, !s->sign);
        break;
      case 48:
        s->carry = 0;
        break;
      case 49:
        s->carry = 1;
        break;
      case 50:
        s->carry ^= 1;
        break;
      case 51: {
        u8 t = s->a;
        s->a = s->b;
        s->b = t;
        break;
      }
      case 52: {
        u8 t = s->c;
        s->c = s->d;
        s->d = t;
        break;
      }
      case 53: {
        u32 p = (u32)s->a * s->b;
        s->c = (u8)(p >> 8);
        s->d = (u8)p;
        break;
      }
      case 54:
        if (s->b) {
          u8 q = s->a / s->b;
          s->c = s->a % s->b;
          s->a = q;
        }
        break;
      case 55:
        s->a = (u8)__builtin_popcount(s->a);
        break;
      case 56:
        s->b = s->b ? (u8)__builtin_ctz(s->b) : 8;
        break;
      case 57:
        set_flags(s, s->a < s->c ? s->a : s->c);
        break;
      case 58:
        s->pc = (u16)(s->pc ^ (s->a & 0x1f));
        break;
      case 59:
        s->pc = (u16)(s->pc + 2);
        break;
      case 60: {
        u16 target = pair(s->c, s->d);
        *top(s) = (u8)s->pc;
        s->sp--;
        *top(s) = (u8)(s->pc >> 8);
        s->sp--;
        s->pc = target;
        break;
      }
      case 61: {
        s->sp++;
        u8 high = *top(s);
        s->sp++;
        s->pc = pair(high, *top(s));
        break;
      }
      case 62:
        s->a = (u8)s->pc;
        break;
      case 63:
        s->d ^= (u8)(s->pc >> 8) ^ s->sp;
        break;
    }
  }
}

i32 run(i32 n) {
  u32 seed = 9001;
  cpu.a = cpu.b = cpu.c = cpu.d = cpu.carry = cpu.zero = cpu.sign = cpu.sp = 0;
  cpu.pc = 0x300;
  for (u32 i = 0; i < COUNT_OF(cpu.memory); i++) cpu.memory[i] = (u8)next_random(&seed);
  u32 checksum = 0;
  for (i32 i = 0; i < n; i++) {
    execute(&cpu, 10000);
    checksum = fold(checksum, cpu.a | (u32)cpu.b << 8 | (u32)cpu.pc << 16);
  }
  return (i32)checksum;
}
