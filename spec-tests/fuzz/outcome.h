// Outcome: everything that can be seen of a module after its exports have been called: what each
// call returned or why it trapped, and what memories, tables and globals hold. Two engines, or two
// configurations of one, must agree on it.
#pragma once

#include <string>
#include <vector>

#include "base/types.h"
#include "frontend/module.h"

namespace lr::fuzz {

// Functions whose parameters and results are numbers are called, in the order of the exports.
bool is_called(const Module& module, const Export& each);

// How: `kRounds` times each, with argument() and this much fuel.
inline constexpr u32 kRounds = 3;
inline constexpr u32 kFuel = 60;

// A NaN is the positive canonical one.
u64 canonical_bits(Kind kind, u64 bits);

struct CallOutcome {
  std::string trap;         // Empty: it returned.
  std::vector<u64> values;  // As words of a call; two for v128.
  bool operator==(const CallOutcome&) const = default;
};

struct MemoryOutcome {
  u64 pages = 0;
  std::vector<u8> bytes;
  std::vector<bool> is_zero;  // For each 4 KiB.
};

struct Outcome {
  std::string refused;  // Why there is no instance; then nothing else is set.
  std::vector<CallOutcome> calls;
  std::vector<u64> globals;              // Two words each.
  std::vector<std::vector<u64>> tables;  // 0 for null, else what kind of thing, or which function.
  std::vector<MemoryOutcome> memories;   // Of the first configuration only.
  u64 host_log = 0;                      // Of the arguments of all host calls.
};

// What differs first, but for memories; empty if nothing does.
std::string difference(const Outcome& expected, const Outcome& actual);

// A line for each thing, as v8.mjs prints it too.
std::string to_text(const Outcome& outcome);

// The hash of a memory that to_text() and v8.mjs use.
u32 hash_of(const std::vector<u8>& bytes);

}  // namespace lr::fuzz
