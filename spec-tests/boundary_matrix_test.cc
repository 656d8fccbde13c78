// Every access to memory at every boundary, compiled and interpreted: whatever makes an address too
// large, or looks as if it did, must trap in both or in neither, and leave the same memory.
// Addresses come from the places where a compiler might know too much of them, and the upper halves
// of the registers that they pass through are dirty.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "frontend/opcode.h"
#include "spec-tests/side_by_side.h"

namespace lr::spec {
namespace {

constexpr u64 kPage = 64 * kKiB;

// -- Modules --------------------------------------------------------------------------------------

// Which memory is accessed.
struct MemoryKind {
  const char* text;
  const char* index;  // As an instruction names it.
  bool is_64 = false;
  Feature feature = Feature::Mvp;
};

constexpr MemoryKind kMemories[] = {
    {"(memory $m 2 3)", ""},
    {"(memory 1 1) (memory $m 2 3)", "$m", false, Feature::MultiMemory},
    {"(memory $m i64 2 3)", "", true, Feature::Memory64},
    {"(memory $m 2 3 shared)", "", false, Feature::Threads},
};

// How an address of 32 bits comes from the i64 that a function gets, and what that must then be.
struct Producer {
  const char* name;
  const char* text;
  u64 (*inverse)(u64 address);
};

u64 same(u64 address) { return address; }

constexpr Producer kProducers[] = {
    {"wrapped", "(i32.wrap_i64 (local.get 0))", same},
    {"called", "(call $wrap (local.get 0))", same},
    {"kept", "(local.set 1 (i32.wrap_i64 (local.get 0))) (call $clobber) (local.get 1)", same},
    {"merged",
     "(if (result i32) (global.get $true) (then (i32.wrap_i64 (local.get 0))) (else (i32.const "
     "0)))",
     same},
    {"global", "(global.set $g (local.get 0)) (i32.wrap_i64 (global.get $g))", same},
    {"sum", "(i32.add (i32.wrap_i64 (local.get 0)) (i32.const 24))",
     [](u64 address) { return address - 24; }},
    {"difference", "(i32.sub (i32.wrap_i64 (local.get 0)) (i32.const 1))",
     [](u64 address) { return address + 1; }},
    {"shifted", "(i32.shl (i32.wrap_i64 (local.get 0)) (i32.const 3))",
     [](u64 address) { return address / 8; }},
    {"extended", "(i32.extend16_s (i32.wrap_i64 (local.get 0)))", same},
};

constexpr Producer kProducers64[] = {
    {"plain", "(local.get 0)", same},
    {"kept", "(call $clobber) (local.get 0)", same},
    {"merged", "(if (result i64) (global.get $true) (then (local.get 0)) (else (i64.const 0)))",
     same},
    {"sum", "(i64.add (local.get 0) (i64.const 24))", [](u64 address) { return address - 24; }},
    {"shifted", "(i64.shl (local.get 0) (i64.const 3))", [](u64 address) { return address / 8; }},
};

std::span<const Producer> producers(const MemoryKind& memory) {
  if (memory.is_64) return kProducers64;
  return kProducers;
}

constexpr u64 kOffsets[] = {0,           1,           3,           8,           0x7fff,
                            0xffff,      0x1'0000,    0x1'fff8,    0x1'ffff,    0x2'0000,
                            0x7fff'fff0, 0x7fff'ffff, 0x8000'0000, 0xffff'fff0, 0xffff'ffff};
constexpr u64 kOffsets64[] = {0x1'0000'0000, 0x7fff'ffff'ffff'fff8, 0x8000'0000'0000'0000,
                              0xffff'ffff'ffff'fff0, 0xffff'ffff'ffff'ffff};

std::vector<u64> offsets(const MemoryKind& memory) {
  std::vector<u64> all(std::begin(kOffsets), std::end(kOffsets));
  if (memory.is_64) all.insert(all.end(), std::begin(kOffsets64), std::end(kOffsets64));
  return all;
}

// Addresses worth trying with an access of `bytes` bytes at `offset`.
std::vector<u64> addresses(const MemoryKind& memory, u64 size, u64 offset, u64 bytes) {
  std::set<u64> all = {0, 1, 0x7fff'ffff, 0x8000'0000, 0xffff'fff8, 0xffff'ffff};
  for (const u64 below : {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17}) all.insert(size - below);
  all.insert(size + 1);
  for (const u64 edge : {size - offset - bytes, u64{0} - offset, size - offset}) {
    for (const u64 step : {u64{0}, u64{1}, ~u64{0}}) all.insert(edge + step);
  }
  if (memory.is_64) {
    for (const u64 far : {u64{1} << 32, u64{1} << 47, u64{1} << 63, ~u64{0}, ~u64{7}}) {
      all.insert(far);
      all.insert(far + size - bytes);
    }
    return {all.begin(), all.end()};
  }
  std::set<u64> narrow;
  for (const u64 address : all) narrow.insert(static_cast<u32>(address));
  return {narrow.begin(), narrow.end()};
}

constexpr Words kStored = {0x8899'aabb'ccdd'eeff, 0x0123'4567'89ab'cdef};

// The module of one instruction, memory and offset: a function for each producer, one for each
// constant address, one that gives a hash of the memory's ends, and one that grows it.
class AccessModule {
 public:
  AccessModule(const OpInfo& op, const MemoryKind& memory, u64 offset)
      : op_(op), memory_(memory), offset_(offset) {}

  void add(std::string_view name, std::string_view address) {
    const Signature& signature = op_.signature;
    text_ += fmt::format("(func (export \"{}\") (param i64)", name);
    if (signature.results_count > 0) {
      text_ += fmt::format("(result {})", type_text(signature.results[0]));
    }
    text_ += fmt::format("(local i32) {}", address);
    for (u32 i = 1; i < signature.params_count; i++) {
      Words value = kStored;
      if (signature.params[i] == 'i' || signature.params[i] == 'f') {
        value.low = static_cast<u32>(value.low);
      }
      text_ += constant(signature.params[i], value);
    }
    const char* const lane = op_.immediate == Immediate::MemArgLane ? "1" : "";
    text_ += fmt::format(" {} {} offset={} {})\n", op_.text, memory_.index, offset_, lane);
  }

  std::string text() const {
    const std::string_view type = memory_.is_64 ? "i64" : "i32";
    return fmt::format(
        "(module {} (global $g (mut i64) (i64.const 0)) (global $true (mut i32) (i32.const 1))\n"
        "(func $wrap (param i64) (result i32) (i32.wrap_i64 (local.get 0)))\n"
        "(func $clobber (global.set $g (i64.const -1)))\n"
        "(func (export \"grow\") (drop (memory.grow $m ({}.const 1))))\n"
        "(func (export \"hash\") (param i64) (param $end i64) (result i64) (local i64)\n"
        " (loop $next\n"
        "  (local.set 2 (i64.add (i64.mul (local.get 2) (i64.const 31))\n"
        "   (i64.load $m {})))\n"
        "  (local.set 0 (i64.add (local.get 0) (i64.const 8)))\n"
        "  (br_if $next (i64.lt_u (local.get 0) (local.get $end))))\n"
        " (local.get 2))\n{})",
        memory_.text, type, memory_.is_64 ? "(local.get 0)" : "(i32.wrap_i64 (local.get 0))",
        text_);
  }

 private:
  const OpInfo& op_;
  const MemoryKind& memory_;
  u64 offset_;
  std::string text_;
};

// -- The matrix -----------------------------------------------------------------------------------

class BoundaryMatrix : public testing::TestWithParam<Way> {
 protected:
  bool is_tested(const OpInfo& op, const MemoryKind& memory) {
    if (op.access_bytes == 0 || op.text.starts_with("memory.")) return false;
    const FeatureSet& features = engines_.features();
    return features.has(op.feature) && features.has(memory.feature);
  }

  void try_instruction(const OpInfo& op, const MemoryKind& memory, u64 offset);
  void try_sizes(const OpInfo& op, const MemoryKind& memory, u64 offset, u64 size);
  void call(const OpInfo& op, u64 offset, const std::string& name, u64 argument);
  void compare_memories(const OpInfo& op, u64 size);

  SideBySide engines_{GetParam()};
  u64 calls_ = 0;
  u64 turn_ = 0;
  u64 modules_ = 0;
};

void BoundaryMatrix::try_instruction(const OpInfo& op, const MemoryKind& memory, u64 offset) {
  AccessModule module(op, memory, offset);
  for (const Producer& producer : producers(memory)) module.add(producer.name, producer.text);
  for (const u64 size : {2 * kPage, 3 * kPage}) {
    for (const u64 address : addresses(memory, size, offset, op.access_bytes)) {
      module.add(fmt::format("{}_{:x}", size / kPage, address),
                 constant(memory.is_64 ? 'l' : 'i', {address, 0}));
    }
  }
  const Status loaded = engines_.load(module.text());
  ASSERT_TRUE(loaded.ok()) << op.text << ": " << loaded.error().message();
  try_sizes(op, memory, offset, 2 * kPage);
  engines_.invoke("grow", {});
  try_sizes(op, memory, offset, 3 * kPage);
}

void BoundaryMatrix::try_sizes(const OpInfo& op, const MemoryKind& memory, u64 offset, u64 size) {
  constexpr u64 kDirt[] = {0, 0xffff'ffff'0000'0000, 0xdead'beef'0000'0000, 0x1'0000'0000};
  for (const u64 address : addresses(memory, size, offset, op.access_bytes)) {
    for (const Producer& producer : producers(memory)) {
      u64 argument = producer.inverse(address);
      if (!memory.is_64) argument = static_cast<u32>(argument) | kDirt[calls_ % 4];
      call(op, offset, producer.name, argument);
    }
    call(op, offset, fmt::format("{}_{:x}", size / kPage, address), 0);
  }
  compare_memories(op, size);
}

void BoundaryMatrix::call(const OpInfo& op, u64 offset, const std::string& name, u64 argument) {
  if (HasFailure() || turn_++ % GetParam().stride != 0) return;
  calls_++;
  const SideBySide::Results results = engines_.invoke(name, {&argument, 1});
  ASSERT_TRUE(results.agree()) << op.text << " offset=" << offset << " " << name << " " << argument
                               << ": " << results.compiled_end << " / " << results.reference_end;
}

void BoundaryMatrix::compare_memories(const OpInfo& op, u64 size) {
  for (const u64 start : {u64{0}, kPage - 256, size - 512}) {
    const u64 range[] = {start, start + 512};
    ASSERT_TRUE(engines_.invoke("hash", range).agree()) << op.text << " near " << start;
  }
}

TEST_P(BoundaryMatrix, AgreesWithTheInterpreter) {
  for (const MemoryKind& memory : kMemories) {
    for (const OpInfo& op : kOpInfo) {
      if (!is_tested(op, memory)) continue;
      for (const u64 offset : offsets(memory)) {
        if (modules_++ % matrix_sample() != 0) continue;
        ASSERT_NO_FATAL_FAILURE(try_instruction(op, memory, offset)) << memory.text;
      }
    }
  }
  fmt::print("{} calls\n", calls_);
}

INSTANTIATE_TEST_SUITE_P(Ways, BoundaryMatrix, testing::ValuesIn(kMemoryWays),
                         [](const auto& way) { return std::string(way.param.name); });

}  // namespace
}  // namespace lr::spec
