#include "frontend/instr_reader.h"

#include <fmt/format.h>

#include <cstring>

namespace lr {

Op read_opcode(Reader& reader, const FeatureSet& features) {
  u32 at = reader.offset();
  u8 first = reader.byte();
  if (!reader.ok()) return kNoOp;
  Op op;
  if (is_prefix(first)) {
    u32 number = reader.leb_u32();
    if (!reader.ok()) return kNoOp;
    op = op_of_prefixed(first, number);
    if (op == kNoOp)
      reader.fail(Err::IllegalOpcode, at, fmt::format("{:02x} {:02x}", first, number));
  } else {
    op = op_of_byte(first);
    if (op == kNoOp) reader.fail(Err::IllegalOpcode, at, fmt::format("{:02x}", first));
  }
  if (op != kNoOp && !need(reader, features, info(op).feature, at)) return kNoOp;
  return op;
}

namespace {

void read_mem_arg(Reader& reader, const FeatureSet& features, Instr& instr) {
  u32 at = reader.offset();
  u32 flags = reader.leb_u32();
  if (flags >= 0x80) reader.fail(Err::BadMemop, at);
  instr.align_log2 = static_cast<u8>(flags & 0x3f);
  instr.index = 0;
  if ((flags & 0x40) != 0) {
    need(reader, features, Feature::MultiMemory, at);
    instr.index = reader.leb_u32();
  }
  instr.value = reader.leb_u64();
}

// A memory index where WebAssembly 1.0 has a zero byte.
u32 read_memory_index(Reader& reader, const FeatureSet& features) {
  u32 at = reader.offset();
  u32 index = reader.leb_u32();
  if (index != 0) need(reader, features, Feature::MultiMemory, at);
  return index;
}

void read_lane(Reader& reader, Instr& instr, u32 lanes) {
  u32 at = reader.offset();
  instr.lane = reader.byte();
  if (instr.lane >= lanes && reader.ok()) {
    reader.fail(Err::BadLane, at, fmt::format("{} of {}", instr.lane, lanes));
  }
}

void read_16_bytes(Reader& reader, Instr& instr) {
  auto bytes = reader.bytes(16);
  if (bytes.size() == 16) std::memcpy(instr.bytes, bytes.data(), 16);
}

void read_shuffle(Reader& reader, Instr& instr) {
  u32 at = reader.offset();
  read_16_bytes(reader, instr);
  for (u8 lane : instr.bytes) {
    if (lane >= 32) reader.fail(Err::BadLane, at, fmt::format("{} of 32", lane));
  }
}

void read_br_table(Reader& reader, Instr& instr) {
  u32 at = reader.offset();
  instr.count = reader.vector_count();
  if (instr.count > kBrTableMax) {
    reader.fail(Err::LimitExceeded, at, fmt::format("br_table of {} labels", instr.count));
  }
  instr.list_offset = reader.offset();
  for (u32 i = 0; i <= instr.count && reader.ok(); i++) reader.leb_u32();
}

void read_try_table(Reader& reader, const FeatureSet& features, Instr& instr) {
  instr.block = read_block_type(reader, features);
  instr.count = reader.vector_count();
  instr.list_offset = reader.offset();
  for (u32 i = 0; i < instr.count && reader.ok(); i++) read_catch(reader);
}

void read_select_types(Reader& reader, const FeatureSet& features, Instr& instr) {
  instr.count = reader.vector_count();
  instr.list_offset = reader.offset();
  instr.type = kBottom;
  for (u32 i = 0; i < instr.count && reader.ok(); i++) {
    ValType type = read_val_type(reader, features);
    if (i == 0) instr.type = type;
  }
}

void read_br_on_cast(Reader& reader, const FeatureSet& features, Instr& instr) {
  u32 at = reader.offset();
  instr.flags = reader.byte();
  if (instr.flags > 3) reader.fail(Err::BadCastFlags, at);
  instr.index = reader.leb_u32();
  instr.type = read_heap_type(reader, features);
  instr.type2 = read_heap_type(reader, features);
  instr.type.nullable = (instr.flags & 1) != 0;
  instr.type2.nullable = (instr.flags & 2) != 0;
}

void read_zero_byte(Reader& reader) {
  u32 at = reader.offset();
  if (reader.byte() != 0) reader.fail(Err::BadZeroByte, at);
}

// call_indirect's table; only index 0 without reference types.
u32 read_table_index(Reader& reader, const FeatureSet& features) {
  u32 at = reader.offset();
  u32 index = reader.leb_u32();
  if (index != 0) need(reader, features, Feature::ReferenceTypes, at);
  return index;
}

void read_immediate(Reader& reader, const FeatureSet& features, Instr& instr) {
  const OpInfo& row = info(instr.op);
  switch (row.immediate) {
    case Immediate::None:
      return;
    case Immediate::BlockType:
      instr.block = read_block_type(reader, features);
      return;
    case Immediate::BrTable:
      return read_br_table(reader, instr);
    case Immediate::TryTable:
      return read_try_table(reader, features, instr);
    case Immediate::Label:
    case Immediate::FuncIndex:
    case Immediate::TypeIndex:
    case Immediate::TagIndex:
    case Immediate::LocalIndex:
    case Immediate::GlobalIndex:
    case Immediate::TableIndex:
    case Immediate::DataIndex:
    case Immediate::ElemIndex:
      instr.index = reader.leb_u32();
      return;
    case Immediate::MemoryIndex:
      instr.index = read_memory_index(reader, features);
      return;
    case Immediate::CallIndirect:
      instr.index = reader.leb_u32();
      instr.index2 = read_table_index(reader, features);
      return;
    case Immediate::TableCopy:
    case Immediate::TableInit:
    case Immediate::Field:
    case Immediate::ArrayFixed:
    case Immediate::ArrayData:
    case Immediate::ArrayElem:
    case Immediate::ArrayCopy:
      instr.index = reader.leb_u32();
      instr.index2 = reader.leb_u32();
      return;
    case Immediate::MemoryCopy:
      instr.index = read_memory_index(reader, features);
      instr.index2 = read_memory_index(reader, features);
      return;
    case Immediate::MemoryInit:
      instr.index = reader.leb_u32();
      instr.index2 = read_memory_index(reader, features);
      return;
    case Immediate::MemArg:
    case Immediate::MemArgAtomic:
      return read_mem_arg(reader, features, instr);
    case Immediate::MemArgLane:
      read_mem_arg(reader, features, instr);
      return read_lane(reader, instr, 16u / row.access_bytes);
    case Immediate::I32Const:
      instr.value = static_cast<u32>(reader.leb_s32());
      return;
    case Immediate::I64Const:
      instr.value = static_cast<u64>(reader.leb_s64());
      return;
    case Immediate::F32Const:
      instr.value = reader.fixed_u32();
      return;
    case Immediate::F64Const:
      instr.value = reader.fixed_u64();
      return;
    case Immediate::V128Const:
      return read_16_bytes(reader, instr);
    case Immediate::Shuffle:
      return read_shuffle(reader, instr);
    case Immediate::Lane2:
      return read_lane(reader, instr, 2);
    case Immediate::Lane4:
      return read_lane(reader, instr, 4);
    case Immediate::Lane8:
      return read_lane(reader, instr, 8);
    case Immediate::Lane16:
      return read_lane(reader, instr, 16);
    case Immediate::SelectTypes:
      return read_select_types(reader, features, instr);
    case Immediate::HeapType:
      instr.type = read_heap_type(reader, features);
      return;
    case Immediate::BrOnCast:
      return read_br_on_cast(reader, features, instr);
    case Immediate::AtomicFence:
      return read_zero_byte(reader);
  }
}

}  // namespace

Catch read_catch(Reader& reader) {
  u32 at = reader.offset();
  u8 kind = reader.byte();
  if (kind > 3) reader.fail(Err::BadCatch, at);
  Catch clause;
  clause.kind = static_cast<Catch::Kind>(kind & 3);
  if (clause.has_tag()) clause.tag = reader.leb_u32();
  clause.label = reader.leb_u32();
  return clause;
}

void read_instr(Reader& reader, const FeatureSet& features, Instr& instr) {
  instr.offset = reader.offset();
  instr.op = read_opcode(reader, features);
  if (instr.op == kNoOp) return;
  read_immediate(reader, features, instr);
  if (!reader.ok()) instr.op = kNoOp;
}

}  // namespace lr
