// CompilerLane: everything that one thread needs to validate and compile functions, kept from one
// to the next. Lanes that nobody uses are with the engine.
#pragma once

#include <memory>

#include "frontend/facts.h"
#include "frontend/validator.h"
#include "jit/compiler/compile.h"
#include "jit/masm/masm.h"

namespace lr::jit {

class Engine;

// Lanes of two threads share no cache line.
struct alignas(128) CompilerLane {
  explicit CompilerLane(const CpuFeatures& cpu)
      : masm(make_host_masm(cpu)), compiler(make_compiler(*masm)) {}

  std::unique_ptr<Masm> masm;
  std::unique_ptr<Compiler, CompilerDeleter> compiler;
  ValidatorScratch scratch;
  FuncFacts facts;
  CompiledFunction out;
};

// Borrows a lane from the engine. Any thread.
class LaneLease {
 public:
  explicit LaneLease(Engine& engine);
  ~LaneLease();
  LaneLease(LaneLease&& other) = default;
  LaneLease& operator=(LaneLease&&) = delete;

  CompilerLane* operator->() const { return lane_.get(); }
  CompilerLane& operator*() const { return *lane_; }

 private:
  Engine* engine_;
  std::unique_ptr<CompilerLane> lane_;
};

}  // namespace lr::jit
