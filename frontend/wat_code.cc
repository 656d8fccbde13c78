#include "frontend/wat_code.h"

#include <span>
#include <utility>

#include "frontend/wat_types.h"

namespace lr {

namespace {

// The instruction of a word that opens a block, or kNoOp.
Op block_op(Word word) {
  switch (word) {
    case Word::Block:
      return Op::Block;
    case Word::Loop:
      return Op::Loop;
    case Word::If:
      return Op::If;
    case Word::Try:
      return Op::Try;
    case Word::TryTable:
      return Op::TryTable;
    default:
      return kNoOp;
  }
}

constexpr std::string_view kInstruction = "an instruction";

}  // namespace

void WatCode::emit(Op op, WatWriter& to) {
  u32 code = info(op).code;
  if (code < 0x100) return to.byte(static_cast<u8>(code));
  to.byte(static_cast<u8>(code >> 12));
  to.unsigned_leb(code & 0xfff);
}

void WatCode::emit_pending(const Frame& frame) {
  out_.raw(std::span(pending_.bytes()).subspan(frame.pending));
  pending_.truncate(frame.pending);
}

std::optional<u8> WatCode::take_hint() {
  const Annotation* annotation = context_.take_annotation(kBranchHintAnnotation);
  if (annotation == nullptr) return std::nullopt;
  const Token* tokens = &in_.source().annotation_tokens[annotation->first];
  std::string bytes;
  if (tokens[0].kind == TokenKind::String && tokens[1].kind == TokenKind::End) {
    bytes = decode_string(in_.text_of(tokens[0]));
  }
  if (bytes.size() != 1 || static_cast<u8>(bytes[0]) > 1) {
    in_.fail_at_offset(annotation->offset, Err::BranchHintAnnotation,
                       "expected \"\\00\" or \"\\01\"");
    return std::nullopt;
  }
  if (const Annotation* second = context_.take_annotation(kBranchHintAnnotation)) {
    in_.fail_at_offset(second->offset, Err::BranchHintAnnotation, "duplicate annotation");
  }
  return static_cast<u8>(bytes[0]);
}

void WatCode::check_hint_target(bool has_hint, Word word, const Token& token) {
  bool is_target = word == Word::If || (is_instruction(word) && op_of(word) == Op::BrIf);
  if (has_hint && !is_target) in_.fail_at(token, Err::BranchHintTarget);
}

void WatCode::record_hint(std::optional<u8> hint) {
  if (hint) hints_.push_back({static_cast<u32>(out_.size()), *hint});
}

void WatCode::push_label(std::optional<std::string_view> id) {
  Label label{id};
  auto index = static_cast<u32>(labels_.size());
  if (id) {
    auto [found, is_new] = label_ids_.emplace(*id, index);
    if (!is_new) label.shadowed = std::exchange(found->second, index);
    label_names_.push_back({blocks_, *id});
  }
  blocks_++;
  labels_.push_back(label);
}

void WatCode::pop_label() {
  Label label = labels_.back();
  labels_.pop_back();
  if (!label.id) return;
  if (label.shadowed == kNoLabel) {
    label_ids_.erase(*label.id);
  } else {
    label_ids_[*label.id] = label.shadowed;
  }
}

// Behind `else` and `end` the identifier of the block may stand once more.
void WatCode::expect_same_label() {
  Token token = in_.peek();
  std::optional<std::string_view> id = in_.accept_id();
  if (id && id != labels_.back().id) {
    in_.fail_at(token, Err::MismatchingLabel, std::string(in_.text_of(token)));
  }
}

void WatCode::parse(bool only_one) {
  do {
    if (!in_.ok()) return;
    if (in_.at(TokenKind::Close)) {
      if (frames_.empty()) return;
      parse_close();
    } else if (in_.at(TokenKind::Open)) {
      parse_open();
    } else {
      parse_flat();
    }
  } while (!only_one || !frames_.empty());
}

void WatCode::parse_flat() {
  FrameKind around = frames_.empty() ? FrameKind::Arm : frames_.back().kind;
  if (around == FrameKind::Plain || around == FrameKind::FoldedIf ||
      around == FrameKind::FoldedTry) {
    return in_.unexpected("'(' or ')'");
  }
  std::optional<u8> hint = take_hint();
  Token token = in_.peek();
  Word word = token.word;
  if (token.kind != TokenKind::Keyword || word == Word::Unknown) {
    return in_.unexpected(kInstruction);
  }
  check_hint_target(hint.has_value(), word, token);
  if (is_instruction(word)) {
    in_.next();
    record_hint(hint);
    return plain_instruction(op_of(word), out_);
  }
  if (block_op(word) != kNoOp) {
    in_.next();
    return begin_block(word, false, hint);
  }
  switch (word) {
    case Word::End:
      return parse_end();
    case Word::Else:
      return parse_else();
    case Word::Catch:
    case Word::CatchAll:
      return parse_catch(word);
    case Word::Delegate:
      return parse_delegate();
    default:
      return in_.unexpected(kInstruction);
  }
}

void WatCode::parse_open() {
  if (!frames_.empty()) {
    Frame& frame = frames_.back();
    if (frame.kind == FrameKind::FoldedTry) return parse_try_arm(frame);
    if (frame.kind == FrameKind::FoldedIf && parse_if_arm(frame)) return;
  }
  std::optional<u8> hint = take_hint();
  in_.next();
  if (!hint) hint = take_hint();
  Token token = in_.peek();
  Word word = token.kind == TokenKind::Keyword ? token.word : Word::Unknown;
  bool is_block = block_op(word) != kNoOp;
  if (!is_block && !is_instruction(word)) return in_.unexpected(kInstruction);
  check_hint_target(hint.has_value(), word, token);
  in_.next();
  if (is_block) return begin_block(word, true, hint);
  frames_.push_back({FrameKind::Plain, Part::Head, hint, static_cast<u32>(pending_.size()), {}});
  plain_instruction(op_of(word), pending_);
}

// A parenthesis that closes the innermost frame.
void WatCode::parse_close() {
  Frame frame = frames_.back();
  switch (frame.kind) {
    case FrameKind::Plain:
      record_hint(frame.hint);
      emit_pending(frame);
      break;
    case FrameKind::FoldedIf:
    case FrameKind::FoldedTry:
      if (frame.part == Part::Head) {
        return in_.unexpected(frame.kind == FrameKind::FoldedIf ? "(then" : "(do");
      }
      if (frame.part == Part::Delegate) break;
      emit(Op::End);
      pop_label();
      break;
    case FrameKind::FoldedBlock:
      emit(Op::End);
      pop_label();
      break;
    case FrameKind::Arm:
      break;
    case FrameKind::FlatBlock:
    case FrameKind::FlatIf:
    case FrameKind::FlatTry:
      return in_.unexpected("end");
  }
  in_.close();
  frames_.pop_back();
}

// The operands come first; what the block is waits for (then.
void WatCode::begin_folded_if(std::optional<std::string_view> id, std::optional<u8> hint) {
  auto pending = static_cast<u32>(pending_.size());
  emit(Op::If, pending_);
  block_type(pending_);
  frames_.push_back({FrameKind::FoldedIf, Part::Head, hint, pending, id});
}

// A block's word is behind the cursor.
void WatCode::begin_block(Word word, bool is_folded, std::optional<u8> hint) {
  std::optional<std::string_view> id = in_.accept_id();
  if (is_folded && word == Word::If) return begin_folded_if(id, hint);
  record_hint(hint);
  emit(block_op(word));
  block_type(out_);
  if (word == Word::TryTable) catch_clauses(out_);
  push_label(id);
  FrameKind kind = is_folded ? FrameKind::FoldedBlock : FrameKind::FlatBlock;
  if (word == Word::If) kind = FrameKind::FlatIf;
  if (word == Word::Try) kind = is_folded ? FrameKind::FoldedTry : FrameKind::FlatTry;
  push_frame(kind, kind == FrameKind::FoldedTry ? Part::Head : Part::Body);
}

void WatCode::push_frame(FrameKind kind, Part part) {
  frames_.push_back({kind, part, std::nullopt, 0, std::nullopt});
}

// (then or (else of a folded if; false if the cursor is at an operand.
bool WatCode::parse_if_arm(Frame& frame) {
  if (frame.part == Part::Head) {
    if (!in_.accept_open(Word::Then)) return false;
    record_hint(frame.hint);
    emit_pending(frame);
    push_label(frame.id);
    frame.part = Part::Body;
  } else if (frame.part == Part::Body && in_.accept_open(Word::Else)) {
    emit(Op::Else);
    frame.part = Part::Last;
  } else {
    in_.accept(TokenKind::Open);
    in_.unexpected("the end of an if");
    return true;
  }
  push_frame(FrameKind::Arm, Part::Body);
  return true;
}

void WatCode::parse_try_arm(Frame& frame) {
  bool may_catch = frame.part == Part::Body || frame.part == Part::Catch;
  if (frame.part == Part::Head) {
    in_.expect_open(Word::Do);
    frame.part = Part::Body;
  } else if (may_catch && in_.accept_open(Word::Catch)) {
    emit(Op::Catch);
    index(Space::Tag, out_);
    frame.part = Part::Catch;
  } else if (may_catch && in_.accept_open(Word::CatchAll)) {
    emit(Op::CatchAll);
    frame.part = Part::Last;
  } else if (frame.part == Part::Body && in_.accept_open(Word::Delegate)) {
    delegate();
    in_.close();
    frame.part = Part::Delegate;
    return;
  } else {
    in_.accept(TokenKind::Open);
    return in_.unexpected("a handler");
  }
  push_frame(FrameKind::Arm, Part::Body);
}

void WatCode::parse_else() {
  bool fits = !frames_.empty() && frames_.back().kind == FrameKind::FlatIf &&
              frames_.back().part == Part::Body;
  if (!fits) return in_.unexpected(kInstruction);
  in_.next();
  expect_same_label();
  emit(Op::Else);
  frames_.back().part = Part::Last;
}

void WatCode::parse_catch(Word word) {
  bool fits = !frames_.empty() && frames_.back().kind == FrameKind::FlatTry &&
              frames_.back().part != Part::Last;
  if (!fits) return in_.unexpected(kInstruction);
  in_.next();
  if (word == Word::Catch) {
    emit(Op::Catch);
    index(Space::Tag, out_);
  } else {
    emit(Op::CatchAll);
  }
  frames_.back().part = word == Word::Catch ? Part::Catch : Part::Last;
}

void WatCode::parse_end() {
  FrameKind kind = frames_.empty() ? FrameKind::Arm : frames_.back().kind;
  bool fits =
      kind == FrameKind::FlatBlock || kind == FrameKind::FlatIf || kind == FrameKind::FlatTry;
  if (!fits) return in_.unexpected(kInstruction);
  in_.next();
  expect_same_label();
  emit(Op::End);
  pop_label();
  frames_.pop_back();
}

void WatCode::parse_delegate() {
  bool fits = !frames_.empty() && frames_.back().kind == FrameKind::FlatTry &&
              frames_.back().part == Part::Body;
  if (!fits) return in_.unexpected(kInstruction);
  in_.next();
  delegate();
  frames_.pop_back();
}

// The label is one of those around the try.
void WatCode::delegate() {
  pop_label();
  emit(Op::Delegate);
  label(out_);
}

}  // namespace lr
