// Memory and table instructions (specification sections 4.6.11 and on), with waiting and notifying.
#include <algorithm>

#include "spec-tests/interpreter/steps.h"

namespace lr::interp {

u8* effective_address(Machine& m, const Inst& inst, u64 address, u64 bytes) {
  const MemInst& memory = *m.instance().memories[inst.index];
  const u64 size = memory.size_bytes();
  const u64 offset = inst.value;
  if (offset > size || address > size - offset || bytes > size - offset - address) {
    m.trap(Trap::MemoryOutOfBounds);
    return nullptr;
  }
  return memory.data() + offset + address;
}

u8* atomic_address(Machine& m, const Inst& inst, u64 address, u64 bytes) {
  if ((address + inst.value) % bytes == 0) return effective_address(m, inst, address, bytes);
  m.trap(Trap::UnalignedAtomic);
  return nullptr;
}

namespace {

// Whether [at, at + count) is inside.
bool is_inside(u64 at, u64 count, u64 size) { return at <= size && count <= size - at; }

// What a growth that failed gives, in the width of addresses.
u64 failed(const Limits& limits) { return limits.is_64 ? ~u64{0} : u64{~u32{0}}; }

constexpr u64 kBytesPerFuel = 64;

}  // namespace

// -- Memories -------------------------------------------------------------------------------------

void exec_MemorySize(Machine& m, const Inst& inst) {
  m.push(m.instance().memories[inst.index]->size_pages());
}

void exec_MemoryGrow(Machine& m, const Inst& inst) {
  MemInst& memory = *m.instance().memories[inst.index];
  const u64 old_pages = memory.size_pages();
  const bool grown = memory.grow(m.pop<u64>());
  m.push(grown ? old_pages : failed(memory.type().limits));
}

void exec_MemoryFill(Machine& m, const Inst& inst) {
  const u64 count = m.pop<u64>();
  const u8 byte = static_cast<u8>(m.pop<u32>());
  const u64 to = m.pop<u64>();
  MemInst& memory = *m.instance().memories[inst.index];
  if (!is_inside(to, count, memory.size_bytes())) return m.trap(Trap::MemoryOutOfBounds);
  if (count == 0 || !m.charge(count / kBytesPerFuel)) return;
  std::memset(memory.data() + to, byte, count);
}

void exec_MemoryCopy(Machine& m, const Inst& inst) {
  const u64 count = m.pop<u64>();
  const u64 from = m.pop<u64>();
  const u64 to = m.pop<u64>();
  MemInst& target = *m.instance().memories[inst.index];
  MemInst& source = *m.instance().memories[inst.value];
  if (!is_inside(to, count, target.size_bytes()) || !is_inside(from, count, source.size_bytes())) {
    return m.trap(Trap::MemoryOutOfBounds);
  }
  if (count == 0 || !m.charge(count / kBytesPerFuel)) return;
  std::memmove(target.data() + to, source.data() + from, count);
}

void exec_MemoryInit(Machine& m, const Inst& inst) {
  const u64 count = m.pop<u64>();
  const u64 from = m.pop<u64>();
  const u64 to = m.pop<u64>();
  MemInst& memory = *m.instance().memories[inst.value];
  const std::span<const u8> data = m.instance().data[inst.index];
  if (!is_inside(to, count, memory.size_bytes()) || !is_inside(from, count, data.size())) {
    return m.trap(Trap::MemoryOutOfBounds);
  }
  if (count == 0 || !m.charge(count / kBytesPerFuel)) return;
  std::memcpy(memory.data() + to, data.data() + from, count);
}

void exec_DataDrop(Machine& m, const Inst& inst) { m.instance().data[inst.index] = {}; }

// -- Tables ---------------------------------------------------------------------------------------

void exec_TableGet(Machine& m, const Inst& inst) {
  const std::vector<Ref>& elements = m.instance().tables[inst.index]->elements;
  const u64 at = m.pop<u64>();
  if (at >= elements.size()) return m.trap(Trap::TableOutOfBounds);
  m.push(elements[at]);
}

void exec_TableSet(Machine& m, const Inst& inst) {
  std::vector<Ref>& elements = m.instance().tables[inst.index]->elements;
  const Ref ref = m.pop<Ref>();
  const u64 at = m.pop<u64>();
  if (at >= elements.size()) return m.trap(Trap::TableOutOfBounds);
  elements[at] = ref;
}

void exec_TableSize(Machine& m, const Inst& inst) {
  m.push(u64{m.instance().tables[inst.index]->elements.size()});
}

void exec_TableGrow(Machine& m, const Inst& inst) {
  TableInst& table = *m.instance().tables[inst.index];
  const u64 count = m.pop<u64>();
  const Ref ref = m.pop<Ref>();
  const u64 old_size = table.elements.size();
  const u64 most =
      std::min(table.type.limits.max.value_or(~u64{0}), m.store().options().table_elements_max);
  if (count > most || old_size > most - count) return m.push(failed(table.type.limits));
  if (!m.charge(count / kBytesPerFuel)) return;
  table.elements.resize(old_size + count, ref);
  m.push(old_size);
}

void exec_TableFill(Machine& m, const Inst& inst) {
  std::vector<Ref>& elements = m.instance().tables[inst.index]->elements;
  const u64 count = m.pop<u64>();
  const Ref ref = m.pop<Ref>();
  const u64 to = m.pop<u64>();
  if (!is_inside(to, count, elements.size())) return m.trap(Trap::TableOutOfBounds);
  if (!m.charge(count / kBytesPerFuel)) return;
  std::fill_n(elements.data() + to, count, ref);
}

void exec_TableCopy(Machine& m, const Inst& inst) {
  std::vector<Ref>& target = m.instance().tables[inst.index]->elements;
  const std::vector<Ref>& source = m.instance().tables[inst.value]->elements;
  const u64 count = m.pop<u64>();
  const u64 from = m.pop<u64>();
  const u64 to = m.pop<u64>();
  if (!is_inside(to, count, target.size()) || !is_inside(from, count, source.size())) {
    return m.trap(Trap::TableOutOfBounds);
  }
  if (count == 0 || !m.charge(count / kBytesPerFuel)) return;
  std::memmove(target.data() + to, source.data() + from, count * sizeof(Ref));
}

void exec_TableInit(Machine& m, const Inst& inst) {
  std::vector<Ref>& table = m.instance().tables[inst.value]->elements;
  const std::vector<Ref>& segment = m.instance().elements[inst.index];
  const u64 count = m.pop<u64>();
  const u64 from = m.pop<u64>();
  const u64 to = m.pop<u64>();
  if (!is_inside(to, count, table.size()) || !is_inside(from, count, segment.size())) {
    return m.trap(Trap::TableOutOfBounds);
  }
  if (!m.charge(count / kBytesPerFuel)) return;
  std::copy_n(segment.data() + from, count, table.data() + to);
}

void exec_ElemDrop(Machine& m, const Inst& inst) {
  m.instance().elements[inst.index] = std::vector<Ref>();
}

// -- Waiting --------------------------------------------------------------------------------------
// One thread executes. Nobody could notify it, so that a wait without a time limit never ends, and
// one with a limit reaches it.

namespace {

enum WaitResult : u32 { kNotEqual = 1, kTimedOut = 2 };

template <typename T>
void wait(Machine& m, const Inst& inst) {
  const i64 timeout = m.pop<i64>();
  const T expected = m.pop<T>();
  const u8* const at = atomic_address(m, inst, m.pop<u64>(), sizeof(T));
  if (at == nullptr) return;
  if (!m.instance().memories[inst.index]->type().limits.is_shared) {
    return m.trap(Trap::ExpectedSharedMemory);
  }
  T value;
  std::memcpy(&value, at, sizeof(T));
  if (value != expected) return m.push<u32>(kNotEqual);
  if (timeout < 0) return m.wait_for_ever();
  m.push<u32>(kTimedOut);
}

}  // namespace

void exec_MemoryAtomicWait32(Machine& m, const Inst& inst) { wait<u32>(m, inst); }
void exec_MemoryAtomicWait64(Machine& m, const Inst& inst) { wait<u64>(m, inst); }

void exec_MemoryAtomicNotify(Machine& m, const Inst& inst) {
  m.drop(1);
  if (atomic_address(m, inst, m.pop<u64>(), sizeof(u32)) == nullptr) return;
  m.push<u32>(0);
}

void exec_AtomicFence(Machine&, const Inst&) {}

}  // namespace lr::interp
