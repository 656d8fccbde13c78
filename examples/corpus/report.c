// The corpus program in C; README.md says what it does. The other languages' do the same.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct word {
  char text[32];
  int count;
};

static struct word words[1000];
static int words_count;

static void add(const char* text) {
  for (int i = 0; i < words_count; i++) {
    if (strcmp(words[i].text, text) == 0) {
      words[i].count++;
      return;
    }
  }
  strcpy(words[words_count].text, text);
  words[words_count++].count = 1;
}

static int by_count(const void* a, const void* b) {
  const struct word* left = a;
  const struct word* right = b;
  if (left->count != right->count) return right->count - left->count;
  return strcmp(left->text, right->text);
}

static int by_text(const void* a, const void* b) {
  return strcmp(((const struct word*)a)->text, ((const struct word*)b)->text);
}

int main(int argc, char** argv) {
  for (int i = 1; i < argc; i++) printf("argument %d: %s\n", i, argv[i]);
  const char* greeting = getenv("GREETING");
  printf("greeting: %s\n", greeting ? greeting : "(none)");

  FILE* in = fopen(argv[1], "r");
  if (!in) {
    perror(argv[1]);
    return 100;
  }
  int lines = 0, bytes = 0, in_words = 0, c, length = 0;
  char word[32];
  while ((c = getc(in)) != EOF) {
    bytes++;
    lines += c == '\n';
    if (c >= 'a' && c <= 'z') {
      word[length++] = (char)c;
    } else if (length > 0) {
      word[length] = 0;
      add(word);
      in_words++;
      length = 0;
    }
  }
  fclose(in);
  printf("lines %d words %d bytes %d\n", lines, in_words, bytes);

  qsort(words, words_count, sizeof words[0], by_count);
  for (int i = 0; i < 3; i++) printf("%s %d\n", words[i].text, words[i].count);
  printf("average %.3f\n", (double)bytes / in_words);

  qsort(words, words_count, sizeof words[0], by_text);
  FILE* out = fopen(argv[2], "w");
  if (!out) {
    perror(argv[2]);
    return 100;
  }
  for (int i = 0; i < words_count; i++) fprintf(out, "%s\n", words[i].text);
  fclose(out);

  FILE* missing = fopen("/data/missing.txt", "r");
  printf("missing: %s\n", missing ? "found" : errno == ENOENT ? "not found" : "another error");

  int total = 0;
  char buffer[256];
  while (fgets(buffer, sizeof buffer, stdin)) total += atoi(buffer);
  printf("total %d\n", total);
  fprintf(stderr, "leaving with %s\n", argv[3]);
  return atoi(argv[3]);
}
