#include "jit/engine.h"

#include "frontend/decoder.h"
#include "jit/compiled_module.h"
#include "jit/compiler_lane.h"
#include "jit/stubs.h"
#include "jit/traps.h"

namespace lr::jit {

Result<std::unique_ptr<Engine>> Engine::create(const EngineOptions& options) {
  if (!options.cpu.baseline) {
    return make_error(Err::BadArgument, "this processor is older than x86-64-v2");
  }
  TRY(install_trap_handler());
  std::unique_ptr<Engine> engine(new Engine(options));
  engine->stubs_ = TRY(StubSpace::create(options.cpu));
  return engine;
}

Engine::Engine(const EngineOptions& options) : options_(options) {}
Engine::~Engine() = default;

const Target& Engine::target() const { return stubs_->target(); }

Result<std::shared_ptr<CompiledModule>> Engine::load(std::vector<u8> bytes, std::string name,
                                                     Executor& executor) {
  std::shared_ptr<const Module> module =
      options_.lazy_validation ? TRY(decode_module(std::move(bytes), options_.features))
                               : TRY(load_module(std::move(bytes), options_.features, executor));
  return std::make_shared<CompiledModule>(*this, std::move(module), std::move(name));
}

// -- Compilers ----------------------------------------------------------------------------------

LaneLease::LaneLease(Engine& engine) : engine_(&engine), lane_(engine.take_lane()) {}
LaneLease::~LaneLease() {
  if (lane_ != nullptr) engine_->give_back(std::move(lane_));
}

std::unique_ptr<CompilerLane> Engine::take_lane() {
  {
    const std::lock_guard lock(lanes_mutex_);
    if (!lanes_.empty()) {
      std::unique_ptr<CompilerLane> lane = std::move(lanes_.back());
      lanes_.pop_back();
      return lane;
    }
  }
  return std::make_unique<CompilerLane>(options_.cpu);
}

void Engine::give_back(std::unique_ptr<CompilerLane> lane) {
  const std::lock_guard lock(lanes_mutex_);
  lanes_.push_back(std::move(lane));
}

}  // namespace lr::jit
