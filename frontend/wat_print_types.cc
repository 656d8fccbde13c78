#include "frontend/wat_print_types.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "frontend/type_reader.h"

namespace lr {

namespace {

class TypePrinter {
 public:
  TypePrinter(PrintedModule& module, Reader& reader, std::string& out)
      : module_(module), reader_(reader), out_(out) {}

  void print_types();

 private:
  void print_type(usize indent);
  void print_composite(u32 index);
  void print_structure(u32 index);
  void add(std::string_view text) { out_ += text; }
  template <typename... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  PrintedModule& module_;
  Reader& reader_;
  std::string& out_;
};

void TypePrinter::print_types() {
  constexpr u8 kRecursion = 0x4e;
  u32 count = reader_.vector_count();
  for (u32 i = 0; i < count && reader_.ok(); i++) {
    if (reader_.peek() != kRecursion) {
      print_type(2);
      continue;
    }
    reader_.byte();
    u32 group = reader_.vector_count();
    add("\n  (rec");
    for (u32 k = 0; k < group && reader_.ok(); k++) print_type(4);
    add(")");
  }
}

void TypePrinter::print_type(usize indent) {
  constexpr u8 kSub = 0x50;
  constexpr u8 kSubFinal = 0x4f;
  u32 index = module_.defined[static_cast<usize>(Space::Type)];
  out_ += '\n';
  out_.append(indent, ' ');
  add("(type");
  add(module_.define(Space::Type));
  module_.types.emplace_back();
  u8 form = reader_.peek();
  bool is_sub = form == kSub || form == kSubFinal;
  if (is_sub) {
    reader_.byte();
    add(form == kSub ? " (sub" : " (sub final");
    u32 count = reader_.vector_count();
    for (u32 i = 0; i < count && reader_.ok(); i++) {
      print(" {}", module_.names[Space::Type].ref(reader_.leb_u32()));
    }
  }
  print_composite(index);
  add(is_sub ? "))" : ")");
}

void TypePrinter::print_composite(u32 index) {
  constexpr std::pair<u8, std::string_view> kClauses[] = {{0x4c, "describes"},
                                                          {0x4d, "descriptor"}};
  for (auto [byte, word] : kClauses) {
    if (reader_.peek() != byte) continue;
    reader_.byte();
    print(" ({} {})", word, module_.names[Space::Type].ref(reader_.leb_u32()));
  }
  u32 at = reader_.offset();
  switch (reader_.byte()) {
    case 0x60: {
      PrintedType& type = module_.types[index];
      type.is_func = true;
      for (std::vector<ValType>* list : {&type.params, &type.results}) {
        u32 count = reader_.vector_count();
        for (u32 i = 0; i < count && reader_.ok(); i++) {
          list->push_back(read_val_type(reader_, module_.features));
        }
      }
      return print(" (func{})", module_.signature(type, nullptr));
    }
    case 0x5f:
      return print_structure(index);
    case 0x5e:
      add(" (array ");
      add(read_field_type_text(module_, reader_));
      return add(")");
    default:
      return reader_.fail(Err::BadDefinedType, at);
  }
}

void TypePrinter::print_structure(u32 index) {
  auto fields = module_.names.fields.find(index);
  add(" (struct");
  u32 count = reader_.vector_count();
  module_.types[index].fields = count;
  for (u32 i = 0; i < count && reader_.ok(); i++) {
    add(" (field");
    if (fields != module_.names.fields.end()) add(fields->second.definition(i));
    add(" ");
    add(read_field_type_text(module_, reader_));
    add(")");
  }
  add(")");
}

}  // namespace

std::string PrintedModule::define(Space space) {
  u32 index = defined[static_cast<usize>(space)]++;
  return fmt::format("{} (;{};)", names[space].definition(index), index);
}

std::string PrintedModule::text_of_heap(ValType type) const {
  if (type.heap != Heap::Defined) return std::string(name_of(type.heap));
  std::string index = names[Space::Type].ref(type.type);
  return type.exact ? fmt::format("(exact {})", index) : index;
}

std::string PrintedModule::text_of(ValType type) const {
  if (!type.is_ref() || type.heap != Heap::Defined) return name_of(type);
  return fmt::format("(ref {}{})", type.nullable ? "null " : "", text_of_heap(type));
}

std::string PrintedModule::signature(const PrintedType& type, const IdTable* locals) const {
  std::string out;
  bool is_open = false;  // A group of parameters without names.
  for (u32 i = 0; i < type.params.size(); i++) {
    bool is_named = locals != nullptr && locals->has_name(i);
    if (is_open && is_named) out += ')';
    if (!is_open || is_named) out += " (param";
    if (is_named) out += locals->definition(i);
    out += ' ';
    out += text_of(type.params[i]);
    if (is_named) out += ')';
    is_open = !is_named;
  }
  if (is_open) out += ')';
  if (type.results.empty()) return out;
  out += " (result";
  for (ValType result : type.results) {
    out += ' ';
    out += text_of(result);
  }
  out += ')';
  return out;
}

std::string PrintedModule::type_use(u32 type, const IdTable* locals) const {
  std::string out = fmt::format(" (type {})", names[Space::Type].ref(type));
  if (type < types.size() && types[type].is_func) out += signature(types[type], locals);
  return out;
}

void print_type_section(PrintedModule& module, Reader& reader, std::string& out) {
  TypePrinter(module, reader, out).print_types();
}

std::string read_field_type_text(const PrintedModule& module, Reader& reader) {
  u8 first = reader.peek();
  std::string type;
  if (first == 0x78 || first == 0x77) {
    reader.byte();
    type = first == 0x78 ? "i8" : "i16";
  } else {
    type = module.text_of(read_val_type(reader, module.features));
  }
  bool is_mutable = reader.byte() != 0;
  return is_mutable ? fmt::format("(mut {})", type) : type;
}

std::string read_global_type_text(const PrintedModule& module, Reader& reader) {
  std::string type = module.text_of(read_val_type(reader, module.features));
  bool is_mutable = reader.byte() != 0;
  return is_mutable ? fmt::format("(mut {})", type) : type;
}

std::string read_limits_text(Reader& reader, bool is_memory) {
  constexpr u8 kHasMax = 1;
  constexpr u8 kShared = 2;
  constexpr u8 k64 = 4;
  constexpr u8 kPageSize = 8;
  std::string out;
  u32 at = reader.offset();
  u8 flags = reader.byte();
  u8 allowed = kHasMax | k64 | (is_memory ? kShared | kPageSize : 0);
  if ((flags & ~allowed) != 0) {
    reader.fail(Err::BadLimits, at);
    return out;
  }
  if ((flags & k64) != 0) out += " i64";
  out += fmt::format(" {}", reader.leb_u64());
  if ((flags & kHasMax) != 0) out += fmt::format(" {}", reader.leb_u64());
  if ((flags & kShared) != 0) out += " shared";
  if ((flags & kPageSize) == 0) return out;
  at = reader.offset();
  u32 log2 = reader.leb_u32();
  if (log2 >= 64) {
    reader.fail(Err::BadPageSizeBits, at);
    return out;
  }
  out += fmt::format(" (pagesize {})", u64{1} << log2);
  return out;
}

}  // namespace lr
