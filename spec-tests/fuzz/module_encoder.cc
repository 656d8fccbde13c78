// The binary format of a plan and its bodies.
#include <string>

#include "spec-tests/fuzz/module_plan.h"

namespace lr::fuzz {

namespace {

enum Section : u8 {
  kTypes = 1,
  kImports,
  kFunctions,
  kTables,
  kMemories,
  kGlobals,
  kExports,
  kStart,
  kElements,
  kCode,
  kData,
  kDataCount,
  kTags
};

u32 count_of(const auto& list) { return static_cast<u32>(list.size()); }

void write_types(BinaryWriter& out, std::span<const Type> types) {
  out.uleb(types.size());
  for (const Type& type : types) write_type(out, type);
}

void write_type_plan(BinaryWriter& out, const TypePlan& type) {
  if (!type.is_final || type.supertype >= 0) {
    out.byte(type.is_final ? 0x4f : 0x50);
    out.uleb(type.supertype >= 0 ? 1 : 0);
    if (type.supertype >= 0) out.uleb(static_cast<u32>(type.supertype));
  }
  if (type.describes >= 0) {
    out.byte(0x4c);
    out.uleb(static_cast<u32>(type.describes));
  }
  if (type.descriptor >= 0) {
    out.byte(0x4d);
    out.uleb(static_cast<u32>(type.descriptor));
  }
  if (type.composite == Composite::Func) {
    out.byte(0x60);
    write_types(out, type.params);
    write_types(out, type.results);
    return;
  }
  out.byte(type.composite == Composite::Struct ? 0x5f : 0x5e);
  if (type.composite == Composite::Struct) out.uleb(type.fields.size());
  for (const FieldPlan& field : type.fields) {
    write_type(out, field.type);
    out.byte(field.is_mutable ? 1 : 0);
  }
}

class Encoder {
 public:
  explicit Encoder(const ModulePlan& plan) : plan_(plan) {}

