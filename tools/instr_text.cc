#include "tools/instr_text.h"

#include <fmt/format.h>

#include <bit>

namespace lr::cli {

namespace {

std::string block_text(const BlockType& block) {
  switch (block.form) {
    case BlockType::Form::Empty:
      return "";
    case BlockType::Form::Value:
      return fmt::format(" (result {})", name_of(block.value));
    case BlockType::Form::Index:
      return fmt::format(" (type {})", block.index);
  }
  return "";
}

std::string memarg_text(const Instr& instr) {
  std::string text;
  if (instr.index != 0) text += fmt::format(" {}", instr.index);
  if (instr.value != 0) text += fmt::format(" offset={}", instr.value);
  const u32 natural = info(instr.op).access_bytes;
  if (u32{1} << instr.align_log2 != natural) {
    text += fmt::format(" align={}", u32{1} << instr.align_log2);
  }
  return text;
}

std::string labels_text(const Module& module, const Instr& instr) {
  Diag diag;
  Reader reader(module.bytes, instr.list_offset, module.bytes.size(), diag);
  std::string text;
  for (u32 i = 0; i <= instr.count; i++) text += fmt::format(" {}", reader.leb_u32());
  return text;
}

std::string function_text(const Module& module, u32 index) {
  const std::string_view name = module.function_name(index);
  return name.empty() ? fmt::format(" {}", index) : fmt::format(" ${}", name);
}

}  // namespace

std::string instr_text(const Module& module, const Instr& instr) {
  std::string text(info(instr.op).text);
  switch (info(instr.op).immediate) {
    case Immediate::None:
    case Immediate::AtomicFence:
      return text;
    case Immediate::BlockType:
    case Immediate::TryTable:
      return text + block_text(instr.block);
    case Immediate::BrTable:
      return text + labels_text(module, instr);
    case Immediate::FuncIndex:
      return text + function_text(module, instr.index);
    case Immediate::MemArg:
    case Immediate::MemArgAtomic:
      return text + memarg_text(instr);
    case Immediate::MemArgLane:
      return text + memarg_text(instr) + fmt::format(" {}", instr.lane);
    case Immediate::I32Const:
      return text + fmt::format(" {}", static_cast<i32>(instr.value));
    case Immediate::I64Const:
      return text + fmt::format(" {}", static_cast<i64>(instr.value));
    case Immediate::F32Const:
      return text + fmt::format(" {}", std::bit_cast<f32>(static_cast<u32>(instr.value)));
    case Immediate::F64Const:
      return text + fmt::format(" {}", std::bit_cast<f64>(instr.value));
    case Immediate::Lane2:
    case Immediate::Lane4:
    case Immediate::Lane8:
    case Immediate::Lane16:
      return text + fmt::format(" {}", instr.lane);
    case Immediate::V128Const:
    case Immediate::Shuffle:
      for (u8 byte : instr.bytes) text += fmt::format(" {}", byte);
      return text;
    case Immediate::CallIndirect:
      return text + fmt::format(" {} (type {})", instr.index2, instr.index);
    case Immediate::SelectTypes:
    case Immediate::HeapType:
      return text + fmt::format(" {}", name_of(instr.type));
    case Immediate::BrOnCast:
      return text +
             fmt::format(" {} {} {}", instr.index, name_of(instr.type), name_of(instr.type2));
    case Immediate::MemoryCopy:
    case Immediate::MemoryInit:
    case Immediate::TableCopy:
    case Immediate::TableInit:
    case Immediate::Field:
    case Immediate::ArrayFixed:
    case Immediate::ArrayData:
    case Immediate::ArrayElem:
    case Immediate::ArrayCopy:
      return text + fmt::format(" {} {}", instr.index, instr.index2);
    case Immediate::Label:
    case Immediate::TypeIndex:
    case Immediate::TagIndex:
    case Immediate::LocalIndex:
    case Immediate::GlobalIndex:
    case Immediate::TableIndex:
    case Immediate::MemoryIndex:
    case Immediate::DataIndex:
    case Immediate::ElemIndex:
      return text + fmt::format(" {}", instr.index);
  }
  return text;
}

}  // namespace lr::cli
