// Addresses, memories and tables.
#include <algorithm>

#include "spec-tests/fuzz/code_generator.h"
#include "spec-tests/fuzz/constants.h"

namespace lr::fuzz {

namespace {

constexpr u64 kPage = 65536;
constexpr u32 kWalkMax = 32;  // Steps, those of loops around counted.
constexpr u64 kHostileOffsets[] = {
    65535,       65536,       0x0fff'ffff, 0x1000'0000, 0x7fff'fff8, 0x7fff'ffff,
    0x8000'0000, 0xffff'fff0, 0xffff'fff8, 0xffff'ffff, 4096,        0x1'0000,
};
constexpr u64 kHostileIndexes[] = {
    65535,       65536,       65532,       0x0fff'ffff, 0x1000'0000, 0x7fff'ffff,
    0x7fff'fff8, 0x8000'0000, 0xffff'fff0, 0xffff'fff8, 0xffff'fffc, 0xffff'ffff,
};

u32 log2_of(u32 bytes) { return bytes >= 16 ? 4 : bytes == 8 ? 3 : bytes == 4 ? 2 : bytes / 2; }

}  // namespace

// An index into something of `limit` elements, masked so that it is mostly inside.
void CodeGenerator::index_below(u64 limit, bool is_64, bool may_be_hostile) {
  const Kind kind = is_64 ? Kind::I64 : Kind::I32;
  if (may_be_hostile && chance(taste_.hostile)) {
    if (chance(50)) return exact(number(kind));
    const u64 index = kHostileIndexes[choices_.below(std::size(kHostileIndexes))];
    return address_const(is_64, is_64 && chance(30) ? pick_i64(choices_) : index);
  }
  u64 mask = 1;
  while (mask * 2 <= limit) mask *= 2;
  mask--;
  if (chance(25) || mask == 0)
    return address_const(is_64, choices_.below(static_cast<u32>(mask) + 1));
  exact(number(kind));
  if (mask >= 63 && chance(25)) {  // A scaled index.
    const u32 shift = choices_.between(1, 3);
    address_const(is_64, mask >> shift);
    op(is_64 ? Op::I64And : Op::I32And);
    address_const(is_64, shift);
    op(is_64 ? Op::I64Shl : Op::I32Shl);
    return;
  }
  address_const(is_64, mask >> choices_.below(mask > 255 ? 6 : 1));
  op(is_64 ? Op::I64And : Op::I32And);
}

CodeGenerator::Access CodeGenerator::address(u32 memory, u32 bytes, bool aligned) {
  const MemoryPlan& plan = plan_.memories[memory];
  const u64 size = plan.bytes();
  Access access{memory, 0};
  if (chance(taste_.hostile)) {
    access.offset = kHostileOffsets[choices_.below(std::size(kHostileOffsets))];
    if (plan.is_64 && chance(30)) access.offset = pick_i64(choices_);
    if (aligned) access.offset &= ~u64{15};
  } else if (chance(60)) {
    access.offset = choices_.below(aligned ? 8 : 80) * (aligned ? bytes : 1);
  }
  if (size < 256) {
    address_const(plan.is_64, choices_.below(9));
    return access;
  }
  if (access.offset > kPage && chance(40)) {  // Both far away.
    address_const(plan.is_64, kHostileIndexes[choices_.below(std::size(kHostileIndexes))]);
    if (chance(50)) {
      const u32 local = temporary(plan.is_64 ? Kind::I64 : Kind::I32);
      op(Op::LocalTee, local);
    }
    return access;
  }
  if (aligned) {
    exact(number(plan.is_64 ? Kind::I64 : Kind::I32));
    address_const(plan.is_64, size / 2 - 16);
    op(plan.is_64 ? Op::I64And : Op::I32And);
    if (!chance(taste_.hostile)) {
      address_const(plan.is_64, ~u64{15});
      op(plan.is_64 ? Op::I64And : Op::I32And);
    }
    return access;
  }
  if (chance(8) && access.offset < 4096) {  // The last bytes.
    address_const(plan.is_64, size - access.offset - bytes);
    return access;
  }
  index_below(size - 128, plan.is_64, true);
  return access;
}

void CodeGenerator::mem_arg(const Access& access, u32 bytes, bool aligned) {
  const u32 natural = log2_of(bytes);
  const u32 align = aligned ? natural : choices_.below(natural + 1);
  out_.uleb(align | (access.memory != 0 ? 0x40 : 0));
  if (access.memory != 0) out_.uleb(access.memory);
  out_.uleb(access.offset);
}

// All accesses that return a value: loads, loads of lanes, atomic operations.
void CodeGenerator::load(Type type) {
  const std::span<const Op> loads = ops_.loads(type.kind);
  const u32 memory = choices_.below(static_cast<u32>(plan_.memories.size()));
  if (type.kind == Kind::I32 && plan_.memories[memory].is_shared && chance(5)) return wait(memory);
  const Op chosen = loads[choices_.below(static_cast<u32>(loads.size()))];
  const OpInfo& row = info(chosen);
  const bool atomic = row.immediate == Immediate::MemArgAtomic;
  const Access access = address(memory, row.access_bytes, atomic);
  for (u32 i = 1; i < row.signature.params_count; i++) {
    between_operands();
    const Kind kind = type_of_letter(row.signature.params[i]).kind;
    exact(number(kind));
  }
  op(chosen);
  mem_arg(access, row.access_bytes, atomic);
  if (row.immediate == Immediate::MemArgLane) out_.byte(choices_.below(16u / row.access_bytes));
}

// Nobody else is there to notify: the time is soon over.
void CodeGenerator::wait(u32 memory) {
  const bool wide = chance(50);
  const u32 bytes = wide ? 8 : 4;
  const Access access = address(memory, bytes, true);
  between_operands();
  if (chance(40)) {
    exact(number(wide ? Kind::I64 : Kind::I32));
  } else {  // What most memory holds.
    address_const(wide, 0);
  }
  address_const(true, choices_.below(3));
  op(wide ? Op::MemoryAtomicWait64 : Op::MemoryAtomicWait32);
  mem_arg(access, bytes, true);
}

void CodeGenerator::store() {
  if (plan_.memories.empty()) return;
  const std::span<const Op> stores = ops_.stores();
  const u32 memory = choices_.below(static_cast<u32>(plan_.memories.size()));
  // The plain ones are few among the atomic ones and those of lanes.
  const Op chosen = stores[choices_.below(chance(60) ? 9 : static_cast<u32>(stores.size()))];
  const OpInfo& row = info(chosen);
  const bool atomic = row.immediate == Immediate::MemArgAtomic;
  const Kind kind = type_of_letter(row.signature.params[1]).kind;
  const bool is_float = kind == Kind::F32 || kind == Kind::F64;
  if (is_float && !plan_.memories[memory].is_64 && chance(60)) {
    // The address is needed twice.
    const Access access = address(memory, row.access_bytes, atomic);
    const u32 local = add_reserved(number(Kind::I32));  // Nothing in between may change it.
    op(Op::LocalTee, local);
    between_operands();
    loose(number(kind));
    op(chosen);
    mem_arg(access, row.access_bytes, atomic);
    return store_float(chosen, access, local);
  }
  const Access access = address(memory, row.access_bytes, atomic);
  between_operands();
  exact(number(kind));
  op(chosen);
  mem_arg(access, row.access_bytes, atomic);
  if (row.immediate == Immediate::MemArgLane) out_.byte(choices_.below(16u / row.access_bytes));
}

// What was stored may be a NaN of any kind: make it the one.
void CodeGenerator::store_float(Op store, const Access& access, u32 local) {
  const bool narrow = store == Op::F32Store;
  op(Op::LocalGet, local);
  op(Op::LocalGet, local);
  op(narrow ? Op::F32Load : Op::F64Load);
  mem_arg(access, narrow ? 4 : 8, false);
  make_exact(narrow ? Loose::F32 : Loose::F64, narrow ? Kind::F32 : Kind::F64);
  op(store);
  mem_arg(access, narrow ? 4 : 8, false);
}

// p[k] = p[k] op x, which compilers like to fuse.
void CodeGenerator::update() {
  if (plan_.memories.empty() || plan_.memories[0].is_64 || plan_.memories[0].bytes() < kPage)
    return;
  const bool wide = chance(50);
  u32 local = pick_local(number(Kind::I32), true);
  if (local == kNoLocal) local = temporary(Kind::I32);
  index_below(kPage - 128, false, true);
  op(Op::LocalSet, local);
  const Access access{0, choices_.below(64)};
  op(Op::LocalGet, local);
  if (chance(20)) {
    const u32 other = pick_local(number(Kind::I32), true);
    if (other != kNoLocal && other != local) {  // The address changes below the load.
      op(Op::LocalGet, local);
      op(Op::LocalSet, other);
    }
  }
  op(Op::LocalGet, local);
  op(wide ? Op::I64Load : Op::I32Load);
  mem_arg(access, wide ? 8 : 4, false);
  if (chance(60)) {
    leaf(number(wide ? Kind::I64 : Kind::I32));
  } else {
    exact(number(wide ? Kind::I64 : Kind::I32));
  }
  constexpr Op kWide[] = {Op::I64Add, Op::I64Sub, Op::I64And, Op::I64Or, Op::I64Xor, Op::I64Mul};
  constexpr Op kNarrow[] = {Op::I32Add, Op::I32Sub, Op::I32And, Op::I32Or, Op::I32Xor, Op::I32Shl};
  op((wide ? kWide : kNarrow)[choices_.below(6)]);
  op(wide ? Op::I64Store : Op::I32Store);
  mem_arg(chance(90) ? access : Access{0, access.offset + 1}, wide ? 8 : 4, false);
}

// Several fields behind one unmasked index, which has been compared with the end before.
void CodeGenerator::guarded_accesses() {
  if (plan_.memories.empty() || plan_.memories[0].is_64 || plan_.memories[0].bytes() < kPage)
    return;
  u32 local = pick_local(number(Kind::I32), true);
  if (local == kNoLocal) local = temporary(Kind::I32);
  exact(number(Kind::I32));
  op(Op::LocalTee, local);
  i32_const(kPage - choices_.between(100, 200));
  op(Op::I32LtU);
  op(Op::If);
  out_.byte(0x40);
  open_label({}, false);
  for (u32 count = choices_.between(1, 5); count > 0; count--) {
    access_at(local);
    if (chance(taste_.hostile)) {  // What has been checked does not hold for the new value.
      i32_const(kHostileIndexes[choices_.below(std::size(kHostileIndexes))]);
      op(Op::LocalSet, local);
    }
  }
  op(Op::End);
  close_label();
  if (chance(taste_.hostile * 4)) access_at(local);  // On the other path nothing was checked.
}

void CodeGenerator::access_at(u32 local) {
  const Access access{0, choices_.below(90)};
  op(Op::LocalGet, local);
  const u32 which = choices_.below(4);
  const bool wide = which % 2 == 1;
  if (chance(50)) {
    constexpr Op kStores[] = {Op::I32Store, Op::I64Store, Op::I32Store8, Op::I64Store16};
    constexpr u32 kBytes[] = {4, 8, 1, 2};
    const Type type = number(wide ? Kind::I64 : Kind::I32);
    if (chance(60)) {
      leaf(type);
    } else {
      exact(type);
    }
    op(kStores[which]);
    mem_arg(access, kBytes[which], false);
  } else {
    constexpr Op kLoads[] = {Op::I32Load, Op::I64Load, Op::I32Load8S, Op::I64Load32U};
    constexpr u32 kBytes[] = {4, 8, 1, 4};
    op(kLoads[which]);
    mem_arg(access, kBytes[which], false);
    consume(number(wide ? Kind::I64 : Kind::I32));
  }
}

void CodeGenerator::walk() {
  const u32 room = kWalkMax / loop_work_;
  if (room < 2 || plan_.memories.empty() || plan_.memories[0].is_64) return;
  const u32 local = add_reserved(number(Kind::I32));
  const u32 counter = add_reserved(number(Kind::I32));
  index_below(kPage / 4, false, true);
  op(Op::LocalSet, local);
  i32_const(choices_.between(2, std::min(room, 6u)));
  op(Op::LocalSet, counter);
  if (chance(50)) access_at(local);
  op(Op::Loop);
  block_type({});
  open_label({reference(kHeapNoExn, false)}, true);  // Nobody else branches to it.
  access_at(local);
  if (chance(50)) access_at(local);
  op(Op::LocalGet, local);
  i32_const(chance(taste_.hostile * 3) ? 0x4000 << choices_.below(18) : choices_.below(64));
  op(Op::I32Add);
  op(Op::LocalSet, local);
  op(Op::LocalGet, counter);
  i32_const(1);
  op(Op::I32Sub);
  op(Op::LocalTee, counter);
  op(Op::BrIf, 0);
  op(Op::End);
  close_label();
}

void CodeGenerator::bulk_memory() {
  if (plan_.memories.empty() || !has(Feature::BulkMemory)) return;
  const u32 memories = static_cast<u32>(plan_.memories.size());
  const u32 to = choices_.below(memories);
  const MemoryPlan& memory = plan_.memories[to];
  const u64 size = memory.bytes() / 2;
  const auto length = [&](bool is_64) { index_below(chance(80) ? 64 : 8192, is_64, true); };
  switch (choices_.below(4)) {
    case 0:
      if (has(Feature::Threads) && chance(10)) {
        op(Op::AtomicFence);
        return out_.byte(0);
      }
      index_below(size, memory.is_64, true);
      exact(number(Kind::I32));
      length(memory.is_64);
      return op(Op::MemoryFill, to);
    case 1: {
      const u32 from = choices_.below(memories);
      const bool is_64 = plan_.memories[from].is_64;
      if (from == to && chance(40)) {  // Overlapping, forwards or backwards.
        const u32 local = add_reserved(number(is_64 ? Kind::I64 : Kind::I32));
        index_below(size, is_64, false);
        op(Op::LocalTee, local);
        op(Op::LocalGet, local);
        address_const(is_64, choices_.below(9) - u64{chance(50) ? 8u : 0u});
        op(is_64 ? Op::I64Add : Op::I32Add);
        address_const(is_64, choices_.below(40));
        op(Op::MemoryCopy, to);
        return out_.uleb(from);
      }
      index_below(size, memory.is_64, true);
      between_operands();
      index_below(plan_.memories[from].bytes() / 2, is_64, true);
      length(memory.is_64 && is_64);
      op(Op::MemoryCopy, to);
      return out_.uleb(from);
    }
    default: {
      if (plan_.data.empty()) return;
      const u32 segment = choices_.below(static_cast<u32>(plan_.data.size()));
      if (chance(10)) return op(Op::DataDrop, segment);
      const u32 bytes = static_cast<u32>(plan_.data[segment].bytes.size());
      index_below(size, memory.is_64, true);
      i32_const(choices_.below(bytes / 2 + 1));
      index_below(std::max(bytes / 2, 1u), false, true);
      op(Op::MemoryInit, segment);
      return out_.uleb(to);
    }
  }
}

void CodeGenerator::memory_size_or_grow() {
  if (plan_.memories.empty()) return constant(Kind::I32);
  const u32 memory = choices_.below(static_cast<u32>(plan_.memories.size()));
  const bool is_64 = plan_.memories[memory].is_64;
  if (chance(60)) {
    op(Op::MemorySize, memory);
  } else {
    if (chance(80)) {
      address_const(is_64, choices_.below(3));
    } else {
      exact(number(is_64 ? Kind::I64 : Kind::I32));
    }
    op(Op::MemoryGrow, memory);
  }
  if (is_64) op(Op::I32WrapI64);
}

// -- Tables ---------------------------------------------------------------------------------------

u32 CodeGenerator::pick_table(Type element) {
  const u32 count = static_cast<u32>(plan_.tables.size());
  const u32 first = choices_.below(count);
  for (u32 i = 0; i < count; i++) {
    const u32 table = (first + i) % count;
    if (plan_.is_subtype(plan_.tables[table].element, element)) return table;
  }
  return kNoLocal;
}

void CodeGenerator::table_index(u32 table) {
  index_below(std::max(plan_.tables[table].size, 1u), plan_.tables[table].is_64, true);
}

void CodeGenerator::table_size_or_grow() {
  if (!has(Feature::ReferenceTypes)) return constant(Kind::I32);
  const u32 table = choices_.below(static_cast<u32>(plan_.tables.size()));
  const TablePlan& plan = plan_.tables[table];
  if (chance(50)) {
    op(Op::TableSize, table);
  } else {
    reference_value(plan.element);
    if (chance(80)) {
      address_const(plan.is_64, choices_.below(3));
    } else {
      exact(number(plan.is_64 ? Kind::I64 : Kind::I32));
    }
    op(Op::TableGrow, table);
  }
  if (plan.is_64) op(Op::I32WrapI64);
}

void CodeGenerator::bulk_table() {
  if (!has(Feature::ReferenceTypes)) return;
  const u32 table = choices_.below(static_cast<u32>(plan_.tables.size()));
  const TablePlan& plan = plan_.tables[table];
  const u32 half = std::max(plan.size / 2, 1u);
  switch (choices_.below(5)) {
    case 0:
      table_index(table);
      between_operands();
      reference_value(plan.element);
      return op(Op::TableSet, table);
    case 1:
      index_below(half, plan.is_64, true);
      reference_value(plan.element);
      index_below(half, plan.is_64, true);
      return op(Op::TableFill, table);
    case 2: {
      const u32 from = pick_table(plan.element);
      if (from == kNoLocal) return;
      const bool is_64 = plan_.tables[from].is_64;
      index_below(half, plan.is_64, true);
      index_below(std::max(plan_.tables[from].size / 2, 1u), is_64, true);
      index_below(half, plan.is_64 && is_64, true);
      op(Op::TableCopy, table);
      return out_.uleb(from);
    }
    default: {
      const u32 segment = choices_.below(static_cast<u32>(plan_.elements.size()));
      if (chance(10)) return op(Op::ElemDrop, segment);
      if (!plan_.is_subtype(plan_.elements[segment].element, plan.element)) return;
      index_below(half, plan.is_64, true);
      i32_const(choices_.below(2));
      index_below(std::max<u64>(plan_.elements[segment].values.size() / 2, 1), false, true);
      op(Op::TableInit, segment);
      return out_.uleb(table);
    }
  }
}

}  // namespace lr::fuzz
