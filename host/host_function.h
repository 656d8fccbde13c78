// Typed host functions: an ordinary C++ function becomes something that a guest can import.
//
//   HOST_FN(random_get, "buf buf_len", Randomness)                     one row of a table
//   Errno random_get(Caller& caller, GuestBytes buffer);               the function
//
// The wasm signature comes from the C++ parameter types (guest_memory.h says which take two
// words), the row's words are counted against it while compiling, and the trace, the import table
// and the permission check come from the row.
//
// How a function may return: a number or an API's error code; TrapOr<T> or Halt if it may trap;
// Step<T> if it is hot and may wait; Task<T> if it is a coroutine.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <tuple>

#include "frontend/types.h"
#include "host/caller.h"

namespace lr {

// How the call trace prints a word.
enum class WordKind : u8 { I32, U32, I64, U64, F32, F64, Pointer, Text, TextLength };
// How it prints a result.
enum class Reply : u8 { Nothing, I32, U32, I64, U64, F32, F64, WasiErrno, NeverReturns };

struct HostFunction {
  using Body = HostStatus (*)(Caller&, const HostFunction&, u64* slots);

  std::string_view module;
  std::string_view name;
  std::string_view words;  // Names of the wasm parameters, separated by spaces.
  Permission permission{};
  std::span<const ValType> params;
  std::span<const ValType> results;
  std::span<const WordKind> kinds;
  Reply reply{};
  // What the guest gets without the permission; a trap if there is no such code.
  std::optional<u64> denied;
  Body body = nullptr;
  void* data = nullptr;  // For functions made at run time.
  // What machine code enters instead of host_entry(), to which it hands on all but the plain case.
  jit::HostFn direct = nullptr;
};

// Calls a host function: permission, trace, body. Arguments are in `slots`, one for each word (i32
// zero-extended); the results replace them. After HostStatus::Wait the caller fulfils caller.wait
// and continues with resume_host, as often as needed.
HostStatus call_host_slowly(Caller& caller, const HostFunction& function, u64* slots);
inline HostStatus call_host(Caller& caller, const HostFunction& function, u64* slots) {
  caller.function = &function;
  caller.set_repeated(false);
  if (caller.tracer() != nullptr || !caller.permissions().has(function.permission)) [[unlikely]] {
    return call_host_slowly(caller, function, slots);
  }
  return function.body(caller, function, slots);
}

HostStatus resume_host_traced(Caller& caller, u64* slots);
inline HostStatus resume_host(Caller& caller, u64* slots) {
  caller.set_repeated(true);
  if (caller.tracer() != nullptr) [[unlikely]]
    return resume_host_traced(caller, slots);
  return caller.function->body(caller, *caller.function, slots);
}

// What machine code enters: jit::HostFunction::fn of every linked function, whose data is its
// HostFunction. Finds the process by the context. Defined in process.cc.
jit::HostStatus host_entry(jit::Context* context, const jit::HostFunction* self, u64* args);

// --- From C++ types to words.

// Reads the words of a call one by one and remembers whether a pointer was bad.
class WordReader {
 public:
  WordReader(Caller& caller, const u64* slots) : caller_(caller), slots_(slots) {}
  u64 next() { return *slots_++; }
  const GuestMemory& memory() const { return caller_.memory(); }
  bool claim(u64 offset, u64 length) {
    const bool good = caller_.memory().claim(offset, length);
    bad_ |= !good;
    return good;
  }
  bool bad() const { return bad_; }

