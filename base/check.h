// CHECK is for what *we* do wrong: it names the place and ends the program. A guest's mistake is a
// trap, a bad input is an Error; neither ever reaches a CHECK.
#pragma once

namespace lr {

// Writes "file:line: check failed: text" to standard error and aborts. Async-signal-safe.
[[noreturn]] void check_failed(const char* file, int line, const char* text);

}  // namespace lr

#define CHECK(condition)                                  \
  do {                                                    \
    if (!(condition)) [[unlikely]]                        \
      ::lr::check_failed(__FILE__, __LINE__, #condition); \
  } while (false)

#ifdef NDEBUG
#define DCHECK(condition) \
  do {                    \
  } while (false && (condition))
#else
#define DCHECK(condition) CHECK(condition)
#endif
