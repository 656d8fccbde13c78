#include "host/spawn.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/type_registry.h"

namespace lr {
namespace {

constexpr usize kFewWords = 16;

bool takes(const DefinedType& type, std::span<const SpawnArgument> arguments) {
  if (!type.results.empty() || type.params.size() != arguments.size()) return false;
  for (usize i = 0; i < arguments.size(); ++i) {
    if (type.params[i] != arguments[i].type) return false;
  }
  return true;
}

// Gives the process its function, or what is wrong with it.
void prepare_entry(Process& process, const SpawnRequest& request) {
  const std::optional<u32> index = request.module->function(request.function);
  if (!index) {
    process.start_with(Outcome::trapped(
        jit::Trap::Host, fmt::format("no exported function '{}'", request.function)));
    return;
  }
  jit::FuncRef* const function = process.instance()->func(*index);
  if (!takes(defined_type(function->type), request.arguments)) {
    process.start_with(Outcome::trapped(
        jit::Trap::Host,
        fmt::format("the function '{}' does not take these arguments, or has results",
                    request.function)));
    return;
  }
  u64 few[2 * kFewWords];
  std::vector<u64> many;
  u64* values = few;
  if (request.arguments.size() > kFewWords) {
    many.resize(2 * request.arguments.size());
    values = many.data();
  }
  usize words = 0;
  for (const SpawnArgument& argument : request.arguments) {
    values[words++] = argument.bits;
    if (argument.type == kV128) values[words++] = argument.high;
  }
  process.start_with(function, {values, words});
}

// Everything but its place in the scheduler.
Result<std::unique_ptr<Process>> make_process(const SpawnRequest& request, u32 worker) {
  std::unique_ptr<Process> process =
      TRY(Process::create(request.environment, request.config, request.module, worker));
  // Directories can be missing, unless they are open, and streams of a capture are numbered as
  // processes are spawned.
  const ProcessConfig& config = *request.config;
  const auto is_closed = [](const DirectoryGrant& grant) { return grant.handle == nullptr; };
  if (config.capture != nullptr || std::ranges::any_of(config.directories, is_closed)) {
    TRY(process->open_wasi());
  }
  prepare_entry(*process, request);
  if (request.report != nullptr) process->report_start_to(request.report);
  process->set_ended(request.ended);
  return process;
}

}  // namespace

Result<Pid> spawn(const SpawnRequest& request, sched::Worker& worker) {
  std::unique_ptr<Process> process = TRY(make_process(request, worker.index()));
  if (request.link_with != nullptr) {
    process->relations().links.put(request.link_with->pid(), request.link_tag);
  }
  const Pid pid = TRY(worker.spawn(*process));
  static_cast<void>(process.release());  // It may have ended by now.
  if (request.link_with != nullptr) request.link_with->relations().links.put(pid, 0);
  return pid;
}

Result<sched::ProcessRef> spawn(const SpawnRequest& request, sched::Scheduler& scheduler) {
  return scheduler.spawn(TRY(make_process(request, 0)));
}

}  // namespace lr
