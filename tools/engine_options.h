// What the command line's options mean to the engine.
#pragma once

#include "jit/engine.h"
#include "tools/options.h"

namespace lr::cli {

jit::CpuFeatures cpu_features(const CommandLine& line);
jit::EngineOptions engine_options(const CommandLine& line);
// Of the code for a module's instances. `auto` is guarded if memory 0 can be.
jit::CodeOptions code_options(const CommandLine& line, const Module& module);

}  // namespace lr::cli
