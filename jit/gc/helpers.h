// The C++ behind the rows of helpers.def that make arrays or work on many elements, and objects in
// constant expressions.
#pragma once

#include <span>

#include "base/result.h"
#include "frontend/instr_reader.h"
#include "jit/context.h"
#include "jit/host_function.h"

namespace lr::jit {
class Instance;
}

namespace lr::jit::gc {

// An instruction of a constant expression that makes an object: takes its operands from `operands`
// (the last ones) and says how many.
struct Made {
  u64 reference = 0;
  u32 operands = 0;
};
bool makes_object(Op op);
Result<Made> make_object(Instance& instance, const Instr& instr, std::span<const Cell> operands);

namespace helpers {

HostStatus array_new(Context* context, const HostFunction*, u64* args);
HostStatus array_new_v128(Context* context, const HostFunction*, u64* args);
HostStatus array_new_data(Context* context, const HostFunction*, u64* args);
HostStatus array_new_elem(Context* context, const HostFunction*, u64* args);
HostStatus array_fill(Context* context, const HostFunction*, u64* args);
HostStatus array_fill_v128(Context* context, const HostFunction*, u64* args);
HostStatus array_copy(Context* context, const HostFunction*, u64* args);
HostStatus array_init_data(Context* context, const HostFunction*, u64* args);
HostStatus array_init_elem(Context* context, const HostFunction*, u64* args);

inline constexpr HostFn ArrayNewI32 = array_new, ArrayNewI64 = array_new, ArrayNewF32 = array_new,
                        ArrayNewF64 = array_new, ArrayNewV128 = array_new_v128,
                        ArrayNewData = array_new_data, ArrayNewElem = array_new_elem,
                        ArrayFillI32 = array_fill, ArrayFillI64 = array_fill,
                        ArrayFillF32 = array_fill, ArrayFillF64 = array_fill,
                        ArrayFillV128 = array_fill_v128, ArrayCopy = array_copy,
                        ArrayInitData = array_init_data, ArrayInitElem = array_init_elem;

}  // namespace helpers

}  // namespace lr::jit::gc
