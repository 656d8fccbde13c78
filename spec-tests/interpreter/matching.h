// Which types match which (specification section 3.3), and the dynamic types of references: the
// rules as the specification states them, over canonical types.
#pragma once

#include "frontend/module.h"
#include "frontend/type_registry.h"
#include "spec-tests/interpreter/value.h"

namespace lr::interp {

struct Extern;

bool matches(TypeId sub, TypeId super);
bool matches(ValType sub, ValType super);

// Whether the reference has the type, which is of the hierarchy that the reference belongs to.
bool has_type(Ref ref, ValType type);

// Whether what is given may be imported as what is declared.
bool matches_import(const Extern& given, const Module& module, const Import& declared);

}  // namespace lr::interp
