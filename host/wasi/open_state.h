// From a process's configuration to what it has of WASI.
#pragma once

#include "base/result.h"
#include "host/config.h"
#include "host/wasi/state.h"

namespace lr::wasi {

// Arguments, environment, the program's own standard streams as descriptors 0 to 2 (what is written
// to 1 and 2 goes to a stream of the configuration's capture, if it has one), and its directories
// from 3 on. Fails for a directory that cannot be opened.
Status open_state(const ProcessConfig& config, State& state);

}  // namespace lr::wasi
