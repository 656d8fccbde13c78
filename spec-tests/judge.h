// What we say of a module that may be anything: decoded and validated with every feature on, its
// names read, and, if asked for, printed and compiled for both machines.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/executor.h"
#include "base/result.h"
#include "frontend/decoder.h"
#include "frontend/validator.h"

namespace lr::robustness {

enum class Verdict : u8 {
  Accepted,
  Malformed,
  Invalid,
  Unsupported,
  Limit,
  Stray,      // An error that is no verdict on a module.
  Placeless,  // A refusal that does not say where.
  Split,      // The validator's short ways say something else than its long ones.
};
inline constexpr u32 kVerdicts = 8;

struct JudgeOptions {
  bool compiles = false;    // Valid modules, as far as default features go.
  bool prints = false;      // Every binary module, valid or not.
  bool both_paths = false;  // Looks for Verdict::Split.
};

struct Judgement {
  Verdict verdict{};
  u32 functions_compiled = 0;  // Once for each machine and variant.
};

class FunctionCompiler;

class Judge {
 public:
  explicit Judge(const JudgeOptions& options);
  ~Judge();

  // The bytes of a module in the binary format, or in the text format.
  Judgement binary(std::vector<u8> bytes);
  Judgement text(std::span<const u8> text);

 private:
  bool is_split(const std::vector<u8>& bytes);

  JudgeOptions options_;
  SerialExecutor executor_;
  ValidatorScratch fast_;
  ValidatorScratch slow_;
  std::unique_ptr<FunctionCompiler> compiler_;  // Null: nothing is compiled.
};

}  // namespace lr::robustness
