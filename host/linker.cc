#include "host/linker.h"

#include <fmt/format.h>

#include <algorithm>

namespace lr {
namespace {

constexpr usize kMissingShown = 20;

#define EXPLANATION(id, text) constexpr std::string_view k##id = text;
#include "host/foreign_imports.def"

struct Foreign {
  std::string_view module;
  std::string_view name;
  std::string_view explanation;
};

constexpr Foreign kForeign[] = {
#define FOREIGN(module, name, id) {module, name, k##id},
#include "host/foreign_imports.def"
};

// What is missing, one line each, and below it what that is, once for each explanation.
Error missing_error(const Module& module, std::span<const Import* const> missing) {
  std::string text = missing.size() == 1 ? std::string("1 import is missing:")
                                         : fmt::format("{} imports are missing:", missing.size());
  std::vector<std::string_view> explanations;
  for (usize i = 0; i < missing.size(); ++i) {
    const Import& import = *missing[i];
    const std::string_view explanation = explain_import(import.module, import.name);
    const bool is_new = std::ranges::find(explanations, explanation) == explanations.end();
    if (!explanation.empty() && is_new) explanations.push_back(explanation);
    if (i >= kMissingShown) continue;
    text += fmt::format("\n  {}.{} {}", import.module, import.name,
                        jit::describe_import(module, import));
  }
  if (missing.size() > kMissingShown) {
    text += fmt::format("\n  and {} more", missing.size() - kMissingShown);
  }
  for (const std::string_view explanation : explanations) {
    text += fmt::format("\nThis is {}.", explanation);
  }
  return make_error(Err::UnknownImport, std::move(text));
}

}  // namespace

std::string_view explain_import(std::string_view module, std::string_view name) {
  for (const Foreign& foreign : kForeign) {
    if (module.starts_with(foreign.module) && name.starts_with(foreign.name)) {
      return foreign.explanation;
    }
  }
  return {};
}

Status HostLinker::add(std::span<const HostFunction> functions) {
  for (const HostFunction& function : functions) TRY(add(function));
  return ok_status();
}

Status HostLinker::add(const HostFunction& function) {
  const TypeId type = TRY(TypeRegistry::enter_function(function.params, function.results, types_));
  jit::HostFunction& linked = functions_.emplace_back();
  linked.fn = function.direct != nullptr ? function.direct : &host_entry;
  linked.type = type;
  linked.data = const_cast<HostFunction*>(&function);
  linked.module = function.module.data();
  linked.name = function.name.data();
  auto& variants = by_name_[{function.module, function.name}];
  const auto same =
      std::ranges::find(variants, type, [](const auto* variant) { return variant->type; });
  if (same != variants.end()) {
    *same = &linked;
  } else {
    variants.push_back(&linked);
  }
  return ok_status();
}

const jit::HostFunction* HostLinker::find(std::string_view module, std::string_view name) const {
  const auto found = by_name_.find({module, name});
  return found == by_name_.end() ? nullptr : found->second.front();
}

std::optional<jit::Extern> HostLinker::resolve(const Module& module, const Import& import) {
  const auto found = by_name_.find({import.module, import.name});
  if (found == by_name_.end()) return std::nullopt;
  const auto& variants = found->second;
  const jit::HostFunction* function = variants.front();
  if (variants.size() > 1 && import.kind == ExternKind::Func) {
    const TypeId declared = module.functions[import.index].type;
    const auto meant =
        std::ranges::find(variants, declared, [](const auto* variant) { return variant->type; });
    if (meant != variants.end()) function = *meant;
  }
  return jit::Extern::of(function);
}

jit::Instance* InstanceLinker::find(const std::string& name) const {
  const auto found = instances_.find(name);
  return found == instances_.end() ? nullptr : found->second;
}

std::optional<jit::Extern> InstanceLinker::resolve(const Module& /*module*/, const Import& import) {
  const auto thing = things_.find({std::string(import.module), std::string(import.name)});
  if (thing != things_.end()) return thing->second;
  jit::Instance* instance = find(std::string(import.module));
  return instance == nullptr ? std::nullopt : instance->find_export(import.name);
}

Result<std::vector<jit::Extern>> link_imports(const Module& module,
                                              std::span<jit::Resolver* const> resolvers) {
  std::vector<jit::Extern> externs;
  std::vector<const Import*> missing;
  for (const Import& import : module.imports) {
    std::optional<jit::Extern> found;
    for (usize i = 0; i < resolvers.size() && !found; ++i) {
      found = resolvers[i]->resolve(module, import);
    }
    if (found) {
      externs.push_back(*found);
    } else {
      missing.push_back(&import);
    }
  }
  if (!missing.empty()) return missing_error(module, missing);
  return externs;
}

}  // namespace lr
