// Files and directories through the C library and through POSIX.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void check(const char* what, int result) {
  if (result < 0)
    printf("%s: %s\n", what, strerror(errno));
  else
    printf("%s: fine\n", what);
}

// Which error a sandbox gives is its own affair.
static void check_refused(const char* what, int result) {
  printf("%s: %s\n", what, result < 0 ? "refused" : "allowed");
}

static int by_name(const void* a, const void* b) { return strcmp(a, b); }

static void list(const char* path) {
  char names[64][32];
  size_t n = 0;
  DIR* dir = opendir(path);
  if (!dir) {
    printf("list %s: %s\n", path, strerror(errno));
    return;
  }
  for (struct dirent* e; (e = readdir(dir)) && n < 64;) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    snprintf(names[n++], sizeof names[0], "%s%s", e->d_name, e->d_type == DT_DIR ? "/" : "");
  }
  closedir(dir);
  qsort(names, n, sizeof names[0], by_name);
  printf("list %s:", path);
  for (size_t i = 0; i < n; i++) printf(" %s", names[i]);
  printf("\n");
}

static void streams(void) {
  FILE* f = fopen("/work/out.txt", "w+");
  for (int i = 0; i < 1000; i++) fprintf(f, "line %d\n", i);
  fseek(f, 0, SEEK_SET);
  char line[64];
  int lines = 0;
  while (fgets(line, sizeof line, f)) lines++;
  printf("%d lines, last %s", lines, line);
  fseek(f, -9, SEEK_END);
  printf("%zu at %ld\n", fread(line, 1, 4, f), ftell(f));
  fclose(f);
  f = fopen("/work/out.txt", "a");
  fputs("appended\n", f);
  printf("append at %ld\n", ftell(f));
  fclose(f);
}

static void descriptors(void) {
  int fd = open("/work/raw", O_CREAT | O_EXCL | O_RDWR, 0644);
  check("create", fd);
  check("create again", open("/work/raw", O_CREAT | O_EXCL | O_RDWR, 0644));
  printf("write %zd\n", write(fd, "0123456789", 10));
  printf("pwrite %zd\n", pwrite(fd, "AB", 2, 3));
  char buffer[16] = {0};
  printf("pread %zd %s\n", pread(fd, buffer, 5, 2), buffer);
  printf("lseek %lld\n", (long long)lseek(fd, -3, SEEK_END));
  printf("read %zd\n", read(fd, buffer, sizeof buffer));
  check("ftruncate", ftruncate(fd, 4));
  struct stat s;
  check("fstat", fstat(fd, &s));
  printf("size %lld, file %d, directory %d\n", (long long)s.st_size, S_ISREG(s.st_mode) != 0,
         S_ISDIR(s.st_mode) != 0);
  check("close", close(fd));
  check("close again", close(fd));
  check("open a directory to write", open("/work", O_WRONLY));
}

static void directories(void) {
  check("mkdir", mkdir("/work/dir", 0755));
  check("mkdir again", mkdir("/work/dir", 0755));
  check("rename", rename("/work/raw", "/work/dir/moved"));
  check("symlink", symlink("moved", "/work/dir/link"));
  char target[32] = {0};
  printf("readlink %zd %s\n", readlink("/work/dir/link", target, sizeof target), target);
  list("/work");
  list("/work/dir");
  check("rmdir when full", rmdir("/work/dir"));
  check("unlink", unlink("/work/dir/moved"));
  check("unlink the link", unlink("/work/dir/link"));
  check("rmdir", rmdir("/work/dir"));
  list("/work/dir");
}

static void forbidden(void) {
  check_refused("stat above", access("/work/../secret", F_OK));
  check_refused("open outside", open("/etc/passwd", O_RDONLY));
  check_refused("open a link that leads outside", open("/work/escape", O_RDONLY));
  check_refused("write to what is read only", open("/fixed/new", O_CREAT | O_WRONLY, 0644));
  int fd = open("/fixed/input.txt", O_RDONLY);
  char buffer[64] = {0};
  printf("read from what is read only: %zd %s", read(fd, buffer, sizeof buffer - 1), buffer);
}

int main(void) {
  streams();
  descriptors();
  directories();
  forbidden();
  return 0;
}
