// The boundary matrix: every kind of access, with every offset that is interesting, in every kind
// of memory, through an index that comes from everywhere an index can come from. A Plan is one
// module: one kind of memory and one offset; its functions are the accesses times the producers.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/types.h"
#include "jit/context.h"

namespace lr::boundary {

// A memory as text, and what is true of it.
struct MemoryKind {
  const char* name;
  const char* text;  // The module's memories; the last one is accessed.
  const char* operand;
  u64 size;
  bool is_64 = false;
  bool is_shared = false;
};
std::span<const MemoryKind> memory_kinds();

// What an access does, for the model.
enum class Effect : u8 {
  Load,       // The value, zero-extended.
  Load32S,    // Sign-extended to 32 bits, then zero-extended.
  Load64S,    // Sign-extended to 64 bits.
  LoadLast8,  // The last 8 of the bytes.
  LoadPlus,   // The value plus kOperand, in the access's size.
  Store,      // Writes kOperand.
  StorePlus,  // Adds kOperand to what is there; returns 0.
  Exchange,   // Adds kOperand to what is there; returns what was there.
  ExchangeXor,
  Compare,     // Returns what was there, which is not what it is compared with.
  CopyOnto,    // Reads and writes the bytes without changing them.
  Index,       // No memory: the index.
  IsZero,      // 1 if the index is 0, else 2.
  Branch,      // 10, 11 or 12: the index, but at most 2.
  TableGet,    // 1 if there is an element, else a trap.
  TableCall,   // 7 if there is an element, else a trap.
  CopyLength,  // Copies so many bytes at 0 onto themselves.
};
inline constexpr u64 kOperand = 0x1122'3344'5566'7781;
inline constexpr u64 kTableSize = 10;

// $A is the index, $M the memory and the offset.
struct Access {
  const char* text;  // An i64.
  u32 bytes;
  Effect effect;
  bool is_atomic = false;
};

// Where the index comes from: $X is the raw parameter in the index's type, $A that type.
struct Producer {
  const char* name;
  const char* text;
  // The index for a raw value, and a raw value for an index (as near as there is one).
  u64 (*index)(u64 raw, bool is_64);
  u64 (*raw)(u64 index);
  bool reads_first = false;  // Loads a byte at the index before.
};

struct Function {
  const Access* access;
  const Producer* producer;  // Null: a constant.
  u64 constant = 0;
};

class Plan {
 public:
  Plan(const MemoryKind& memory, u64 offset);

  const MemoryKind& memory() const { return memory_; }
  u64 offset() const { return offset_; }
  std::string name() const;
  // The module; function i is exported as "f" and its number.
  std::string text() const;
  std::span<const Function> functions() const { return functions_; }
  // Raw arguments to call it with.
  std::vector<u64> arguments(const Function& function) const;

  struct Outcome {
    std::optional<jit::Trap> trap;
    u64 value = 0;
  };
  // What a call must come to; `model` is the memory, which is changed as the call changes it.
  Outcome expect(const Function& function, u64 raw, std::span<u8> model) const;

 private:
  bool is_inside(u64 index, u64 bytes) const;
  Outcome access(const Access& access, u64 index, std::span<u8> model) const;
  static Outcome touch(const Access& access, u8* at);

  const MemoryKind& memory_;
  u64 offset_;
  std::vector<Function> functions_;
};

// All of them, in a fixed order.
std::vector<Plan> all_plans();

}  // namespace lr::boundary
