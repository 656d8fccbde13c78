// Validation of function bodies and constant expressions (specification, appendix "Validation
// algorithm"): one forward pass with an explicit control stack, which also gathers the facts for
// the compiler. Linear in the input, and nothing recurses on it.
#pragma once

#include <memory>
#include <span>

#include "base/executor.h"
#include "base/result.h"
#include "frontend/facts.h"
#include "frontend/module.h"
#include "frontend/reader.h"

namespace lr {

inline constexpr u32 kLocalsMax = 50'000;  // Of a function, parameters included.
// Blocks in blocks. A level is three bytes, and more than a hundred times that in the compiler.
inline constexpr u32 kNestingMax = 100'000;

struct ValidatorState;

// Memory that one thread reuses from function to function.
class ValidatorScratch {
 public:
  ValidatorScratch();
  ~ValidatorScratch();
  ValidatorScratch(const ValidatorScratch&) = delete;
  ValidatorScratch& operator=(const ValidatorScratch&) = delete;

  // Functions that ref.func named in the last constant expression.
  std::span<const u32> named_functions() const;

  // For tests: whether the frequent instructions take their short way (they do).
  void use_fast_path(bool use);

  ValidatorState& state() { return *state_; }
  const ValidatorState& state() const { return *state_; }

 private:
  std::unique_ptr<ValidatorState> state_;
};

// Checks the body of a function that is not imported. Fills `facts` unless it is null.
Status validate_function(const Module& module, u32 func_index, FuncFacts* facts,
                         ValidatorScratch& scratch);

// Checks all bodies on the executor's threads. The error is that of the first bad function.
Status validate_bodies(const Module& module, Executor& executor);

// The same, and finds out which tables are private.
Status validate_bodies_and_tables(Module& module, Executor& executor);

// Reads and checks a constant expression of the type, its `end` included.
void validate_const_expr(Reader& reader, const Module& module, ValType type, ConstExpr& expr,
                         ValidatorScratch& scratch);

constexpr ValType address_type(const Limits& limits) { return limits.is_64 ? kI64 : kI32; }

}  // namespace lr
