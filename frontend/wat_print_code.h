// Instructions from bytes to text, one to a line in a function and all on one line in a constant
// expression.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "frontend/instr_reader.h"
#include "frontend/reader.h"
#include "frontend/wat_ids.h"
#include "frontend/wat_print_types.h"

namespace lr {

// Offsets from the first byte of a body, and what the hint at an instruction there says.
using HintTable = std::unordered_map<u32, u8>;

class WatCodePrinter {
 public:
  // `locals` and `labels` may be null.
  WatCodePrinter(const PrintedModule& module, Reader& reader, std::string& out,
                 const IdTable* locals, const LabelNames* labels)
      : module_(module), reader_(reader), out_(out), locals_(locals), labels_(labels) {}

  // The instructions of a function, each on a line of its own, up to its `end`.
  void print_body(u32 body_offset, const HintTable* hints);
  // A constant expression up to its `end`, alone in `out`; in parentheses if it is one instruction.
  std::string take_expression();

 private:
  static constexpr u32 kNone = ~u32{0};
  struct Label {
    Op op{};                // That opened the block; Else or CatchAll when those are behind.
    std::string_view name;  // Empty for none.
    u32 shadowed = kNone;
  };

  void new_line(usize depth);
  void push_label(Op op);
  // Refuses parts of a block where they cannot stand.
  bool fits(Op op);
  void pop_label();
  std::string label(u32 depth) const;
  void instruction(const Instr& instr);
  void immediates(const Instr& instr);
  void more_immediates(const Instr& instr);
  void block(const Instr& instr);
  void catch_clauses(const Instr& instr);
  void br_table(const Instr& instr);
  void select_types(const Instr& instr);
  void memory_argument(const Instr& instr);
  void add(std::string_view text) {
    out_ += ' ';
    out_ += text;
  }
  void add_number(u64 number);
  void add_ref(Space space, u32 index) { add(module_.names[space].ref(index)); }
  void add_unless_zero(Space space, u32 index);
  void add_pair(Space space, u32 first, u32 second);

  const PrintedModule& module_;
  Reader& reader_;
  std::string& out_;
  const IdTable* locals_;
  const LabelNames* labels_;
  std::vector<Label> open_;
  std::unordered_map<std::string_view, u32> visible_;  // To an index in open_.
  u32 blocks_ = 0;
};

}  // namespace lr
