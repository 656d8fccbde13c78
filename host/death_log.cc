#include "host/death_log.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "host/process.h"
#include "sched/os.h"

namespace lr {
namespace {

constexpr usize kNamesShown = 8;
constexpr usize kNameShown = 80;
// A pipe that is ready takes so many bytes without blocking.
constexpr usize kPieceBytes = 4096;

std::string_view next_part(std::string_view& text, char separator) {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// Nothing if the word is no level.
std::optional<DeathDetail> detail_of(std::string_view level) {
  std::string lower(level);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (lower == "off" || lower == "error") return DeathDetail::None;
  if (lower == "warn" || lower == "info") return DeathDetail::Line;
  if (lower == "debug" || lower == "trace") return DeathDetail::Trace;
  return std::nullopt;
}

// What may stand in a line: no control characters of the guest's.
std::string printable(std::string_view text) {
  std::string out(text.substr(0, kNameShown));
  std::ranges::replace_if(out, [](char c) { return static_cast<u8>(c) < 0x20 || c == 0x7f; }, '?');
  return out;
}

std::string name_of(const Process& process) {
  const auto names = process.environment().registry().names_of(process.pid(), kNamesShown);
  if (names.empty()) return fmt::format("{}", process.pid());
  std::string text;
  for (const std::string& name : names) {
    text += text.empty() ? "'" : " / ";
    text += printable(short_name(name));
  }
  return text + "'";
}

std::string describe(const Process& process, const Outcome& outcome, usize links,
                     DeathDetail detail) {
  const std::string told = fmt::format("{} link{} notified", links, links == 1 ? "" : "s");
  if (outcome.kind == Outcome::Kind::Killed) {
    return fmt::format("warning: process {} was killed, {}\n", process.pid(), told);
  }
  const std::string why = outcome.kind == Outcome::Kind::Exited
                              ? fmt::format("exit status {}", outcome.exit_status)
                              : printable(outcome.message);
  std::string text =
      fmt::format("warning: process {} failed, {}: {}\n", name_of(process), told, why);
  if (detail == DeathDetail::Trace) return text + outcome.backtrace;
  return text + "    (RUST_LOG=lunatic=debug shows the stack trace)\n";
}

}  // namespace

DeathDetail death_detail(const char* rust_log) {
  if (rust_log == nullptr) return DeathDetail::Line;
  DeathDetail detail = DeathDetail::None;
  usize most_specific = 0;
  for (std::string_view rest = rust_log; !rest.empty();) {
    std::string_view level = trimmed(next_part(rest, ','));
    const bool has_target = level.find('=') != level.npos;
    const std::string_view target = has_target ? trimmed(next_part(level, '=')) : "";
    std::optional<DeathDetail> asked = detail_of(trimmed(level));
    // A target alone asks for everything.
    const bool is_target = !has_target && !asked;
    const std::string_view about = is_target ? level : target;
    if (is_target) asked = DeathDetail::Trace;
    if (!asked || !(about.empty() || about.starts_with("lunatic"))) continue;
    if (about.size() < most_specific) continue;
    most_specific = about.size();
    detail = *asked;
  }
  return detail;
}

std::string_view short_name(std::string_view name) {
  for (int i = 0; i < 3; ++i) {
    const usize slash = name.find('/');
    if (slash == name.npos) break;
    name.remove_prefix(slash + 1);
  }
  return name;
}

DeathLog::~DeathLog() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (writer_.joinable()) writer_.join();
}

// A bucket of kBurst lines that fills again with time.
bool DeathLog::may_speak() {
  constexpr u64 kLineNs = 1'000'000'000 / kPerSecond;
  const u64 now = sched::recent_ns();
  u64 credit = credit_ns_.load(std::memory_order_relaxed);
  u64 next = 0;
  do {
    next = std::max(credit, now - std::min(now, kBurst * kLineNs)) + kLineNs;
    if (next > now) return false;
  } while (!credit_ns_.compare_exchange_weak(credit, next, std::memory_order_relaxed));
  return true;
}

void DeathLog::report(const Process& process, const Outcome& outcome, usize links) {
  if (detail_ == DeathDetail::None) return;
  if (!may_speak()) {
    left_out_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const std::string text = describe(process, outcome, links, detail_);
  const std::lock_guard lock(mutex_);
  if (stopping_ || buffer_.size() + text.size() > kBufferBytes) {
    left_out_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  buffer_ += text;
  if (!writer_.joinable()) writer_ = std::thread([this] { write_lines(); });
  changed_.notify_one();
}

void DeathLog::write_lines() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !buffer_.empty(); });
    std::string text = std::move(buffer_);
    buffer_.clear();
    const bool last = stopping_;
    lock.unlock();
    if (const u64 left_out = left_out_.exchange(0, std::memory_order_relaxed); left_out != 0) {
      text += fmt::format("warning: {} more processes failed or were killed\n", left_out);
    }
    write_some(text, last ? sched::now_ns() + kPatienceNs : sched::kNever);
    lock.lock();
    if (last) return;
  }
}

// Gives up when nobody reads: at `give_up_ns`, or soon after the end has come.
void DeathLog::write_some(std::string_view text, u64 give_up_ns) {
  while (!text.empty()) {
    constexpr int kLookAgainMs = 50;
    pollfd ready = {fd_, POLLOUT, 0};
    if (::poll(&ready, 1, kLookAgainMs) > 0 && (ready.revents & POLLOUT) != 0) {
      const ssize_t written = ::write(fd_, text.data(), std::min(text.size(), kPieceBytes));
      if (written < 0 && errno != EAGAIN && errno != EINTR) return;
      if (written > 0) text.remove_prefix(static_cast<usize>(written));
      continue;
    }
    if (ready.revents != 0) return;
    if (give_up_ns == sched::kNever) {
      const std::lock_guard lock(mutex_);
      if (stopping_) give_up_ns = sched::now_ns() + kPatienceNs;
    } else if (sched::now_ns() >= give_up_ns) {
      return;
    }
  }
}

}  // namespace lr
