// libFuzzer: text that may be a module. What it assembles to is decoded and validated.
#include <string_view>

#include "base/executor.h"
#include "frontend/decoder.h"
#include "frontend/wat_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lr;
  auto bytes = parse_wat(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!bytes.ok()) return 0;
  SerialExecutor executor;
  (void)load_module(std::move(*bytes), FeatureSet::all(), executor);
  return 0;
}
