// Death log: a line on standard error for each process that fails or is killed, so that nobody has
// to guess why a program of many processes went quiet. Whatever happens to standard error, no
// worker waits for it: lines go into a buffer and a thread of its own writes them. When too many
// die, or the reader is too slow, lines are left out and counted.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/types.h"

namespace lr {

class Process;
struct Outcome;

// What RUST_LOG asks for, as far as deaths go.
enum class DeathDetail : u8 {
  None,
  Line,   // Who, why, how many links were told.
  Trace,  // And the frames of its stack.
};

// From the text of RUST_LOG ("lunatic=debug", "warn", "foo=trace,lunatic::process=off"); null if it
// is not set.
DeathDetail death_detail(const char* rust_log);

class DeathLog {
 public:
  // Writes to `fd`, which stays open.
  DeathLog(int fd, DeathDetail detail) : fd_(fd), detail_(detail) {}
  // Writes what is left, as far as that is possible at once.
  ~DeathLog();
  DeathLog(const DeathLog&) = delete;
  DeathLog& operator=(const DeathLog&) = delete;

  bool wants_backtraces() const { return detail_ == DeathDetail::Trace; }
  // A process has failed or was killed. Any worker.
  void report(const Process& process, const Outcome& outcome, usize links);

 private:
  static constexpr usize kBufferBytes = 256 * 1024;
  static constexpr u32 kBurst = 200;               // Lines at once, ...
  static constexpr u32 kPerSecond = 100;           // ... and then so many in a second.
  static constexpr u64 kPatienceNs = 200'000'000;  // At the end, for a reader that does not read.

  bool may_speak();
  void write_lines();
  void write_some(std::string_view text, u64 give_up_ns);

  const int fd_;
  const DeathDetail detail_;
  std::atomic<u64> credit_ns_{0};  // When the next line would be one too many a burst ago.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string buffer_;
  std::atomic<u64> left_out_{0};
  bool stopping_ = false;
  std::thread writer_;  // Started with the first line.
};

// The part of a registered name that a person gave: behind the third slash of those that Lunatic's
// Rust library makes.
std::string_view short_name(std::string_view name);

}  // namespace lr
