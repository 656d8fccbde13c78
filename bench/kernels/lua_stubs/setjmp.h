// The Lua kernel raises no errors, so its Lua is built without setjmp, which WebAssembly 2.0 lacks.
#pragma once

typedef int jmp_buf;
