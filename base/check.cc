#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace lr {

void check_failed(const char* file, int line, const char* text) {
  std::fprintf(stderr, "%s:%d: check failed: %s (this is a bug in lunatic-run)\n", file, line,
               text);
  std::abort();
}

}  // namespace lr
