// String work by bytes: numbers to text and back, words reversed, upper case, compared, searched
// and counted in a hash table.
#include "support.h"

enum { kText = 1 << 15, kSlots = 1 << 14, kWord = 24 };
static char text[kText + kWord];
static struct {
  char word[kWord];
  u32 count;
} slots[kSlots];

static u32 length(const char* s) {
  u32 n = 0;
  while (s[n]) n++;
  return n;
}

static i32 compare(const char* a, const char* b) {
  while (*a && *a == *b) a++, b++;
  return (u8)*a - (u8)*b;
}

static void copy(char* to, const char* from) {
  while ((*to++ = *from++)) {
  }
}

static void reverse(char* s) {
  for (u32 i = 0, j = length(s); i + 1 < j; i++) {
    char t = s[i];
    s[i] = s[--j];
    s[j] = t;
  }
}

static u32 format(char* out, u32 value, u32 base) {
  char digits[33];
  u32 n = 0, i = 0;
  do digits[n++] = "0123456789abcdefghijklmnopqrstuvwxyz"[value % base];
  while ((value /= base) != 0);
  while (n > 0) out[i++] = digits[--n];
  out[i] = 0;
  return i;
}

static u32 parse(const char* s) {
  u32 value = 0;
  for (; *s >= '0' && *s <= '9'; s++) value = value * 10 + (u32)(*s - '0');
  return value;
}

static const char* find(const char* in, const char* what) {
  for (; *in; in++) {
    u32 i = 0;
    while (what[i] && in[i] == what[i]) i++;
    if (!what[i]) return in;
  }
  return 0;
}

static void write_text(u32 seed) {
  u32 at = 0;
  while (at < kText - kWord) {
    u32 base = next_random(&seed) % 3 ? 36 : 10;
    at += format(text + at, next_random(&seed) % 3000 * 97, base);
    text[at++] = " \n\t,"[next_random(&seed) & 3];
  }
  text[at] = 0;
}

static void count_word(const char* word) {
  u32 hash = 5381;
  for (const char* p = word; *p; p++) hash = hash * 33 + (u8)*p;
  u32 i = hash % kSlots;
  while (slots[i].count && compare(slots[i].word, word) != 0) i = (i + 1) % kSlots;
  if (slots[i].count++ == 0) copy(slots[i].word, word);
}

static u32 process(const char* p) {
  u32 sum = 0;
  while (*p) {
    char word[kWord];
    u32 n = 0;
    for (; *p && *p != ' ' && *p != '\n' && *p != '\t' && *p != ','; p++)
      word[n++] = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
    word[n] = 0;
    if (*p) p++;
    sum += parse(word);
    reverse(word);
    count_word(word);
  }
  return sum;
}

i32 run(i32 n) {
  u32 checksum = 0;
  for (u32 i = 0; i < kSlots; i++) slots[i].count = 0;
  for (i32 i = 0; i < n; i++) {
    write_text((u32)(i % 5) + 1);
    checksum = fold(checksum, process(text));
    const char* found = find(text, i & 1 ? "7777" : "zz9");
    checksum = fold(checksum, found ? (u32)(found - text) : 1);
  }
  for (u32 i = 0; i < kSlots; i++)
    if (slots[i].count) checksum = fold(checksum, slots[i].count * (u8)slots[i].word[0]);
  return (i32)checksum;
}
