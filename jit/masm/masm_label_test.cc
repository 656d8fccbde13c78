// Labels and the code buffer: long and short branches, limits, growth, listings. Nothing runs.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "jit/masm/masm.h"

namespace lr::jit {

namespace {

constexpr u32 kMiB32 = 1 << 20;

void fill(Masm& m, u32 bytes) {
  const u32 end = m.offset() + bytes;
  while (m.offset() < end) m.move_imm(Width::W64, int_reg(0), 0x1234'5678'9abc'def0);
}

// Where the last `bytes` of the code, a branch, lead to.
std::string last_line(const Masm& m) {
  std::string text = m.listing();
  text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

TEST(LabelX64, BackwardBranchesAreShortWhileTheyReach) {
  const auto m = make_masm_x64(CpuFeatures());
  for (const u32 distance : {0u, 100u, 120u, 130u, 1u << 20}) {
    m->reset();
    Label label;
    m->bind(label);
    fill(*m, distance);
    const u32 before = m->offset();
    m->jump(label);
    EXPECT_EQ(m->offset() - before, before + 2 <= 128 ? 2u : 5u);
    EXPECT_EQ(last_line(*m), "jmp 0x0");
  }
}

TEST(LabelX64, ManyForwardReferences) {
  const auto m = make_masm_x64(CpuFeatures());
  Label label;
  for (int i = 0; i < 100'000; i++) m->jump(label);
  m->bind(label);
  m->ret(0);
  ASSERT_TRUE(m->ok());
  ASSERT_EQ(m->code().size(), 500'001u);
  for (u32 at = 0; at < 500'000; at += 5) {
    i32 distance;
    std::memcpy(&distance, m->code().data() + at + 1, sizeof distance);
    ASSERT_EQ(static_cast<u32>(distance), 500'000 - (at + 5));
  }
}

TEST(LabelX64, FramesAreFilledInLater) {
  const auto m = make_masm_x64(CpuFeatures());
  const Patch none = m->enter_frame(), some = m->enter_frame(), left = m->leave_frame();
  m->patch_frame(none, 0);
  m->patch_frame(some, 24);
  m->patch_frame(left, 24);
  EXPECT_EQ(m->listing(), "nop [rax], eax\nsub rsp, 0x18\nadd rsp, 0x18\n");
  m->patch_frame(some, 0x8000'0000);
  EXPECT_FALSE(m->ok());
  m->reset();
  EXPECT_TRUE(m->ok());
}

TEST(LabelA64, FramesAreFilledInLater) {
  const auto m = make_masm_a64(CpuFeatures());
  const Patch enter = m->enter_frame(), leave = m->leave_frame();
  m->patch_frame(enter, 16);
  m->patch_frame(leave, 16 + 0x5010);
  EXPECT_EQ(m->listing(),
            "str x30, [sp, #-16]!\nnop\nnop\n"
            "add sp, sp, #5, lsl #12\nadd sp, sp, #16\nldr x30, [sp], #16\n");
  m->patch_frame(enter, 1 << 25);
  EXPECT_FALSE(m->ok());
}

const Compare kLess{.cond = Cond::LtS, .lhs = int_reg(0), .rhs = int_reg(1)};

TEST(LabelA64, ConditionalBranchesReachOneMebibyte) {
  const auto m = make_masm_a64(CpuFeatures());
  Label near;
  m->branch_if(kLess, near);
  fill(*m, kMiB32 - 20);
  m->bind(near);
  EXPECT_TRUE(m->ok());

  m->reset();
  Label far;
  m->branch_if(kLess, far);
  fill(*m, kMiB32 + 16);
  m->bind(far);
  EXPECT_FALSE(m->ok());
  EXPECT_TRUE(m->branch_out_of_range());

  m->reset();
  EXPECT_FALSE(m->branch_out_of_range());
  m->set_far_branches(true);
  Label farther;
  m->branch_if(kLess, farther);
  const u32 branch_end = m->offset();
  fill(*m, 4 * kMiB32);
  m->bind(farther);
  EXPECT_TRUE(m->ok());
  EXPECT_EQ(branch_end, 12u);
  const std::string text = disassemble_a64(m->code().first(12), 0);
  EXPECT_EQ(
      text, "cmp w0, w1\nb.ge 0xc\nb " + [&] {
        char target[32];
        std::snprintf(target, sizeof target, "0x%x\n", m->offset());
        return std::string(target);
      }());
}

TEST(LabelA64, BackwardBranchesTakeTheLongFormThemselves) {
  const auto m = make_masm_a64(CpuFeatures());
  Label start;
  m->bind(start);
  fill(*m, 2 * kMiB32);
  const u32 before = m->offset();
  m->branch_if({.cond = Cond::Ne, .lhs = int_reg(0), .rhs = Operand::immediate(0)}, start);
  EXPECT_EQ(m->offset() - before, 8u);
  EXPECT_EQ(last_line(*m), "b 0x0");
  EXPECT_TRUE(m->ok());
}

TEST(LabelX64, ConstantsFollowTheCode) {
  const auto m = make_masm_x64(CpuFeatures());
  const Reg v0 = vector_reg(0);
  m->move_float_imm(FloatWidth::F64, v0, 0x3ff0'0000'0000'0000);
  m->float_binary(FloatBinary::Add, FloatWidth::F64, v0, v0,
                  m->float_constant(FloatWidth::F64, 0x3ff0'0000'0000'0000));
  m->ret(0);
  EXPECT_FALSE(m->ok());
  m->emit_constants();
  EXPECT_TRUE(m->ok());
  EXPECT_EQ(m->code().size(), 32u);
  EXPECT_EQ(disassemble_x64(m->code().first(17), 0),
            "movsd xmm0, qword ptr [0x18]\naddsd xmm0, [0x18]\nret\n");
}

class Tables : public testing::TestWithParam<bool> {
 protected:
  std::unique_ptr<Masm> masm_ =
      GetParam() ? make_masm_x64(CpuFeatures()) : make_masm_a64(CpuFeatures());
};
INSTANTIATE_TEST_SUITE_P(Machines, Tables, testing::Bool());

// The largest table that a module may have, half of its targets before it and half behind.
TEST_P(Tables, Largest) {
  constexpr u32 kTargets = 65'520;
  std::vector<Label> labels(kTargets);
  std::vector<Label*> targets;
  for (Label& label : labels) targets.push_back(&label);
  for (u32 i = 0; i < kTargets / 2; i++) {
    masm_->bind(labels[i]);
    masm_->trap_instruction();
  }
  masm_->jump_table(int_reg(1), targets, true);
  const u32 table = masm_->offset() - 4 * kTargets;
  for (u32 i = kTargets / 2; i < kTargets; i++) {
    masm_->bind(labels[i]);
    masm_->trap_instruction();
  }
  ASSERT_TRUE(masm_->ok());
  for (u32 i = 0; i < kTargets; i++) {
    i32 distance;
    std::memcpy(&distance, masm_->code().data() + table + 4 * i, sizeof distance);
    ASSERT_EQ(static_cast<i32>(table) + distance, labels[i].position);
  }
}

TEST_P(Tables, AlignmentAndReset) {
  masm_->trap_instruction();
  masm_->align(16);
  EXPECT_EQ(masm_->offset(), 16u);
  masm_->reset();
  EXPECT_EQ(masm_->offset(), 0u);
}

TEST_P(Tables, NearCalls) {
  for (const Near kind : {Near::Function, Near::Slot, Near::Stub}) {
    masm_->reset();
    const CallReloc call = masm_->call_near(kind, 3);
    const CallReloc jump = masm_->jump_near(kind, 4);
    EXPECT_EQ(call.kind, kind);
    EXPECT_EQ(jump.index, 4u);
    u8 code[64];
    std::memcpy(code, masm_->code().data(), masm_->code().size());
    u8* at = code + call.offset;
    const u8* from = reinterpret_cast<u8*>(u64{0x10'0000'0000}) + call.offset;
    EXPECT_TRUE(masm_->patch_call(kind, at, from, from + (1 << 20) - call.offset % 8));
    EXPECT_FALSE(masm_->patch_call(kind, at, from, from + (u64{1} << 36)));
  }
}

}  // namespace

}  // namespace lr::jit
