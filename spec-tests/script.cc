#include "spec-tests/script.h"

#include <fmt/format.h>

#include "base/executor.h"
#include "frontend/decoder.h"
#include "frontend/wast_script.h"
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
  ScriptRunner(ScriptEngine& engine, ScriptResult& result)
      : engine_(engine), result_(result), features_(features_of(result.file)) {}

  void run(const WastCommand& command);

 private:
  // An instance, or the reason why there is none.
  struct Slot {
    EngineInstance* instance = nullptr;
    std::string skipped;
  };
  struct Definition {
    std::shared_ptr<EngineModule> module;
    std::string skipped;
  };

  Result<Definition> compile(const WastModule& module);
  Result<Slot> instantiate(const Definition& definition);
  Slot* find(const std::optional<std::string>& name);
  std::string missing_feature(const Error& error, const std::vector<u8>& bytes) const;
  void taint(const Module& module, const std::string& reason);
  void make_module(const WastCommand& command);
  void make_instance(const WastCommand& command);
  void register_instance(const WastCommand& command);
  void assert_refused(const WastCommand& command, ErrPhase phase);
  void assert_unlinkable(const WastCommand& command);
  void assert_module_traps(const WastCommand& command);
  void assert_ends(const WastCommand& command, Ended::Kind kind);
  void assert_return(const WastCommand& command);

  // What an action came to. Skipped and failed ones have been counted.
  struct Done {
    Ended ended;
    std::vector<u64> values;
    std::vector<ValType> types;
  };
  std::optional<Done> act(const WastCommand& command);
  std::optional<Done> get(const WastCommand& command, EngineInstance& instance);
  std::optional<Done> invoke(const WastCommand& command, EngineInstance& instance);

  ScriptEngine& engine_;
  ScriptResult& result_;
  FeatureSet features_;  // What the script expects to be on.
  std::map<std::string, Slot> named_;
  std::map<std::string, Definition> definitions_;
  std::optional<Slot> current_;
  std::optional<Definition> last_definition_;
  std::map<std::string, std::string> skipped_names_;  // Registered, but of a skipped instance.
};

// The feature for whose lack the engine refused a module: the one that the error names, or that
// would have made the module valid.
std::string ScriptRunner::missing_feature(const Error& error, const std::vector<u8>& bytes) const {
  if (error.code == Err::FeatureOff) {
    return error.detail.substr(0, error.detail.find_first_of(" ("));
  }
  SerialExecutor executor;
  for (u32 i = 0; i < kFeatureCount; i++) {
    const auto feature = static_cast<Feature>(i);
    FeatureSet features = engine_.features();
    if (features.has(feature) || !features_.has(feature)) continue;
    if (load_module(bytes, features.enable(feature), executor).ok())
      return std::string(info(feature).name);
  }
  return {};
}

Result<ScriptRunner::Definition> ScriptRunner::compile(const WastModule& module) {
  std::vector<u8> bytes = TRY(module.encode());
  auto compiled = engine_.load(bytes, module.name.value_or(""), features_);
  if (compiled.ok()) return Definition{std::move(compiled.value()), ""};
  const std::string feature = missing_feature(compiled.error(), bytes);
  if (!feature.empty()) {
    SerialExecutor executor;
    const auto valid = load_module(std::move(bytes), features_, executor);
    if (valid.ok()) {
      const std::string reason = "feature " + feature;
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
  return Slot{TRY(engine_.instantiate(definition.module)), ""};
}

// A skipped module may have changed what it imports: the instances it would have been linked with
// are not what the script expects any more.
void ScriptRunner::taint(const Module& module, const std::string& reason) {
  for (const Import& import : module.imports) {
    const EngineInstance* const instance = engine_.find(std::string(import.module));
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
  engine_.add(command.text, *slot->instance);
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
                                                    EngineInstance& instance) {
  const std::string& name = command.action->name;
  const std::optional<ValType> type = instance.global_type(name);
  if (!type) {
    result_.fail(command.line, "no exported global \"" + name + "\"");
    return std::nullopt;
  }
  return Done{{}, instance.global_value(name), {*type}};
}

std::optional<ScriptRunner::Done> ScriptRunner::invoke(const WastCommand& command,
                                                       EngineInstance& instance) {
  const std::string& name = command.action->name;
  const DefinedType* const type = instance.function_type(name);
  if (type == nullptr) {
    result_.fail(command.line, "no exported function \"" + name + "\"");
    return std::nullopt;
  }
  Done done;
  done.types.assign(type->results.begin(), type->results.end());
  if (!to_words(command.action->arguments, type->params, done.values)) {
    result_.fail(command.line, "arguments of the wrong types");
    return std::nullopt;
  }
  done.ended = instance.invoke(name, done.values);
  return done;
}

// The action must end in this way, with this text.
void ScriptRunner::assert_ends(const WastCommand& command, Ended::Kind kind) {
  const std::optional<Done> done = act(command);
  if (!done) return;
  const Ended& ended = done->ended;
  if (ended.returned())
    return result_.fail(command.line, "returned, but should not: " + command.text);
  if (ended.kind != kind || !same_text(command.text, ended.message)) {
    return result_.fail(command.line,
                        fmt::format("{} (expected: {})", ended.message, command.text));
  }
  result_.pass();
}

void ScriptRunner::assert_return(const WastCommand& command) {
  const std::optional<Done> done = act(command);
  if (!done) return;
  if (!done->ended.returned()) {
    return result_.fail(command.line, "trapped: " + done->ended.message);
  }
  const std::string difference = compare(engine_, command.results, done->types, done->values);
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
      if (done && !done->ended.returned()) {
        result_.fail(command.line, "trapped: " + done->ended.message);
      }
      return;
    }
    case Kind::AssertReturn:
      return assert_return(command);
    case Kind::AssertTrap:
      return command.module ? assert_module_traps(command)
                            : assert_ends(command, Ended::Kind::Trapped);
    case Kind::AssertExhaustion:
      return assert_ends(command, Ended::Kind::Trapped);
    case Kind::AssertException:
      return assert_ends(command, Ended::Kind::Thrown);
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

ScriptResult run_script(ScriptEngine& engine, std::string file, std::string_view text) {
  ScriptResult result;
  result.file = std::move(file);
  const Result<std::vector<WastCommand>> commands = parse_wast(text);
  if (!commands.ok()) {
    result.fail(commands.error().line, commands.error().message());
    return result;
  }
  ScriptRunner runner(engine, result);
  for (const WastCommand& command : commands.value()) runner.run(command);
  return result;
}

}  // namespace lr::spec
