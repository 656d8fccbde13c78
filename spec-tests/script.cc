#include "spec-tests/script.h"

#include <fmt/format.h>

#include "base/executor.h"
#include "frontend/decoder.h"
#include "frontend/type_registry.h"
#include "frontend/wast_script.h"
#include "spec-tests/spectest.h"
#include "spec-tests/values.h"

namespace lr::spec {

void ScriptResult::fail(u32 line, std::string what) {
  failed++;
  failures.push_back({line, std::move(what)});
}

void ScriptResult::skip(const std::string& reason) {
  skipped++;
  skips[reason]++;
}

namespace {

// Texts of the suite are prefixes of an engine's, or the other way round where an engine says less.
bool same_text(std::string_view expected, std::string_view actual) {
  return actual.starts_with(expected) || expected.starts_with(actual);
}

// Scripts of a proposal that predates others are judged without those; no script but its own
// proposal's expects custom descriptors, which make more br_on_cast valid.
FeatureSet features_of(std::string_view file) {
  FeatureSet features = FeatureSet::all();
  if (file.find("custom-descriptors") == std::string_view::npos) {
    features.disable(Feature::CustomDescriptors);
  }
  if (file.find("proposals/threads") != std::string_view::npos) {
    features.disable(Feature::MultiMemory)
        .disable(Feature::Memory64)
        .disable(Feature::ReferenceTypes);
  }
  return features;
}

class ScriptRunner {
 public:
  ScriptRunner(Runtime& runtime, const ScriptOptions& options, ScriptResult& result)
      : runtime_(runtime),
        options_(options),
        result_(result),
        features_(features_of(result.file)) {}

  Status start();
  void run(const WastCommand& command);

 private:
  // An instance, or the reason why there is none.
  struct Slot {
    jit::Instance* instance = nullptr;
    std::string skipped;
  };
  struct Definition {
    std::shared_ptr<jit::CompiledModule> module;
    std::string skipped;
  };

  Result<Definition> compile(const WastModule& module);
  Result<Slot> instantiate(const Definition& definition);
  Slot* find(const std::optional<std::string>& name);
  void taint(const Module& module, const std::string& reason);
  void make_module(const WastCommand& command);
  void make_instance(const WastCommand& command);
  void register_instance(const WastCommand& command);
  void assert_refused(const WastCommand& command, ErrPhase phase);
  void assert_unlinkable(const WastCommand& command);
  void assert_module_traps(const WastCommand& command);
  void assert_ends(const WastCommand& command, std::string_view text);
  void assert_return(const WastCommand& command);

  // What an action came to. Skipped and failed ones have been counted.
  struct Done {
    Outcome outcome;
    std::vector<u64> values;
    std::span<const ValType> types;
  };
  std::optional<Done> act(const WastCommand& command);
  std::optional<Done> get(const WastCommand& command, jit::Instance& instance);
  std::optional<Done> invoke(const WastCommand& command, jit::Instance& instance);

