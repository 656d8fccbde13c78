#include "jit/link.h"

#include <fmt/format.h>

#include "frontend/type_registry.h"

namespace lr::jit {

namespace {

std::string text_of_func(TypeId id, const char* keyword) {
  const DefinedType& type = defined_type(id);
  std::string text = fmt::format("({}", keyword);
  const auto add = [&](const char* what, std::span<const ValType> types) {
    if (types.empty()) return;
    text += fmt::format(" ({}", what);
    for (const ValType t : types) text += fmt::format(" {}", name_of(t));
    text += ')';
  };
  add("param", type.params);
  add("result", type.results);
  return text += ')';
}

std::string text_of_limits(const Limits& limits) {
  std::string text = limits.is_64 ? "i64 " : "";
  text += fmt::format("{}", limits.min);
  if (limits.max) text += fmt::format(" {}", *limits.max);
  return limits.is_shared ? text + " shared" : text;
}

std::string text_of_table(const TableType& type) {
  return fmt::format("(table {} {})", text_of_limits(type.limits), name_of(type.element));
}

std::string text_of_memory(const MemoryType& type) {
  const std::string page =
      type.page_size_log2 == 16 ? "" : fmt::format(" (pagesize {})", 1u << type.page_size_log2);
  return fmt::format("(memory {}{})", text_of_limits(type.limits), page);
}

std::string text_of_global(const GlobalType& type) {
  const std::string name = name_of(type.type);
  return type.is_mutable ? fmt::format("(global (mut {}))", name)
                         : fmt::format("(global {})", name);
}

// What a thing that exists says about itself: its minimum is its size.
TableType actual_type(const Table& table) {
  TableType type = table.type();
  type.limits.min = table.view.size;
  return type;
}
MemoryType actual_type(const Memory& memory) {
  MemoryType type = memory.type();
  type.limits.min = memory.pages();
  return type;
}
TypeId actual_type(const Extern& given) {
  return given.host != nullptr ? given.host->type : given.func->type;
}

bool limits_fit(const Limits& have, const Limits& want) {
  return have.is_64 == want.is_64 && have.is_shared == want.is_shared && have.min >= want.min &&
         (!want.max || (have.max && *have.max <= *want.max));
}

bool global_fits(const GlobalType& have, const GlobalType& want) {
  if (have.is_mutable != want.is_mutable) return false;
  return want.is_mutable ? have.type == want.type : is_subtype(have.type, want.type);
}

bool fits(const Module& module, const Import& import, const Extern& given) {
  if (import.kind != given.kind) return false;
  switch (import.kind) {
    case ExternKind::Func: {
      const TypeId want = module.functions[import.index].type;
      const TypeId have = actual_type(given);
      return import.exact ? have == want : is_subtype(have, want);
    }
    case ExternKind::Table: {
      const TableType& want = module.tables[import.index].type;
      const TableType have = actual_type(*given.table);
      return have.element == want.element && limits_fit(have.limits, want.limits);
    }
    case ExternKind::Memory: {
      const MemoryType& want = module.memories[import.index];
      const MemoryType have = actual_type(*given.memory);
      return have.page_size_log2 == want.page_size_log2 && limits_fit(have.limits, want.limits);
    }
    case ExternKind::Global:
      return global_fits(given.global->type, module.globals[import.index].type);
    case ExternKind::Tag:
      return given.tag->type == module.tags[import.index];
  }
  return false;
}

}  // namespace

std::string describe(const Extern& given) {
  switch (given.kind) {
    case ExternKind::Func:
      return text_of_func(actual_type(given), "func");
    case ExternKind::Table:
      return text_of_table(actual_type(*given.table));
    case ExternKind::Memory:
      return text_of_memory(actual_type(*given.memory));
    case ExternKind::Global:
      return text_of_global(given.global->type);
    case ExternKind::Tag:
      return text_of_func(given.tag->type, "tag");
  }
  return {};
}

std::string describe_import(const Module& module, const Import& import) {
  switch (import.kind) {
    case ExternKind::Func:
      return text_of_func(module.functions[import.index].type, "func");
    case ExternKind::Table:
      return text_of_table(module.tables[import.index].type);
    case ExternKind::Memory:
      return text_of_memory(module.memories[import.index]);
    case ExternKind::Global:
      return text_of_global(module.globals[import.index].type);
    case ExternKind::Tag:
      return text_of_func(module.tags[import.index], "tag");
  }
  return {};
}

Status check_import(const Module& module, const Import& import, const Extern& given) {
  if (fits(module, import, given)) return ok_status();
  return make_error(Err::IncompatibleImport,
                    fmt::format("\"{}\" \"{}\" wants {}, got {}", import.module, import.name,
                                describe_import(module, import), describe(given)));
}

Result<std::vector<Extern>> resolve_imports(const Module& module, Resolver& resolver) {
  std::vector<Extern> externs;
  std::string missing;
  for (const Import& import : module.imports) {
    const std::optional<Extern> found = resolver.resolve(module, import);
    if (found) {
      externs.push_back(*found);
      continue;
    }
    if (!missing.empty()) missing += ", ";
    missing += fmt::format("\"{}\" \"{}\" {}", import.module, import.name,
                           describe_import(module, import));
  }
  if (!missing.empty()) return make_error(Err::UnknownImport, std::move(missing));
  return externs;
}

}  // namespace lr::jit