  std::vector<u8> encode(const std::vector<std::vector<u8>>& bodies) {
    module_.fixed(0x6d73'6100, 4);
    module_.fixed(1, 4);
    types();
    imports();
    functions();
    tables();
    memories();
    tags();
    globals();
    exports();
    elements();
    section(kDataCount, [&](BinaryWriter& out) { out.uleb(plan_.data.size()); });
    section(kCode, [&](BinaryWriter& out) {
      out.uleb(bodies.size());
      for (const std::vector<u8>& body : bodies) out.sized(body);
    });
    data();
    return std::move(module_.bytes);
  }

 private:
  template <typename Write>
  void section(Section id, Write&& write) {
    BinaryWriter content;
    write(content);
    module_.byte(id);
    module_.sized(content.bytes);
  }

  void types() {
    section(kTypes, [&](BinaryWriter& out) {
      u32 groups = 0;
      for (usize i = 0; i < plan_.types.size(); i++) {
        if (i == 0 || plan_.types[i].group != plan_.types[i - 1].group) groups++;
      }
      out.uleb(groups);
      for (usize i = 0; i < plan_.types.size();) {
        usize end = i + 1;
        while (end < plan_.types.size() && plan_.types[end].group == plan_.types[i].group) end++;
        // A group of one is not written as one: it may not refer to itself then.
        const bool is_data = plan_.types[i].composite != Composite::Func;
        if (end - i > 1 || is_data) {
          out.byte(0x4e);
          out.uleb(end - i);
        }
        for (; i < end; i++) write_type_plan(out, plan_.types[i]);
      }
    });
  }

  void imports() {
    if (plan_.imports.empty()) return;
    section(kImports, [&](BinaryWriter& out) {
      out.uleb(plan_.imports.size());
      for (usize i = 0; i < plan_.imports.size(); i++) {
        out.name("host");
        out.name(host_imports()[i].name);
        out.byte(0);
        out.uleb(plan_.imports[i]);
      }
    });
  }

  void functions() {
    section(kFunctions, [&](BinaryWriter& out) {
      const u32 imported = count_of(plan_.imports);
      out.uleb(plan_.functions.size() - imported);
      for (u32 i = imported; i < plan_.functions.size(); i++) out.uleb(plan_.functions[i].type);
    });
  }

  void tables() {
    section(kTables, [&](BinaryWriter& out) {
      out.uleb(plan_.tables.size());
      for (const TablePlan& table : plan_.tables) {
        write_type(out, table.element);
        out.byte(1 | (table.is_64 ? 4 : 0));
        out.uleb(table.size);
        out.uleb(table.size_max);
      }
    });
  }

  void memories() {
    section(kMemories, [&](BinaryWriter& out) {
      out.uleb(plan_.memories.size());
      for (const MemoryPlan& memory : plan_.memories) {
        const bool is_custom = memory.page_log2 != 16;
        out.byte(1 | (memory.is_shared ? 2 : 0) | (memory.is_64 ? 4 : 0) | (is_custom ? 8 : 0));
        out.uleb(memory.pages);
        out.uleb(memory.pages_max);
        if (is_custom) out.uleb(memory.page_log2);
      }
    });
  }

  void tags() {
    if (plan_.tags.empty()) return;
    section(kTags, [&](BinaryWriter& out) {
      out.uleb(plan_.tags.size());
      for (const TagPlan& tag : plan_.tags) {
        out.byte(0);
        out.uleb(tag.type);
      }
    });
  }

  static void constant(BinaryWriter& out, const Type& type, u64 bits) {
    switch (type.kind) {
      case Kind::I32:
        out.op(Op::I32Const);
        out.sleb(static_cast<i32>(bits));
        break;
      case Kind::I64:
        out.op(Op::I64Const);
        out.sleb(static_cast<i64>(bits));
        break;
      case Kind::F32:
        out.op(Op::F32Const);
        out.fixed(bits, 4);
        break;
      case Kind::F64:
        out.op(Op::F64Const);
        out.fixed(bits, 8);
        break;
      case Kind::V128:
        out.op(Op::V128Const);
        out.fixed(bits, 8);
        out.fixed(~bits, 8);
        break;
      default:
        out.op(Op::RefNull);
        write_heap(out, type.heap);
        break;
    }
    out.op(Op::End);
  }

  void globals() {
    section(kGlobals, [&](BinaryWriter& out) {
      out.uleb(plan_.globals.size());
      for (const GlobalPlan& global : plan_.globals) {
        write_type(out, global.type);
        out.byte(global.is_mutable ? 1 : 0);
        constant(out, global.type, global.bits);
      }
    });
  }

  void exports() {
    struct Row {
      std::string name;
      u32 kind;
      u32 index;
    };
    std::vector<Row> rows = {{"fuel", 3, 0}};
    for (u32 i = 0; i < plan_.functions.size(); i++) {
      const i32 n = plan_.functions[i].exported;
      if (n >= 0) rows.push_back({"f" + std::to_string(n), 0, i});
    }
    for (u32 i = 0; i < plan_.memories.size(); i++) rows.push_back({"m" + std::to_string(i), 2, i});
    for (u32 i = 0; i < plan_.tables.size(); i++) rows.push_back({"t" + std::to_string(i), 1, i});
    for (u32 i = 1; i < plan_.globals.size(); i++) {
      if (plan_.globals[i].type.is_number()) rows.push_back({"g" + std::to_string(i), 3, i});
    }
    section(kExports, [&](BinaryWriter& out) {
      out.uleb(rows.size());
      for (const Row& row : rows) {
        out.name(row.name);
        out.byte(row.kind);
        out.uleb(row.index);
      }
    });
  }

  void write_offset(BinaryWriter& out, bool is_64, u32 offset) const {
    constant(out, number(is_64 ? Kind::I64 : Kind::I32), offset);
  }

  void elements() {
    section(kElements, [&](BinaryWriter& out) {
      out.uleb(plan_.elements.size() + 1);
      for (const SegmentPlan& segment : plan_.elements) {
        // Expressions, so that nulls have a place.
        out.uleb(segment.is_active ? 4 : 5);
        if (segment.is_active) {
          write_offset(out, plan_.tables[segment.into].is_64, segment.offset);
        } else {
          write_type(out, segment.element);
        }
        out.uleb(segment.values.size());
        for (const i32 value : segment.values) {
          if (value < 0) {
            out.op(Op::RefNull);
            write_heap(out, kHeapFunc);
          } else {
            out.op(Op::RefFunc);
            out.uleb(static_cast<u32>(value));
          }
          out.op(Op::End);
        }
      }
      // Every function may be referred to.
      out.uleb(3);
      out.byte(0);
      out.uleb(plan_.functions.size());
      for (u32 i = 0; i < plan_.functions.size(); i++) out.uleb(i);
    });
  }

  void data() {
    section(kData, [&](BinaryWriter& out) {
      out.uleb(plan_.data.size());
      for (const SegmentPlan& segment : plan_.data) {
        if (!segment.is_active) {
          out.uleb(1);
        } else {
          out.uleb(segment.into == 0 ? 0 : 2);
          if (segment.into != 0) out.uleb(segment.into);
          write_offset(out, plan_.memories[segment.into].is_64, segment.offset);
        }
        out.sized(segment.bytes);
      }
    });
  }

  const ModulePlan& plan_;
  BinaryWriter module_;
};

}  // namespace

void write_heap(BinaryWriter& out, i32 heap) { out.sleb(heap); }

void write_type(BinaryWriter& out, const Type& type) {
  switch (type.kind) {
    case Kind::I32:
      return out.byte(0x7f);
    case Kind::I64:
      return out.byte(0x7e);
    case Kind::F32:
      return out.byte(0x7d);
    case Kind::F64:
      return out.byte(0x7c);
    case Kind::V128:
      return out.byte(0x7b);
    case Kind::I8:
      return out.byte(0x78);
    case Kind::I16:
      return out.byte(0x77);
    default:
      break;
  }
  if (type.nullable && type.heap < 0) return out.sleb(type.heap);
  out.byte(type.nullable ? 0x63 : 0x64);
  if (type.is_exact) out.byte(0x62);
  write_heap(out, type.heap);
}

std::vector<u8> encode(const ModulePlan& plan, const std::vector<std::vector<u8>>& bodies) {
  return Encoder(plan).encode(bodies);
}

}  // namespace lr::fuzz