 private:
  Caller& caller_;
  const u64* slots_;
  bool bad_ = false;
};

template <typename T>
struct Param;

template <typename T, WordKind kind, const ValType& type>
struct NumberParam {
  static constexpr std::array kKinds = {kind};
  static constexpr std::array kTypes = {type};
  static T read(WordReader& in) {
    const u64 bits = in.next();
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
  }
};
template <>
struct Param<u32> : NumberParam<u32, WordKind::U32, kI32> {};
template <>
struct Param<i32> : NumberParam<i32, WordKind::I32, kI32> {};
template <>
struct Param<u64> : NumberParam<u64, WordKind::U64, kI64> {};
template <>
struct Param<i64> : NumberParam<i64, WordKind::I64, kI64> {};
template <>
struct Param<f32> : NumberParam<f32, WordKind::F32, kF32> {};
template <>
struct Param<f64> : NumberParam<f64, WordKind::F64, kF64> {};

template <typename T>
struct Param<GuestOut<T>> {
  static constexpr std::array kKinds = {WordKind::Pointer};
  static constexpr std::array kTypes = {kI32};
  static GuestOut<T> read(WordReader& in) {
    const u64 offset = in.next();
    return in.claim(offset, sizeof(T)) ? GuestOut<T>(in.memory(), offset) : GuestOut<T>();
  }
};

template <>
struct Param<GuestPointer> {
  static constexpr std::array kKinds = {WordKind::Pointer};
  static constexpr std::array kTypes = {kI32};
  static GuestPointer read(WordReader& in) { return {&in.memory(), in.next()}; }
};

// Pointer and count of elements of `size` bytes.
template <typename T, u64 size, WordKind first, WordKind second>
struct RangeParam {
  static constexpr std::array kKinds = {first, second};
  static constexpr std::array kTypes = {kI32, kI32};
  static T read(WordReader& in) {
    const u64 offset = in.next();
    const u64 count = in.next();
    return in.claim(offset, count * size) ? T(in.memory(), offset, count) : T();
  }
};
template <>
struct Param<GuestBytes> : RangeParam<GuestBytes, 1, WordKind::Pointer, WordKind::U32> {};
template <>
struct Param<GuestString> : RangeParam<GuestString, 1, WordKind::Text, WordKind::TextLength> {};
template <typename T>
struct Param<GuestArray<T>>
    : RangeParam<GuestArray<T>, sizeof(T), WordKind::Pointer, WordKind::U32> {};

// What becomes of a C++ return value. `kBadMemory` is the answer to a pointer outside of memory,
// `kDenied` to a call without the permission; without them they are traps.
template <typename T>
struct Returns;

template <Reply kind, const ValType& type>
struct NumberReturns {
  static constexpr std::array kTypes = {type};
  static constexpr Reply kReply = kind;
  static constexpr std::optional<u64> kBadMemory = std::nullopt;
  static constexpr std::optional<u64> kDenied = std::nullopt;
  template <typename T>
  static HostStatus store(Caller&, u64* slots, T value) {
    slots[0] = 0;
    std::memcpy(&slots[0], &value, sizeof(T));
    return HostStatus::Done;
  }
};
template <>
struct Returns<u32> : NumberReturns<Reply::U32, kI32> {};
template <>
struct Returns<i32> : NumberReturns<Reply::I32, kI32> {};
template <>
struct Returns<u64> : NumberReturns<Reply::U64, kI64> {};
template <>
struct Returns<i64> : NumberReturns<Reply::I64, kI64> {};
template <>
struct Returns<f32> : NumberReturns<Reply::F32, kF32> {};
template <>
struct Returns<f64> : NumberReturns<Reply::F64, kF64> {};

// `Done` is the result of a function that has none but may wait or trap.
struct Done {};
struct NoReturns {
  static constexpr std::array<ValType, 0> kTypes = {};
  static constexpr std::optional<u64> kBadMemory = std::nullopt;
  static constexpr std::optional<u64> kDenied = std::nullopt;
};
template <>
struct Returns<Done> : NoReturns {
  static constexpr Reply kReply = Reply::Nothing;
  static HostStatus store(Caller&, u64*, Done) { return HostStatus::Done; }
};
template <>
struct Returns<Halt> : NoReturns {
  static constexpr Reply kReply = Reply::NeverReturns;
  static HostStatus store(Caller&, u64*, Halt) { return HostStatus::Trap; }
};

template <typename T>
struct Returns<TrapOr<T>> : Returns<T> {
  static HostStatus store(Caller& caller, u64* slots, TrapOr<T> result) {
    if (!result.ok()) return HostStatus::Trap;
    return Returns<T>::store(caller, slots, std::move(result).value());
  }
};

template <typename T>
struct Returns<Task<T>> : Returns<T> {
  // Starts the coroutine; if it has to wait, the Caller keeps it.
  static HostStatus store(Caller& caller, u64* slots, Task<T> task) {
    task.start();
    if (task.done()) return Returns<T>::store(caller, slots, task.take());
    caller.root = task.release();
    return HostStatus::Wait;
  }
};

template <typename T>
struct Returns<Step<T>> : Returns<T> {
  static HostStatus store(Caller& caller, u64* slots, Step<T> step) {
    if (step.value()) return Returns<T>::store(caller, slots, std::move(*step.value()));
    if (step.task()) return Returns<Task<T>>::store(caller, slots, std::move(step.task()));
    return HostStatus::Wait;
  }
};

// The type inside Step<> and Task<>, which a coroutine's end has to store.
template <typename R>
struct Awaited {
  using Type = R;
  static constexpr bool kMayBeCoroutine = false;
};
template <typename T>
struct Awaited<Step<T>> {
  using Type = T;
  static constexpr bool kMayBeCoroutine = true;
};
template <typename T>
struct Awaited<Task<T>> {
  using Type = T;
  static constexpr bool kMayBeCoroutine = true;
};

// One function of C++ as the body of a HostFunction.
template <auto function>
struct Bind;

template <typename R, typename... P, R (*function)(Caller&, P...)>
struct Bind<function> {
  using Result = Returns<R>;

