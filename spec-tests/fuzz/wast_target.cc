// libFuzzer: text that may be a script. Each of its modules is encoded.
#include <string_view>

#include "frontend/wast_script.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lr;
  auto commands = parse_wast(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!commands.ok()) return 0;
  for (const WastCommand& command : *commands) {
    if (command.module) (void)command.module->encode();
  }
  return 0;
}
