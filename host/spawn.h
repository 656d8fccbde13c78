// Spawning: from a module, a function's name and arguments to a process that runs. Used by the
// ABI's calls and by test mode.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "frontend/types.h"
#include "host/config.h"
#include "host/environment.h"
#include "host/linked_module.h"
#include "host/process.h"

namespace lr {

// An argument of the function that a process starts with.
struct SpawnArgument {
  ValType type;
  u64 bits = 0;
  u64 high = 0;  // Of a v128.
};

// Refers to what its maker keeps until spawn() has returned.
struct SpawnRequest {
  const EnvironmentRef& environment;
  const ModuleRef& module;
  const ConfigRef& config;
  std::string_view function;  // An export's name, ...
  const EntryPoint* entry;    // ... and what LinkedModule::entry() knows of it.
  std::span<const SpawnArgument> arguments = {};
  // Whom to link it with, which is told with this tag when it fails. Null: nobody.
  Process* link_with = nullptr;
  i64 link_tag = 0;
  // Waits for the module's start function, if there is one; may be null.
  std::shared_ptr<StartReport> report = nullptr;
  // Signalled when the process has ended and all its things are released; may be null.
  sched::Completion* ended = nullptr;
};

// Makes an instance and queues the process; `worker` runs the caller. A function that does not
// exist, has results or takes other arguments is no error here: the process fails at once. Fails
// when a limit or the system refuses a process, or a directory of its configuration cannot be
// opened (Err::BadArgument): then nothing has happened.
Result<Pid> spawn(const SpawnRequest& request, sched::Worker& worker);
// The same for a thread that is no worker. Links nobody.
Result<sched::ProcessRef> spawn(const SpawnRequest& request, sched::Scheduler& scheduler);

}  // namespace lr
