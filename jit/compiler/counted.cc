#include "jit/compiler/counted.h"

#include <algorithm>
#include <bit>

#include "jit/compiler/compiler.h"

namespace lr::jit {

namespace {

constexpr u32 kScannedBytesMax = 2048;
constexpr u32 kCountersMax = 4;

// Reads a body once. The last instructions at its own level are kept, in which a step
//   local.get i; const c; add; local.set (or tee) i
// and a condition are seen.
class Scan {
 public:
  explicit Scan(BodyReader reader) : reader_(reader) {}

  // False if the loop is not of the kind.
  bool run(u32 end) {
    while (reader_.offset() < end) {
      const Op op = reader_.op();
      instructions_++;
      if (!step(op)) return false;
    }
    return backward_ > 0;
  }

  std::optional<CountedLoop> result() const {
    for (u32 i = 0; i < counters_count_; i++) {
      const Counter& counter = counters_[i];
      if (!counter.is_valid) continue;
      CountedLoop loop = counter.loop;
      loop.instructions = instructions_;
      const bool limits = backward_ == 1 && condition_.has_limit && condition_.local == loop.local;
      if (limits) {
        loop.has_limit = true;
        loop.relation = condition_.relation;
        loop.limit = condition_.limit;
      }
      return loop;
    }
    return std::nullopt;
  }

 private:
  struct Instruction {
    Op op = Op::Nop;
    i64 immediate = 0;
  };
  struct Counter {
    CountedLoop loop;
    bool is_valid = false;
  };

  bool step(Op op) {
    const u8* const immediates = reader_.at();
    Instruction now{op, 0};
    switch (op) {
      case Op::Block:
      case Op::If:
        depth_++;
        break;
      case Op::End:
        depth_--;
        break;
      case Op::LocalGet:
        now.immediate = reader_.u32_leb();
        break;
      case Op::I32Const:
      case Op::I64Const:
        now.immediate = reader_.signed_leb();
        break;
      case Op::LocalSet:
      case Op::LocalTee:
        now.immediate = reader_.u32_leb();
        write(static_cast<u32>(now.immediate));
        break;
      case Op::Br:
      case Op::BrIf:
        branch(op, reader_.u32_leb());
        break;
      case Op::BrTable:
        for (u32 count = reader_.u32_leb() + 1; count > 0; count--) branch(op, reader_.u32_leb());
        break;
      case Op::Loop:
      case Op::Try:
      case Op::TryTable:
      case Op::BrOnNull:
      case Op::BrOnNonNull:
      case Op::BrOnCast:
      case Op::BrOnCastFail:
      case Op::BrOnCastDescEq:
      case Op::BrOnCastDescEqFail:
        return false;
      default:
        break;
    }
    reader_.go_to(immediates);
    skip_immediates(reader_, op);
    // What follows a block is not next to what precedes it.
    last_[3] = last_[2];
    last_[2] = last_[1];
    last_[1] = last_[0];
    last_[0] = depth_ == 0 ? now : Instruction{};
    return true;
  }

  // A second write of a counter, or one of another kind, ends its being one.
  void write(u32 local) {
    for (u32 i = 0; i < counters_count_; i++) {
      if (counters_[i].loop.local != local) continue;
      counters_[i].is_valid = false;
      return;
    }
    if (counters_count_ == kCountersMax) return;  // More are not watched.
    Counter& counter = counters_[counters_count_++];
    counter.loop.local = local;
    const Op add = last_[0].op;
    const bool is_64 = last_[1].op == Op::I64Const;
    const bool is_sum =
        is_64 ? add == Op::I64Add || add == Op::I64Sub : add == Op::I32Add || add == Op::I32Sub;
    const bool is_step = depth_ == 0 && backward_ == 0 && is_sum &&
                         (is_64 || last_[1].op == Op::I32Const) && last_[2].op == Op::LocalGet &&
                         last_[2].immediate == i64{local} && last_[1].immediate != 0;
    const bool subtracts = add == Op::I32Sub || add == Op::I64Sub;
    if (!is_step || last_[1].immediate == INT64_MIN) return;
    counter.loop.is_64 = is_64;
    counter.loop.step = subtracts ? -last_[1].immediate : last_[1].immediate;
    counter.is_valid = true;
  }

  void branch(Op op, u32 label) {
    if (label != depth_) return;
    backward_++;
    condition_ = {};
    if (op == Op::BrIf && depth_ == 0) read_condition();
  }

  // Before the br_if: the counter is not 0, or is compared with a constant.
  void read_condition() {
    const auto counts = [](const Instruction& i) {
      return i.op == Op::LocalTee || i.op == Op::LocalGet;
    };
    if (counts(last_[0])) {
      condition_.local = static_cast<u32>(last_[0].immediate);
      condition_.relation = Op::I32Ne;
      condition_.has_limit = true;
    } else if (counts(last_[2]) && (last_[1].op == Op::I32Const || last_[1].op == Op::I64Const)) {
      condition_.local = static_cast<u32>(last_[2].immediate);
      condition_.limit = last_[1].immediate;
      condition_.has_limit = relation(last_[0].op);
    }
  }

  bool relation(Op op) {
    switch (op) {
      case Op::I32Ne:
      case Op::I64Ne:
        condition_.relation = Op::I32Ne;
        return true;
      case Op::I32LtS:
      case Op::I64LtS:
        condition_.relation = Op::I32LtS;
        return true;
      case Op::I32LtU:
      case Op::I64LtU:
        condition_.relation = Op::I32LtU;
        return true;
      default:
        return false;
    }
  }

  BodyReader reader_;
  Instruction last_[4];  // At the body's own level, the newest first.
  Counter counters_[kCountersMax];
  u32 counters_count_ = 0;
  CountedLoop condition_;
  u32 depth_ = 0;
  u32 backward_ = 0;
  u32 instructions_ = 0;
};

}  // namespace

u32 CountedLoop::stride(u32 budget) const {
  return std::bit_floor(std::max(budget / std::max(instructions, 1u), 1u));
}

u32 CountedLoop::mask(u32 stride) const {
  // The lowest bits never change; those above count, whatever odd number is added to them.
  const u32 shift = static_cast<u32>(std::countr_zero(static_cast<u64>(step)));
  const u64 mask = u64{stride - 1} << std::min(shift, 32u);
  return mask < u64{1} << 31 ? static_cast<u32>(mask) : 0;
}

std::optional<u64> CountedLoop::iterations(i64 start) const {
  // Far enough from where an i32 wraps around.
  constexpr i64 kFar = i64{1} << 30;
  const bool is_near = start >= -kFar && start < kFar && limit >= -kFar && limit < kFar;
  if (!has_limit || !is_near || step <= -kFar || step >= kFar) return std::nullopt;
  const i64 distance = limit - start;
  if (relation == Op::I32Ne) {
    if (distance % step != 0 || distance / step <= 0) return std::nullopt;
    return static_cast<u64>(distance / step);
  }
  const bool is_positive = start >= 0 && limit >= 0;
  if (step < 0 || distance <= 0 || (relation == Op::I32LtU && !is_positive)) return std::nullopt;
  return static_cast<u64>((distance + step - 1) / step);
}

std::optional<CountedLoop> find_counted(BodyReader reader, const LoopFacts& loop) {
  if (!loop.innermost || loop.has_call || loop.end - loop.begin > kScannedBytesMax) {
    return std::nullopt;
  }
  Scan scan(reader);
  if (!scan.run(loop.end)) return std::nullopt;
  return scan.result();
}

}  // namespace lr::jit
