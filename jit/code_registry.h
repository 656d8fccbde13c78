// From a program counter to the code it lies in, for the signal handler and the unwinder. Looking
// up takes no lock and allocates nothing.
#pragma once

#include "base/types.h"

namespace lr::jit {

class CodeSpace;
class StubSpace;

struct CodeOwner {
  const CodeSpace* space = nullptr;  // A module's code,
  const StubSpace* stubs = nullptr;  // or an engine's generated stubs, or neither.
};

void register_code(const void* begin, u64 bytes, CodeOwner owner);
void unregister_code(const void* begin);

// Nobody may unregister what is found while it is used: it is the code of a live instance.
CodeOwner find_code(const void* pc);

}  // namespace lr::jit
