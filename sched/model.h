// What model-checked tests put in place of the machine: Relacy's atomics, mutex and fences behind
// the names that our protocols use. Relacy runs a test's threads in every order it can think of,
// lets relaxed loads return old values, and reports races, lost wakes (as a livelock) and failed
// checks with the history that led there. Included by *_model_test.cc only, after what they test.
#pragma once

#include <atomic>
#include <iostream>
#include <vector>

#include "base/types.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#include <relacy/relacy.hpp>
#pragma GCC diagnostic pop

// Its macros for these words would change our own.
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert

namespace lr::sched::model {

constexpr rl::memory_order order(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return rl::mo_relaxed;
    case std::memory_order_consume:
      return rl::mo_consume;
    case std::memory_order_acquire:
      return rl::mo_acquire;
    case std::memory_order_release:
      return rl::mo_release;
    case std::memory_order_acq_rel:
      return rl::mo_acq_rel;
    case std::memory_order_seq_cst:
      return rl::mo_seq_cst;
  }
  return rl::mo_seq_cst;
}

// std::atomic's part that we use.
template <typename T>
class Atomic {
 public:
  using Order = std::memory_order;

  Atomic() { value_.store(T(), rl::mo_relaxed, $); }
  Atomic(T value) { value_.store(value, rl::mo_relaxed, $); }  // NOLINT
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  T load(Order o) const { return value_.load(order(o), $); }
  void store(T value, Order o) { value_.store(value, order(o), $); }
  T exchange(T value, Order o) { return change<rl::rmw_type_swap>(value, o); }
  T fetch_add(T value, Order o) { return change<rl::rmw_type_add>(value, o); }
  T fetch_sub(T value, Order o) { return change<rl::rmw_type_sub>(value, o); }
  T fetch_or(T value, Order o) { return change<rl::rmw_type_or>(value, o); }
  bool compare_exchange_strong(T& expected, T value, Order yes, Order no) {
    return value_.compare_exchange(rl::bool_t<false>(), expected, value, order(yes), order(no), $);
  }
  bool compare_exchange_weak(T& expected, T value, Order yes, Order no) {
    return value_.compare_exchange(rl::bool_t<true>(), expected, value, order(yes), order(no), $);
  }

 private:
  template <rl::rmw_type_e Kind>
  T change(T value, Order o) {
    return value_.rmw(rl::rmw_type_t<Kind>(), value, order(o), $);
  }

  mutable rl::atomic<T> value_;
};

// A plain variable: two threads that are at it without order are an error.
template <typename T>
class Plain {
 public:
  Plain() { value_($) = T(); }
  Plain(T value) { value_($) = value; }  // NOLINT
  Plain& operator=(T value) {
    value_($) = value;
    return *this;
  }
  operator T() const { return static_cast<T>(value_($)); }  // NOLINT

 private:
  mutable rl::var<T> value_;
};

class Mutex {
 public:
  void lock() { mutex_.lock($); }
  void unlock() { mutex_.unlock($); }

 private:
  rl::mutex mutex_;
};

struct Sync {
  template <typename T>
  using Atomic = model::Atomic<T>;
  template <typename T>
  using Vector = std::vector<T>;
  using Mutex = model::Mutex;
};

// Both halves of the asymmetric fence are what they stand for.
inline void fence() { rl::atomic_thread_fence(rl::mo_seq_cst, $); }
// For loops that wait for another thread. One that waits for ever is found out.
inline void relax() { rl::yield(1, $); }

inline void check(bool holds) { RL_ASSERT(holds); }

// Runs `Suite` in `iterations` random orders. False if one of them fails.
template <typename Suite>
bool holds(const char* name, rl::iteration_t iterations) {
  rl::test_params params;
  params.iteration_count = iterations;
  params.execution_depth_limit = 5000;
  const bool good = rl::simulate<Suite>(params);
  std::cout << (good ? "holds: " : "FAILS: ") << name << std::endl;
  return good;
}

// The same for one that must fail. Its history is of no interest.
template <typename Suite>
bool is_refuted(const char* name, rl::iteration_t iterations) {
  std::ostream nowhere(nullptr);
  rl::test_params params;
  params.iteration_count = iterations;
  params.execution_depth_limit = 5000;
  params.output_stream = &nowhere;
  params.progress_stream = &nowhere;
  const bool good = !rl::simulate<Suite>(params);
  std::cout << (good ? "is refuted: " : "IS NOT REFUTED: ") << name << std::endl;
  return good;
}

}  // namespace lr::sched::model
