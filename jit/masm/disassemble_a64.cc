// Code as text: the rows of a64.def and their aliases, matched by the bits that are fixed, with
// operands printed from a template. Only what MasmA64 emits is known; all else is a .word.
//
// In a template, % and two letters are a register: its kind (r: w or x by bit 31, 31 is zr;
// p: the same, 31 is sp; w, x; f: s or d by bit 22; s, d, b, v) and its field (d, n, m, a). % and
// one other character is what operand() says.
#include <fmt/format.h>

#include <bit>
#include <iterator>

#include "jit/masm/encode_a64.h"

namespace lr::jit {

namespace {

struct Form {
  u32 mask;  // The bits that are fixed.
  const char* operands;
};

namespace form {
constexpr Form WShifted{0x7fe00000, "%rd, %rn, %rm%S"}, SpRegister{0xffe0e000, "%pd, %pn, %rm%E"},
    WImm12{0x7f800000, "%pd, %pn, %#"}, WLogical{0x7f800000, "%pd, %rn, %L"},
    WImm16{0x7f800000, "%rd, %H"}, WBitfield{0x7f800000, "%rd, %rn, %I, %J"},
    WExtract{0x7fa00000, "%rd, %rn, %rm, %J"}, WFour{0x7fe08000, "%rd, %rn, %rm, %ra"},
    Long{0xffe0fc00, "%xd, %wn, %wm"}, XThree{0xffe0fc00, "%xd, %xn, %xm"},
    WThree{0x7fe0fc00, "%rd, %rn, %rm"}, WTwo{0x7ffffc00, "%rd, %rn"},
    WCcmp{0x7fe00c10, "%rn, %5, %Q, %C"}, WSelect{0x7fe00c00, "%rd, %rn, %rm, %C"},
    Branch26{0xfc000000, "%B"}, BranchCond{0xff000010, "%K %T"}, WBranch{0x7f000000, "%rd, %T"},
    Register{0xfffffc1f, "%xn"}, PcRelative{0x9f000000, "%xd, %P"}, None{0xffffffff, ""},
    FThree{0xffa0fc00, "%fd, %fn, %fm"}, FTwo{0xffbffc00, "%fd, %fn"},
    Widen{0xfffffc00, "%dd, %sn"}, Narrow{0xfffffc00, "%sd, %dn"}, FCompare{0xffa0fc1f, "%fn, %fm"},
    FSelect{0xffa00c00, "%fd, %fn, %fm, %C"}, FImm8{0xffa01fe0, "%fd, %F"},
    IntFromS{0xfffffc00, "%wd, %sn"}, SFromInt{0xfffffc00, "%sd, %wn"},
    IntFromD{0xfffffc00, "%xd, %dn"}, DFromInt{0xfffffc00, "%dd, %xn"},
    WIntFromS{0x7ffffc00, "%rd, %sn"}, WIntFromD{0x7ffffc00, "%rd, %dn"},
    WSFromInt{0x7ffffc00, "%sd, %rn"}, WDFromInt{0x7ffffc00, "%dd, %rn"},
    V16b{0xffe0fc00, "%vd.16b, %vn.16b, %vm.16b"}, V8b{0xfffffc00, "%vd.8b, %vn.8b"},
    BFrom8b{0xfffffc00, "%bd, %vn.8b"}, V2dZero{0xffffffe0, "%vd.2d, #0"},
    V2d{0xfffffc00, "%vd.2d, %vn.2d"}, V4sSign{0xffffffe0, "%vd.4s, #0x80, lsl #24"};
}  // namespace form

struct Row {
  u32 mask;
  u32 bits;
  const char* text;
  const char* operands;
  bool (*when)(u32) = nullptr;
};

constexpr u32 rd(u32 w) { return w & 31; }
constexpr u32 rn(u32 w) { return w >> 5 & 31; }
constexpr u32 rm(u32 w) { return w >> 16 & 31; }
constexpr u32 immr(u32 w) { return w >> 16 & 63; }
constexpr u32 imms(u32 w) { return w >> 10 & 63; }
constexpr u32 top_bit(u32 w) { return (w >> 31) != 0 ? 63 : 31; }

// The names that are preferred, before the instructions themselves.
constexpr Row kAliases[] = {
    {0x7fe0ffe0, a64::kOrr | 31 << 5, "mov", "%rd, %rm"},
    {0x7fe0ffe0, a64::kOrn | 31 << 5, "mvn", "%rd, %rm"},
    {0x7fe0ffe0, a64::kSub | 31 << 5, "neg", "%rd, %rm"},
    {0x7fe0001f, a64::kSubs | 31, "cmp", "%rn, %rm%S"},
    {0x7fe0001f, a64::kAnds | 31, "tst", "%rn, %rm%S"},
    {0xffe0e01f, a64::kSubsSp | 31, "cmp", "%pn, %rm"},
    {0x7f80001f, a64::kSubsImm | 31, "cmp", "%pn, %#"},
    {0x7f80001f, a64::kAddsImm | 31, "cmn", "%pn, %#"},
    {0x7f80001f, a64::kAndsImm | 31, "tst", "%rn, %L"},
    {0x7f8003e0, a64::kOrrImm | 31 << 5, "mov", "%pd, %L"},
    {0x7ffffc00, a64::kAddImm, "mov", "%pd, %pn", [](u32 w) { return rd(w) == 31 || rn(w) == 31; }},
    {0x7f800000, a64::kMovz, "mov", "%rd, %M"},
    {0x7f800000, a64::kMovn, "mov", "%rd, %M"},
    {0x7f800000, a64::kUbfm, "lsr", "%rd, %rn, %I", [](u32 w) { return imms(w) == top_bit(w); }},
    {0x7f800000, a64::kUbfm, "lsl", "%rd, %rn, %<",
     [](u32 w) { return imms(w) != top_bit(w) && imms(w) + 1 == immr(w); }},
    {0x7ffffc00, a64::kUbfm | 7 << 10, "uxtb", "%wd, %wn"},
    {0x7ffffc00, a64::kUbfm | 15 << 10, "uxth", "%wd, %wn"},
    {0x7f800000, a64::kSbfm, "asr", "%rd, %rn, %I", [](u32 w) { return imms(w) == top_bit(w); }},
    {0x7fbffc00, a64::kSbfm | 7 << 10, "sxtb", "%rd, %wn"},
    {0x7fbffc00, a64::kSbfm | 15 << 10, "sxth", "%rd, %wn"},
    {0x7fbffc00, a64::kSbfm | 31 << 10, "sxtw", "%rd, %wn"},
    {0x7fa00000, a64::kExtr, "ror", "%rd, %rn, %J", [](u32 w) { return rn(w) == rm(w); }},
    {0x7fe0fc00, a64::kMadd | 31 << 10, "mul", "%rd, %rn, %rm"},
    {0x7fff0fe0, a64::kCsinc | 31 << 16 | 31 << 5, "cset", "%rd, %c"},
    {0xffe0fc00, a64::kOrrVector, "mov", "%vd.16b, %vn.16b", [](u32 w) { return rn(w) == rm(w); }},
    {0xffffffff, a64::kRet | 30 << 5, "ret", ""},
};

constexpr Row kRows[] = {
#define A64(name, text, bits, row_form) {form::row_form.mask, bits, text, form::row_form.operands},
#include "jit/masm/a64.def"
};

constexpr const char* kConds[] = {"eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc",
                                  "hi", "ls", "ge", "lt", "gt", "le", "al", "nv"};

i64 sign_extended(u32 value, u32 bits) {
  return static_cast<i64>(static_cast<u64>(value) << (64 - bits)) >> (64 - bits);
}

u64 logical_value(u32 w) {
  const u32 n = w >> 22 & 1;
  const u32 size = u32{1} << (31 - std::countl_zero(n << 6 | (~imms(w) & 63)));
  const u64 ones = ~u64{0} >> (63 - (imms(w) & (size - 1)));
  const u64 mask = ~u64{0} >> (64 - size);
  const u32 by = immr(w) & (size - 1);
  u64 value = (ones >> by | ones << (size - by) % 64) & mask;
  if (by == 0) value = ones;
  for (u32 at = size; at < 64; at *= 2) value |= value << at;
  return top_bit(w) == 63 ? value : value & 0xffff'ffff;
}

std::string integer_register(u32 w, char kind, u32 number) {
  const bool wide = kind == 'x' || (kind != 'w' && (w >> 31) != 0);
  if (number == 31 && kind == 'p') return wide ? "sp" : "wsp";
  if (number == 31) return wide ? "xzr" : "wzr";
  return fmt::format("{}{}", wide ? 'x' : 'w', number);
}

std::string register_name(u32 w, char kind, char field) {
  const u32 number = field == 'd'   ? rd(w)
                     : field == 'n' ? rn(w)
                     : field == 'm' ? rm(w)
                                    : w >> 10 & 31;
  // The stack pointer is no destination of the forms that set flags or of their like.
  if (kind == 'r' || kind == 'p' || kind == 'w' || kind == 'x') {
    return integer_register(w, kind, number);
  }
  if (kind == 'f') kind = (w >> 22 & 1) != 0 ? 'd' : 's';
  return fmt::format("{}{}", kind, number);
}

double float_value(u32 imm8) {
  const i32 exponent = static_cast<i32>((imm8 >> 4 & 7) ^ 4) - 3;
  const double magnitude = (16 + (imm8 & 15)) / 16.0;
  const double scale = exponent >= 0 ? double(1 << exponent) : 1.0 / (1 << -exponent);
  return ((imm8 & 0x80) != 0 ? -1 : 1) * magnitude * scale;
}

std::string operand(u32 w, u64 at, char what) {
  const u32 halfword = 16 * (w >> 21 & 3), imm16 = w >> 5 & 0xffff;
  switch (what) {
    case 'S':  // Shift of the last register.
      return imms(w) == 0 ? "" : fmt::format(", lsl #{}", imms(w));
    case 'E':
      return (w >> 10 & 7) == 0 ? "" : fmt::format(", lsl #{}", w >> 10 & 7);
    case '#':
      return fmt::format("#{}{}", w >> 10 & 0xfff, (w >> 22 & 1) != 0 ? ", lsl #12" : "");
    case 'L':
      return fmt::format("#{:#x}", logical_value(w));
    case 'H':
      return fmt::format("#{:#x}{}", imm16,
                         halfword != 0 ? fmt::format(", lsl #{}", halfword) : "");
    case 'M': {  // What movz or movn makes.
      const u64 value = u64{imm16} << halfword;
      const bool inverted = (w >> 30 & 1) == 0;
      const u64 made = inverted ? ~value : value;
      return fmt::format("#{:#x}", top_bit(w) == 63 ? made : made & 0xffff'ffff);
    }
    case 'I':
      return fmt::format("#{}", immr(w));
    case 'J':
      return fmt::format("#{}", imms(w));
    case '<':
      return fmt::format("#{}", top_bit(w) - imms(w));
    case '5':
      return fmt::format("#{}", rm(w));
    case 'Q':
      return fmt::format("#{}", w & 15);
    case 'C':
      return kConds[w >> 12 & 15];
    case 'c':
      return kConds[(w >> 12 & 15) ^ 1];
    case 'K':
      return kConds[w & 15];
    case 'B':
      return fmt::format("{:#x}", at + static_cast<u64>(4 * sign_extended(w & 0x3ffffff, 26)));
    case 'T':
      return fmt::format("{:#x}", at + static_cast<u64>(4 * sign_extended(w >> 5 & 0x7ffff, 19)));
    case 'P': {
      const i64 distance = sign_extended((w >> 5 & 0x7ffff) << 2 | (w >> 29 & 3), 21);
      const bool pages = (w >> 31) != 0;
      return fmt::format("{:#x}", pages ? (at & ~u64{4095}) + static_cast<u64>(distance * 4096)
                                        : at + static_cast<u64>(distance));
    }
    case 'F':
      return fmt::format("#{}", float_value(w >> 13 & 255));
  }
  return "?";
}

std::string operands(const char* form, u32 w, u64 at) {
  std::string text;
  for (const char* c = form; *c != 0; c++) {
    if (*c != '%') {
      text += *c;
      continue;
    }
    c++;
    const bool is_register = std::string_view("rpwxfsdbv").find(*c) != std::string_view::npos;
    text += is_register ? register_name(w, *c, c[1]) : operand(w, at, *c);
    c += is_register;
  }
  return text;
}

std::string load_or_store(u32 w) {
  const u32 size = w >> 30, opc = w >> 22 & 3;
  const bool vector = (w >> 26 & 1) != 0, scaled = (w >> 24 & 1) != 0;
  const bool quad = vector && opc >= 2;
  const u32 log2_bytes = quad ? 4 : size;
  const bool is_load = vector ? (opc & 1) != 0 : opc != 0;
  const bool is_signed = !vector && opc >= 2;
  const bool plain = vector || size >= 2;
  const bool unscaled = !scaled && (w >> 21 & 1) == 0 && (w >> 10 & 3) == 0;
  std::string name =
      fmt::format("{}{}{}{}", is_load ? "ld" : "st", unscaled ? "ur" : "r", is_signed ? "s" : "",
                  plain && !is_signed ? ""
                  : size == 0         ? "b"
                  : size == 1         ? "h"
                                      : "w");
  const bool wide = is_signed ? opc == 2 : size == 3;
  const std::string value = vector ? fmt::format("{}{}", "bhsdq"[log2_bytes], rd(w))
                                   : integer_register(w, wide ? 'x' : 'w', rd(w));
  const std::string base = integer_register(1u << 31, 'p', rn(w));
  if (scaled) {
    const u32 offset = (w >> 10 & 0xfff) << log2_bytes;
    return offset == 0 ? fmt::format("{} {}, [{}]", name, value, base)
                       : fmt::format("{} {}, [{}, #{}]", name, value, base, offset);
  }
  const i64 imm9 = sign_extended(w >> 12 & 0x1ff, 9);
  if ((w >> 21 & 1) != 0) {
    const bool shifted = (w >> 12 & 1) != 0 && log2_bytes != 0;
    return fmt::format("{} {}, [{}, x{}{}]", name, value, base, rm(w),
                       shifted ? fmt::format(", lsl #{}", log2_bytes) : "");
  }
  switch (w >> 10 & 3) {
    case 1:
      return fmt::format("{} {}, [{}], #{}", name, value, base, imm9);
    case 3:
      return fmt::format("{} {}, [{}, #{}]!", name, value, base, imm9);
    default:
      return fmt::format("{} {}, [{}, #{}]", name, value, base, imm9);
  }
}

// Empty if it is none.
std::string atomic(u32 w) {
  using namespace a64;
  struct Name {
    AtomicOp op;
    const char* text;
  };
  constexpr Name kOrdered[] = {{kLdar, "ldar"}, {kStlr, "stlr"}};
  constexpr Name kExchanging[] = {{kCasal, "casal"},     {kLdaddal, "ldaddal"},
                                  {kLdclral, "ldclral"}, {kLdeoral, "ldeoral"},
                                  {kLdsetal, "ldsetal"}, {kSwpal, "swpal"}};
  constexpr const char* kSizes[] = {"b", "h", "", ""};
  const char kind = w >> 30 == 3 ? 'x' : 'w';
  const std::string value = integer_register(w, kind, rd(w));
  const std::string base = integer_register(w, 'x', rn(w));
  for (const auto& [op, text] : kOrdered) {
    if ((w & 0x3ffffc00) != op) continue;
    return fmt::format("{}{} {}, [{}]", text, kSizes[w >> 30], value, base);
  }
  for (const auto& [op, text] : kExchanging) {
    if ((w & 0x3fe0fc00) != op) continue;
    const std::string operand = integer_register(w, kind, rm(w));
    return fmt::format("{}{} {}, {}, [{}]", text, kSizes[w >> 30], operand, value, base);
  }
  return {};
}

const Row* find(std::span<const Row> rows, u32 w) {
  for (const Row& row : rows) {
    if ((w & row.mask) == row.bits && (row.when == nullptr || row.when(w))) return &row;
  }
  return nullptr;
}

std::string instruction(u32 w, u64 at) {
  if (std::string text = atomic(w); !text.empty()) return text;
  if ((w & 0x3a000000) == 0x38000000) return load_or_store(w);
  const Row* row = find(kAliases, w);
  if (row == nullptr) row = find(kRows, w);
  if (row == nullptr) return fmt::format(".word {:#010x}", w);
  const std::string rest = operands(row->operands, w, at);
  const bool joined = rest.empty() || row->text[1] == '.';  // b.eq
  return fmt::format("{}{}{}", row->text, joined ? "" : " ", rest);
}

}  // namespace

std::string disassemble_a64(std::span<const u8> code, u64 base) {
  std::string text;
  for (usize at = 0; at + 4 <= code.size(); at += 4) {
    u32 word;
    std::memcpy(&word, code.data() + at, sizeof word);
    text += instruction(word, base + at);
    text += '\n';
  }
  return text;
}

}  // namespace lr::jit
