#include "spec-tests/interpreter/code.h"

#include "base/check.h"

namespace lr::interp {

namespace {

class CodeReader {
 public:
  CodeReader(const Module& module, u32 from, u32 size, Code& code)
      : module_(module), reader_(module.bytes, from, from + size, diag_), code_(code) {}

  void read_locals() {
    const u32 groups = reader_.leb_u32();
    for (u32 i = 0; i < groups; i++) {
      code_.locals += reader_.leb_u32();
      read_val_type(reader_, features_);
    }
  }

  // To the `end` of the body, which becomes a return.
  void read_body() {
    Instr instr;
    for (;;) {
      read_instr(reader_, features_, instr);
      CHECK(reader_.ok());  // Valid.
      if (instr.op == Op::End && open_.empty()) break;
      add(instr);
    }
    code_.insts.push_back({.op = Op::Return});
  }

 private:
  ValType resolved(ValType raw) const {
    if (raw.is_ref() && raw.heap == Heap::Defined) raw.type = module_.types[raw.type];
    return raw;
  }
  u32 here() const { return static_cast<u32>(code_.insts.size()); }
  Block& innermost() { return code_.blocks[open_.back()]; }

  void open_block(const Instr& instr, Inst& inst) {
    inst.index = static_cast<u32>(code_.blocks.size());
    Block block;
    if (instr.block.form == BlockType::Form::Index) {
      const DefinedType& type = defined_type(module_.types[instr.block.index]);
      block.params = static_cast<u32>(type.params.size());
      block.results = static_cast<u32>(type.results.size());
    } else {
      block.results = instr.block.form == BlockType::Form::Value ? 1 : 0;
    }
    block.start = here() + 1;
    open_.push_back(inst.index);
    pending_.emplace_back();
    code_.blocks.push_back(block);
  }

  void close_block() {
    Block& block = innermost();
    block.end = here();
    if (block.other == 0) block.other = here();
    std::vector<Handler>& handlers = pending_.back();
    if (!handlers.empty()) {
      block.handler = static_cast<u32>(code_.handlers.size());
      block.handlers = static_cast<u32>(handlers.size());
      code_.handlers.insert(code_.handlers.end(), handlers.begin(), handlers.end());
    }
    open_.pop_back();
    pending_.pop_back();
  }

  void add_catch_clauses(const Instr& instr) {
    Reader clauses(module_.bytes, instr.list_offset, reader_.end_offset(), diag_);
    for (u32 i = 0; i < instr.count; i++) pending_.back().push_back({read_catch(clauses)});
  }

  void add_labels(const Instr& instr, Inst& inst) {
    inst.index = static_cast<u32>(code_.labels.size());
    inst.value = instr.count;
    Reader labels(module_.bytes, instr.list_offset, reader_.end_offset(), diag_);
    for (u32 i = 0; i <= instr.count; i++) code_.labels.push_back(labels.leb_u32());
  }

  // What opens, divides and closes blocks. False for all others.
  bool add_structure(const Instr& instr, Inst& inst) {
    switch (instr.op) {
      case Op::Block:
      case Op::Loop:
      case Op::If:
      case Op::Try:
        open_block(instr, inst);
        return true;
      case Op::TryTable:
        open_block(instr, inst);
        add_catch_clauses(instr);
        return true;
      case Op::Else:
        innermost().other = here() + 1;
        inst.index = open_.back();
        return true;
      case Op::Catch:
      case Op::CatchAll: {
        const Catch::Kind kind = instr.op == Op::Catch ? Catch::Kind::Tag : Catch::Kind::All;
        pending_.back().push_back({{kind, instr.index, 0}, here() + 1});
        inst.index = open_.back();
        return true;
      }
      case Op::Delegate:
        innermost().delegates = true;
        innermost().delegate = instr.index;
        close_block();
        inst.op = Op::End;
        return true;
      case Op::End:
        close_block();
        return true;
      default:
        return false;
    }
  }

  void add(const Instr& instr) {
    Inst inst{instr.op, instr.lane, instr.index, instr.value};
    if (!add_structure(instr, inst)) add_plain(instr, inst);
    code_.insts.push_back(inst);
  }

  void add_plain(const Instr& instr, Inst& inst) {
    switch (info(instr.op).immediate) {
      case Immediate::BrTable:
        return add_labels(instr, inst);
      case Immediate::HeapType:
        inst.index = static_cast<u32>(code_.casts.size());
        code_.casts.push_back({kBottom, resolved(instr.type)});
        return;
      case Immediate::BrOnCast:
        inst.value = code_.casts.size();
        code_.casts.push_back({resolved(instr.type), resolved(instr.type2)});
        return;
      case Immediate::V128Const:
      case Immediate::Shuffle: {
        inst.index = static_cast<u32>(code_.vectors.size());
        std::memcpy(code_.vectors.emplace_back().bytes, instr.bytes, 16);
        return;
      }
      case Immediate::CallIndirect:
      case Immediate::TableCopy:
      case Immediate::TableInit:
      case Immediate::MemoryCopy:
      case Immediate::MemoryInit:
      case Immediate::Field:
      case Immediate::ArrayFixed:
      case Immediate::ArrayData:
      case Immediate::ArrayElem:
      case Immediate::ArrayCopy:
        inst.value = instr.index2;
        return;
      default:
        return;
    }
  }

  const Module& module_;
  const FeatureSet features_ = FeatureSet::all();
  Diag diag_;
  Reader reader_;
  Code& code_;
  std::vector<u32> open_;                      // Blocks that are open, by index.
  std::vector<std::vector<Handler>> pending_;  // Their handlers so far.
};

}  // namespace

Code decode_function(const Module& module, u32 index) {
  const Function& function = module.functions[index];
  Code code;
  code.params = static_cast<u32>(function.signature->params.size());
  code.results = static_cast<u32>(function.signature->results.size());
  CodeReader reader(module, function.body_offset, function.body_size, code);
  reader.read_locals();
  reader.read_body();
  return code;
}

Code decode_const_expr(const Module& module, const ConstExpr& expr) {
  Code code;
  code.results = 1;
  CodeReader(module, expr.offset, expr.size, code).read_body();
  return code;
}

}  // namespace lr::interp
