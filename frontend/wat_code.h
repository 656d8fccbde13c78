// Instructions of the text format (specification section 6.5), plain and folded, to code bytes.
// Nested blocks and folded instructions live on a stack of frames, never on the machine's.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "frontend/opcode.h"
#include "frontend/wat_context.h"
#include "frontend/wat_writer.h"

namespace lr {

struct BranchHint {
  u32 offset = 0;  // Of the instruction, from the first byte of the writer.
  u8 value = 0;
};

struct LabelName {
  u32 index = 0;  // Blocks count in the order of their opcodes.
  std::string_view name;
};

class WatCode {
 public:
  // Identifiers in `locals` are what local.get and its like may name.
  WatCode(WatContext& context, const IndexSpace& locals, WatWriter& out)
      : context_(context), in_(context.in), locals_(locals), out_(out) {}

  // Instructions up to the parenthesis that closes what they stand in. No `end` is written.
  void parse_sequence() { parse(false); }
  // One instruction in parentheses.
  void parse_folded() { parse(true); }

  const std::vector<BranchHint>& hints() const { return hints_; }
  const std::vector<LabelName>& label_names() const { return label_names_; }

 private:
  enum class FrameKind : u8 {
    Plain,        // (op ... | operands)
    FoldedBlock,  // (block ... | instructions)
    FoldedIf,     // (if ... | operands (then ...) (else ...))
    FoldedTry,    // (try ... | (do ...) (catch ...) ...)
    Arm,          // (then | instructions)
    FlatBlock,    // block ... | instructions end
    FlatIf,
    FlatTry,
  };
  // What of an if or a try has been seen.
  enum class Part : u8 { Head, Body, Catch, Last, Delegate };
  struct Frame {
    FrameKind kind{};
    Part part = Part::Head;
    std::optional<u8> hint;
    u32 pending = 0;                     // Where in pending_ its bytes begin.
    std::optional<std::string_view> id;  // Of a folded if.
  };
  static constexpr u32 kNoLabel = ~u32{0};
  struct Label {
    std::optional<std::string_view> id;
    u32 shadowed = kNoLabel;  // The label that has the same id further out.
  };

  void parse(bool only_one);
  void parse_flat();
  void parse_open();
  void parse_close();
  bool parse_if_arm(Frame& frame);
  void parse_try_arm(Frame& frame);
  void parse_else();
  void parse_catch(Word word);
  void parse_end();
  void parse_delegate();
  void begin_block(Word word, bool is_folded, std::optional<u8> hint);
  void plain_instruction(Op op, WatWriter& to);

  void push_label(std::optional<std::string_view> id);
  void pop_label();
  void expect_same_label();
  void delegate();
  void push_frame(FrameKind kind, Part part);
  void begin_folded_if(std::optional<std::string_view> id, std::optional<u8> hint);
  void emit(Op op) { emit(op, out_); }
  static void emit(Op op, WatWriter& to);
  void emit_pending(const Frame& frame);
  std::optional<u8> take_hint();
  void record_hint(std::optional<u8> hint);
  void check_hint_target(bool has_hint, Word word, const Token& token);

  void immediates(Op op, WatWriter& to);
  void memory_immediates(Op op, WatWriter& to);
  void type_immediates(Op op, WatWriter& to);
  void constant(Immediate kind, WatWriter& to);
  void block_type(WatWriter& to);
  void catch_clauses(WatWriter& to);
  void label(WatWriter& to);
  void labels(WatWriter& to);
  void index(Space space, WatWriter& to) { to.unsigned_leb(context_.index(space)); }
  void optional_index(Space space, WatWriter& to);
  void optional_index_then(Space first, Space second, WatWriter& to);
  void index_pair(Space space, WatWriter& to);
  void call_indirect(WatWriter& to);
  void field(WatWriter& to);
  void memarg(const OpInfo& info, bool has_lane, WatWriter& to);
  void lane(WatWriter& to);
  void shuffle_lanes(WatWriter& to);
  void vector_constant(WatWriter& to);
  void number(Word type, WatWriter& to);
  void br_on_cast(WatWriter& to);

  WatContext& context_;
  TextCursor& in_;
  const IndexSpace& locals_;
  WatWriter& out_;
  WatWriter pending_;  // Instructions that wait for their operands.
  std::vector<Frame> frames_;
  std::vector<Label> labels_;
  std::unordered_map<std::string_view, u32> label_ids_;  // To an index in labels_.
  std::vector<BranchHint> hints_;
  std::vector<LabelName> label_names_;
  u32 blocks_ = 0;
};

}  // namespace lr
