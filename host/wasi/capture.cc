#include "host/wasi/capture.h"

#include <fmt/format.h>

#include <algorithm>

namespace lr::wasi {

void Capture::Stream::append(std::span<const iovec> pieces, u64 length) {
  for (const iovec& piece : pieces) {
    const u64 part = std::min<u64>(piece.iov_len, length);
    append(std::string_view(static_cast<const char*>(piece.iov_base), part));
    length -= part;
  }
}

void Capture::Stream::append(std::string_view text) {
  const std::lock_guard lock(mutex_);
  text_ += text;
  if (text_.size() <= 2 * kKeptBytes) return;
  left_out_ += text_.size() - kKeptBytes;
  text_.erase(0, text_.size() - kKeptBytes);
}

std::string Capture::Stream::text() const {
  const std::lock_guard lock(mutex_);
  if (left_out_ == 0) return text_;
  return fmt::format("[{} bytes are left out here]\n{}", left_out_, text_);
}

std::shared_ptr<Capture::Stream> Capture::add_stream() {
  const std::lock_guard lock(mutex_);
  return streams_.emplace_back(std::make_shared<Stream>());
}

std::vector<std::string> Capture::texts() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> texts;
  for (const std::shared_ptr<Stream>& stream : streams_) texts.push_back(stream->text());
  return texts;
}

}  // namespace lr::wasi
