#include "host/wasi/open_state.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "host/wasi/wasi.h"

namespace lr::wasi {
namespace {

// A place where everything may be written.
UniqueFd open_null() { return UniqueFd(::open("/dev/null", O_WRONLY | O_CLOEXEC)); }

}  // namespace

Status open_state(const ProcessConfig& config, State& state) {
  state.arguments = config.arguments;
  state.environment = config.environment;
  // A standard stream that is closed here is closed there, and keeps its number.
  state.fds.put(STDIN_FILENO, adopt_stream(STDIN_FILENO, kAllRights & ~kFdWrite));
  const bool is_quiet = config.capture != nullptr && !config.capture->echoes();
  const UniqueFd null = is_quiet ? open_null() : UniqueFd();
  const auto record = config.capture != nullptr ? config.capture->add_stream() : nullptr;
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    const DescriptorRef stream = adopt_stream(is_quiet ? null.get() : fd, kAllRights & ~kFdRead);
    if (stream != nullptr) stream->record = record;
    state.fds.put(static_cast<u32>(fd), stream);
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
