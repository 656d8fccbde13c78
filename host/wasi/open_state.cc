#include "host/wasi/open_state.h"

#include <unistd.h>

#include <utility>

#include "host/wasi/wasi.h"

namespace lr::wasi {

Status open_state(const ProcessConfig& config, State& state) {
  state.arguments = config.arguments;
  state.environment = config.environment;
  // A standard stream that is closed here is closed there, and keeps its number.
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    const Rights withheld = fd == STDIN_FILENO ? kFdWrite : kFdRead;
    state.fds.put(static_cast<u32>(fd), adopt_stream(fd, kAllRights & ~withheld));
  }
  for (const DirectoryGrant& grant : config.directories) {
    DescriptorRef directory = TRY(open_preopen(grant));
    if (!state.fds.add(std::move(directory)).ok()) {
      return make_error(Err::LimitExceeded, "too many directories");
    }
  }
  return ok_status();
}

}  // namespace lr::wasi
