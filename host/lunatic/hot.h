// Short ways into the functions that guests call once for every value they write or read, and into
// spawning. Machine code enters them directly; what is not plain (a trace, a missing permission, a
// message that must grow, a memory whose extent must rise, nothing to receive) they hand on to
// host_entry().
#pragma once

#include "jit/context.h"
#include "jit/host_function.h"
#include "jit/memory.h"

namespace lr::lunatic {

#define HOT_FN(module, name, words, permission)                                               \
  jit::HostStatus hot_##module##_##name(jit::Context* context, const jit::HostFunction* self, \
                                        u64* args);
#define HOST_FN(module, name, words, permission)
#include "host/lunatic/lunatic.def"

// Whether that part of memory 0 may be touched just now.
inline bool may_touch(const jit::Context& context, u64 at, u64 length) {
  return context.memory0 != nullptr && jit::Memory::of(context.memory0).may_touch(at, length);
}

}  // namespace lr::lunatic
