#include "jit/masm/target.h"

#include <asmjit/core.h>

#include <string_view>

namespace lr::jit {

namespace {

constexpr bool kHostIsX64 = asmjit::Arch::kHost == asmjit::Arch::kX64;
static_assert(kHostIsX64 || asmjit::Arch::kHost == asmjit::Arch::kAArch64,
              "there is no Masm for this machine");

CpuFeatures detect_x64(const asmjit::CpuFeatures::X86& have) {
  CpuFeatures cpu;
  cpu.avx = have.hasAVX();
  cpu.avx2 = have.hasAVX2();
  cpu.fma = have.hasFMA();
  cpu.bmi1 = have.hasBMI();
  cpu.bmi2 = have.hasBMI2();
  cpu.lzcnt = have.hasLZCNT();
  cpu.baseline = have.hasSSE4_2() && have.hasPOPCNT();
  return cpu;
}

}  // namespace

CpuFeatures detect_cpu() {
  const asmjit::CpuInfo& host = asmjit::CpuInfo::host();
  if constexpr (kHostIsX64) {
    return detect_x64(host.features().x86());
  } else {
    CpuFeatures cpu;
    cpu.lse = host.features().arm().hasLSE();
    return cpu;
  }
}

CpuFeatures restrict_cpu(CpuFeatures have, const char* level) {
  const std::string_view name(level);
  if (name != "v2" && name != "avx") return have;
  CpuFeatures cpu;
  cpu.baseline = have.baseline;
  cpu.avx = name == "avx" && have.avx;
  return cpu;
}

const Target& host_target(const CpuFeatures& features) {
  return kHostIsX64 ? target_x64(features) : target_a64(features);
}

}  // namespace lr::jit
