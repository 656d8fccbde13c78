#include "jit/compiler/homes.h"

#include <algorithm>

#include "jit/compiler/value.h"

namespace lr::jit {

namespace {

// A callee-saved home costs a store and a load per invocation: worth it from this weight on.
constexpr u32 kSavedWeightMin = 4;
// Registers that must stay free for temporaries.
constexpr u32 kIntTemporaries = 4;
constexpr u32 kVectorTemporaries = 4;

// The set of 64ths of [begin, end) that the interval touches.
u64 places_of(u32 from, u32 to, u32 begin, u32 end) {
  const u64 length = std::max<u64>(end - begin, 1);
  const u64 first = std::min<u64>((u64{from} - begin) * 64 / length, 63);
  const u64 last = std::min<u64>((u64{to} - begin) * 64 / length, 63);
  const u64 upto = last == 63 ? ~u64{0} : (u64{1} << (last + 1)) - 1;
  return upto & ~((u64{1} << first) - 1);
}

}  // namespace

void Homes::assign_none(u32 locals_count) {
  home_.assign(locals_count, kNoReg);
  all_ = saved_ = RegSet();
}

void Homes::collect(const FuncFacts& facts, u32 begin, u32 end) {
  candidates_.clear();
  for (u32 i = 0; i < facts.locals.size(); i++) {
    const LocalFacts& l = facts.locals[i];
    if (!l.used) continue;
    const u32 from = std::max(l.begin, begin);
    candidates_.push_back({i, l.weight, places_of(from, std::max(l.end, from), begin, end)});
  }
  const auto heavier = [](const Candidate& a, const Candidate& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.local < b.local;
  };
  if (candidates_.size() > kCandidatesMax) {
    std::nth_element(candidates_.begin(), candidates_.begin() + kCandidatesMax, candidates_.end(),
                     heavier);
    candidates_.resize(kCandidatesMax);
  }
  std::sort(candidates_.begin(), candidates_.end(), heavier);
}

Reg Homes::choose(const Candidate& candidate, RegSet pool, Reg wish) {
  if (wish.valid() && pool.has(wish) && (taken_[wish.code] & candidate.places) == 0) return wish;
  // A register that already has an owner elsewhere is as good and leaves others free.
  for (const RegSet set : {pool & all_, pool - all_}) {
    for (RegSet rest = set; !rest.empty();) {
      const Reg reg = rest.take_last();
      if ((taken_[reg.code] & candidate.places) == 0) return reg;
    }
  }
  return kNoReg;
}

void Homes::give(const Candidate& candidate, Reg reg) {
  home_[candidate.local] = reg;
  taken_[reg.code] |= candidate.places;
  all_.add(reg);
}

void Homes::assign(const FuncFacts& facts, const std::vector<Kind>& types,
                   const std::vector<Reg>& arrival, u32 begin, u32 end, const Target& target) {
  assign_none(static_cast<u32>(types.size()));
  std::fill(std::begin(taken_), std::end(taken_), 0);
  collect(facts, begin, end);

  // The first registers of temp_order are for temporaries; a leaf that divides and shifts nothing
  // may use them as homes too while enough others stay free.
  RegSet reserved_ints, reserved_vectors;
  for (const Reg reg : target.temp_order) {
    RegSet& set = reg.is_vector() ? reserved_vectors : reserved_ints;
    if (set.size() < (reg.is_vector() ? kVectorTemporaries : kIntTemporaries)) set.add(reg);
  }
  RegSet fixed;
  if (facts.has_div && target.div_dividend.valid()) {
    fixed = fixed | RegSet::of(target.div_dividend, target.div_clobber);
  }
  if (facts.has_shift && target.shift_count.valid()) fixed.add(target.shift_count);

  const RegSet caller_saved = target.allocatable - target.callee_saved;
  for (const Candidate& candidate : candidates_) {
    const bool vector = in_vector(types[candidate.local]);
    const RegSet bank = vector ? kAllVectors : kAllInts;
    const u32 keep_free = vector ? kVectorTemporaries : kIntTemporaries;
    const Reg wish = candidate.local < arrival.size() ? arrival[candidate.local] : kNoReg;

    RegSet pool = (caller_saved & bank) - fixed;
    const RegSet free = (caller_saved & bank) - all_;
    if (facts.has_call) pool = pool - (vector ? reserved_vectors : reserved_ints);
    // Taking one more register must leave enough for temporaries.
    if (free.size() <= keep_free) pool = pool & all_;

    Reg reg;
    if (facts.has_call && !vector && candidate.weight >= kSavedWeightMin) {
      reg = choose(candidate, target.callee_saved & bank, kNoReg);
    }
    if (!reg.valid()) reg = choose(candidate, pool, wish);
    if (!reg.valid() && !vector && candidate.weight >= kSavedWeightMin) {
      reg = choose(candidate, target.callee_saved & bank, kNoReg);
    }
    if (reg.valid()) give(candidate, reg);
  }
  saved_ = all_ & target.callee_saved;
}

}  // namespace lr::jit
