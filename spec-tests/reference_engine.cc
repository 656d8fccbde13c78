#include "spec-tests/reference_engine.h"

#include <bit>
#include <deque>
#include <map>

#include "base/executor.h"
#include "frontend/decoder.h"
#include "frontend/type_registry.h"
#include "spec-tests/interpreter/store.h"

namespace lr::spec {

namespace {

using interp::Extern;
using interp::Value;

struct ReferenceModule final : EngineModule {
  explicit ReferenceModule(std::shared_ptr<const Module> loaded) : shared(std::move(loaded)) {}
  const Module& module() const override { return *shared; }

  std::shared_ptr<const Module> shared;
};

void add_words(const Value& value, ValType type, std::vector<u64>& words) {
  words.push_back(value.low);
  if (type.kind == Kind::V128) words.push_back(value.high);
}

Ended ended(const interp::Outcome& outcome) {
  switch (outcome.kind) {
    case interp::Outcome::Kind::Returned:
      return {};
    case interp::Outcome::Kind::Trapped:
      return {Ended::Kind::Trapped, std::string(interp::text_of(outcome.trap))};
    case interp::Outcome::Kind::Thrown:
      return {Ended::Kind::Thrown, "unhandled exception"};
    case interp::Outcome::Kind::OutOfFuel:
      return {Ended::Kind::Trapped, "out of fuel"};
  }
  __builtin_unreachable();
}

class ReferenceInstance final : public EngineInstance {
 public:
  ReferenceInstance(interp::Store& store, interp::ModuleInst& instance)
      : store_(store), instance_(instance) {}

  const DefinedType* function_type(std::string_view name) override {
    const auto found = instance_.find_export(name);
    return found && found->kind == ExternKind::Func ? &defined_type(found->func->type) : nullptr;
  }

  Ended invoke(std::string_view name, std::vector<u64>& values) override {
    interp::FuncInst& func = *instance_.find_export(name)->func;
    const DefinedType& type = defined_type(func.type);
    std::vector<Value> args;
    const u64* word = values.data();
    for (const ValType param : type.params) {
      Value& arg = args.emplace_back();
      arg.low = *word++;
      if (param.kind == Kind::V128) arg.high = *word++;
    }
    std::vector<Value> results;
    const interp::Outcome outcome = store_.invoke(func, args, results);
    values.clear();
    for (usize i = 0; i < results.size(); i++) add_words(results[i], type.results[i], values);
    return ended(outcome);
  }

  std::optional<ValType> global_type(std::string_view name) override {
    const auto found = instance_.find_export(name);
    if (!found || found->kind != ExternKind::Global) return std::nullopt;
    return found->global->type.type;
  }

  std::vector<u64> global_value(std::string_view name) override {
    const Value& value = instance_.find_export(name)->global->value;
    return {value.low, value.high};
  }

  const interp::ModuleInst& instance() const { return instance_; }

 private:
  interp::Store& store_;
  interp::ModuleInst& instance_;
};

interp::Trap print_nothing(void*, std::span<const Value>, std::span<Value>) {
  return interp::Trap::None;
}

class ReferenceEngine final : public ScriptEngine {
 public:
  explicit ReferenceEngine(const FeatureSet& features) : features_(features) {
    add_spectest_functions();
    add_spectest_things();
  }

  FeatureSet features() const override { return FeatureSet::all(); }

  Result<std::shared_ptr<EngineModule>> load(std::vector<u8> bytes, std::string,
                                             const FeatureSet& language) override {
    FeatureSet features = language;
    for (u32 i = 0; i < kFeatureCount; i++) {
      const Feature feature = static_cast<Feature>(i);
      if (!features_.has(feature)) features.disable(feature);
    }
    SerialExecutor executor;
    std::shared_ptr<const Module> module = TRY(load_module(std::move(bytes), features, executor));
    return std::shared_ptr<EngineModule>(std::make_shared<ReferenceModule>(std::move(module)));
  }

