// From what a module imports to what it gets: host functions by (module, name), and the exports of
// other instances of the same process. What nobody has is told all at once, with what it is.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "frontend/module.h"
#include "frontend/type_registry.h"
#include "host/host_function.h"
#include "jit/instance.h"

namespace lr {

// Host functions by name: one for a program, shared by all processes, immutable once these run.
class HostLinker final : public jit::Resolver {
 public:
  HostLinker() = default;
  HostLinker(const HostLinker&) = delete;
  HostLinker& operator=(const HostLinker&) = delete;

  // The rows of a table; they and what they point at outlive the linker.
  Status add(std::span<const HostFunction> functions);
  // A function of an embedder's. A later one of the same name and type takes its place; of those of
  // one name and several types, a module gets the one that it declares.
  Status add(const HostFunction& function);

  // The first of that name.
  const jit::HostFunction* find(std::string_view module, std::string_view name) const;
  std::optional<jit::Extern> resolve(const Module& module, const Import& import) override;

 private:
  using Name = std::pair<std::string_view, std::string_view>;

  std::deque<jit::HostFunction> functions_;
  std::map<Name, std::vector<const jit::HostFunction*>> by_name_;
  TypeRefs types_;
};

// Instances of one process under names, as a test script registers them.
class InstanceLinker final : public jit::Resolver {
 public:
  void add(std::string name, jit::Instance& instance) { instances_[std::move(name)] = &instance; }
  void add(std::string module, std::string name, const jit::Extern& thing) {
    things_[{std::move(module), std::move(name)}] = thing;
  }
  jit::Instance* find(const std::string& name) const;
  std::optional<jit::Extern> resolve(const Module& module, const Import& import) override;

 private:
  std::map<std::string, jit::Instance*> instances_;
  std::map<std::pair<std::string, std::string>, jit::Extern> things_;
};

// One Extern for each import, from the first resolver that has it. All that are missing are in
// one error (UnknownImport).
Result<std::vector<jit::Extern>> link_imports(const Module& module,
                                              std::span<jit::Resolver* const> resolvers);

// What a person should know about a foreign import ("made by Emscripten for JavaScript"), or
// nothing.
std::string_view explain_import(std::string_view module, std::string_view name);

}  // namespace lr
