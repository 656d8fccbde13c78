// libFuzzer: bytes that may be a module, decoded and validated with every feature on. Whatever is
// valid must print to text and parse back.
#include <string_view>

#include "base/check.h"
#include "base/executor.h"
#include "frontend/decoder.h"
#include "frontend/wat_parser.h"
#include "frontend/wat_printer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lr;
  SerialExecutor executor;
  auto module = load_module({data, data + size}, FeatureSet::all(), executor);
  if (!module.ok()) return 0;
  (void)(*module)->names();
  auto text = print_wat({data, size});
  CHECK(text.ok());
  auto again = parse_wat(*text);
  CHECK(again.ok());
  return 0;
}
