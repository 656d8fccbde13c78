#include "tools/accounting.h"

#include <fmt/format.h>

#include <chrono>

#include "tools/process_reports.h"

namespace lr::cli {

namespace {

constexpr usize kWriteBytes = 64 * kKiB;        // Written when there is so much, ...
constexpr std::chrono::seconds kWriteAfter(1);  // ... or when so long has passed.
constexpr usize kPendingMax = 256 * kMiB;

}  // namespace

Result<std::unique_ptr<Accounting>> Accounting::create(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) {
    return make_error(Err::BadArgument, fmt::format("--accounting: cannot write {}", path));
  }
  return std::unique_ptr<Accounting>(new Accounting(file, path));
}

Accounting::Accounting(std::FILE* file, std::string path)
    : file_(file), path_(std::move(path)), pending_(csv_header()), thread_([this] { write(); }) {}

Accounting::~Accounting() { static_cast<void>(finish()); }

void Accounting::ended(const ProcessReport& report) {
  const std::string line = csv_line(report);
  std::lock_guard lock(mutex_);
  if (pending_.size() + line.size() > kPendingMax) {
    lost_++;
    return;
  }
  const bool was_little = pending_.size() < kWriteBytes;
  pending_ += line;
  if (was_little && pending_.size() >= kWriteBytes) changed_.notify_one();
}

void Accounting::write() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait_for(lock, kWriteAfter,
                      [this] { return finished_ || pending_.size() >= kWriteBytes; });
    const bool last = finished_;
    const std::string now = std::exchange(pending_, {});
    lock.unlock();
    const bool written =
        std::fwrite(now.data(), 1, now.size(), file_) == now.size() && std::fflush(file_) == 0;
    lock.lock();
    failed_ = failed_ || !written;
    if (last) return;
  }
}

Status Accounting::finish() {
  if (thread_.joinable()) {
    {
      std::lock_guard lock(mutex_);
      finished_ = true;
    }
    changed_.notify_one();
    thread_.join();
    failed_ = std::fclose(file_) != 0 || failed_;
  }
  if (failed_) return make_error(Err::SystemError, "cannot write " + path_);
  if (lost_ > 0) {
    return make_error(
        Err::SystemError,
        fmt::format("{} lacks {} processes: they ended faster than it was written", path_, lost_));
  }
  return ok_status();
}

}  // namespace lr::cli
