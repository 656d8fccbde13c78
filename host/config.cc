#include "host/config.h"

#include <algorithm>

namespace lr {
namespace {

// 0 is no limit.
u64 smaller_limit(u64 a, u64 b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

}  // namespace

ProcessConfig shrink(const ProcessConfig& wanted, const ProcessConfig& parent) {
  ProcessConfig config = wanted;
  config.permissions = wanted.permissions & parent.permissions;
  config.memory_max_bytes = std::min(wanted.memory_max_bytes, parent.memory_max_bytes);
  config.stack_max_bytes = std::min(wanted.stack_max_bytes, parent.stack_max_bytes);
  config.fuel_max = smaller_limit(wanted.fuel_max, parent.fuel_max);
  config.may_compile_modules = wanted.may_compile_modules && parent.may_compile_modules;
  config.may_create_configs = wanted.may_create_configs && parent.may_create_configs;
  config.may_spawn = wanted.may_spawn && parent.may_spawn;
  config.mailbox.messages_max = std::min(wanted.mailbox.messages_max, parent.mailbox.messages_max);
  config.mailbox.bytes_max = std::min(wanted.mailbox.bytes_max, parent.mailbox.bytes_max);
  config.memory_class = parent.memory_class;
  config.tracer = parent.tracer;
  config.capture = parent.capture;
  config.exact_extent = parent.exact_extent;
  config.move_always = parent.move_always;
  config.collects_always = parent.collects_always;
  config.yields_always = parent.yields_always;
  return config;
}

}  // namespace lr
