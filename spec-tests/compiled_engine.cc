#include "spec-tests/compiled_engine.h"

#include <deque>
#include <map>

#include "frontend/type_registry.h"
#include "jit/gc/object.h"
#include "spec-tests/spectest.h"

namespace lr::spec {

namespace {

struct CompiledModule final : EngineModule {
  const Module& module() const override { return compiled->module(); }

  std::shared_ptr<jit::CompiledModule> compiled;
};

class CompiledInstance final : public EngineInstance {
 public:
  CompiledInstance(ProcessHandle& process, jit::Instance& instance)
      : process_(process), instance_(instance) {}

  const DefinedType* function_type(std::string_view name) override {
    jit::FuncRef* const function = find_function(name);
    return function == nullptr ? nullptr : &defined_type(function->type);
  }

  Ended invoke(std::string_view name, std::vector<u64>& values) override {
    jit::FuncRef* const function = find_function(name);
    Outcome outcome = process_.call(function, values);
    usize words = 0;
    for (const ValType type : defined_type(function->type).results) {
      words += type.kind == Kind::V128 ? 2 : 1;
    }
    values.resize(words);
    if (outcome.returned()) return {};
    const bool thrown =
        outcome.kind == Outcome::Kind::Trapped && outcome.trap == jit::Trap::UncaughtException;
    return {thrown ? Ended::Kind::Thrown : Ended::Kind::Trapped, std::move(outcome.message)};
  }

  std::optional<ValType> global_type(std::string_view name) override {
    const auto found = instance_.find_export(name);
    if (!found || found->kind != ExternKind::Global) return std::nullopt;
    return found->global->type.type;
  }

  std::vector<u64> global_value(std::string_view name) override {
    const jit::Cell& cell = *instance_.find_export(name)->global->cell;
    return {cell.bits, cell.high};
  }

  jit::Instance& instance() const { return instance_; }

 private:
  // Null if there is none.
  jit::FuncRef* find_function(std::string_view name) {
    const auto found = instance_.find_export(name);
    if (!found || found->kind != ExternKind::Func) return nullptr;
    return found->func != nullptr ? found->func : process_.store().host_ref(found->host);
  }

  ProcessHandle& process_;
  jit::Instance& instance_;
};

class CompiledEngine final : public ScriptEngine {
 public:
  explicit CompiledEngine(Runtime& runtime) : runtime_(runtime) {}

  Status start(const ProcessConfig& config) {
    process_ = TRY(runtime_.create_process(config));
    return add_spectest_things(process_->store(), linker_);
  }

  FeatureSet features() const override { return runtime_.engine().options().features; }

  // What the compiler has is the runtime's, whatever the script's language.
  Result<std::shared_ptr<EngineModule>> load(std::vector<u8> bytes, std::string name,
                                             const FeatureSet&) override {
    auto module = std::make_shared<CompiledModule>();
    module->compiled = TRY(runtime_.load(std::move(bytes), std::move(name)));
    return std::shared_ptr<EngineModule>(std::move(module));
  }

  Result<EngineInstance*> instantiate(const std::shared_ptr<EngineModule>& module) override {
    const auto& compiled = static_cast<const CompiledModule&>(*module).compiled;
    jit::Resolver* const resolver = &linker_;
    jit::Instance* const instance = TRY(process_->instantiate(compiled, {&resolver, 1}));
    return &instances_.emplace_back(*process_, *instance);
  }

  void add(std::string name, EngineInstance& instance) override {
    linker_.add(name, static_cast<CompiledInstance&>(instance).instance());
    named_[std::move(name)] = &instance;
  }

  EngineInstance* find(const std::string& name) const override {
    const auto at = named_.find(name);
    return at == named_.end() ? nullptr : at->second;
  }

  RefKind kind_of(u64 reference, ValType type) const override {
    const Heap top = top_of(type);
    if (top == Heap::Func) return RefKind::Func;
    if (top == Heap::Exn) return RefKind::Exn;
    if (jit::gc::is_i31(reference)) return RefKind::I31;
    if (jit::gc::is_host(reference)) return RefKind::Host;
    const TypeId id = jit::gc::type_of_word(jit::gc::object_of(reference)->type);
    return defined_type(id).composite == Composite::Array ? RefKind::Array : RefKind::Struct;
  }

 private:
  Runtime& runtime_;
  std::unique_ptr<ProcessHandle> process_;
  InstanceLinker linker_;
  std::deque<CompiledInstance> instances_;
  std::map<std::string, EngineInstance*> named_;
};

}  // namespace

Result<std::unique_ptr<ScriptEngine>> make_compiled_engine(Runtime& runtime,
                                                           const ProcessConfig& config) {
  auto engine = std::make_unique<CompiledEngine>(runtime);
  TRY(engine->start(config));
  return std::unique_ptr<ScriptEngine>(std::move(engine));
}

}  // namespace lr::spec
