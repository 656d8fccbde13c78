// Recursion: doubly recursive Fibonacci numbers, almost nothing but calls.
#include "support.h"

NOINLINE static u32 fib(u32 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

i32 run(i32 n) { return (i32)fib((u32)n); }
