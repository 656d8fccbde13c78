// Task<T>: a host call that waits, as a coroutine. It starts when it is first resumed or awaited,
// owns its frame, and destroying it destroys the frames that it waits for: newest first.
//
// With g++ 12: one co_await to a statement, on a named object.
//
//   Task<Errno> fd_sync(Caller& caller, u32 fd) {
//     Descriptor* file = CO_TRY(caller.wasi().fds.find(fd, kFdSync));
//     auto sync = off_worker(caller, [file = file->shared()] { return ::fsync(file->fd()); });
//     const int failed = co_await sync;
//     co_return failed ? from_errno(errno) : Errno::Success;
//   }
#pragma once

#include <coroutine>
#include <cstdlib>
#include <exception>
#include <optional>
#include <utility>

#include "base/check.h"

namespace lr {

template <typename T>
class [[nodiscard]] Task {
 public:
  struct promise_type;
  using Handle = std::coroutine_handle<promise_type>;

  struct Final {
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(Handle self) const noexcept {
      const std::coroutine_handle<> next = self.promise().continuation;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };

  struct promise_type {
    std::optional<T> result;
    std::coroutine_handle<> continuation;  // Who awaits this task; none for the outermost.

    Task get_return_object() { return Task(Handle::from_promise(*this)); }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    Final final_suspend() const noexcept { return {}; }
    template <typename U>
    void return_value(U&& value) {
      result.emplace(std::forward<U>(value));
    }
    void unhandled_exception() noexcept { std::abort(); }
  };

  Task() = default;
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  explicit operator bool() const { return static_cast<bool>(handle_); }
  bool done() const { return handle_.done(); }
  // Runs to the first wait or to the end.
  void start() { handle_.resume(); }
  // The result of a task that is done.
  T take() {
    DCHECK(done());
    return std::move(*handle_.promise().result);
  }
  // Gives the frame away, to be destroyed by another.
  Handle release() { return std::exchange(handle_, nullptr); }

  // Awaiting runs the task inside the awaiting one.
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
    handle_.promise().continuation = caller;
    return handle_;
  }
  T await_resume() { return take(); }

 private:
  explicit Task(Handle handle) : handle_(handle) {}

  Handle handle_;
};

}  // namespace lr

// TRY inside a coroutine.
#define CO_TRY(expression)                         \
  __extension__({                                  \
    auto try_result_ = (expression);               \
    if (!try_result_.ok()) {                       \
      decltype(auto) error_ = try_result_.error(); \
      co_return std::move(error_);                 \
    }                                              \
    std::move(try_result_).value();                \
  })
