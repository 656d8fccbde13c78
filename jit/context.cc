#include "jit/context.h"

namespace lr::jit {

const char* text_of(Trap trap) {
  static constexpr const char* kTexts[] = {
#define TRAP(name, text) text,
#include "jit/traps.def"
  };
  return kTexts[static_cast<u32>(trap)];
}

ContextLayout::ContextLayout(const Module& module) {
  tables = import_slot(module.imported_functions);
  memories = tables + static_cast<i32>(module.tables.size()) * 8;
  globals = memories + static_cast<i32>(module.memories.size()) * 8;
  globals = (globals + 15) & ~15;
  size = globals + static_cast<i32>(module.globals.size()) * 16;
}

}  // namespace lr::jit
