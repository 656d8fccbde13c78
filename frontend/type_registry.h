// The engine-wide home of defined types. A recursion group is entered once, whatever module it
// comes from: equal groups get equal ids, so two types are the same iff their ids are, and a
// subtype check is a compare, or a bound check and a load (the display).
//
// Types are counted references of the modules that use them (TypeRefs). The last module that goes
// frees them, and their ids may then name other types.
//
// Entering and leaving take a lock; looking up a type takes none.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "frontend/types.h"

namespace lr {

// In a group that is not yet entered, the type of that index in the group itself.
inline constexpr TypeId kInGroup = 0x8000'0000;

// A recursion group as the bytes define it. References to types are ids, or kInGroup | index.
struct RecGroup {
  struct Type {
    Composite composite = Composite::Func;
    bool is_final = true;
    TypeId supertype = kNoType;
    TypeId descriptor = kNoType;
    TypeId describes = kNoType;
    // Func: params, then results. Struct and Array: fields. All in RecGroup::fields.
    u32 first = 0;
    u32 params_count = 0;
    u32 count = 0;  // Params and results, or fields.
  };

  std::vector<Type> types;
  std::vector<FieldType> fields;

  void clear() {
    types.clear();
    fields.clear();
  }
};

namespace internal {
struct TypeGroup;
}

// Keeps recursion groups alive.
class TypeRefs {
 public:
  TypeRefs() = default;
  TypeRefs(TypeRefs&& other) noexcept : groups_(std::exchange(other.groups_, {})) {}
  TypeRefs& operator=(TypeRefs&& other) noexcept {
    std::swap(groups_, other.groups_);
    return *this;
  }
  ~TypeRefs() { release(); }
  void release();

 private:
  friend class TypeRegistry;
  std::vector<internal::TypeGroup*> groups_;
};

class TypeRegistry {
 public:
  // Enters a group, or finds it. The id of its first type; the others follow. What the group
  // refers to must be alive.
  static Result<TypeId> enter(const RecGroup& group, TypeRefs& refs);

  // A final function type that stands alone: what most modules and all host functions have.
  static Result<TypeId> enter_function(std::span<const ValType> params,
                                       std::span<const ValType> results, TypeRefs& refs);

  // Number of types alive.
  static u32 size();
};

// The type of an id that is alive.
const DefinedType& defined_type(TypeId id);

bool is_subtype(TypeId sub, TypeId super);

namespace internal {
bool is_subtype_slow(ValType sub, ValType super);
}

// Value types (specification section 3.3 "Matching"); Bottom is a subtype of everything.
inline bool is_subtype(ValType sub, ValType super) {
  return sub == super || internal::is_subtype_slow(sub, super);
}
inline bool is_subtype(FieldType sub, FieldType super) {
  if (sub.is_mutable != super.is_mutable) return false;
  return super.is_mutable ? sub.type == super.type : is_subtype(sub.type, super.type);
}

// The abstract heap type at the top of the hierarchy that `type` belongs to.
Heap top_of(ValType type);
// A local of the type needs no first write.
inline bool is_defaultable(ValType type) { return !type.is_ref() || type.nullable; }

}  // namespace lr
