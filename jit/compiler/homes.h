// Which locals of a function live in registers. A local with a home keeps it for its whole
// interval (frontend/facts.h); locals whose intervals are disjoint may share one.
#pragma once

#include <vector>

#include "frontend/facts.h"
#include "frontend/types.h"
#include "jit/masm/target.h"

namespace lr::jit {

class Homes {
 public:
  // `types` are the locals' types, parameters first; `arrival[i]` is the register in which
  // parameter i arrives, kNoReg if on the stack. `begin` and `end` are the body's offsets.
  void assign(const FuncFacts& facts, const std::vector<Kind>& types,
              const std::vector<Reg>& arrival, u32 begin, u32 end, const Target& target);
  void assign_none(u32 locals_count);

  Reg of(u32 local) const { return home_[local]; }
  // Another home, or none, for the time of a loop.
  void set(u32 local, Reg reg) { home_[local] = reg; }
  RegSet all() const { return all_; }
  // Callee-saved registers among them.
  RegSet saved() const { return saved_; }

 private:
  // Candidates are tried by weight; more than this many never win a register anyway.
  static constexpr u32 kCandidatesMax = 96;

  struct Candidate {
    u32 local;
    u32 weight;
    u64 places;  // The interval, as the set of 64ths of the body that it touches.
  };

  void collect(const FuncFacts& facts, u32 begin, u32 end);
  Reg choose(const Candidate& candidate, RegSet pool, Reg wish);
  void give(const Candidate& candidate, Reg reg);

  std::vector<Reg> home_;
  std::vector<Candidate> candidates_;
  u64 taken_[64] = {};  // By register: the places that already have an owner.
  RegSet all_;
  RegSet saved_;
};

}  // namespace lr::jit
