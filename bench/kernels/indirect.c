// Indirect calls: objects with tables of methods, and a pipeline of function pointers.
#include "support.h"

typedef struct Shape Shape;
typedef struct {
  u32 (*area)(const Shape*);
  void (*grow)(Shape*, u32);
  u32 (*hash)(const Shape*, u32);
} Methods;

struct Shape {
  const Methods* methods;
  u32 a, b;
};

static u32 square_area(const Shape* s) { return s->a * s->a; }
static u32 box_area(const Shape* s) { return s->a * s->b; }
static u32 triangle_area(const Shape* s) { return s->a * s->b / 2; }
static u32 ring_area(const Shape* s) { return (s->a + s->b) * (s->a - s->b) * 3; }
static void grow_first(Shape* s, u32 by) { s->a = (s->a + by) & 0xfff; }
static void grow_both(Shape* s, u32 by) {
  s->a = (s->a + by) & 0xfff;
  s->b = (s->b + 2 * by) & 0xfff;
}
static u32 hash_one(const Shape* s, u32 h) { return fold(h, s->a); }
static u32 hash_two(const Shape* s, u32 h) { return fold(fold(h, s->a), s->b); }

static const Methods kMethods[] = {
    {square_area, grow_first, hash_one},
    {box_area, grow_both, hash_two},
    {triangle_area, grow_both, hash_two},
    {ring_area, grow_first, hash_two},
};

typedef u32 (*Stage)(u32);
static u32 stage_add(u32 x) { return x + 0x9e37; }
static u32 stage_xor(u32 x) { return x ^ x >> 7; }
static u32 stage_mul(u32 x) { return x * 0x85ebca6bu; }
static u32 stage_rot(u32 x) { return rotl32(x, 11); }
static Stage const kStages[] = {stage_add, stage_xor, stage_mul, stage_rot};

enum { kShapes = 1000 };
static Shape shapes[kShapes];

i32 run(i32 n) {
  u32 seed = 3;
  for (u32 i = 0; i < kShapes; i++) {
    u32 random = next_random(&seed);
    shapes[i] = (Shape){&kMethods[random & 3], random >> 8 & 0xfff, i};
  }
  u32 checksum = 0;
  for (i32 round = 0; round < n; round++) {
    for (u32 i = 0; i < kShapes; i++) {
      Shape* s = &shapes[i];
      s->methods->grow(s, (u32)round);
      checksum = s->methods->hash(s, checksum + s->methods->area(s));
    }
    for (u32 i = 0; i < kShapes; i++) checksum = kStages[(checksum ^ i) & 3](checksum);
  }
  return (i32)checksum;
}