  template <usize total, typename Element, typename... Arrays>
  static consteval std::array<Element, total> join(const Arrays&... arrays) {
    std::array<Element, total> all{};
    [[maybe_unused]] usize at = 0;
    [[maybe_unused]] const auto add = [&](const auto& array) {
      for (const auto& element : array) all[at++] = element;
    };
    (add(arrays), ...);
    return all;
  }
  static constexpr usize kWords = (usize{0} + ... + Param<P>::kKinds.size());
  static constexpr std::array kTypes = join<kWords, ValType>(Param<P>::kTypes...);
  static constexpr std::array kKinds = join<kWords, WordKind>(Param<P>::kKinds...);

  static HostStatus body(Caller& caller, const HostFunction&, u64* slots) {
    if constexpr (Awaited<R>::kMayBeCoroutine) {
      if (caller.leaf) return continue_coroutine(caller, slots);
    }
    WordReader in(caller, slots);
    std::tuple<P...> arguments{Param<P>::read(in)...};  // Braces: read from left to right.
    if (in.bad()) {
      if (!Result::kBadMemory) {
        caller.trap(jit::Trap::MemoryOutOfBounds);
        return HostStatus::Trap;
      }
      slots[0] = *Result::kBadMemory;
      return HostStatus::Done;
    }
    const auto call = [&](P&... words) -> R { return function(caller, std::move(words)...); };
    return Result::store(caller, slots, std::apply(call, arguments));
  }

  // Woken: the coroutine goes on where it waits.
  static HostStatus continue_coroutine(Caller& caller, u64* slots) {
    std::exchange(caller.leaf, nullptr).resume();
    if (!caller.root.done()) return HostStatus::Wait;
    using T = typename Awaited<R>::Type;
    auto root = Task<T>::Handle::from_address(std::exchange(caller.root, nullptr).address());
    T result = std::move(*root.promise().result);
    root.destroy();
    return Returns<T>::store(caller, slots, std::move(result));
  }
};

consteval usize count_words(std::string_view words) {
  usize count = 0;
  for (usize i = 0; i < words.size(); ++i) {
    count += words[i] != ' ' && (i == 0 || words[i - 1] == ' ');
  }
  return count;
}

template <auto function>
consteval HostFunction host_function(std::string_view module, std::string_view name,
                                     std::string_view words, usize word_count, Permission needed) {
  using B = Bind<function>;
  // A row whose words do not fit the function's parameters does not compile.
  if (word_count != B::kWords) __builtin_unreachable();
  return {module,
          name,
          words,
          needed,
          B::kTypes,
          B::Result::kTypes,
          B::kKinds,
          B::Result::kReply,
          B::Result::kDenied,
          &B::body,
          nullptr};
}

}  // namespace lr
