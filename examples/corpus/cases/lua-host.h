// What Lua's libraries ask of a C library and WASI does not have.
#pragma once

#include <stdio.h>

static inline FILE* no_temporary_file(void) { return NULL; }

#define tmpfile no_temporary_file
#define l_system(command) ((void)(command), -1)
#define LUA_TMPNAMBUFSIZE 1
#define lua_tmpnam(name, failed) \
  do {                           \
    (void)(name);                \
    failed = 1;                  \
  } while (0)
