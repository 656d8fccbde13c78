#include "jit/masm/masm.h"

#include <asmjit/core.h>

namespace lr::jit {

Cond invert(Cond cond) {
  constexpr Cond kInverse[] = {Cond::Ne,  Cond::Eq,  Cond::GeS, Cond::GeU, Cond::LeS,
                               Cond::LeU, Cond::GtS, Cond::GtU, Cond::LtS, Cond::LtU};
  return kInverse[static_cast<u8>(cond)];
}

Cond swap_operands(Cond cond) {
  constexpr Cond kSwapped[] = {Cond::Eq,  Cond::Ne,  Cond::GtS, Cond::GtU, Cond::LtS,
                               Cond::LtU, Cond::GeS, Cond::GeU, Cond::LeS, Cond::LeU};
  return kSwapped[static_cast<u8>(cond)];
}

FloatCond invert(FloatCond cond) {
  using enum FloatCond;
  constexpr FloatCond kInverse[] = {Ne, Eq, NotLt, NotGt, NotLe, NotGe, Lt, Gt, Le, Ge};
  return kInverse[static_cast<u8>(cond)];
}

bool commutes(VectorBinary op) {
  enum Order : bool { Ordered, Commutes };
  constexpr Order kOrders[] = {
#define VECTOR_BINARY(name, order, nan) order,
#include "jit/masm/vector.def"
  };
  return kOrders[static_cast<u8>(op)] == Commutes;
}

std::unique_ptr<Masm> make_host_masm(const CpuFeatures& features) {
  return asmjit::Arch::kHost == asmjit::Arch::kX64 ? make_masm_x64(features)
                                                   : make_masm_a64(features);
}

}  // namespace lr::jit
