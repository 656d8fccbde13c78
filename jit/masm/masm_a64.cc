#include "jit/masm/masm.h"
#include "base/check.h"
namespace lr::jit {
std::unique_ptr<Masm> make_masm_a64(const CpuFeatures&) { CHECK(false); return nullptr; }
}
