// AArch64: x18 belongs to some systems and is never touched; x29 is left alone for their
// unwinders. x16 and x17 are scratch, as v30 and v31 are.
#include "jit/masm/target.h"

namespace lr::jit {

namespace {

constexpr Reg kIntArgs[] = {int_reg(0), int_reg(1), int_reg(2), int_reg(3), int_reg(4), int_reg(5)};
constexpr Reg kVectorArgs[] = {vector_reg(0), vector_reg(1), vector_reg(2), vector_reg(3),
                               vector_reg(4), vector_reg(5), vector_reg(6), vector_reg(7)};
constexpr Reg kIntResults[] = {int_reg(0), int_reg(1)};
constexpr Reg kVectorResults[] = {vector_reg(0), vector_reg(1)};
// x0 to x15, x22 to x25, then the callee-saved x19 to x21, then v0 to v29.
constexpr u32 kIntTemps = 16 + 4 + 3;
constexpr u32 kVectorTemps = 30;

constexpr auto make_temp_order() {
  std::array<Reg, kIntTemps + kVectorTemps> order{};
  u32 n = 0;
  for (u8 r = 0; r < 16; r++) order[n++] = int_reg(r);
  for (u8 r = 22; r < 26; r++) order[n++] = int_reg(r);
  for (u8 r = 19; r < 22; r++) order[n++] = int_reg(r);
  for (u8 r = 0; r < kVectorTemps; r++) order[n++] = vector_reg(r);
  return order;
}
constexpr auto kTempOrder = make_temp_order();

constexpr RegSet set_of(std::span<const Reg> regs) {
  RegSet set;
  for (const Reg r : regs) set.add(r);
  return set;
}

constexpr Target make_target() {
  Target t{};
  t.name = "a64";
  t.sp = int_reg(31);
  t.context = int_reg(28);
  t.memory_base = int_reg(27);
  t.memory_extent = int_reg(26);
  t.scratch = int_reg(16);
  t.vector_scratch = vector_reg(31);
  t.call_target = int_reg(15);
  t.allocatable = set_of(kTempOrder);
  t.callee_saved = RegSet::of(int_reg(19), int_reg(20), int_reg(21));
  t.int_args = kIntArgs;
  t.vector_args = kVectorArgs;
  t.int_results = kIntResults;
  t.vector_results = kVectorResults;
  t.temp_order = kTempOrder;
  t.return_address_bytes = 0;
  t.return_address_offset = -16;
  t.frame_alignment = 16;
  t.leaf_share_bytes = 128;
  return t;
}

constexpr Target kTarget = make_target();

constexpr RegSet kPinned =
    RegSet::of(kTarget.sp, kTarget.context, kTarget.memory_base, kTarget.memory_extent,
               kTarget.scratch, int_reg(17), int_reg(18), int_reg(29), int_reg(30));
static_assert((kPinned & kTarget.allocatable).empty());
static_assert((kTarget.callee_saved - kTarget.allocatable).empty());
static_assert((kTarget.allocatable | kPinned) - kAllVectors == kAllInts);

}  // namespace

const Target& target_a64(const CpuFeatures& /*features*/) { return kTarget; }

}  // namespace lr::jit
