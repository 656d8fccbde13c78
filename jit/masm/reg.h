// Registers as the compiler sees them: integer registers are 0 to 31, vector registers 32 to 63,
// numbered as the machine numbers them. What each is for is data in target_*.cc.
#pragma once

#include <bit>

#include "base/types.h"

namespace lr::jit {

struct Reg {
  static constexpr u8 kVectorBase = 32;
  u8 code = 0xff;

  constexpr bool valid() const { return code != 0xff; }
  constexpr bool is_vector() const { return code >= kVectorBase && valid(); }
  // The machine's own number.
  constexpr u8 number() const { return code & 31; }
  constexpr bool operator==(const Reg&) const = default;
};

inline constexpr Reg kNoReg{};
constexpr Reg int_reg(u8 number) { return Reg{number}; }
constexpr Reg vector_reg(u8 number) { return Reg{static_cast<u8>(Reg::kVectorBase + number)}; }

class RegSet {
 public:
  constexpr RegSet() = default;
  constexpr explicit RegSet(u64 bits) : bits_(bits) {}
  template <typename... Rs>
  static constexpr RegSet of(Rs... regs) {
    return RegSet(((u64{1} << regs.code) | ... | u64{0}));
  }

  constexpr bool has(Reg r) const { return (bits_ >> r.code & 1) != 0; }
  constexpr void add(Reg r) { bits_ |= u64{1} << r.code; }
  constexpr void remove(Reg r) { bits_ &= ~(u64{1} << r.code); }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr u32 size() const { return static_cast<u32>(std::popcount(bits_)); }
  // The lowest register; the set must not be empty.
  constexpr Reg first() const { return Reg{static_cast<u8>(std::countr_zero(bits_))}; }
  constexpr Reg take_first() {
    const Reg r = first();
    bits_ &= bits_ - 1;
    return r;
  }
  constexpr Reg take_last() {
    const Reg r{static_cast<u8>(63 - std::countl_zero(bits_))};
    remove(r);
    return r;
  }
  constexpr u64 bits() const { return bits_; }

  friend constexpr RegSet operator|(RegSet a, RegSet b) { return RegSet(a.bits_ | b.bits_); }
  friend constexpr RegSet operator&(RegSet a, RegSet b) { return RegSet(a.bits_ & b.bits_); }
  friend constexpr RegSet operator-(RegSet a, RegSet b) { return RegSet(a.bits_ & ~b.bits_); }
  constexpr bool operator==(const RegSet&) const = default;

 private:
  u64 bits_ = 0;
};

inline constexpr RegSet kAllInts{0xffff'ffffull};
inline constexpr RegSet kAllVectors{0xffff'ffff'0000'0000ull};

}  // namespace lr::jit
