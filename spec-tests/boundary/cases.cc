#include "spec-tests/boundary/cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace lr::boundary {

namespace {

constexpr u64 kPage = 64 * kKiB;

constexpr MemoryKind kMemories[] = {
    {"plain", "(memory $m 1)", "$m", kPage},
    {"second", "(memory 1) (memory $m 2)", "$m", 2 * kPage},
    {"long", "(memory $m i64 1)", "$m", kPage, true},
    {"long second", "(memory 1) (memory $m i64 1)", "$m", kPage, true},
    {"bytes", "(memory $m 70001 (pagesize 1))", "$m", 70001},
    {"bytes second", "(memory 0) (memory $m 4097 (pagesize 1))", "$m", 4097},
    {"long bytes", "(memory $m i64 70001 (pagesize 1))", "$m", 70001, true},
    {"shared", "(memory $m 1 2 shared)", "$m", kPage, false, true},
    {"shared second", "(memory 1) (memory $m 1 1 shared)", "$m", kPage, false, true},
};

constexpr u64 kOffsets[] = {0,           1,           7,           4090,        4096,
                            65520,       65535,       65536,       0x0fff'fff0, 0x1000'0000,
                            0x1000'0001, 0x1800'0000, 0x7fff'fff0, 0x7fff'ffff, 0x8000'0000,
                            0xffff'fff0, 0xffff'ffff};
constexpr u64 kLongOffsets[] = {0x1'0000'0000, 0x2'0000'0008, u64{1} << 47,
                                u64{1} << 63,  ~u64{15},      ~u64{0}};

constexpr Access kAccesses[] = {
    {"(i64.extend_i32_u (i32.load8_s $M $A))", 1, Effect::Load32S},
    {"(i64.extend_i32_u (i32.load8_u $M $A))", 1, Effect::Load},
    {"(i64.extend_i32_u (i32.load16_s $M $A))", 2, Effect::Load32S},
    {"(i64.extend_i32_u (i32.load16_u $M $A))", 2, Effect::Load},
    {"(i64.extend_i32_u (i32.load $M $A))", 4, Effect::Load},
    {"(i64.load8_s $M $A)", 1, Effect::Load64S},
    {"(i64.load16_u $M $A)", 2, Effect::Load},
    {"(i64.load32_s $M $A)", 4, Effect::Load64S},
    {"(i64.load $M $A)", 8, Effect::Load},
    {"(i64.extend_i32_u (i32.reinterpret_f32 (f32.load $M $A)))", 4, Effect::Load},
    {"(i64.reinterpret_f64 (f64.load $M $A))", 8, Effect::Load},
    {"(i64x2.extract_lane 1 (v128.load $M $A))", 16, Effect::LoadLast8},
    {"(i64x2.extract_lane 1 (v128.load64_splat $M $A))", 8, Effect::Load},
    {"(i64x2.extract_lane 0 (v128.load32_zero $M $A))", 4, Effect::Load},
    {"(i64x2.extract_lane 0 (v128.load16_lane $M 0 $A (v128.const i64x2 0 0)))", 2, Effect::Load},
    // Folded into what follows.
    {"(i64.extend_i32_u (i32.add (i32.wrap_i64 (local.get $k)) (i32.load $M $A)))", 4,
     Effect::LoadPlus},
    {"(i64.add (local.get $k) (i64.load $M $A))", 8, Effect::LoadPlus},
    {"(i64x2.extract_lane 1 (i64x2.add (i64x2.splat (i64.const 0)) (v128.load $M $A)))", 16,
     Effect::LoadLast8},
    {"(i32.store8 $M $A (i32.wrap_i64 (local.get $k))) (i64.const 0)", 1, Effect::Store},
    {"(i32.store16 $M $A (i32.wrap_i64 (local.get $k))) (i64.const 0)", 2, Effect::Store},
    {"(i32.store $M $A (i32.const 0x55667781)) (i64.const 0)", 4, Effect::Store},
    {"(i64.store32 $M $A (local.get $k)) (i64.const 0)", 4, Effect::Store},
    {"(i64.store $M $A (local.get $k)) (i64.const 0)", 8, Effect::Store},
    {"(f32.store $M $A (f32.reinterpret_i32 (i32.const 0x55667781))) (i64.const 0)", 4,
     Effect::Store},
    {"(f64.store $M $A (f64.reinterpret_i64 (local.get $k))) (i64.const 0)", 8, Effect::Store},
    {"(v128.store64_lane $M 1 $A (i64x2.splat (local.get $k))) (i64.const 0)", 8, Effect::Store},
    {"(local.set $i $A) (i64.store $M (local.get $i) (i64.add (i64.load $M (local.get $i))"
     " (local.get $k))) (i64.const 0)",
     8, Effect::StorePlus},
    {"(i64.atomic.load $M $A)", 8, Effect::Load, true},
    {"(i64.atomic.load16_u $M $A)", 2, Effect::Load, true},
    {"(i32.atomic.store $M $A (i32.const 0x55667781)) (i64.const 0)", 4, Effect::Store, true},
    {"(i64.atomic.rmw8.add_u $M $A (local.get $k))", 1, Effect::Exchange, true},
    {"(i64.atomic.rmw.add $M $A (local.get $k))", 8, Effect::Exchange, true},
    {"(i64.atomic.rmw16.xor_u $M $A (local.get $k))", 2, Effect::ExchangeXor, true},
    {"(i64.atomic.rmw.xor $M $A (i64.add (local.get $k) (i64.const 0)))", 8, Effect::ExchangeXor,
     true},
    {"(i64.atomic.rmw32.cmpxchg_u $M $A (i64.xor (i64.const -1) (i64.atomic.load32_u $M $A))"
     " (local.get $k))",
     4, Effect::Compare, true},
};

// Without an offset.
constexpr Access kOthers[] = {
    {"(memory.copy $m $m $A $A ($T.const 5)) (i64.const 0)", 5, Effect::CopyOnto},
    {"(memory.copy $m $m ($T.const 0) ($T.const 0) $A) (i64.const 0)", 0, Effect::CopyLength},
};
// For indices of 32 bits: everything else that reads one.
constexpr Access kReaders[] = {
    {"(i64.extend_i32_u $A)", 0, Effect::Index},
    {"(call $host $A)", 0, Effect::Index},
    {"(if (result i64) $A (then (i64.const 2)) (else (i64.const 1)))", 0, Effect::IsZero},
    {"(select (i64.const 2) (i64.const 1) $A)", 0, Effect::IsZero},
    {"(select (i64.const 1) (i64.const 2) (i32.eqz $A))", 0, Effect::IsZero},
    {"(block $c (block $b (block $a (br_table $a $b $c $A)) (return (i64.const 10)))"
     " (return (i64.const 11))) (i64.const 12)",
     0, Effect::Branch},
    {"(i64.extend_i32_u (i32.eqz (ref.is_null (table.get $t $A))))", 0, Effect::TableGet},
    {"(call_indirect $t (type $value) $A)", 0, Effect::TableCall},
};

u64 narrow(u64 value, bool is_64) { return is_64 ? value : static_cast<u32>(value); }
u64 same(u64 raw, bool is_64) { return narrow(raw, is_64); }
u64 same_raw(u64 index) { return index; }

constexpr Producer kProducers[] = {
    {"parameter", "$X", same, same_raw},
    {"local", "(block (result $T) (local.set $i $X) (local.get $i))", same, same_raw},
    {"checked before",
     "(block (result $T) (local.set $i $X) (drop (i32.load8_u $m (local.get $i)))"
     " (local.get $i))",
     same, same_raw, true},
    {"across a call", "(block (result $T) $X (call $nothing))", same, same_raw},
    {"local across a call", "(block (result $T) (local.set $i $X) (call $nothing) (local.get $i))",
     same, same_raw},
    {"result", "(call $same $X)", same, same_raw},
    {"global", "(block (result $T) (global.set $g $X) (global.get $g))", same, same_raw},
    {"merge",
     "(if (result $T) (i32.wrap_i64 (i64.shr_u (local.get $raw) (i64.const 3))) (then $X)"
     " (else (local.tee $i $X)))",
     same, same_raw},
    {"loop", "(loop (result $T) $X)", same, same_raw},
    {"select", "(select $X (local.tee $i $X) (i32.wrap_i64 (local.get $raw)))", same, same_raw},
    {"spilled",
     "(block (result $T) $X (drop (i64.add (i64.mul (local.get $k) (i64.add (local.get $raw)"
     " (i64.const 1))) (i64.mul (i64.add (local.get $k) (i64.const 2)) (i64.mul (i64.add"
     " (local.get $raw) (i64.const 3)) (i64.mul (i64.add (local.get $k) (i64.const 4))"
     " (i64.div_u (local.get $raw) (i64.const 77))))))))",
     same, same_raw},
    {"shifted", "($T.shl $X ($T.const 2))",
     [](u64 raw, bool is_64) { return narrow(raw << 2, is_64); },
     [](u64 index) { return index >> 2; }},
    {"element", "($T.add (local.get $i) ($T.shl $X ($T.const 3)))",
     [](u64 raw, bool is_64) { return narrow(raw << 3, is_64); },
     [](u64 index) { return index >> 3; }},
    {"sum", "($T.add $X ($T.const 0x7fffffff))",
     [](u64 raw, bool is_64) { return narrow(raw + 0x7fff'ffff, is_64); },
     [](u64 index) { return index - 0x7fff'ffff; }},
    {"difference", "($T.sub $X ($T.const 16))",
     [](u64 raw, bool is_64) { return narrow(raw - 16, is_64); },
     [](u64 index) { return index + 16; }},
    {"sign-extended", "($T.extend16_s $X)",
     [](u64 raw, bool is_64) {
       return narrow(static_cast<u64>(i64{static_cast<i16>(raw)}), is_64);
     },
     same_raw},
};

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (usize at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

u64 read(const u8* at, u32 bytes) {
  u64 value = 0;
  std::memcpy(&value, at, bytes);
  return value;
}

u64 sign_extend(u64 value, u32 bytes) {
  const u32 unused = 64 - 8 * bytes;
  return static_cast<u64>(static_cast<i64>(value << unused) >> unused);
}

Plan::Outcome trap(jit::Trap why) { return {.trap = why}; }
Plan::Outcome value(u64 bits) { return {.trap = std::nullopt, .value = bits}; }

}  // namespace

std::span<const MemoryKind> memory_kinds() { return kMemories; }

Plan::Plan(const MemoryKind& memory, u64 offset) : memory_(memory), offset_(offset) {
  std::vector<const Access*> accesses;
  for (const Access& access : kAccesses) accesses.push_back(&access);
  if (offset == 0) {
    for (const Access& access : kOthers) accesses.push_back(&access);
  }
  if (offset == 0 && !memory.is_64) {
    for (const Access& access : kReaders) accesses.push_back(&access);
  }
  for (const Access* access : accesses) {
    for (const Producer& producer : kProducers) functions_.push_back({access, &producer});
    const u64 inside = memory.size - std::min<u64>(memory.size, offset + access->bytes);
    for (const u64 constant : {u64{0}, inside, inside + 1, u64{0x8000'0000}, u64{0xffff'ffff}}) {
      functions_.push_back({access, nullptr, constant});
    }
  }
}

std::string Plan::name() const { return fmt::format("{} offset={:#x}", memory_.name, offset_); }

std::string Plan::text() const {
  const char* const type = memory_.is_64 ? "i64" : "i32";
  const char* const raw = memory_.is_64 ? "(local.get $raw)" : "(i32.wrap_i64 (local.get $raw))";
  std::string text = fmt::format(
      "(module (type $value (func (result i64)))\n"
      "(import \"host\" \"see\" (func $host (param i32) (result i64)))\n"
      "{} (table $t {} funcref) (global $g (mut {}) ({}.const 0))\n"
      "(elem (i32.const 0) $v $v $v $v $v $v $v $v $v $v)\n"
      "(func $v (result i64) (i64.const 7)) (func $nothing (loop (br_if 0 (i32.const 0))))\n"
      "(func $same (param {}) (result {}) (loop (br_if 0 (i32.const 0))) (local.get 0))\n",
      memory_.text, kTableSize, type, type, type, type);
  const std::string operand = fmt::format("{} offset={}", memory_.operand, offset_);
  for (usize i = 0; i < functions_.size(); i++) {
    const Function& function = functions_[i];
    const std::string index = function.producer != nullptr
                                  ? replaced(function.producer->text, "$X", raw)
                                  : fmt::format("({}.const {})", type, function.constant);
    std::string body = replaced(replaced(function.access->text, "$A", index), "$M", operand);
    text += fmt::format(
        "(func (export \"f{}\") (param $raw i64) (result i64) (local $k i64) (local $i {})\n"
        "(local.set $k (i64.const {}))\n{})\n",
        i, type, kOperand, replaced(body, "$T", type));
  }
  return text + ")\n";
}

std::vector<u64> Plan::arguments(const Function& function) const {
  if (function.producer == nullptr) return {0};
  const u64 limit = memory_.size - function.access->bytes - offset_;
  std::vector<u64> indices = {0,
                              1,
                              8,
                              limit - 1,
                              limit,
                              limit + 1,
                              limit & ~u64{7},
                              memory_.size - 1,
                              memory_.size,
                              0x7fff'ffff,
                              0x8000'0000,
                              0x8000'0000 - offset_,
                              0xffff'fff8,
                              0xffff'ffff,
                              (u64{1} << 32) - offset_,
                              kTableSize - 1,
                              kTableSize};
  if (memory_.is_64) {
    for (const u64 index : {u64{1} << 32, u64{1} << 33, u64{1} << 63, ~u64{0}, ~u64{7},
                            u64{0} - offset_, u64{8} - offset_, ~offset_}) {
      indices.push_back(index);
    }
  }
  std::vector<u64> raws;
  for (const u64 index : indices) {
    const u64 raw = function.producer->raw(index);
    // Above an index of 32 bits there may be anything.
    raws.push_back(memory_.is_64 ? raw : static_cast<u32>(raw) | 0xdead'beef'0000'0000);
    if (!memory_.is_64) raws.push_back(static_cast<u32>(raw));
  }
  return raws;
}

bool Plan::is_inside(u64 index, u64 bytes) const {
  using u128 = unsigned __int128;
  return u128{index} + offset_ + bytes <= memory_.size;
}

Plan::Outcome Plan::expect(const Function& function, u64 raw, std::span<u8> model) const {
  const Producer* const producer = function.producer;
  if (producer == nullptr) {
    return access(*function.access, narrow(function.constant, memory_.is_64), model);
  }
  const u64 index = producer->index(raw, memory_.is_64);
  if (producer->reads_first && index >= memory_.size) return trap(jit::Trap::MemoryOutOfBounds);
  return access(*function.access, index, model);
}

Plan::Outcome Plan::access(const Access& access, u64 index, std::span<u8> model) const {
  switch (access.effect) {
    case Effect::Index:
      return value(index);
    case Effect::IsZero:
      return value(index == 0 ? 1 : 2);
    case Effect::Branch:
      return value(10 + std::min<u64>(index, 2));
    case Effect::TableGet:
      return index < kTableSize ? value(1) : trap(jit::Trap::TableOutOfBounds);
    case Effect::TableCall:
      return index < kTableSize ? value(7) : trap(jit::Trap::UndefinedElement);
    case Effect::CopyLength:
      return index <= memory_.size ? value(0) : trap(jit::Trap::MemoryOutOfBounds);
    default:
      break;
  }
  if (access.is_atomic && (index + offset_) % access.bytes != 0) {
    return trap(jit::Trap::UnalignedAtomic);
  }
  if (!is_inside(index, access.bytes)) return trap(jit::Trap::MemoryOutOfBounds);
  return touch(access, model.data() + index + offset_);
}

Plan::Outcome Plan::touch(const Access& access, u8* at) {
  const u32 bytes = access.bytes;
  const u64 old = read(at, std::min(bytes, 8u));
  const u64 mask = bytes >= 8 ? ~u64{0} : (u64{1} << 8 * bytes) - 1;
  const u64 sum = (old + kOperand) & mask;
  const u64 difference = old ^ kOperand;
  switch (access.effect) {
    case Effect::Load:
    case Effect::Compare:
      return value(old);
    case Effect::Load32S:
      return value(static_cast<u32>(sign_extend(old, bytes)));
    case Effect::Load64S:
      return value(sign_extend(old, bytes));
    case Effect::LoadLast8:
      return value(read(at + bytes - 8, 8));
    case Effect::LoadPlus:
      return value(sum);
    case Effect::Store:
      std::memcpy(at, &kOperand, bytes);
      return value(0);
    case Effect::StorePlus:
      std::memcpy(at, &sum, bytes);
      return value(0);
    case Effect::Exchange:
      std::memcpy(at, &sum, bytes);
      return value(old);
    case Effect::ExchangeXor:
      std::memcpy(at, &difference, bytes);
      return value(old);
    default:
      return value(0);
  }
}

std::vector<Plan> all_plans() {
  std::vector<Plan> plans;
  for (const MemoryKind& memory : kMemories) {
    for (const u64 offset : kOffsets) plans.emplace_back(memory, offset);
    if (!memory.is_64) continue;
    for (const u64 offset : kLongOffsets) plans.emplace_back(memory, offset);
  }
  return plans;
}

}  // namespace lr::boundary
