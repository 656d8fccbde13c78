// What we say of a module that may be anything: decoded and validated with every feature on, and,
// if asked for, compiled for both machines.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/executor.h"
#include "base/result.h"
#include "frontend/decoder.h"

namespace lr::robustness {

enum class Verdict : u8 {
  Accepted,
  Malformed,
  Invalid,
  Unsupported,
  Limit,
  Stray,      // An error that is no verdict on a module.
  Placeless,  // A refusal that does not say where.
};
inline constexpr u32 kVerdicts = 7;

struct Judgement {
  Verdict verdict{};
  u32 functions_compiled = 0;  // Once for each machine and variant.
};

class FunctionCompiler;

class Judge {
 public:
  explicit Judge(bool compiles);
  ~Judge();

  Judgement binary(std::vector<u8> bytes);
  Judgement text(std::span<const u8> text);

 private:
  Verdict verdict_of(const Error& error, u64 size) const;

  SerialExecutor executor_;
  std::unique_ptr<FunctionCompiler> compiler_;  // Null: nothing is compiled.
};

}  // namespace lr::robustness
