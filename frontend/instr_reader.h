// Reads one instruction with its immediates and says nothing about its typing: what printers, the
// evaluation of constant expressions and whoever skips code need. The validator uses it for all
// but the hottest instructions.
#pragma once

#include "frontend/features.h"
#include "frontend/opcode.h"
#include "frontend/reader.h"
#include "frontend/type_reader.h"

namespace lr {

struct Instr {
  Op op = kNoOp;
  u32 offset = 0;  // Of the opcode.

  // Which of these mean something follows from the row's Immediate, in the order it names them.
  u32 index = 0;   // The first index: label, function, type, tag, local, memory, segment, ...
  u32 index2 = 0;  // The second one: table, field, memory, segment, type. ArrayFixed: the count.
  u64 value = 0;   // Constants (an i32 zero-extended, floats as bits); MemArg: the offset.
  u8 align_log2 = 0;
  u8 lane = 0;
  u8 flags = 0;       // BrOnCast.
  u8 bytes[16] = {};  // V128Const, Shuffle.
  BlockType block;    // BlockType, TryTable.
  ValType type;       // Raw. HeapType, SelectTypes; BrOnCast: the source.
  ValType type2;      // Raw. BrOnCast: the target.
  // BrTable: `count` labels and the default follow `list_offset` (LEB128 u32 each).
  // TryTable: `count` clauses, for read_catch(). SelectTypes: `count` types, `type` is the first.
  u32 count = 0;
  u32 list_offset = 0;
};

struct Catch {
  enum class Kind : u8 { Tag = 0, TagRef = 1, All = 2, AllRef = 3 };
  Kind kind{};
  u32 tag = 0;
  u32 label = 0;
  bool has_tag() const { return kind == Kind::Tag || kind == Kind::TagRef; }
  bool has_ref() const { return kind == Kind::TagRef || kind == Kind::AllRef; }
};

inline constexpr u32 kBrTableMax = 65'520;

// The opcode at the cursor, kNoOp (and an error) if it is none or its feature is off.
Op read_opcode(Reader& reader, const FeatureSet& features);

// The next instruction. At an error, `op` is kNoOp and the reader has it.
void read_instr(Reader& reader, const FeatureSet& features, Instr& instr);

Catch read_catch(Reader& reader);

}  // namespace lr
