// Result<T>: a value or the Error that says why there is none. See errors.def for the kinds.
//
//   Result<Instance> instantiate(...) {
//     Memory memory = TRY(make_memory(module.memory));
//     TRY(copy_data_segments(module, memory));
//     return Instance(...);
//   }
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/types.h"

namespace lr {

// In which phase a thing is refused. `Trap` is an error of a running guest that reached a caller
// of the library as an Error.
enum class ErrPhase : u8 {
  Malformed,
  Invalid,
  Unlinkable,
  Unsupported,
  Limit,
  System,
  Usage,
  Trap
};

enum class Err : u16 {
#define ERR(phase, name, text) name,
#include "base/errors.def"
};

struct ErrInfo {
  ErrPhase phase;
  std::string_view text;  // The official test suite's wording, where it has one.
};

const ErrInfo& info(Err err);

// Why something was refused: the table's text, what a person needs beside it, and where.
struct Error {
  static constexpr u64 kNowhere = ~u64{0};

  Err code{};
  std::string detail;     // May be empty.
  u64 offset = kNowhere;  // Byte offset in the input; for text, see `line`.
  u32 line = 0;           // 1-based, 0 if unknown.
  u32 column = 0;         // 1-based, in bytes.

  ErrPhase phase() const { return info(code).phase; }
  // "type mismatch: i32.add needs i32, got f32"
  std::string message() const;
};

Error make_error(Err code, std::string detail = {});

template <typename T = std::monostate>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    CHECK(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    CHECK(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    CHECK(ok());
    return std::get<0>(std::move(state_));
  }
  T* operator->() { return &value(); }
  T& operator*() & { return value(); }

  Error& error() {
    CHECK(!ok());
    return std::get<1>(state_);
  }
  const Error& error() const {
    CHECK(!ok());
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Error> state_;
};

using Status = Result<std::monostate>;
inline Status ok_status() { return std::monostate{}; }

}  // namespace lr

// The value of `expression`, or a return of its error from the enclosing function.
// (A statement expression: g++ and clang both have it.)
#define TRY(expression)                                           \
  __extension__({                                                 \
    auto try_result_ = (expression);                              \
    if (!try_result_.ok()) return std::move(try_result_.error()); \
    std::move(try_result_).value();                               \
  })