  Result<EngineInstance*> instantiate(const std::shared_ptr<EngineModule>& module) override {
    const auto& shared = static_cast<const ReferenceModule&>(*module).shared;
    std::vector<Extern> imports;
    for (const Import& import : shared->imports) imports.push_back(TRY(resolve(import)));
    const interp::Store::Instantiated made = TRY(store_.instantiate(shared, imports));
    if (!made.outcome.returned()) return make_error(Err::StartFailed, ended(made.outcome).message);
    return &instances_.emplace_back(store_, *made.instance);
  }

  void add(std::string name, EngineInstance& instance) override {
    named_[std::move(name)] = static_cast<ReferenceInstance*>(&instance);
  }

  EngineInstance* find(const std::string& name) const override {
    const auto at = named_.find(name);
    return at == named_.end() ? nullptr : at->second;
  }

  RefKind kind_of(u64 reference, ValType type) const override {
    const Heap top = top_of(type);
    if (top == Heap::Func) return RefKind::Func;
    if (top == Heap::Exn) return RefKind::Exn;
    if (interp::is_i31(reference)) return RefKind::I31;
    if (interp::is_host(reference)) return RefKind::Host;
    const DefinedType& dynamic = defined_type(interp::object_of(reference).type);
    return dynamic.composite == Composite::Array ? RefKind::Array : RefKind::Struct;
  }

 private:
  Result<Extern> resolve(const Import& import) const {
    const auto at = named_.find(std::string(import.module));
    if (at != named_.end()) {
      const auto found = at->second->instance().find_export(import.name);
      if (found) return *found;
    } else if (import.module == "spectest") {
      const auto thing = spectest_.find(import.name);
      if (thing != spectest_.end()) return thing->second;
    }
    return make_error(Err::UnknownImport,
                      std::string(import.module) + "." + std::string(import.name));
  }

  void add_spectest_functions() {
    const std::pair<const char*, std::vector<ValType>> functions[] = {
        {"print", {}},
        {"print_i32", {kI32}},
        {"print_i64", {kI64}},
        {"print_f32", {kF32}},
        {"print_f64", {kF64}},
        {"print_i32_f32", {kI32, kF32}},
        {"print_f64_f64", {kF64, kF64}},
    };
    for (const auto& [name, params] : functions) {
      Result<TypeId> type = TypeRegistry::enter_function(params, {}, types_);
      CHECK(type.ok());
      Extern thing;
      thing.kind = ExternKind::Func;
      thing.func = store_.add_func({type.value(), &print_nothing, nullptr});
      spectest_[name] = thing;
    }
  }

  void add_spectest_things() {
    const std::pair<const char*, std::pair<ValType, Value>> globals[] = {
        {"global_i32", {kI32, Value::of(u32{666})}},
        {"global_i64", {kI64, Value::of(u64{666})}},
        {"global_f32", {kF32, Value::of(666.6f)}},
        {"global_f64", {kF64, Value::of(666.6)}},
    };
    for (const auto& [name, global] : globals) {
      Extern& thing = spectest_[name];
      thing.kind = ExternKind::Global;
      thing.global = store_.add_global({global.first, false}, global.second);
    }
    for (const bool is_64 : {false, true}) {
      Extern& thing = spectest_[is_64 ? "table64" : "table"];
      thing.kind = ExternKind::Table;
      thing.table = store_.add_table({kFuncRef, {10, 20, is_64, false}}, interp::kNull);
    }
    for (const bool is_shared : {false, true}) {
      Extern& thing = spectest_[is_shared ? "shared_memory" : "memory"];
      thing.kind = ExternKind::Memory;
      thing.memory = store_.add_memory({{1, 2, false, is_shared}, 16});
    }
  }

  FeatureSet features_;
  TypeRefs types_;
  interp::Store store_;
  std::map<std::string, Extern, std::less<>> spectest_;
  std::deque<ReferenceInstance> instances_;
  std::map<std::string, ReferenceInstance*> named_;
};

}  // namespace

std::unique_ptr<ScriptEngine> make_reference_engine(const FeatureSet& features) {
  return std::make_unique<ReferenceEngine>(features);
}

}  // namespace lr::spec
