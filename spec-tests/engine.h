// What a script needs of an engine: modules, instances under names, their functions and globals.
// Behind it stand the engine that we ship and the reference interpreter; nothing else in the run of
// a script knows which of them it has.
//
// Values are words: one for each value, two for a v128; i32 and f32 in the low half. Of references
// only null (0) and the host's are known here; the others are the engine's own business.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "frontend/module.h"

namespace lr::spec {

// The reference to the host's value `number`.
constexpr u64 host_reference(u64 number) { return number << 2 | 2; }

// What a reference that is not null leads to.
enum class RefKind : u8 { Func, Host, I31, Struct, Array, Exn };

// How a call ended.
struct Ended {
  enum class Kind : u8 {
    Returned,
    Trapped,
    Thrown,  // An exception that nobody caught.
  };

  Kind kind = Kind::Returned;
  std::string message;  // Of a trap: "out of bounds memory access", ...

  bool returned() const { return kind == Kind::Returned; }
};

class EngineModule {
 public:
  virtual ~EngineModule() = default;
  virtual const Module& module() const = 0;
};

// Lives as long as its engine.
class EngineInstance {
 public:
  virtual ~EngineInstance() = default;

  // The type of an exported function; null if there is none of that name.
  virtual const DefinedType* function_type(std::string_view name) = 0;
  // `values`: the arguments in, the results out. Their types and number are the caller's to get
  // right.
  virtual Ended invoke(std::string_view name, std::vector<u64>& values) = 0;

  // The type of an exported global; nothing if there is none of that name.
  virtual std::optional<ValType> global_type(std::string_view name) = 0;
  // Both words, also of a global that has only one.
  virtual std::vector<u64> global_value(std::string_view name) = 0;
};

// What one script runs in: a store. It has the module spectest.
class ScriptEngine {
 public:
  virtual ~ScriptEngine() = default;

  // What it has of the language.
  virtual FeatureSet features() const = 0;

  // `features` are those of the script's language; an engine may have less and say so (FeatureOff).
  virtual Result<std::shared_ptr<EngineModule>> load(std::vector<u8> bytes, std::string name,
                                                     const FeatureSet& features) = 0;
  // Links, makes the instance and runs its start function. A trap on the way is an error of phase
  // Trap with the trap's text.
  virtual Result<EngineInstance*> instantiate(const std::shared_ptr<EngineModule>& module) = 0;

  // From now on the instance is what is imported under this name.
  virtual void add(std::string name, EngineInstance& instance) = 0;
  // The instance added last under this name, or null.
  virtual EngineInstance* find(const std::string& name) const = 0;

  // `reference` is not null, and was a result or a global of type `type`.
  virtual RefKind kind_of(u64 reference, ValType type) const = 0;
};

}  // namespace lr::spec
