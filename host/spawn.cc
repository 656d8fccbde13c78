#include "host/spawn.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/type_registry.h"

namespace lr {
namespace {

bool takes(const DefinedType& type, std::span<const SpawnArgument> arguments) {
  if (!type.results.empty() || type.params.size() != arguments.size()) return false;
  for (usize i = 0; i < arguments.size(); ++i) {
    if (type.params[i] != arguments[i].type) return false;
  }
  return true;
}

// Gives the process its function, or what is wrong with it.
void prepare_entry(Process& process, const SpawnRequest& request) {
  const EntryPoint* const entry = request.entry;
  if (entry == nullptr) {
    process.start_with(Outcome::trapped(
        jit::Trap::Host, fmt::format("no exported function '{}'", request.function)));
    return;
  }
  if (!takes(*entry->type, request.arguments)) {
    process.start_with(Outcome::trapped(
        jit::Trap::Host,
        fmt::format("the function '{}' does not take these arguments, or has results",
                    request.function)));
    return;
  }
  u64* values = process.start_with(process.instance()->func(entry->index), entry->value_words);
  for (const SpawnArgument& argument : request.arguments) {
    *values++ = argument.bits;
    if (argument.type == kV128) *values++ = argument.high;
  }
}

// Everything but its place in the scheduler.
Result<std::unique_ptr<Process>> make_process(const SpawnRequest& request, sched::Worker* worker) {
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
  std::unique_ptr<Process> process = TRY(make_process(request, &worker));
  if (request.link_with != nullptr) {
    process->relations().links.put(request.link_with->pid(), request.link_tag);
  }
  const Pid pid = TRY(worker.spawn(*process));
  static_cast<void>(process.release());  // It may have ended by now.
  if (request.link_with != nullptr) request.link_with->relations().links.put(pid, 0);
  return pid;
}

Result<sched::ProcessRef> spawn(const SpawnRequest& request, sched::Scheduler& scheduler) {
  return scheduler.spawn(TRY(make_process(request, nullptr)));
}

}  // namespace lr
