// Capture: what a process and all that it spawns write to standard output and standard error. A
// stream for each process, in the order in which they were made; of one that writes very much, the
// newest part.
#pragma once

#include <sys/uio.h>

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/types.h"

namespace lr::wasi {

class Capture {
 public:
  // What is kept of a stream, at least.
  static constexpr usize kKeptBytes = 4 * kMiB;

  // Any thread.
  class Stream {
   public:
    // The first `length` bytes of `pieces`.
    void append(std::span<const iovec> pieces, u64 length);
    void append(std::string_view text);
    std::string text() const;

   private:
    mutable std::mutex mutex_;
    std::string text_;
    u64 left_out_ = 0;  // Bytes that came before `text_`.
  };

  // `echoes`: what is written also goes where it would have gone.
  explicit Capture(bool echoes) : echoes_(echoes) {}

  bool echoes() const { return echoes_; }
  std::shared_ptr<Stream> add_stream();
  std::vector<std::string> texts() const;

 private:
  const bool echoes_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Stream>> streams_;
};

}  // namespace lr::wasi
