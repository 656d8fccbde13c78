#include "jit/code_mapping.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "jit/machine.h"

namespace lr::jit {
namespace {

constexpr u64 kData = 4 * kKiB;
constexpr u64 kCode = 3 * kMiB;

CodeMapping make(u64 data_bytes = kData, u64 code_bytes = kCode) {
  return std::move(CodeMapping::create(data_bytes, code_bytes)).value();
}

// All bytes of [begin, begin + bytes) are `byte`.
bool is_filled(const u8* begin, u64 bytes, u8 byte) {
  return std::all_of(begin, begin + bytes, [&](u8 each) { return each == byte; });
}

TEST(CodeMapping, WhatIsWrittenIsSeenWhereItRuns) {
  CodeMapping mapping = make();
  mapping.writable()[100] = 0x5a;
  EXPECT_EQ(mapping.code()[100], 0x5a);
  EXPECT_EQ(mapping.writable_at(mapping.code() + 100), mapping.writable() + 100);
}

struct ReuseCase {
  u64 touched;
  u64 populated;  // Afterwards.
};

class Reuse : public testing::TestWithParam<ReuseCase> {};

TEST_P(Reuse, TheNextOneOfTheSameSizeSeesNothingOfTheLast) {
  CodeMapping first = make();
  const u8* const code = first.code();
  std::memset(first.data(), 0x5a, kData);
  std::memset(first.writable(), 0x5a, GetParam().touched);
  CodeMapping::recycle(std::move(first), GetParam().touched);
  EXPECT_EQ(make(kData, kCode + kMiB).populated_bytes(), 0u);

  const CodeMapping second = make();
  EXPECT_EQ(second.code(), code);
  EXPECT_EQ(second.populated_bytes(), GetParam().populated);
  EXPECT_TRUE(is_filled(second.data(), kData, 0));
  EXPECT_TRUE(is_filled(code, GetParam().populated, kTrapByte));
  EXPECT_TRUE(is_filled(code + GetParam().populated, kCode - GetParam().populated, 0));
}

INSTANTIATE_TEST_SUITE_P(Sizes, Reuse,
                         testing::Values(ReuseCase{1, 4 * kKiB}, ReuseCase{5000, 8 * kKiB},
                                         ReuseCase{256 * kKiB, 256 * kKiB},
                                         ReuseCase{2 * kMiB, 256 * kKiB},
                                         ReuseCase{kCode, 256 * kKiB}));

TEST(CodeMapping, FewOfThemWait) {
  constexpr usize kMany = 100;
  std::vector<CodeMapping> mappings;
  for (usize i = 0; i < kMany; i++) mappings.push_back(make());
  for (CodeMapping& mapping : mappings) CodeMapping::recycle(std::move(mapping), 1);
  mappings.clear();
  usize reused = 0;
  for (usize i = 0; i < kMany; i++) {
    mappings.push_back(make());
    if (mappings.back().populated_bytes() != 0) reused++;
  }
  EXPECT_GE(reused, 1u);
  EXPECT_LE(reused, 16u);
}

}  // namespace
}  // namespace lr::jit
