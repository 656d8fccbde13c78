// libFuzzer: bytes as the generator's choices. Every module must be valid, and all configurations
// and the interpreter must agree on it.
#include "base/check.h"
#include "spec-tests/fuzz/generator.h"
#include "spec-tests/fuzz/lab.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lr;
  static const FeatureSet features = FeatureSet::defaults();
  static fuzz::Lab lab(features);
  static const fuzz::Generator generator({features});
  fuzz::Choices choices(std::span(data, size));
  auto module = lab.load(generator.module(choices));
  CHECK(module.ok());
  CHECK(!lab.compare(*module, true));
  return 0;
}
