#include "tools/study/program.h"

#include <fmt/format.h>

#include "frontend/decoder.h"
#include "frontend/type_registry.h"
#include "host/run.h"

namespace lr::study {

Program program_of(const Kernel& kernel) {
  Program program;
  program.name = kernel.name;
  program.module.assign(kernel.module.begin(), kernel.module.end());
  program.values = {kernel.n};
  program.result = kernel.result;
  program.small_values = {kernel.small_n};
  program.small_result = kernel.small_result;
  return program;
}

Program small_form(Program program) {
  if (program.small_values.empty()) return program;
  program.values = program.small_values;
  program.result = program.small_result;
  return program;
}

Result<Program> program_of(std::vector<u8> module, std::vector<std::string> words,
                           std::optional<std::string> invoke) {
  Program program;
  program.name = words[0];
  program.is_command = !invoke.has_value();
  program.entry = invoke.value_or("_start");
  const auto decoded = TRY(decode_module(module, FeatureSet::all()));
  const Export* entry = decoded->find_export(program.entry);
  if (entry == nullptr || entry->kind != ExternKind::Func) {
    return make_error(Err::NothingToRun,
                      fmt::format("the module has no function '{}' to call{}", program.entry,
                                  invoke ? "" : " (see --invoke)"));
  }
  const DefinedType& type = defined_type(decoded->functions[entry->index].type);
  if (program.is_command) {
    program.arguments = std::move(words);
    if (!type.params.empty() || !type.results.empty()) {
      return make_error(Err::NothingToRun, "_start must have no parameters and no results");
    }
  } else {
    if (type.params.size() != words.size() - 1) {
      return make_error(Err::BadArgument,
                        fmt::format("{} takes {} arguments, {} given", program.entry,
                                    type.params.size(), words.size() - 1));
    }
    for (usize i = 0; i < type.params.size(); i++) {
      program.values.push_back(TRY(parse_value(type.params[i], words[i + 1])));
    }
  }
  program.module = std::move(module);
  return program;
}

u64 fingerprint(std::span<const u8> bytes) {
  u64 hash = 0xcbf29ce484222325;
  for (const u8 byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

}  // namespace lr::study