  Runtime& runtime_;
  const ScriptOptions& options_;
  ScriptResult& result_;
  FeatureSet features_;  // What the script expects to be on.
  std::unique_ptr<ProcessHandle> process_;
  InstanceLinker linker_;
  std::map<std::string, Slot> named_;
  std::map<std::string, Definition> definitions_;
  std::optional<Slot> current_;
  std::optional<Definition> last_definition_;
  std::map<std::string, std::string> skipped_names_;  // Registered, but of a skipped instance.
};

Status ScriptRunner::start() {
  process_ = TRY(runtime_.create_process(options_.process));
  return add_spectest_things(process_->store(), linker_);
}

// "the feature tail-call", from an error's detail "tail-call (...)".
std::string reason_of(const Error& error) {
  const std::string& detail = error.detail;
  return "feature " + detail.substr(0, std::min(detail.find_first_of(" ("), detail.size()));
}

Result<ScriptRunner::Definition> ScriptRunner::compile(const WastModule& module) {
  std::vector<u8> bytes = TRY(module.encode());
  auto compiled = runtime_.load(bytes, module.name.value_or(""));
  if (compiled.ok()) return Definition{std::move(compiled.value()), ""};
  if (compiled.error().code == Err::FeatureOff) {
    SerialExecutor executor;
    const auto valid = load_module(std::move(bytes), features_, executor);
    if (valid.ok()) {
      const std::string reason = reason_of(compiled.error());
      taint(*valid.value(), reason);
      return Definition{nullptr, reason};
    }
  }
  return std::move(compiled.error());
}

Result<ScriptRunner::Slot> ScriptRunner::instantiate(const Definition& definition) {
  if (!definition.skipped.empty()) return Slot{nullptr, definition.skipped};
  for (const Import& import : definition.module->module().imports) {
    const auto skipped = skipped_names_.find(std::string(import.module));
    if (skipped != skipped_names_.end()) return Slot{nullptr, skipped->second};
  }
  jit::Resolver* const resolver = &linker_;
  return Slot{TRY(process_->instantiate(definition.module, {&resolver, 1})), ""};
}

// A skipped module may have changed what it imports: the instances it would have been linked with
// are not what the script expects any more.
void ScriptRunner::taint(const Module& module, const std::string& reason) {
  for (const Import& import : module.imports) {
    const jit::Instance* const instance = linker_.find(std::string(import.module));
    if (instance == nullptr) continue;
    const auto spoil = [&](Slot& slot) {
      if (slot.instance == instance) slot = {nullptr, reason};
    };
    for (auto& [name, slot] : named_) spoil(slot);
    if (current_) spoil(*current_);
  }
}

ScriptRunner::Slot* ScriptRunner::find(const std::optional<std::string>& name) {
  if (!name) return current_ ? &*current_ : nullptr;
  const auto at = named_.find(*name);
  return at == named_.end() ? nullptr : &at->second;
}

// -- Modules --------------------------------------------------------------------------------------

void ScriptRunner::make_module(const WastCommand& command) {
  const WastModule& module = *command.module;
  Result<Definition> definition = compile(module);
  if (!definition.ok()) {
    current_.reset();
    return result_.fail(command.line, "module: " + definition.error().message());
  }
  if (module.is_definition) {
    if (module.name) definitions_[*module.name] = *definition;
    last_definition_ = *definition;
    if (!definition->skipped.empty()) result_.skip(definition->skipped);
    return;
  }
  Result<Slot> slot = instantiate(*definition);
  if (!slot.ok()) {
    current_.reset();
    return result_.fail(command.line, "module: " + slot.error().message());
  }
  if (!slot->skipped.empty()) result_.skip(slot->skipped);
  current_ = *slot;
  if (module.name) named_[*module.name] = *slot;
}

void ScriptRunner::make_instance(const WastCommand& command) {
  const Definition* definition = last_definition_ ? &*last_definition_ : nullptr;
  if (command.of) {
    const auto at = definitions_.find(*command.of);
    definition = at == definitions_.end() ? nullptr : &at->second;
  }
  if (definition == nullptr) return result_.fail(command.line, "instance of an unknown definition");
  Result<Slot> slot = instantiate(*definition);
  if (!slot.ok()) return result_.fail(command.line, "instance: " + slot.error().message());
  if (!slot->skipped.empty()) result_.skip(slot->skipped);
  current_ = *slot;
  if (command.name) named_[*command.name] = *slot;
}

void ScriptRunner::register_instance(const WastCommand& command) {
  const Slot* slot = find(command.of);
  if (slot == nullptr) return result_.fail(command.line, "register: no such instance");
  if (slot->instance == nullptr) {
    skipped_names_[command.text] = slot->skipped;
    return result_.skip(slot->skipped);
  }
  linker_.add(command.text, *slot->instance);
}

// Needs no compiler, so every feature is on.
void ScriptRunner::assert_refused(const WastCommand& command, ErrPhase phase) {
  const bool narrow_limits = !features_.has(Feature::Memory64);
  Result<std::vector<u8>> bytes = command.module->encode(narrow_limits);
  Error error;
  if (!bytes.ok()) {
    error = bytes.error();
  } else {
    SerialExecutor executor;
    const auto loaded = load_module(std::move(bytes.value()), features_, executor);
    if (loaded.ok()) {
      return result_.fail(command.line, "accepted, but should be refused: " + command.text);
    }
    error = loaded.error();
  }
  // What belongs to a later proposal than the script's is not valid in its language.
  const bool too_new = error.code == Err::FeatureOff && phase == ErrPhase::Invalid;
  if (error.phase() != phase && !too_new) {
    return result_.fail(command.line, "refused in the wrong phase: " + error.message() +
                                          " (expected: " + command.text + ")");
  }
  result_.pass();
}

void ScriptRunner::assert_unlinkable(const WastCommand& command) {
  Result<Definition> definition = compile(*command.module);
  if (!definition.ok()) return result_.fail(command.line, definition.error().message());
  const Result<Slot> slot = instantiate(*definition);
  if (slot.ok()) {
    if (!slot.value().skipped.empty()) return result_.skip(slot.value().skipped);
    return result_.fail(command.line, "linked, but should not: " + command.text);
  }
  if (slot.error().phase() != ErrPhase::Unlinkable ||
      !same_text(command.text, slot.error().message())) {
    return result_.fail(command.line, slot.error().message() + " (expected: " + command.text + ")");
  }
  result_.pass();
}

void ScriptRunner::assert_module_traps(const WastCommand& command) {
  Result<Definition> definition = compile(*command.module);
  if (!definition.ok()) return result_.fail(command.line, definition.error().message());
  const Result<Slot> slot = instantiate(*definition);
  if (slot.ok()) {
    if (!slot.value().skipped.empty()) return result_.skip(slot.value().skipped);
    return result_.fail(command.line, "instantiated, but should trap: " + command.text);
  }
  const Error& error = slot.error();
  const bool text = same_text(command.text, error.message()) ||
                    error.message().find(command.text) != std::string::npos;
  if (error.phase() != ErrPhase::Trap || !text) {
    return result_.fail(command.line, error.message() + " (expected: " + command.text + ")");
  }
  result_.pass();
}

// -- Actions --------------------------------------------------------------------------------------

std::optional<ScriptRunner::Done> ScriptRunner::act(const WastCommand& command) {
  const Slot* slot = find(command.action->module);
  if (slot == nullptr) {
    result_.fail(command.line, "no such instance");
    return std::nullopt;
  }
  if (slot->instance == nullptr) {
    result_.skip(slot->skipped);
    return std::nullopt;
  }
  return command.action->is_get ? get(command, *slot->instance) : invoke(command, *slot->instance);
}

std::optional<ScriptRunner::Done> ScriptRunner::get(const WastCommand& command,
                                                    jit::Instance& instance) {
  const auto found = instance.find_export(command.action->name);
  if (!found || found->kind != ExternKind::Global) {
    result_.fail(command.line, "no exported global \"" + command.action->name + "\"");
    return std::nullopt;
  }
  Done done;
  done.values = {found->global->cell->bits, found->global->cell->high};
  done.types = {&found->global->type.type, 1};
  return done;
}

std::optional<ScriptRunner::Done> ScriptRunner::invoke(const WastCommand& command,
                                                       jit::Instance& instance) {
  const auto found = instance.find_export(command.action->name);
  if (!found || found->kind != ExternKind::Func) {
    result_.fail(command.line, "no exported function \"" + command.action->name + "\"");
    return std::nullopt;
  }
  jit::FuncRef* const function =
      found->func != nullptr ? found->func : process_->store().host_ref(found->host);
  const DefinedType& type = defined_type(function->type);
  Done done;
  done.types = type.results;
  if (!to_words(command.action->arguments, type.params, done.values)) {
    result_.fail(command.line, "arguments of the wrong types");
    return std::nullopt;
  }
  done.outcome = process_->call(function, done.values);
  return done;
}

// The action must trap, with this text.
void ScriptRunner::assert_ends(const WastCommand& command, std::string_view text) {
  const std::optional<Done> done = act(command);
  if (!done) return;
  if (done->outcome.kind != Outcome::Kind::Trapped) {
    return result_.fail(command.line, fmt::format("should trap: {}", text));
  }
  if (!same_text(text, done->outcome.message)) {
    return result_.fail(command.line,
                        fmt::format("{} (expected: {})", done->outcome.message, text));
  }
  result_.pass();
}

void ScriptRunner::assert_return(const WastCommand& command) {
  const std::optional<Done> done = act(command);
  if (!done) return;
  if (!done->outcome.returned()) {
    return result_.fail(command.line, "trapped: " + done->outcome.message);
  }
  const std::string difference = compare(command.results, done->types, done->values);
  if (!difference.empty()) return result_.fail(command.line, difference);
  result_.pass();
}

void ScriptRunner::run(const WastCommand& command) {
  using Kind = WastCommand::Kind;
  switch (command.kind) {
    case Kind::Module:
      return make_module(command);
    case Kind::Instance:
      return make_instance(command);
    case Kind::Register:
      return register_instance(command);
    case Kind::Action: {
      const std::optional<Done> done = act(command);
      if (done && !done->outcome.returned()) {
        result_.fail(command.line, "trapped: " + done->outcome.message);
      }
      return;
    }
    case Kind::AssertReturn:
      return assert_return(command);
    case Kind::AssertTrap:
      return command.module ? assert_module_traps(command) : assert_ends(command, command.text);
    case Kind::AssertExhaustion:
      return assert_ends(command, command.text);
    case Kind::AssertException:
      return assert_ends(command, jit::text_of(jit::Trap::UncaughtException));
    case Kind::AssertInvalid:
    case Kind::AssertInvalidCustom:
      return assert_refused(command, ErrPhase::Invalid);
    case Kind::AssertMalformed:
    case Kind::AssertMalformedCustom:
      return assert_refused(command, ErrPhase::Malformed);
    case Kind::AssertUnlinkable:
      return assert_unlinkable(command);
    case Kind::Thread:
    case Kind::Wait:
      return result_.skip("feature threads");
  }
}

}  // namespace

ScriptResult run_script(Runtime& runtime, const ScriptOptions& options, std::string file,
                        std::string_view text) {
  ScriptResult result;
  result.file = std::move(file);
  const Result<std::vector<WastCommand>> commands = parse_wast(text);
  if (!commands.ok()) {
    result.fail(commands.error().line, commands.error().message());
    return result;
  }
  ScriptRunner runner(runtime, options, result);
  const Status started = runner.start();
  if (!started.ok()) {
    result.fail(0, started.error().message());
    return result;
  }
  for (const WastCommand& command : commands.value()) runner.run(command);
  return result;
}

}  // namespace lr::spec
