#include "spec-tests/fuzz/shrinker.h"

#include <algorithm>

#include "frontend/instr_reader.h"
#include "frontend/reader.h"
#include "spec-tests/fuzz/binary_writer.h"

namespace lr::fuzz {

namespace {

using Bytes = std::vector<u8>;

constexpr u8 kElementSection = 9;
constexpr u8 kCodeSection = 10;
constexpr u8 kDataSection = 11;

// A body as a list of instructions, each with its immediates.
struct Body {
  Bytes locals;
  std::vector<Bytes> code;  // Without the last `end`.
};

struct Section {
  u8 id = 0;
  Bytes content;
};

// A module with its code taken apart.
struct Parts {
  std::vector<Section> sections;
  std::vector<Body> bodies;
};

Bytes bytes_between(const Bytes& all, u32 from, u32 to) {
  return {all.begin() + from, all.begin() + to};
}

Body read_body(const Bytes& all, Reader& reader) {
  Body body;
  const u32 size = reader.leb_u32();
  const u32 begin = reader.offset();
  const u32 end = begin + size;
  for (u32 groups = reader.leb_u32(); groups > 0 && reader.ok(); groups--) {
    reader.leb_u32();
    const u8 type = reader.byte();
    if (type == 0x63 || type == 0x64) {
      if (reader.peek() == 0x62) reader.byte();  // Exact.
      reader.leb_s33();
    }
  }
  body.locals = bytes_between(all, begin, reader.offset());
  while (reader.ok() && reader.offset() + 1 < end) {
    Instr instr;
    const u32 at = reader.offset();
    read_instr(reader, FeatureSet::all(), instr);
    if (!reader.ok()) break;
    // Lists of labels and clauses are read by whoever wants them.
    if (info(instr.op).immediate == Immediate::BrTable && reader.offset() == instr.list_offset) {
      for (u32 i = 0; i <= instr.count; i++) reader.leb_u32();
    }
    if (info(instr.op).immediate == Immediate::TryTable && reader.offset() == instr.list_offset) {
      for (u32 i = 0; i < instr.count; i++) read_catch(reader);
    }
    body.code.push_back(bytes_between(all, at, reader.offset()));
  }
  reader.skip_to(end);
  return body;
}

Parts take_apart(const Bytes& all) {
  Parts parts;
  Diag diag;
  Reader reader(all, 8, all.size(), diag);
  while (!reader.at_end() && reader.ok()) {
    Section section;
    section.id = reader.byte();
    const u32 size = reader.leb_u32();
    const u32 begin = reader.offset();
    if (section.id == kCodeSection) {
      for (u32 count = reader.leb_u32(); count > 0; count--) {
        parts.bodies.push_back(read_body(all, reader));
      }
    } else {
      section.content = bytes_between(all, begin, begin + size);
    }
    reader.skip_to(begin + size);
    parts.sections.push_back(std::move(section));
  }
  return parts;
}

Bytes put_together(const Parts& parts) {
  BinaryWriter module;
  module.fixed(0x6d73'6100, 4);
  module.fixed(1, 4);
  for (const Section& section : parts.sections) {
    module.byte(section.id);
    if (section.id != kCodeSection) {
      module.sized(section.content);
      continue;
    }
    BinaryWriter code;
    code.uleb(parts.bodies.size());
    for (const Body& body : parts.bodies) {
      BinaryWriter whole;
      whole.append(body.locals);
      for (const Bytes& instr : body.code) whole.append(instr);
      whole.op(Op::End);
      code.sized(whole.bytes);
    }
    module.sized(code.bytes);
  }
  return std::move(module.bytes);
}

// What may stand for a piece of code: nothing, or values of the types that it may have left.
const std::vector<std::vector<Bytes>>& replacements() {
  static const std::vector<std::vector<Bytes>> all = [] {
    const Bytes drop = {0x1a};
    const std::vector<Bytes> values = {
        {0x41, 0},                       // i32.const 0
        {0x42, 0},                       // i64.const 0
        {0x43, 0, 0, 0, 0},              // f32.const 0
        {0x44, 0, 0, 0, 0, 0, 0, 0, 0},  // f64.const 0
        {0xfd, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
        {0xd0, 0x70},  // ref.null func
        {0xd0, 0x6e},  // ref.null any
        {0xd0, 0x6f},  // ref.null extern
    };
    std::vector<std::vector<Bytes>> made = {{}};
    for (const Bytes& value : values) made.push_back({value});
    made.push_back({drop});
    for (const Bytes& value : values) made.push_back({drop, value});
    for (const Bytes& value : values) made.push_back({drop, drop, value});
    made.push_back({drop, drop});
    return made;
  }();
  return all;
}

class Shrinker {
 public:
  Shrinker(const Bytes& bytes, const IsInteresting& is_interesting)
      : parts_(take_apart(bytes)), is_interesting_(is_interesting) {}

  Bytes run() {
    if (!is_interesting_(put_together(parts_))) return put_together(parts_);
    for (bool changed = true; changed;) {
      changed = false;
      for (usize i = 0; i < parts_.bodies.size(); i++) changed |= shrink_body(i);
      changed |= empty_sections();
    }
    return put_together(parts_);
  }

 private:
  bool try_body(usize index, Body body) {
    std::swap(parts_.bodies[index], body);
    if (is_interesting_(put_together(parts_))) return true;
    std::swap(parts_.bodies[index], body);
    return false;
  }

  bool try_replace(usize index, usize from, usize to, const std::vector<Bytes>& by) {
    Body body = parts_.bodies[index];
    const auto begin = body.code.begin();
    body.code.erase(begin + static_cast<i64>(from), begin + static_cast<i64>(to));
    body.code.insert(body.code.begin() + static_cast<i64>(from), by.begin(), by.end());
    return try_body(index, std::move(body));
  }

  bool shrink_body(usize index) {
    const usize before = parts_.bodies[index].code.size();
    if (before > 1) {
      Body body;
      body.locals = {0};
      body.code = {{0x00}};  // unreachable
      if (try_body(index, std::move(body))) return true;
    }
    bool changed = false;
    for (usize size = before; size > 0; size = size > 8 ? size / 2 : size - 1) {
      changed |= replace_pieces(index, size);
    }
    changed |= unwrap_blocks(index);
    changed |= fewer_locals(index);
    return changed;
  }

  // Every run of `size` instructions, from behind.
  bool replace_pieces(usize index, usize size) {
    bool changed = false;
    for (usize to = parts_.bodies[index].code.size(); to >= size;) {
      if (to > parts_.bodies[index].code.size()) {
        to = parts_.bodies[index].code.size();
        continue;
      }
      bool replaced = false;
      for (const std::vector<Bytes>& by : replacements()) {
        if (by.size() > size || (by.size() == size && !is_simpler(index, to - size, by))) continue;
        replaced = try_replace(index, to - size, to, by);
        if (replaced) break;
      }
      changed |= replaced;
      if (to == 0) break;
      to -= replaced ? std::min(to, size) : 1;
    }
    return changed;
  }

  // The same number of instructions, but constants in place of others.
  bool is_simpler(usize index, usize from, const std::vector<Bytes>& by) const {
    usize before = 0, after = 0;
    for (usize i = 0; i < by.size(); i++) {
      before += rank(parts_.bodies[index].code[from + i]);
      after += rank(by[i]);
    }
    return after < before;
  }
  static usize rank(const Bytes& instr) {
    const bool is_constant = (instr[0] >= 0x41 && instr[0] <= 0x44) || instr[0] == 0xd0;
    const bool is_zero = is_constant && std::all_of(instr.begin() + 1, instr.end(),
                                                    [](u8 byte) { return byte == 0; });
    if (is_zero || instr[0] == 0x1a) return 0;
    return is_constant ? 1 : 2;
  }

  // A block without its `block` and `end`.
  bool unwrap_blocks(usize index) {
    bool changed = false;
    for (usize i = 0; i < parts_.bodies[index].code.size(); i++) {
      const usize end = end_of(parts_.bodies[index].code, i);
      if (end == 0) continue;
      Body body = parts_.bodies[index];
      body.code.erase(body.code.begin() + static_cast<i64>(end));
      body.code.erase(body.code.begin() + static_cast<i64>(i));
      changed |= try_body(index, std::move(body));
    }
    return changed;
  }

  static bool opens(u8 byte) { return (byte >= 0x02 && byte <= 0x04) || byte == 6 || byte == 0x1f; }

  // Of the block that opens at `at`, or 0.
  static usize end_of(const std::vector<Bytes>& code, usize at) {
    if (!opens(code[at][0])) return 0;
    usize depth = 0;
    for (usize i = at; i < code.size(); i++) {
      if (opens(code[i][0])) depth++;
      if (code[i][0] == 0x0b || code[i][0] == 0x18) depth--;
      if (depth == 0) return i;
    }
    return 0;
  }

  bool fewer_locals(usize index) {
    if (parts_.bodies[index].locals.size() <= 1) return false;
    Body body = parts_.bodies[index];
    body.locals = {0};
    return try_body(index, std::move(body));
  }

  // Without segments; and without sections that nobody needs.
  bool empty_sections() {
    bool changed = false;
    for (usize i = 0; i < parts_.sections.size(); i++) {
      const u8 id = parts_.sections[i].id;
      if (id == kCodeSection) continue;
      Parts before = parts_;
      if (id == kElementSection || id == kDataSection) {
        if (parts_.sections[i].content == Bytes{0}) continue;
        parts_.sections[i].content = {0};
        for (Section& section : parts_.sections) {
          if (id == kDataSection && section.id == 12) section.content = {0};
        }
      } else {
        parts_.sections.erase(parts_.sections.begin() + static_cast<i64>(i));
      }
      if (is_interesting_(put_together(parts_))) {
        changed = true;
      } else {
        parts_ = std::move(before);
      }
    }
    return changed;
  }

  Parts parts_;
  const IsInteresting& is_interesting_;
};

}  // namespace

std::vector<u8> shrink(const std::vector<u8>& bytes, const IsInteresting& is_interesting) {
  return Shrinker(bytes, is_interesting).run();
}

std::vector<Op> ops_of(const std::vector<u8>& bytes) {
  std::vector<Op> ops;
  for (const Body& body : take_apart(bytes).bodies) {
    for (const Bytes& instr : body.code) {
      Diag diag;
      Reader reader(instr, 0, instr.size(), diag);
      ops.push_back(read_opcode(reader, FeatureSet::all()));
    }
  }
  return ops;
}

}  // namespace lr::fuzz
