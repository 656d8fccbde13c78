// lunatic-run validate FILES...
#include "frontend/decoder.h"
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

}  // namespace

int validate_files(const CommandLine& line) {
  ThreadExecutor executor(0);
  int status = kExitSuccess;
  for (const std::string& path : line.operands) {
    const Status valid = validate(path, line.features(), executor);
    if (!valid.ok()) status = refuse(display_name(path), valid.error());
  }
  return status;
}

}  // namespace lr::cli
