// From the command line of `run` to what host/run.h takes.
#pragma once

#include <span>
#include <string>

#include "host/run.h"
#include "tools/options.h"

namespace lr::cli {

// All but the module itself.
RunOptions run_options(const CommandLine& line);

// What the command `lunatic` gives to a program beyond that: its own environment, the current
// directory and then `directories`, its limits; see docs/compatibility.md.
void be_like_reference(const CommandLine& line, std::span<const std::string> directories,
                       RunOptions& options);

}  // namespace lr::cli
