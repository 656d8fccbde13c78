// Accounting: a line in a file for every process that has ended.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "host/report.h"

namespace lr::cli {

class Accounting final : public ReportSink {
 public:
  static Result<std::unique_ptr<Accounting>> create(const std::string& path);
  ~Accounting();
  Accounting(const Accounting&) = delete;
  Accounting& operator=(const Accounting&) = delete;

  // Any worker: only adds to what a thread of its own writes.
  void ended(const ProcessReport& report) override;

  // Writes what is left. An error if anything could not be written, or came faster than the file
  // could take it.
  Status finish();

 private:
  explicit Accounting(std::FILE* file, std::string path);
  void write();

  std::FILE* file_;
  const std::string path_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string pending_;  // What is to be written.
  u64 lost_ = 0;         // Lines that had no room.
  bool finished_ = false;
  bool failed_ = false;
  std::thread thread_;
};

}  // namespace lr::cli
