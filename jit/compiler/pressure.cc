// How many vector registers a loop needs for what it computes. Where that is known, more of them
// become homes.
#include <algorithm>

#include "jit/compiler/compiler.h"

namespace lr::jit {

namespace {

constexpr u32 kScannedBytesMax = 2048;

constexpr bool is_vector_letter(char letter) {
  return letter == 'f' || letter == 'd' || letter == 'v';
}

// Follows a loop's operand stack as far as vectors and floats are concerned.
class Pressure {
 public:
  // False if the instruction's needs are not known.
  bool pass(Op op, bool local_is_vector) {
    switch (op) {
      case Op::Nop:
      case Op::Drop:
      case Op::LocalSet:
      case Op::BrIf:
        if (op != Op::Nop) pop();
        return true;
      case Op::LocalTee:
        return true;
      case Op::LocalGet:
        return push(local_is_vector ? Entry::Lazy : Entry::Other);
      default:
        return !info(op).signature.is_special && compute(info(op).signature);
    }
  }
  u32 needed() const { return needed_; }

 private:
  enum class Entry : u8 { Other, Lazy, Computed };
  static constexpr u32 kHeightMax = 64;

  bool push(Entry entry) {
    if (height_ == kHeightMax) return false;
    if (entry == Entry::Computed) live_++;
    stack_[height_++] = entry;
    return true;
  }
  // What lies below the loop's own values is of no interest.
  Entry pop() {
    if (height_ == 0) return Entry::Other;
    const Entry entry = stack_[--height_];
    if (entry == Entry::Computed) live_--;
    return entry;
  }

  // An operand in memory needs no register if it is the right one of two.
  bool compute(const Signature& signature) {
    const u32 before = live_;
    u32 operands = 0, loaded = 0;
    for (u32 i = signature.params_count; i > 0; i--) {
      const Entry entry = pop();
      if (!is_vector_letter(signature.params[i - 1])) continue;
      operands++;
      const bool in_memory = operands == 1 && i == 2;
      if (entry != Entry::Computed && !in_memory) loaded++;
    }
    const bool result = signature.results_count > 0 && is_vector_letter(signature.results[0]);
    const bool from_nothing = result && operands == 0 && signature.params_count > 0;
    needed_ = std::max({needed_, before + loaded + u32{from_nothing}, operands});
    if (signature.results_count == 0) return true;
    const bool constant = result && signature.params_count == 0;
    return push(!result ? Entry::Other : constant ? Entry::Lazy : Entry::Computed);
  }

  Entry stack_[kHeightMax];
  u32 height_ = 0;
  u32 live_ = 0;    // Computed entries.
  u32 needed_ = 2;  // By two operands that are in memory.
};

}  // namespace

u32 Compiler::vector_temporaries_of(const LoopFacts& loop) const {
  if (!loop.innermost || loop.end - loop.begin > kScannedBytesMax) return kTemporariesMin;
  Pressure pressure;
  BodyReader reader = reader_;
  while (reader.offset() < loop.end) {
    const Op op = reader.op();
    BodyReader immediate = reader;
    const bool has_local = info(op).immediate == Immediate::LocalIndex;
    const bool local_is_vector = has_local && in_vector(local_types_[immediate.u32_leb()]);
    if (!pressure.pass(op, local_is_vector)) return kTemporariesMin;
    skip_immediates(reader, op);
  }
  return std::min(pressure.needed(), kTemporariesMin);
}

}  // namespace lr::jit
