// Element and data segments: the sections with the most forms.
#pragma once

#include "frontend/module.h"
#include "frontend/reader.h"
#include "frontend/validator.h"

namespace lr {

void decode_element_section(Reader& reader, Module& module, ValidatorScratch& scratch);
void decode_data_section(Reader& reader, Module& module, ValidatorScratch& scratch);

// The function may be the operand of ref.func in a body.
void declare(Module& module, u32 function);

// Reads and checks a constant expression of the type; declares the functions it names.
void read_const_expr(Reader& reader, Module& module, ValType type, ConstExpr& expr,
                     ValidatorScratch& scratch);

}  // namespace lr
