// May an import be given this? (Specification section 4.5.4 "External typing".)
#pragma once

#include "base/result.h"
#include "jit/instance.h"

namespace lr::jit {

// IncompatibleImport with both types in the detail, or nothing.
Status check_import(const Module& module, const Import& import, const Extern& given);

// "(func (param i32) (result i32))", "(memory 1 2)", ...
std::string describe(const Extern& given);

}  // namespace lr::jit
