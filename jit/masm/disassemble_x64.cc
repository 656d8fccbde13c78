// Code as text, by Zydis. The library is loaded at the first listing: linked in the usual way it
// would take a tenth of the start of a small program that never lists anything.
#include <Zydis/Zydis.h>
#include <dlfcn.h>

#include "jit/masm/masm.h"

namespace lr::jit {

namespace {

// What we call of it; LR_ZYDIS_FILE is the library that its headers belong to.
struct Zydis {
  Zydis() {
    void* library = dlopen(LR_ZYDIS_FILE, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return;
    is_loaded = find(library, "ZydisDecoderInit", decoder_init) &&
                find(library, "ZydisDecoderDecodeFull", decode) &&
                find(library, "ZydisFormatterInit", formatter_init) &&
                find(library, "ZydisFormatterSetProperty", set_property) &&
                find(library, "ZydisFormatterFormatInstruction", format);
  }

  bool is_loaded = false;
  decltype(&ZydisDecoderInit) decoder_init = nullptr;
  decltype(&ZydisDecoderDecodeFull) decode = nullptr;
  decltype(&ZydisFormatterInit) formatter_init = nullptr;
  decltype(&ZydisFormatterSetProperty) set_property = nullptr;
  decltype(&ZydisFormatterFormatInstruction) format = nullptr;

 private:
  template <typename Function>
  static bool find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    return function != nullptr;
  }
};

}  // namespace

std::string disassemble_x64(std::span<const u8> code, u64 base) {
  static const Zydis zydis;
  if (!zydis.is_loaded) return "(" LR_ZYDIS_FILE " cannot be loaded)\n";
  ZydisDecoder decoder;
  zydis.decoder_init(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  ZydisFormatter formatter;
  zydis.formatter_init(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
  zydis.set_property(&formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
  zydis.set_property(&formatter, ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE,
                     ZYDIS_PADDING_DISABLED);
  std::string text;
  for (usize at = 0; at < code.size();) {
    ZydisDecodedInstruction instruction;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    char line[128];
    if (ZYAN_SUCCESS(
            zydis.decode(&decoder, code.data() + at, code.size() - at, &instruction, operands)) &&
        ZYAN_SUCCESS(zydis.format(&formatter, &instruction, operands,
                                  instruction.operand_count_visible, line, sizeof line, base + at,
                                  nullptr))) {
      text += line;
      at += instruction.length;
    } else {
      text += "(data)";  // The entries of a jump table, or a mistake.
      at++;
    }
    text += '\n';
  }
  return text;
}

}  // namespace lr::jit
