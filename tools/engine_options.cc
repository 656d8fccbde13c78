#include "tools/engine_options.h"

namespace lr::cli {

jit::CpuFeatures cpu_features(const CommandLine& line) {
  return jit::restrict_cpu(jit::detect_cpu(), std::string(line.text(Opt::Cpu, "native")).c_str());
}

jit::EngineOptions engine_options(const CommandLine& line) {
  jit::EngineOptions options;
  options.cpu = cpu_features(line);
  options.features = line.features();
  // The option takes no other words.
  options.preempt = *jit::parse_preempt(line.text(Opt::Preempt, "flag"));
  options.deterministic = line.has(Opt::Deterministic);
  return options;
}

jit::CodeOptions code_options(const CommandLine& line, const Module& module) {
  jit::CodeOptions options;
  options.preempt = engine_options(line).preempt;
  options.deterministic = line.has(Opt::Deterministic);
  const bool can_be_guarded = !module.memories.empty() && !module.memories[0].limits.is_64 &&
                              module.memories[0].page_size_log2 == 16 &&
                              !module.memories[0].limits.is_shared;
  const bool dense = line.text(Opt::MemoryClass, "auto") == "dense" || !can_be_guarded;
  options.memory_class = dense ? jit::MemoryClass::Dense : jit::MemoryClass::Guarded;
  return options;
}

}  // namespace lr::cli
