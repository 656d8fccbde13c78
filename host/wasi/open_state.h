// From a process's configuration to what it has of WASI.
#pragma once

#include "base/result.h"
#include "host/config.h"
#include "host/wasi/state.h"

namespace lr::wasi {

// Arguments, environment, the program's own standard streams as descriptors 0 to 2, and its
// directories from 3 on. Fails for a directory that cannot be opened.
Status open_state(const ProcessConfig& config, State& state);

}  // namespace lr::wasi
