// The call trace (--trace): one line for each host call, shaped like strace's.
//
//   fd_write(fd=1, iovs=1024, iovs_len=1, nwritten=1032) -> success
//   path_open(fd=3, dirflags=1, path="data.txt", ...) -> noent
//
// What a call prints comes from its row: the names of its words and their kinds.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "host/host_function.h"

namespace lr {

// Where lines go; shared by all processes of a run. Lines never mix.
class Tracer {
 public:
  using Sink = std::function<void(std::string_view line)>;
  explicit Tracer(Sink sink) : sink_(std::move(sink)) {}
  void line(std::string_view text);

 private:
  std::mutex mutex_;
  Sink sink_;
};

// "fd_close(fd=3)": what is known when a call begins. Reads the guest's memory for strings.
std::string describe_call(const Caller& caller, const HostFunction& function, const u64* slots);
// " -> badf": what is known when it has ended.
std::string describe_reply(const Caller& caller, const HostFunction& function, HostStatus status,
                           const u64* slots);

// `text` in quotes, with what is not printable escaped and at most `limit` bytes shown.
std::string quoted(std::string_view text, usize limit);

}  // namespace lr
