// Short ways into the functions that guests call once for every value they write or read. Machine
// code enters them directly; what is not plain (a trace, a missing permission, a message that must
// grow, a memory whose extent must rise, nothing to receive) they hand on to host_entry().
#pragma once

#include "jit/host_function.h"

namespace lr::lunatic {

#define HOT_FN(module, name, words, permission)                                               \
  jit::HostStatus hot_##module##_##name(jit::Context* context, const jit::HostFunction* self, \
                                        u64* args);
#define HOST_FN(module, name, words, permission)
#include "host/lunatic/lunatic.def"

}  // namespace lr::lunatic
