// A guest without an engine, for tests: a memory, a state, and host calls by name. Waits are
// fulfilled on the spot, on the calling thread.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "host/trace.h"
#include "host/wasi/wasi.h"
#include "sched/scheduler.h"

namespace lr::wasi {

class TestGuest {
 public:
  static constexpr u64 kMemoryBytes = 4 * 64 * kKiB;
  static constexpr u64 kTrapped = ~u64{0};

  TestGuest() : bytes_(kMemoryBytes), view_{bytes_.data(), 0, kMemoryBytes} {
    config_.permissions = PermissionSet::all();
    config_.tracer = &tracer_;
    enter();
  }

  // Calls the function of that name; its result word, or kTrapped.
  u64 call(std::string_view name, std::vector<u64> words) {
    const HostFunction& function = find(name);
    EXPECT_EQ(function.params.size(), words.size()) << name;
    words.resize(std::max<usize>(words.size(), 1));
    enter();
    HostStatus status = call_host(caller_, function, words.data());
    while (status == HostStatus::Wait) {
      ++waits_;
      fulfil(caller_.wait);
      status = resume_host(caller_, words.data());
    }
    return status == HostStatus::Trap ? kTrapped : words[0];
  }
  Errno errno_of(std::string_view name, std::vector<u64> words) {
    return static_cast<Errno>(call(name, std::move(words)));
  }
  // The same, as its line in the trace.
  std::string trace(std::string_view name, std::vector<u64> words) {
    call(name, std::move(words));
    return line_;
  }

  template <typename T>
  void put(u64 at, const T& value) {
    std::memcpy(bytes_.data() + at, &value, sizeof(T));
  }
  template <typename T>
  T get(u64 at) const {
    T value;
    std::memcpy(&value, bytes_.data() + at, sizeof(T));
    return value;
  }
  void put_text(u64 at, std::string_view text) {
    std::memcpy(bytes_.data() + at, text.data(), text.size());
  }
  std::string text(u64 at, u64 length) const {
    return {reinterpret_cast<const char*>(bytes_.data() + at), length};
  }
  // One iovec at `at`.
  void put_iovec(u64 at, u32 buffer, u32 length) { put(at, Iovec{buffer, length}); }

  Caller& caller() { return caller_; }
  State& state() { return state_; }
  u32 waits() const { return waits_; }
  // From now on deadlines pass at once and descriptors never become ready.
  void forget_time() { forgets_time_ = true; }
  // How far the memory was touched.
  u64 extent() const { return view_.extent; }

 private:
  static bool raise(void* self, u64 offset, u64 length) {
    jit::MemoryView& view = static_cast<TestGuest*>(self)->view_;
    view.extent = view.ready = offset + length;
    return true;
  }
  void enter() { caller_.enter(GuestMemory(view_, &raise, this)); }

  static const HostFunction& find(std::string_view name) {
    for (const HostFunction& function : functions()) {
      if (function.name == name) return function;
    }
    ADD_FAILURE() << "no function " << name;
    return functions()[0];
  }

  void fulfil(Wait& wait) {
    wait.expired = false;
    if (wait.kind == Wait::Kind::Job) {
      wait.job->work_and_finish();
    } else if (wait.kind == Wait::Kind::Fds && forgets_time_) {
      wait.expired = true;
      wait.deadline_ns = 0;
    } else if (wait.kind == Wait::Kind::Fds) {
      std::vector<pollfd> polled;
      for (const FdInterest& interest : wait.fds) {
        const bool reads = (interest.interest & sched::kReadable) != 0;
        polled.push_back({interest.fd, static_cast<short>(reads ? POLLIN : POLLOUT), 0});
      }
      int timeout_ms = -1;
      if (wait.deadline_ns != sched::kNever) {
        const u64 now = sched::now_ns();
        const u64 left = wait.deadline_ns > now ? wait.deadline_ns - now : 0;
        timeout_ms = static_cast<int>((left + 999'999) / 1'000'000);
      }
      wait.expired = ::poll(polled.data(), polled.size(), timeout_ms) == 0;
    }
    wait.kind = Wait::Kind::None;
  }

  std::vector<u8> bytes_;
  jit::MemoryView view_;
  State state_;
  std::string line_;
  Tracer tracer_{[this](std::string_view text) { line_ = text; }};
  ProcessConfig config_;
  Caller caller_{state_, config_};
  u32 waits_ = 0;
  bool forgets_time_ = false;
};

// A directory that goes away with the test.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    char name[] = "/tmp/lunatic-run-test-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  std::string path(std::string_view name = "") const {
    return name.empty() ? path_ : path_ + "/" + std::string(name);
  }

 private:
  std::string path_;
};

}  // namespace lr::wasi
