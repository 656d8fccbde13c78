// Short ways into the functions that guests call once for every value they write or read, and into
// spawning. Machine
// code enters them directly; what is not plain (a trace, a missing permission, a message that must
// grow, a memory whose extent must rise, nothing to receive) they hand on to host_entry().
#pragma once

#include "jit/context.h"
#include "jit/host_function.h"

namespace lr::lunatic {

#define HOT_FN(module, name, words, permission)                                               \
  jit::HostStatus hot_##module##_##name(jit::Context* context, const jit::HostFunction* self, \
                                        u64* args);
#define HOST_FN(module, name, words, permission)
#include "host/lunatic/lunatic.def"

// What machine code may touch just now; the context has a copy of memory 0's extent.
inline bool is_within_extent(const jit::Context& context, u64 at, u64 length) {
  return length <= context.memory_extent && at <= context.memory_extent - length;
}

}  // namespace lr::lunatic
