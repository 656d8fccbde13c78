// measure FILE COMMAND [ARGUMENTS...]: runs a command and writes to FILE its exit status (minus the
// signal), nanoseconds on the clock and on processors, and its peak memory in KiB. It is small,
// because a new process's peak begins with that of the one that made it.
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char** environ;

static long long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static long long ns(struct timeval t) { return t.tv_sec * 1000000000ll + t.tv_usec * 1000ll; }

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  pid_t pid;
  int status;
  struct rusage usage;
  long long start = now_ns();
  if (posix_spawn(&pid, argv[2], 0, 0, argv + 2, environ) != 0) return 127;
  if (wait4(pid, &status, 0, &usage) != pid) return 1;
  long long wall = now_ns() - start;
  FILE* file = fopen(argv[1], "w");
  if (!file) return 1;
  fprintf(file, "%d %lld %lld %ld\n", WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status),
          wall, ns(usage.ru_utime) + ns(usage.ru_stime), usage.ru_maxrss);
  return fclose(file) != 0;
}
