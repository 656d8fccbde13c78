// Error codes of WASI preview 1, and what a function that may fail with one returns.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/types.h"
#include "host/host_function.h"

namespace lr::wasi {

enum class Errno : u16 {
#define ERRNO(name, text, system) name,
#include "host/wasi/errno.def"
};

// "success", "badf", ...
std::string_view name_of(Errno code);
// The code for a value of the system's errno; Io for one that WASI has no name for.
Errno from_errno(int system_errno);

// A value or an Errno. TRY takes it apart in functions that return Errno or an ErrnoOr.
template <typename T>
class [[nodiscard]] ErrnoOr {
 public:
  ErrnoOr(T value) : value_(std::move(value)) {}                         // NOLINT
  ErrnoOr(Errno code) : code_(code) { DCHECK(code != Errno::Success); }  // NOLINT

  bool ok() const { return value_.has_value(); }
  Errno error() const { return code_; }
  T& value() & { return *value_; }
  T&& value() && { return *std::move(value_); }
  T* operator->() { return &*value_; }
  T& operator*() { return *value_; }

 private:
  std::optional<T> value_;
  Errno code_ = Errno::Success;
};

}  // namespace lr::wasi

namespace lr {

template <>
struct Returns<wasi::Errno> {
  static constexpr std::array kTypes = {kI32};
  static constexpr Reply kReply = Reply::WasiErrno;
  static constexpr std::optional<u64> kBadMemory = static_cast<u64>(wasi::Errno::Fault);
  static constexpr std::optional<u64> kDenied = static_cast<u64>(wasi::Errno::Notcapable);
  static HostStatus store(Caller&, u64* slots, wasi::Errno code) {
    slots[0] = static_cast<u64>(code);
    return HostStatus::Done;
  }
};

}  // namespace lr
