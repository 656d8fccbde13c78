#include "frontend/wat_print_code.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>

namespace lr {

namespace {

// The number that parses back to the same bits.
template <typename Float, typename Bits>
std::string float_text(Bits bits) {
  constexpr int kFractionBits = sizeof(Bits) == 4 ? 23 : 52;
  auto value = std::bit_cast<Float>(bits);
  if (!std::isnan(value)) return fmt::format("{}", value);
  std::string_view sign = std::signbit(value) ? "-" : "";
  Bits payload = bits & ((Bits{1} << kFractionBits) - 1);
  if (payload == Bits{1} << (kFractionBits - 1)) return fmt::format("{}nan", sign);
  return fmt::format("{}nan:0x{:x}", sign, payload);
}

}  // namespace

void WatCodePrinter::new_line(usize depth) {
  // Deep nesting must not make the text quadratic.
  constexpr usize kDepthMax = 40;
  out_ += '\n';
  out_.append(4 + 2 * std::min(depth, kDepthMax), ' ');
}

void WatCodePrinter::print_body(u32 body_offset, const HintTable* hints) {
  Instr instr;
  while (true) {
    read_instr(reader_, module_.features, instr);
    if (instr.op == kNoOp || !fits(instr.op)) return;
    if (closes_block(instr.op)) {
      if (open_.empty()) break;
      pop_label();
    }
    new_line(open_.size() - (divides_block(instr.op) && !open_.empty()));
    bool can_have_hint = instr.op == Op::If || instr.op == Op::BrIf;
    if (hints != nullptr && can_have_hint) {
      auto hint = hints->find(instr.offset - body_offset);
      if (hint != hints->end()) {
        fmt::format_to(std::back_inserter(out_), "(@metadata.code.branch_hint \"\\{:02x}\") ",
                       hint->second);
      }
    }
    instruction(instr);
    if (opens_block(instr.op)) push_label(instr.op);
  }
  if (!reader_.at_end()) reader_.fail(Err::EndExpected, instr.offset);
}

std::string WatCodePrinter::take_expression() {
  Instr instr;
  u32 count = 0;
  for (;; count++) {
    read_instr(reader_, module_.features, instr);
    if (instr.op == kNoOp || (instr.op == Op::End && open_.empty()) || !fits(instr.op)) break;
    if (closes_block(instr.op) && !open_.empty()) pop_label();
    if (count > 0) out_ += ' ';
    instruction(instr);
    if (opens_block(instr.op)) push_label(instr.op);
  }
  return count == 1 ? fmt::format("({})", out_) : out_;
}

bool WatCodePrinter::fits(Op op) {
  if (!divides_block(op) && op != Op::Delegate) return true;
  Op around = open_.empty() ? kNoOp : open_.back().op;
  // After a catch a try goes on with another one, but not with delegate.
  bool is_try = around == Op::Try || around == Op::Catch;
  bool fits = op == Op::Else ? around == Op::If : op == Op::Delegate ? around == Op::Try : is_try;
  if (!fits) {
    reader_.fail(Err::EndExpected, reader_.offset(), std::string(info(op).text));
    return false;
  }
  if (op != Op::Delegate) open_.back().op = op;
  return true;
}

void WatCodePrinter::push_label(Op op) {
  auto index = static_cast<u32>(open_.size());
  Label label{op, {}, kNone};
  if (labels_ != nullptr) {
    auto named = labels_->find(blocks_);
    if (named != labels_->end()) label.name = named->second;
  }
  blocks_++;
  if (!label.name.empty()) {
    auto [found, is_new] = visible_.emplace(label.name, index);
    if (!is_new) label.shadowed = std::exchange(found->second, index);
  }
  open_.push_back(label);
}

void WatCodePrinter::pop_label() {
  Label label = open_.back();
  open_.pop_back();
  if (label.name.empty()) return;
  if (label.shadowed == kNone) {
    visible_.erase(label.name);
  } else {
    visible_[label.name] = label.shadowed;
  }
}

std::string WatCodePrinter::label(u32 depth) const {
  if (depth < open_.size()) {
    usize index = open_.size() - 1 - depth;
    std::string_view name = open_[index].name;
    if (!name.empty() && visible_.at(name) == index) return id_text(name);
  }
  return fmt::format("{}", depth);
}

void WatCodePrinter::instruction(const Instr& instr) {
  out_ += info(instr.op).text;
  immediates(instr);
}

void WatCodePrinter::add_number(u64 number) {
  fmt::format_to(std::back_inserter(out_), " {}", number);
}

void WatCodePrinter::add_unless_zero(Space space, u32 index) {
  if (index != 0) add_ref(space, index);
}

void WatCodePrinter::add_pair(Space space, u32 first, u32 second) {
  if (first == 0 && second == 0) return;
  add_ref(space, first);
  add_ref(space, second);
}

void WatCodePrinter::immediates(const Instr& instr) {
  switch (info(instr.op).immediate) {
    case Immediate::None:
    case Immediate::AtomicFence:
      return;
    case Immediate::BlockType:
      return block(instr);
    case Immediate::TryTable:
      block(instr);
      return catch_clauses(instr);
    case Immediate::Label:
      return add(label(instr.index));
    case Immediate::BrTable:
      return br_table(instr);
    case Immediate::FuncIndex:
      return add_ref(Space::Func, instr.index);
    case Immediate::TypeIndex:
      return add_ref(Space::Type, instr.index);
    case Immediate::CallIndirect:
      add_unless_zero(Space::Table, instr.index2);
      out_ += fmt::format(" (type {})", module_.names[Space::Type].ref(instr.index));
      return;
    case Immediate::TagIndex:
      return add_ref(Space::Tag, instr.index);
    case Immediate::LocalIndex:
      return add(locals_ != nullptr ? locals_->ref(instr.index) : fmt::format("{}", instr.index));
    case Immediate::GlobalIndex:
      return add_ref(Space::Global, instr.index);
    case Immediate::TableIndex:
      return add_ref(Space::Table, instr.index);
    case Immediate::MemoryIndex:
      return add_unless_zero(Space::Memory, instr.index);
    case Immediate::DataIndex:
      return add_ref(Space::Data, instr.index);
    case Immediate::ElemIndex:
      return add_ref(Space::Elem, instr.index);
    case Immediate::MemoryCopy:
      return add_pair(Space::Memory, instr.index, instr.index2);
    case Immediate::MemoryInit:
      add_unless_zero(Space::Memory, instr.index2);
      return add_ref(Space::Data, instr.index);
    case Immediate::TableCopy:
      return add_pair(Space::Table, instr.index, instr.index2);
    case Immediate::TableInit:
      add_unless_zero(Space::Table, instr.index2);
      return add_ref(Space::Elem, instr.index);
    default:
      return more_immediates(instr);
  }
}

// Constants, lanes, types and what belongs to types.
void WatCodePrinter::more_immediates(const Instr& instr) {
  switch (info(instr.op).immediate) {
    case Immediate::MemArg:
    case Immediate::MemArgAtomic:
      return memory_argument(instr);
    case Immediate::MemArgLane:
      memory_argument(instr);
      return add_number(instr.lane);
    case Immediate::I32Const:
      return add(fmt::format("{}", static_cast<i32>(instr.value)));
    case Immediate::I64Const:
      return add(fmt::format("{}", static_cast<i64>(instr.value)));
    case Immediate::F32Const:
      return add(float_text<f32>(static_cast<u32>(instr.value)));
    case Immediate::F64Const:
      return add(float_text<f64>(instr.value));
    case Immediate::V128Const:
      add("i32x4");
      for (u32 i = 0; i < 16; i += 4) {
        add(fmt::format("0x{:02x}{:02x}{:02x}{:02x}", instr.bytes[i + 3], instr.bytes[i + 2],
                        instr.bytes[i + 1], instr.bytes[i]));
      }
      return;
    case Immediate::Shuffle:
      for (u8 lane : instr.bytes) add_number(lane);
      return;
    case Immediate::Lane2:
    case Immediate::Lane4:
    case Immediate::Lane8:
    case Immediate::Lane16:
      return add_number(instr.lane);
    case Immediate::SelectTypes:
      return select_types(instr);
    case Immediate::HeapType: {
      if (instr.op == Op::RefNull) return add(module_.text_of_heap(instr.type));
      ValType type = instr.type;
      type.nullable = instr.op == Op::RefTestNull || instr.op == Op::RefCastNull ||
                      instr.op == Op::RefCastDescEqNull;
      return add(module_.text_of(type));
    }
    case Immediate::BrOnCast:
      add(label(instr.index));
      add(module_.text_of(instr.type));
      return add(module_.text_of(instr.type2));
    default:
      break;
  }
  add_ref(Space::Type, instr.index);
  switch (info(instr.op).immediate) {
    case Immediate::Field: {
      auto fields = module_.names.fields.find(instr.index);
      if (fields != module_.names.fields.end()) return add(fields->second.ref(instr.index2));
      return add_number(instr.index2);
    }
    case Immediate::ArrayFixed:
      return add_number(instr.index2);
    case Immediate::ArrayData:
      return add_ref(Space::Data, instr.index2);
    case Immediate::ArrayElem:
      return add_ref(Space::Elem, instr.index2);
    default:
      return add_ref(Space::Type, instr.index2);
  }
}

void WatCodePrinter::block(const Instr& instr) {
  if (labels_ != nullptr) {
    auto named = labels_->find(blocks_);
    if (named != labels_->end()) add(id_text(named->second));
  }
  switch (instr.block.form) {
    case BlockType::Form::Empty:
      return;
    case BlockType::Form::Value:
      return add(fmt::format("(result {})", module_.text_of(instr.block.value)));
    case BlockType::Form::Index:
      out_ += module_.type_use(instr.block.index, nullptr);
  }
}

void WatCodePrinter::catch_clauses(const Instr& instr) {
  constexpr std::string_view kWords[] = {"catch", "catch_ref", "catch_all", "catch_all_ref"};
  Diag diag;
  Reader list(module_.bytes, instr.list_offset, reader_.offset(), diag);
  for (u32 i = 0; i < instr.count; i++) {
    Catch clause = read_catch(list);
    std::string tag;
    if (clause.has_tag()) tag = fmt::format(" {}", module_.names[Space::Tag].ref(clause.tag));
    add(fmt::format("({}{} {})", kWords[static_cast<usize>(clause.kind)], tag,
                    label(clause.label)));
  }
}

void WatCodePrinter::br_table(const Instr& instr) {
  Diag diag;
  Reader list(module_.bytes, instr.list_offset, reader_.offset(), diag);
  for (u32 i = 0; i <= instr.count; i++) add(label(list.leb_u32()));
}

void WatCodePrinter::select_types(const Instr& instr) {
  Diag diag;
  Reader list(module_.bytes, instr.list_offset, reader_.offset(), diag);
  out_ += " (result";
  for (u32 i = 0; i < instr.count; i++) add(module_.text_of(read_val_type(list, module_.features)));
  out_ += ')';
}

void WatCodePrinter::memory_argument(const Instr& instr) {
  add_unless_zero(Space::Memory, instr.index);
  if (instr.value != 0) add(fmt::format("offset={}", instr.value));
  u64 align = u64{1} << instr.align_log2;
  if (align != info(instr.op).access_bytes) add(fmt::format("align={}", align));
}

}  // namespace lr
