#include "base/check.h"
#include "jit/masm/masm.h"
namespace lr::jit {
std::unique_ptr<Masm> make_masm_a64(const CpuFeatures&) {
  CHECK(false);
  return nullptr;
}
}  // namespace lr::jit
