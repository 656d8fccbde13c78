#include "frontend/module.h"

#include "frontend/reader.h"

namespace lr {

namespace {

constexpr u8 kModuleName = 0;
constexpr u8 kFunctionNames = 1;

// What can be read of a name section; errors in it are not errors of the module.
void read_names(const Module& module, const CustomSection& section, NameTable& names) {
  Diag diag;
  usize end = section.offset + section.bytes.size();
  Reader reader(module.bytes, section.offset, end, diag);
  while (reader.ok() && !reader.at_end()) {
    u8 id = reader.byte();
    u32 size = reader.length();
    if (!reader.ok()) return;
    Reader sub(module.bytes, reader.offset(), reader.offset() + size, diag);
    if (id == kModuleName) {
      names.module = sub.name();
    } else if (id == kFunctionNames) {
      u32 count = sub.vector_count();
      for (u32 i = 0; i < count && sub.ok(); i++) {
        u32 index = sub.leb_u32();
        std::string_view name = sub.name();
        if (sub.ok() && index < names.functions.size()) names.functions[index] = name;
      }
    }
    reader.skip_to(sub.end_offset());
  }
}

}  // namespace

const NameTable& Module::names() const {
  std::call_once(names_once_, [this] {
    names_.functions.resize(functions.size());
    for (const Export& item : exports) {
      if (item.kind == ExternKind::Func) names_.functions[item.index] = item.name;
    }
    for (const CustomSection& section : customs) {
      if (section.name == "name") read_names(*this, section, names_);
    }
  });
  return names_;
}

std::string_view Module::module_name() const { return names().module; }

std::string_view Module::function_name(u32 index) const {
  const NameTable& table = names();
  return index < table.functions.size() ? table.functions[index] : std::string_view();
}

const Export* Module::find_export(std::string_view name) const {
  for (const Export& item : exports) {
    if (item.name == name) return &item;
  }
  return nullptr;
}

}  // namespace lr
