#include "frontend/opcode.h"
#include "jit/compiler/compiler.h"

namespace lr::jit {

namespace {

void skip_heap_type(BodyReader& reader) {
  if (reader.peek() == 0x62) reader.byte();  // exact
  reader.signed_leb();
}

void skip_value_type(BodyReader& reader) {
  const u8 code = reader.peek();
  reader.signed_leb();
  if (code == 0x63 || code == 0x64) skip_heap_type(reader);
}

void skip_mem_arg(BodyReader& reader) {
  if ((reader.u32_leb() & 0x40) != 0) reader.u32_leb();
  reader.u64_leb();
}

void skip_try_table(BodyReader& reader) {
  skip_block_type(reader);
  for (u32 count = reader.u32_leb(); count > 0; count--) {
    const u8 kind = reader.byte();
    if (kind < 2) reader.u32_leb();  // catch, catch_ref: a tag
    reader.u32_leb();
  }
}

}  // namespace

void skip_block_type(BodyReader& reader) {
  // A value type with a heap type behind it, or one LEB128.
  const u8 code = reader.peek();
  if (code == 0x63 || code == 0x64) return skip_value_type(reader);
  reader.signed_leb();
}

void skip_immediates(BodyReader& reader, Op op) {
  switch (info(op).immediate) {
    case Immediate::None:
      return;
    case Immediate::BlockType:
      return skip_block_type(reader);
    case Immediate::Label:
    case Immediate::FuncIndex:
    case Immediate::TypeIndex:
    case Immediate::TagIndex:
    case Immediate::LocalIndex:
    case Immediate::GlobalIndex:
    case Immediate::TableIndex:
    case Immediate::MemoryIndex:
    case Immediate::DataIndex:
    case Immediate::ElemIndex:
      reader.u32_leb();
      return;
    case Immediate::BrTable:
      for (u32 count = reader.u32_leb() + 1; count > 0; count--) reader.u32_leb();
      return;
    case Immediate::TryTable:
      return skip_try_table(reader);
    case Immediate::CallIndirect:
    case Immediate::MemoryCopy:
    case Immediate::MemoryInit:
    case Immediate::TableCopy:
    case Immediate::TableInit:
    case Immediate::Field:
    case Immediate::ArrayFixed:
    case Immediate::ArrayData:
    case Immediate::ArrayElem:
    case Immediate::ArrayCopy:
      reader.u32_leb();
      reader.u32_leb();
      return;
    case Immediate::MemArg:
    case Immediate::MemArgAtomic:
      return skip_mem_arg(reader);
    case Immediate::MemArgLane:
      skip_mem_arg(reader);
      reader.byte();
      return;
    case Immediate::I32Const:
    case Immediate::I64Const:
      reader.signed_leb();
      return;
    case Immediate::F32Const:
      reader.skip(4);
      return;
    case Immediate::F64Const:
      reader.skip(8);
      return;
    case Immediate::V128Const:
    case Immediate::Shuffle:
      reader.skip(16);
      return;
    case Immediate::Lane2:
    case Immediate::Lane4:
    case Immediate::Lane8:
    case Immediate::Lane16:
    case Immediate::AtomicFence:
      reader.byte();
      return;
    case Immediate::SelectTypes:
      for (u32 count = reader.u32_leb(); count > 0; count--) skip_value_type(reader);
      return;
    case Immediate::HeapType:
      return skip_heap_type(reader);
    case Immediate::BrOnCast:
      reader.byte();
      reader.u32_leb();
      skip_heap_type(reader);
      skip_heap_type(reader);
      return;
  }
}

}  // namespace lr::jit
