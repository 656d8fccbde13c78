// The mix of embedded code: lists that are searched and sorted by two orders, matrices of short
// integers, a state machine that recognises numbers, and a CRC over the results of each.
#include "support.h"

typedef struct Item {
  struct Item* next;
  int16_t key, index;
} Item;

enum { kItems = 200, kSide = 24, kInput = 600 };
enum State {
  kStart,
  kSign,
  kInteger,
  kPoint,
  kFraction,
  kExponent,
  kExponentSign,
  kScientific,
  kBad,
  kStates
};

static Item items[kItems];
static int16_t left[kSide][kSide], right[kSide][kSide];
static i32 product[kSide][kSide];
static char input[kInput + 1];

static u16 crc16(u16 crc, u16 value) {
  for (i32 i = 0; i < 16; i++) {
    u32 bit = (crc ^ value) & 1;
    crc >>= 1;
    value >>= 1;
    if (bit) crc ^= 0xa001;
  }
  return crc;
}

static i32 by_key(const Item* a, const Item* b) { return a->key - b->key; }
static i32 by_index(const Item* a, const Item* b) { return a->index - b->index; }

static Item* find(Item* list, int16_t key) {
  while (list && list->key != key) list = list->next;
  return list;
}

static Item* reverse(Item* list) {
  Item* out = 0;
  while (list) {
    Item* next = list->next;
    list->next = out;
    out = list;
    list = next;
  }
  return out;
}

// Merge sort from the bottom up, without recursion.
static Item* sort(Item* list, i32 (*order)(const Item*, const Item*)) {
  for (i32 width = 1;; width *= 2) {
    Item *rest = list, *head = 0, **last = &head;
    i32 merges = 0;
    while (rest) {
      merges++;
      Item *a = rest, *b = rest;
      i32 a_size = 0, b_size = width;
      for (; a_size < width && b; a_size++) b = b->next;
      while (a_size > 0 || (b_size > 0 && b)) {
        i32 take_a = a_size > 0 && (b_size == 0 || !b || order(a, b) <= 0);
        Item** from = take_a ? &a : &b;
        *(take_a ? &a_size : &b_size) -= 1;
        *last = *from;
        last = &(*from)->next;
        *from = (*from)->next;
      }
      rest = b;
    }
    *last = 0;
    list = head;
    if (merges <= 1) return list;
  }
}

static u16 list_work(Item* list, u16 crc, i32 round) {
  u16 hits = 0;
  for (int16_t key = 0; key < 40; key++) {
    Item* found = find(list, (int16_t)(key * 5 + round % 5));
    hits = (u16)(hits + (found ? found->index : 1));
    if (key % 8 == 0) list = reverse(list);
  }
  list = sort(list, by_key);
  for (Item* i = list; i; i = i->next) crc = crc16(crc, (u16)i->key);
  list = sort(list, by_index);
  return crc16(crc, (u16)(hits + list->key));
}

static u16 matrix_work(u16 crc, int16_t offset) {
  for (i32 i = 0; i < kSide; i++)
    for (i32 j = 0; j < kSide; j++) left[i][j] = (int16_t)(left[i][j] + offset);
  i32 sum = 0, previous = 0;
  for (i32 i = 0; i < kSide; i++) {
    for (i32 j = 0; j < kSide; j++) {
      i32 total = 0;
      for (i32 k = 0; k < kSide; k++) {
        i32 t = left[i][k] * right[k][j];
        total += (t >> 2 & 15) * (t >> 5 & 127);
      }
      product[i][j] = total;
      sum += total > previous ? 10 : total & 15;
      previous = total;
    }
  }
  for (i32 i = 0; i < kSide; i++)
    for (i32 j = 0; j < kSide; j++) left[i][j] = (int16_t)(left[i][j] - offset);
  return crc16(crc16(crc, (u16)sum), (u16)product[offset % kSide][3]);
}

static enum State next_state(enum State state, char c) {
  i32 digit = c >= '0' && c <= '9';
  switch (state) {
    case kStart:
      return digit ? kInteger : c == '+' || c == '-' ? kSign : c == '.' ? kPoint : kBad;
    case kSign:
      return digit ? kInteger : c == '.' ? kPoint : kBad;
    case kInteger:
      return digit ? kInteger : c == '.' ? kFraction : c == 'e' ? kExponent : kBad;
    case kPoint:
      return digit ? kFraction : kBad;
    case kFraction:
      return digit ? kFraction : c == 'e' ? kExponent : kBad;
    case kExponent:
      return digit ? kScientific : c == '+' || c == '-' ? kExponentSign : kBad;
    case kExponentSign:
      return digit ? kScientific : kBad;
    case kScientific:
      return digit ? kScientific : kBad;
    default:
      return kBad;
  }
}

static u16 state_work(u16 crc, u32 step) {
  u32 ended[kStates] = {0}, moves[kStates] = {0};
  for (u32 i = 0; i < kInput; i += step) input[i] ^= 1;
  for (const char* p = input; *p;) {
    enum State state = kStart;
    for (; *p && *p != ','; p++) {
      enum State next = next_state(state, *p);
      moves[next] += next != state;
      state = next;
    }
    ended[state]++;
    if (*p) p++;
  }
  for (u32 i = 0; i < kInput; i += step) input[i] ^= 1;
  for (i32 i = 0; i < kStates; i++) crc = crc16(crc16(crc, (u16)ended[i]), (u16)moves[i]);
  return crc;
}

static void prepare(void) {
  static const char* const kPieces[] = {"5012,",     "-874,",     "+122,",     "35.54400,",
                                        ".1234500,", "-110.700,", "5.500e+3,", "-.123e-2,",
                                        "T0.3e-1F,", "1T3.4e4z,"};
  u32 seed = 1009, at = 0;
  for (i32 i = 0; i < kItems; i++)
    items[i] =
        (Item){i + 1 < kItems ? &items[i + 1] : 0, (int16_t)(next_random(&seed) % 256), (int16_t)i};
  for (i32 i = 0; i < kSide; i++)
    for (i32 j = 0; j < kSide; j++) {
      left[i][j] = (int16_t)(next_random(&seed) & 0xff);
      right[i][j] = (int16_t)(next_random(&seed) & 0xff);
    }
  while (at < kInput)
    for (const char* p = kPieces[next_random(&seed) % COUNT_OF(kPieces)]; *p && at < kInput;)
      input[at++] = *p++;
  input[kInput] = 0;
}

i32 run(i32 n) {
  u16 crc = 0;
  for (i32 i = 0; i < n; i++) {
    if (i % 64 == 0) prepare();
    crc = list_work(items, crc, i);
    for (i32 j = 0; j + 1 < kItems; j++) items[j].next = &items[j + 1];
    crc = matrix_work(crc, (int16_t)(i & 0x1f));
    crc = state_work(crc, 7 + (u32)i % 13);
  }
  return crc;
}
