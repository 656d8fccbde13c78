// x86-64: roles are chosen so that what is read most has the shortest encoding. The pinned
// registers need a prefix byte anyway, since the operands they appear with are 64-bit addresses;
// rsp, rbp, r12 and r13 are poor bases (a longer form), so memory_base is none of them.
#include "jit/masm/target.h"

namespace lr::jit {

namespace {

constexpr Reg rax = int_reg(0), rcx = int_reg(1), rdx = int_reg(2), rbx = int_reg(3),
              rsp = int_reg(4), rbp = int_reg(5), rsi = int_reg(6), rdi = int_reg(7),
              r8 = int_reg(8), r9 = int_reg(9), r10 = int_reg(10), r11 = int_reg(11),
              r12 = int_reg(12), r13 = int_reg(13), r14 = int_reg(14), r15 = int_reg(15);

constexpr Reg kIntArgs[] = {rax, rcx, rdx, rsi, rdi, r8};
constexpr Reg kVectorArgs[] = {vector_reg(0), vector_reg(1), vector_reg(2), vector_reg(3),
                               vector_reg(4), vector_reg(5), vector_reg(6), vector_reg(7)};
constexpr Reg kIntResults[] = {rax, rcx};
constexpr Reg kVectorResults[] = {vector_reg(0), vector_reg(1)};
// The first four of each bank are for temporaries in functions that call (jit/compiler/homes.h):
// results arrive there, and division and shifts want them.
constexpr Reg kTempOrder[] = {rax,
                              rcx,
                              rdx,
                              r10,
                              rsi,
                              rdi,
                              r8,
                              r9,
                              rbx,
                              rbp,
                              r12,
                              vector_reg(0),
                              vector_reg(1),
                              vector_reg(2),
                              vector_reg(3),
                              vector_reg(4),
                              vector_reg(5),
                              vector_reg(6),
                              vector_reg(7),
                              vector_reg(8),
                              vector_reg(9),
                              vector_reg(10),
                              vector_reg(11),
                              vector_reg(12),
                              vector_reg(13)};

constexpr RegSet set_of(std::span<const Reg> regs) {
  RegSet set;
  for (const Reg r : regs) set.add(r);
  return set;
}

constexpr Target make_target(Reg shift_count) {
  Target t{};
  t.name = "x64";
  t.sp = rsp;
  t.context = r15;
  t.memory_base = r14;
  t.memory_extent = r13;
  t.scratch = r11;
  t.vector_scratch = vector_reg(15);
  t.call_target = r10;
  t.allocatable = set_of(kTempOrder);
  t.callee_saved = RegSet::of(rbx, rbp, r12);
  t.int_args = kIntArgs;
  t.vector_args = kVectorArgs;
  t.int_results = kIntResults;
  t.vector_results = kVectorResults;
  t.div_dividend = rax;
  t.div_clobber = rdx;
  t.cmpxchg_expected = rax;
  t.shift_count = shift_count;
  t.temp_order = kTempOrder;
  t.has_vectors = true;
  t.return_address_bytes = 8;
  t.return_address_offset = 0;
  t.frame_alignment = 8;
  t.leaf_share_bytes = 128;
  return t;
}

constexpr Target kWithBmi2 = make_target(kNoReg);
constexpr Target kWithoutBmi2 = make_target(rcx);

constexpr bool consistent(const Target& t) {
  const RegSet pinned =
      RegSet::of(t.sp, t.context, t.memory_base, t.memory_extent, t.scratch, t.vector_scratch);
  const RegSet fixed = set_of(t.int_args) | set_of(t.vector_args) | set_of(t.int_results) |
                       set_of(t.vector_results) | t.callee_saved |
                       RegSet::of(t.div_dividend, t.div_clobber, t.call_target);
  return (pinned & t.allocatable).empty() && (fixed - t.allocatable).empty() &&
         (t.callee_saved & (set_of(t.int_args) | set_of(t.int_results))).empty() &&
         !(set_of(t.int_args) | t.callee_saved).has(t.call_target) &&
         t.allocatable.size() == t.temp_order.size();
}
static_assert(consistent(kWithBmi2) && consistent(kWithoutBmi2));

}  // namespace

const Target& target_x64(const CpuFeatures& features) {
  return features.bmi2 ? kWithBmi2 : kWithoutBmi2;
}

}  // namespace lr::jit
