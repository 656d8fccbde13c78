// Instructions as the machine executes them: decoded when a function is first called, one record
// each, with the side table of what the structure of a body says: where blocks end, what they take
// and leave, which handlers they have. Everything here comes from the bytes alone.
#pragma once

#include <vector>

#include "frontend/instr_reader.h"
#include "frontend/module.h"
#include "spec-tests/interpreter/value.h"

namespace lr::interp {

struct Inst {
  Op op = kNoOp;
  u8 lane = 0;
  u32 index = 0;  // The first immediate index; of blocks, casts and 16-byte constants, see Code.
  // Offset, constant, or the second index; of br_table the number of labels before the default.
  u64 value = 0;
};

static_assert(sizeof(Inst) == 16);

struct Block {
  u32 params = 0;
  u32 results = 0;
  u32 start = 0;    // The instruction behind the one that opens it.
  u32 other = 0;    // If: where a false condition leads.
  u32 end = 0;      // Its `end` (or `delegate`).
  u32 handler = 0;  // First of its handlers, in Code::handlers.
  u32 handlers = 0;
  u32 delegate = 0;  // Of a `try` that delegates: the depth it names.
  bool delegates = false;
};

// A clause of try_table, or a catch of the legacy try.
struct Handler {
  Catch clause;
  u32 start = 0;  // Legacy: the instruction behind `catch`.
};

// br_on_cast, ref.test, ...
struct CastInfo {
  ValType source;
  ValType target;
};

struct Code {
  std::vector<Inst> insts;
  std::vector<Block> blocks;      // By Inst::index of an instruction that opens a block.
  std::vector<Handler> handlers;  // Those of a block are adjacent.
  std::vector<u32> labels;        // Of br_table, from Inst::index.
  std::vector<CastInfo> casts;    // By Inst::index; of branches by Inst::value.
  std::vector<V128> vectors;      // v128.const, shuffle.
  u32 params = 0;
  u32 results = 0;
  u32 locals = 0;  // Without parameters. All of them begin as zero.
};

// `index` is of a function that the module defines.
Code decode_function(const Module& module, u32 index);
// As a function without parameters and with one result.
Code decode_const_expr(const Module& module, const ConstExpr& expr);

}  // namespace lr::interp
