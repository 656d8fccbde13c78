// lunatic-run validate FILES...
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <vector>

#include "frontend/decoder.h"
#include "frontend/validator.h"
#include "tools/commands.h"
#include "tools/input.h"
#include "tools/thread_executor.h"

namespace lr::cli {

namespace {

Status validate(const std::string& path, const FeatureSet& features, Executor& executor) {
  std::vector<u8> binary = TRY(read_binary(path));
  TRY(load_module(std::move(binary), features, executor));
  return ok_status();
}

// Validates as the compiler has it done, facts gathered, and says how long that took.
Status measure(const std::string& path, const FeatureSet& features, Executor& executor) {
  struct Lane {
    ValidatorScratch scratch;
    FuncFacts facts;
  };
  std::vector<u8> binary = TRY(read_binary(path));
  std::vector<Lane> lanes(executor.width());
  std::mutex mutex;
  std::optional<Error> first;
  const auto start = std::chrono::steady_clock::now();
  const auto module = TRY(decode_module(std::move(binary), features));
  const u32 imported = module->imported_functions;
  const usize count = module->functions.size() - imported;
  executor.parallel_for(count, [&](usize i, u32 lane) {
    const u32 index = imported + static_cast<u32>(i);
    Status valid = validate_function(*module, index, &lanes[lane].facts, lanes[lane].scratch);
    if (valid.ok()) return;
    const std::lock_guard lock(mutex);
    if (!first) first = std::move(valid.error());
  });
  if (first) return *first;
  const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - start;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print(
      "{{\"code_section_bytes\":{},\"functions\":{},\"threads\":{},\"total_ns\":{},"
      "\"peak_kib\":{}}}\n",
      module->code_size, count, executor.width(), took.count(), usage.ru_maxrss);
  return ok_status();
}

}  // namespace

int validate_files(const CommandLine& line) {
  ThreadExecutor executor(line.count(Opt::Threads, 0));
  int status = kExitSuccess;
  for (const std::string& path : line.operands) {
    const Status valid = line.has(Opt::StatsJson) ? measure(path, line.features(), executor)
                                                  : validate(path, line.features(), executor);
    if (!valid.ok()) status = refuse(display_name(path), valid.error());
  }
  return status;
}

}  // namespace lr::cli
