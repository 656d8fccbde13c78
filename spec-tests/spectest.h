// The module "spectest" that the official scripts import from: printing functions that print
// nothing, globals, a table and a memory of the process that the script runs in.
#pragma once

#include "base/result.h"
#include "host/linker.h"
#include "host/runtime.h"

namespace lr::spec {

// Its functions; once for a runtime.
Status add_spectest_functions(HostLinker& linker);

// Its other things, made in `store`.
Status add_spectest_things(jit::ProcessStore& store, InstanceLinker& linker);

}  // namespace lr::spec
