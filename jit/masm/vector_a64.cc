// Vectors on AArch64: none yet. Target::has_vectors says so, and the compiler refuses such
// functions; whoever asks all the same gets code that is not ok().
#include "jit/masm/masm_a64.h"

namespace lr::jit {

void MasmA64::move_vector_imm(Reg, V128) { buffer_.fail(); }
Operand MasmA64::vector_constant(V128) {
  buffer_.fail();
  return kNoReg;
}
void MasmA64::canonicalise_nan(FloatWidth, Reg) { buffer_.fail(); }
void MasmA64::canonicalise_nans(FloatWidth, Reg) { buffer_.fail(); }
void MasmA64::vector_unary(VectorUnary, Reg, Reg) { buffer_.fail(); }
void MasmA64::vector_binary(VectorBinary, Reg, Reg, Operand) { buffer_.fail(); }
void MasmA64::vector_ternary(VectorTernary, Reg, Reg, Reg, Reg) { buffer_.fail(); }
void MasmA64::vector_shift(Shift, VectorShape, Reg, Reg, Reg) { buffer_.fail(); }
void MasmA64::vector_shift(Shift, VectorShape, Reg, Reg, u8) { buffer_.fail(); }
void MasmA64::shuffle(Reg, Reg, Reg, std::span<const u8, 16>) { buffer_.fail(); }
void MasmA64::splat(VectorShape, Reg, Reg) { buffer_.fail(); }
void MasmA64::extract_lane(VectorShape, bool, Reg, Reg, u8) { buffer_.fail(); }
void MasmA64::replace_lane(VectorShape, Reg, Reg, Reg, u8) { buffer_.fail(); }
void MasmA64::bitmask(VectorShape, Reg, Reg) { buffer_.fail(); }
void MasmA64::load_vector(VectorLoad, Reg, Address) { buffer_.fail(); }
void MasmA64::load_lane(VectorShape, Reg, Reg, Address, u8) { buffer_.fail(); }
void MasmA64::store_lane(VectorShape, Address, Reg, u8) { buffer_.fail(); }
void MasmA64::select_vector_if(const Compare&, Reg, Reg, Reg) { buffer_.fail(); }

}  // namespace lr::jit
