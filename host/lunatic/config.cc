// Configurations: drafts, of which children get what their parent has itself at most.
#include "host/lunatic/abi.h"
#include "host/lunatic/lunatic.h"

namespace lr::lunatic {
namespace {

constexpr u64 kDefaultMemoryMax = 0xffff'ffff;
// What a draft may hold of texts.
constexpr u64 kTextsMax = 16 * kMiB;

// What a new draft says; limits of which the ABI does not speak are the parent's.
ProcessConfig defaults(const ProcessConfig& parent) {
  ProcessConfig config = parent;
  config.memory_max_bytes = kDefaultMemoryMax;
  config.fuel_max = 0;
  config.may_compile_modules = config.may_create_configs = config.may_spawn = false;
  config.arguments.clear();
  config.environment.clear();
  config.directories.clear();
  return config;
}

// One that is about to be changed.
TrapOr<ConfigDraft*> change_config(Caller& caller, u64 id) {
  ConfigDraft* const draft = TRY(find_config(caller, id));
  draft->granted.reset();
  return draft;
}

TrapOr<u32> flag(Caller& caller, u64 id, bool ProcessConfig::* which) {
  ConfigDraft* const draft = TRY(find_config(caller, id));
  return draft->wanted.*which ? 1u : 0u;
}

TrapOr<Done> set_flag(Caller& caller, u64 id, bool ProcessConfig::* which, u32 can) {
  ConfigDraft* const draft = TRY(change_config(caller, id));
  draft->wanted.*which = can != 0;
  return Done();
}

TrapOr<u64> limit(Caller& caller, u64 id, u64 ProcessConfig::* which) {
  ConfigDraft* const draft = TRY(find_config(caller, id));
  return draft->wanted.*which;
}

TrapOr<Done> set_limit(Caller& caller, u64 id, u64 ProcessConfig::* which, u64 value) {
  ConfigDraft* const draft = TRY(change_config(caller, id));
  draft->wanted.*which = value;
  return Done();
}

TrapOr<Done> add_text(Caller& caller, ConfigDraft& draft, std::vector<std::string>& list,
                      std::string text) {
  const u64 bytes = text.size() + sizeof text;
  if (bytes > kTextsMax - draft.text_bytes) {
    return refuse(caller, "the configuration holds more than {} bytes of texts", kTextsMax);
  }
  if (!caller.process()->resources().charged.add(bytes)) {
    return refuse(caller, "no memory for the configuration");
  }
  draft.text_bytes += bytes;
  list.push_back(std::move(text));
  return Done();
}

}  // namespace

TrapOr<ConfigDraft*> find_config(Caller& caller, u64 id) {
  ConfigDraft* const draft = caller.process()->resources().configs.find(id);
  if (draft == nullptr) return refuse(caller, "there is no configuration {}", id);
  return draft;
}

i64 process_create_config(Caller& caller) {
  const Process& process = *caller.process();
  if (!process.config().may_create_configs) return -1;
  if (!caller.process()->resources().charged.add(ConfigDraft::kBytes)) return -1;
  ConfigDraft draft;
  draft.wanted = defaults(process.config());
  return static_cast<i64>(caller.process()->resources().configs.add(std::move(draft)));
}

TrapOr<Done> process_drop_config(Caller& caller, u64 config_id) {
  const ConfigDraft* const draft = TRY(find_config(caller, config_id));
  Resources& resources = caller.process()->resources();
  resources.charged.drop(ConfigDraft::kBytes + draft->text_bytes);
  resources.configs.remove(config_id);
  return Done();
}

TrapOr<Done> process_config_set_max_memory(Caller& caller, u64 config_id, u64 max_memory) {
  return set_limit(caller, config_id, &ProcessConfig::memory_max_bytes, max_memory);
}

TrapOr<u64> process_config_get_max_memory(Caller& caller, u64 config_id) {
  return limit(caller, config_id, &ProcessConfig::memory_max_bytes);
}

TrapOr<Done> process_config_set_max_fuel(Caller& caller, u64 config_id, u64 max_fuel) {
  return set_limit(caller, config_id, &ProcessConfig::fuel_max, max_fuel);
}

TrapOr<u64> process_config_get_max_fuel(Caller& caller, u64 config_id) {
  return limit(caller, config_id, &ProcessConfig::fuel_max);
}

TrapOr<u32> process_config_can_compile_modules(Caller& caller, u64 config_id) {
  return flag(caller, config_id, &ProcessConfig::may_compile_modules);
}
TrapOr<Done> process_config_set_can_compile_modules(Caller& caller, u64 config_id, u32 can) {
  return set_flag(caller, config_id, &ProcessConfig::may_compile_modules, can);
}
TrapOr<u32> process_config_can_create_configs(Caller& caller, u64 config_id) {
  return flag(caller, config_id, &ProcessConfig::may_create_configs);
}
TrapOr<Done> process_config_set_can_create_configs(Caller& caller, u64 config_id, u32 can) {
  return set_flag(caller, config_id, &ProcessConfig::may_create_configs, can);
}
TrapOr<u32> process_config_can_spawn_processes(Caller& caller, u64 config_id) {
  return flag(caller, config_id, &ProcessConfig::may_spawn);
}
TrapOr<Done> process_config_set_can_spawn_processes(Caller& caller, u64 config_id, u32 can) {
  return set_flag(caller, config_id, &ProcessConfig::may_spawn, can);
}

TrapOr<Done> wasi_config_add_environment_variable(Caller& caller, u64 config_id, GuestString key,
                                                  GuestString value) {
  ConfigDraft* const draft = TRY(change_config(caller, config_id));
  const std::string name = TRY(read_text(caller, key));
  const std::string text = TRY(read_text(caller, value));
  return add_text(caller, *draft, draft->wanted.environment, name + "=" + text);
}

TrapOr<Done> wasi_config_add_command_line_argument(Caller& caller, u64 config_id,
                                                   GuestString argument) {
  ConfigDraft* const draft = TRY(change_config(caller, config_id));
  std::string text = TRY(read_text(caller, argument));
  return add_text(caller, *draft, draft->wanted.arguments, std::move(text));
}

TrapOr<Done> wasi_config_preopen_dir(Caller& caller, u64 config_id, GuestString directory) {
  ConfigDraft* const draft = TRY(change_config(caller, config_id));
  std::string text = TRY(read_text(caller, directory));
  return add_text(caller, *draft, draft->directories, std::move(text));
}

}  // namespace lr::lunatic
