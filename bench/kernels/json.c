// A state machine over text: a JSON reader that checks the grammar and sums what it finds, on a
// text that a writer makes first.
#include "support.h"

enum { kSize = 1 << 16, kDepth = 32 };
static char text[kSize];

enum State { kValue, kFirstKey, kKey, kColon, kAfter, kFirstItem, kDone };

typedef struct {
  u32 strings, escapes, numbers, literals, depth_sum;
  double sum;
} Totals;

static char* put(char* out, const char* s) {
  while (*s) *out++ = *s++;
  return out;
}

static char* put_number(char* out, u32 value) {
  char digits[10];
  i32 n = 0;
  do digits[n++] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  while (n > 0) *out++ = digits[--n];
  return out;
}

static char* write_scalar(char* out, u32 kind, u32 random) {
  switch (kind) {
    case 0:
      return put(out, random & 1 ? "true" : "null");
    case 1:
      return put_number(put(out, "-"), random % 100000);
    case 2:
      out = put(put_number(out, random % 1000), ".");
      return put(put_number(out, random % 499), "e2");
    case 3:
      return put(out, "\"a \\\"quoted\\\" text with \\u00e9 and \\n in it\"");
    default:
      return put(out, "\"plain words of the usual kind\"");
  }
}

static char* write_value(char* out, u32* seed, u32 depth) {
  u32 kind = next_random(seed) % (depth < 6 ? 9 : 5), random = next_random(seed);
  if (kind < 5) return write_scalar(out, kind, random);
  u32 is_array = kind < 7, count = random % 6;
  *out++ = is_array ? '[' : '{';
  for (u32 i = 0; i < count; i++) {
    if (i > 0) out = put(out, ", ");
    if (!is_array) out = put(put_number(put(out, "\"key"), i), "\": ");
    out = write_value(out, seed, depth + 1);
  }
  *out++ = is_array ? ']' : '}';
  return out;
}

static const char* read_string(const char* p, Totals* totals) {
  for (p++; *p != '"'; p++) {
    if (*p == 0) return 0;
    if (*p == '\\') {
      totals->escapes++;
      if (*++p == 'u') p += 4;
    }
  }
  totals->strings++;
  return p + 1;
}

static const char* read_number(const char* p, Totals* totals) {
  double value = 0, unit = 1;
  i32 negative = *p == '-', exponent = 0;
  if (negative) p++;
  if (*p < '0' || *p > '9') return 0;
  while (*p >= '0' && *p <= '9') value = value * 10 + (*p++ - '0');
  if (*p == '.')
    for (p++; *p >= '0' && *p <= '9'; p++) value += (unit /= 10) * (*p - '0');
  if (*p == 'e' || *p == 'E')
    for (p++; *p >= '0' && *p <= '9'; p++) exponent = exponent * 10 + (*p - '0');
  while (exponent-- > 0) value *= 10;
  totals->sum += negative ? -value : value;
  totals->numbers++;
  return p;
}

static const char* read_literal(const char* p, const char* word, Totals* totals) {
  while (*word)
    if (*p++ != *word++) return 0;
  totals->literals++;
  return p;
}

static const char* read_scalar(const char* p, Totals* totals) {
  switch (*p) {
    case '"':
      return read_string(p, totals);
    case 't':
      return read_literal(p, "true", totals);
    case 'f':
      return read_literal(p, "false", totals);
    case 'n':
      return read_literal(p, "null", totals);
    default:
      return read_number(p, totals);
  }
}

NOINLINE static i32 read(const char* p, Totals* totals) {
  char open[kDepth];
  u32 depth = 0;
  enum State state = kValue;
  for (;;) {
    while (*p == ' ' || *p == '\n') p++;
    if ((*p == ']' && (state == kFirstItem || (state == kAfter && open[depth - 1] == '['))) ||
        (*p == '}' && (state == kFirstKey || (state == kAfter && open[depth - 1] == '{')))) {
      totals->depth_sum += depth--;
      p++;
      state = depth == 0 ? kDone : kAfter;
      continue;
    }
    switch (state) {
      case kDone:
        return *p == 0 ? 0 : -1;
      case kFirstItem:
      case kValue:
        if (*p == '[' || *p == '{') {
          if (depth == kDepth) return -1;
          open[depth++] = *p;
          state = *p++ == '[' ? kFirstItem : kFirstKey;
          break;
        }
        if (!(p = read_scalar(p, totals))) return -1;
        state = depth == 0 ? kDone : kAfter;
        break;
      case kFirstKey:
      case kKey:
        if (*p != '"' || !(p = read_string(p, totals))) return -1;
        state = kColon;
        break;
      case kColon:
        if (*p++ != ':') return -1;
        state = kValue;
        break;
      case kAfter:
        if (*p++ != ',') return -1;
        state = open[depth - 1] == '[' ? kValue : kKey;
        break;
    }
  }
}

i32 run(i32 n) {
  u32 seed = 5;
  char* out = text;
  *out++ = '[';
  while (out < text + kSize / 2) {
    out = write_value(out, &seed, 2);
    *out++ = ',';
  }
  out = put(out, "0]");
  *out = 0;
  u32 checksum = 0;
  for (i32 i = 0; i < n; i++) {
    Totals totals = {0};
    if (read(text, &totals) != 0) return -1;
    checksum = fold(checksum, totals.strings * 3 + totals.escapes * 5 + totals.numbers * 7);
    checksum = fold(checksum, totals.literals + totals.depth_sum);
    checksum = fold_double(checksum, totals.sum);
  }
  return (i32)checksum;
}
