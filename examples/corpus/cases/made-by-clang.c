// Compiled and linked by a clang that itself runs as WebAssembly.
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Word {
  struct Word* next;
  char text[32];
  int count;
} Word;

static Word* table[64];

static Word* look_up(const char* text) {
  unsigned hash = 5381;
  for (const char* p = text; *p; p++) hash = hash * 33 + (unsigned char)*p;
  Word** slot = &table[hash % 64];
  for (Word* w = *slot; w; w = w->next)
    if (strcmp(w->text, text) == 0) return w;
  Word* word = calloc(1, sizeof *word);
  snprintf(word->text, sizeof word->text, "%s", text);
  word->next = *slot;
  return *slot = word;
}

static int by_count(const void* a, const void* b) {
  const Word *x = *(Word* const*)a, *y = *(Word* const*)b;
  return x->count != y->count ? y->count - x->count : strcmp(x->text, y->text);
}

int main(int argc, char** argv) {
  printf("arguments:");
  for (int i = 1; i < argc; i++) printf(" [%s]", argv[i]);
  printf("\n%.10f %s %5d|%-5d|%05x %lld\n", sqrt(2), "text", 42, 42, 0xbeef, 1ll << 60);
  char text[] = "the cat and the dog and the bird";
  for (char* w = strtok(text, " "); w; w = strtok(0, " ")) look_up(w)->count++;
  const Word* words[16];
  size_t n = 0;
  for (int i = 0; i < 64; i++)
    for (Word* w = table[i]; w; w = w->next) words[n++] = w;
  qsort(words, n, sizeof words[0], by_count);
  for (size_t i = 0; i < n; i++) printf("%s %d\n", words[i]->text, words[i]->count);
  FILE* none = fopen("/none", "r");
  printf("%s %s\n", none ? "opened" : "refused", getenv("LEVEL") ? getenv("LEVEL") : "unset");
  return 42;
}
