// What a process may do and has: given when it is made, the same until it ends. Children share
// their parent's or get one that is nowhere wider.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "host/mailbox.h"
#include "host/permissions.h"
#include "jit/compiler/compile.h"

namespace lr {

class Tracer;
namespace wasi {
class UniqueFd;
}

namespace wasi {
class Capture;
}

// A directory that a guest may use.
struct DirectoryGrant {
  std::string host_path;  // Where `handle` came from.
  std::string guest_name;
  bool read_only = false;
  // The directory itself, shared by all processes with this configuration. What they do in it
  // begins here, wherever the path leads by now. Null: not opened yet (wasi/grants.h).
  std::shared_ptr<const wasi::UniqueFd> handle = {};
};

struct ProcessConfig {
  PermissionSet permissions;
  // Of all its memories that may be; absent: chosen for each process (host/memory_class.h).
  std::optional<jit::MemoryClass> memory_class;
  u64 memory_max_bytes = ~u64{0};  // Of all linear memories together.
  u64 stack_max_bytes = 8 * kMiB;
  u64 fuel_max = 0;  // Slices of jit::kFuelSlice instructions; 0: any number.
  bool may_compile_modules = false;
  bool may_create_configs = false;
  bool may_spawn = false;
  MailboxLimits mailbox;

  // What WASI shows of the outside.
  std::vector<std::string> arguments;    // The first is the program's own name.
  std::vector<std::string> environment;  // "NAME=value"
  std::vector<DirectoryGrant> directories;
  // Gets what this process and its descendants write to standard output and error; null: those get
  // it.
  std::shared_ptr<wasi::Capture> capture;

  Tracer* tracer = nullptr;
  // Test modes: the extent rises by exactly what was asked for; memories and stacks move whenever
  // they may, and every host call is a chance.
  bool exact_extent = false;
  bool move_always = false;
  bool collects_always = false;  // Every object that is made collects garbage first.
  bool yields_always = false;    // Every check for an interruption interrupts.
};

using ConfigRef = std::shared_ptr<const ProcessConfig>;

// What a child of a process with `parent` gets that asks for `wanted`: nothing beyond the parent's.
// Directories are left as they are: grant_beneath() gives a child its own (wasi/grants.h).
ProcessConfig shrink(const ProcessConfig& wanted, const ProcessConfig& parent);

}  // namespace lr
