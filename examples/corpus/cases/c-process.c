// Arguments, environment, standard streams and the exit status.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char** environ;

static int compare(const void* a, const void* b) { return strcmp(*(char**)a, *(char**)b); }

static void at_exit(void) { puts("at exit"); }

int main(int argc, char** argv) {
  for (int i = 1; i < argc; i++) printf("argument %d: '%s'\n", i, argv[i]);
  int n = 0;
  while (environ && environ[n]) n++;
  if (n > 0) qsort(environ, (size_t)n, sizeof *environ, compare);
  for (int i = 0; i < n; i++) printf("environment: %s\n", environ[i]);
  char line[256];
  int lines = 0, bytes = 0;
  while (fgets(line, sizeof line, stdin)) lines++, bytes += (int)strlen(line);
  printf("input: %d lines, %d bytes, end %d\n", lines, bytes, feof(stdin) != 0);
  fprintf(stderr, "a word to stderr\n");
  atexit(at_exit);
  exit(argc > 1 ? atoi(argv[1]) : 0);
}
