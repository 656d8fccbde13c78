#include "spec-tests/interpreter/steps.h"

#include <algorithm>
#include <array>
#include <utility>

#include "spec-tests/interpreter/float.h"
#include "spec-tests/interpreter/integer.h"
#include "spec-tests/interpreter/vector.h"

namespace lr::interp {

namespace {

// -- Operators ------------------------------------------------------------------------------------

template <auto kOperator>
struct Pure;

template <typename R, typename... A, R (*kOperator)(A...)>
struct Pure<kOperator> {
  static void step(Machine& m, const Inst&) { apply(m, std::index_sequence_for<A...>()); }

  template <usize... i>
  static void apply(Machine& m, std::index_sequence<i...>) {
    const Value* const args = m.top(sizeof...(A));
    m.replace(sizeof...(A), kOperator(args[i].template as<A>()...));
  }
};

// -- Memory ---------------------------------------------------------------------------------------

template <typename Stored>
Stored read(const u8* at) {
  Stored value;
  std::memcpy(&value, at, sizeof(Stored));
  return value;
}

template <typename Stored, typename T>
void step_load(Machine& m, const Inst& inst) {
  const u8* const at = effective_address(m, inst, m.pop<u64>(), sizeof(Stored));
  if (at != nullptr) m.push(static_cast<T>(read<Stored>(at)));
}

template <typename Stored, typename T>
void step_store(Machine& m, const Inst& inst) {
  const T value = m.pop<T>();
  u8* const at = effective_address(m, inst, m.pop<u64>(), sizeof(Stored));
  if (at == nullptr) return;
  const Stored stored = static_cast<Stored>(value);
  std::memcpy(at, &stored, sizeof(Stored));
}

template <typename Stored, auto kFunction>
void step_load_vector(Machine& m, const Inst& inst) {
  const u8* const at = effective_address(m, inst, m.pop<u64>(), sizeof(Stored));
  if (at != nullptr) m.push<V128>(kFunction(read<Stored>(at)));
}

template <typename T>
void step_load_lane(Machine& m, const Inst& inst) {
  V128 vector = m.pop<V128>();
  const u8* const at = effective_address(m, inst, m.pop<u64>(), sizeof(T));
  if (at == nullptr) return;
  vector.set_lane<T>(inst.lane, read<T>(at));
  m.push(vector);
}

template <typename T>
void step_store_lane(Machine& m, const Inst& inst) {
  const T lane = m.pop<V128>().lane<T>(inst.lane);
  u8* const at = effective_address(m, inst, m.pop<u64>(), sizeof(T));
  if (at != nullptr) std::memcpy(at, &lane, sizeof(T));
}

// -- Lanes ----------------------------------------------------------------------------------------

template <typename T, auto kFunction>
void step_extract(Machine& m, const Inst& inst) {
  m.replace(1, kFunction(m.top(1)->as<V128>().lane<T>(inst.lane)));
}

template <typename T>
void step_replace(Machine& m, const Inst& inst) {
  const T lane = m.pop_value().as<T>();
  V128 vector = m.pop<V128>();
  vector.set_lane<T>(inst.lane, lane);
  m.push(vector);
}

// -- Atomics --------------------------------------------------------------------------------------
// One thread executes, so that every instruction is atomic.

template <typename Stored, typename T>
void step_atomic_load(Machine& m, const Inst& inst) {
  const u8* const at = atomic_address(m, inst, m.pop<u64>(), sizeof(Stored));
  if (at != nullptr) m.push(T{read<Stored>(at)});
}

template <typename Stored, typename T>
void step_atomic_store(Machine& m, const Inst& inst) {
  const Stored value = static_cast<Stored>(m.pop<T>());
  u8* const at = atomic_address(m, inst, m.pop<u64>(), sizeof(Stored));
  if (at != nullptr) std::memcpy(at, &value, sizeof(Stored));
}

template <typename Stored>
Stored exchange(Stored, Stored value) {
  return value;
}

template <typename Stored, typename T, auto kFunction>
void step_rmw(Machine& m, const Inst& inst) {
  const Stored operand = static_cast<Stored>(m.pop<T>());
  u8* const at = atomic_address(m, inst, m.pop<u64>(), sizeof(Stored));
  if (at == nullptr) return;
  const Stored old = read<Stored>(at);
  const Stored changed = kFunction(old, operand);
  std::memcpy(at, &changed, sizeof(Stored));
  m.push(T{old});
}

template <typename Stored, typename T>
void step_cmpxchg(Machine& m, const Inst& inst) {
  const Stored replacement = static_cast<Stored>(m.pop<T>());
  const Stored expected = static_cast<Stored>(m.pop<T>());
  u8* const at = atomic_address(m, inst, m.pop<u64>(), sizeof(Stored));
  if (at == nullptr) return;
  const Stored old = read<Stored>(at);
  if (old == expected) std::memcpy(at, &replacement, sizeof(Stored));
  m.push(T{old});
}

// -- The table ------------------------------------------------------------------------------------

struct Row {
  Op op;
  Step step;
};

constexpr Row kRows[] = {
#define PURE(op, ...) {Op::op, &Pure<__VA_ARGS__>::step},
#define LOAD(op, ...) {Op::op, &step_load<__VA_ARGS__>},
#define STORE(op, ...) {Op::op, &step_store<__VA_ARGS__>},
#define LOAD_VECTOR(op, ...) {Op::op, &step_load_vector<__VA_ARGS__>},
#define LOAD_LANE(op, lane) {Op::op, &step_load_lane<lane>},
#define STORE_LANE(op, lane) {Op::op, &step_store_lane<lane>},
#define EXTRACT(op, ...) {Op::op, &step_extract<__VA_ARGS__>},
#define REPLACE(op, lane) {Op::op, &step_replace<lane>},
#define ATOMIC_LOAD(op, ...) {Op::op, &step_atomic_load<__VA_ARGS__>},
#define ATOMIC_STORE(op, ...) {Op::op, &step_atomic_store<__VA_ARGS__>},
#define RMW(op, ...) {Op::op, &step_rmw<__VA_ARGS__>},
#define CMPXCHG(op, ...) {Op::op, &step_cmpxchg<__VA_ARGS__>},
#define CUSTOM(op) {Op::op, &exec_##op},
#include "spec-tests/interpreter/steps.def"
};

consteval bool rows_are_in_order() {
  for (u32 i = 0; i < kOpCount; i++) {
    if (kRows[i].op != static_cast<Op>(i)) return false;
  }
  return std::size(kRows) == kOpCount;
}
static_assert(rows_are_in_order(), "steps.def must have the rows of opcodes.def, in their order");

consteval std::array<Step, kOpCount> steps_of_rows() {
  std::array<Step, kOpCount> steps{};
  for (u32 i = 0; i < kOpCount; i++) steps[i] = kRows[i].step;
  return steps;
}

}  // namespace

constinit const std::array<Step, kOpCount> kSteps = steps_of_rows();

}  // namespace lr::interp
