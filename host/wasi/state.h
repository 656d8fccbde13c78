// What a process has of WASI: arguments, environment and descriptors.
#pragma once

#include <string>
#include <vector>

#include "host/wasi/fd_table.h"

namespace lr::wasi {

class State {
 public:
  std::vector<std::string> arguments;
  std::vector<std::string> environment;  // "NAME=value"
  FdTable fds;
};

}  // namespace lr::wasi
