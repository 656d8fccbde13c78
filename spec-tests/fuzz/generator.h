// A valid module from choices: a plan, and a body for each of its functions.
#pragma once

#include <vector>

#include "frontend/features.h"
#include "spec-tests/fuzz/choices.h"

namespace lr::fuzz {

struct GeneratorOptions {
  FeatureSet features = FeatureSet::defaults();
  u32 nodes = 240;  // About how many instructions, in all functions.
};

class Generator {
 public:
  explicit Generator(const GeneratorOptions& options);
  ~Generator();

  std::vector<u8> module(Choices& choices) const;

 private:
  struct State;
  const State* state_;
};

}  // namespace lr::fuzz
