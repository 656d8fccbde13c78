// The C++ behind helpers.def, as host functions that stubs call.
#pragma once

#include "jit/host_function.h"

namespace lr::jit {

// In the order of helpers.def.
extern const HostFunction kHelpers[];

}  // namespace lr::jit
