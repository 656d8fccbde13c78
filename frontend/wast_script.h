// Test scripts (.wast): the commands of a script, in order. Modules stay pieces of the script's
// text until somebody asks for their bytes, since a script may hold modules that are malformed on
// purpose.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "frontend/text_lexer.h"
#include "frontend/types.h"

namespace lr {

// A module in a script.
struct WastModule {
  enum class Form : u8 {
    Text,
    Binary,  // (module binary "...")
    Quote,   // (module quote "..."): text in strings
  };

  Form form = Form::Text;
  bool is_definition = false;       // (module definition ...): is not instantiated by itself.
  std::optional<std::string> name;  // Its identifier, without the dollar.
  std::string_view source;          // What stands behind that: fields or strings.
  TextPosition position;            // Of `source`.

  // The module in the binary format, or what is wrong with its text. Positions in errors are those
  // of the script, but for a quoted module those of the text in its strings.
  // `narrow_limits`: see WatOptions.
  Result<std::vector<u8>> encode(bool narrow_limits = false) const;
};

enum class NanPattern : u8 { None, Canonical, Arithmetic };

enum class WastShape : u8 { I8x16, I16x8, I32x4, I64x2, F32x4, F64x2 };

// An argument, or what a result must be like.
struct WastValue {
  enum class Kind : u8 {
    I32,
    I64,
    F32,
    F64,
    V128,
    RefNull,    // Null; of the hierarchy of `heap` if there is one.
    RefFunc,    // Any function.
    RefExtern,  // External; the host's value `number` if there is one.
    RefHost,    // Internal (any); made of the host's value `number`.
    RefI31,     // Any i31; and so on.
    RefStruct,
    RefArray,
    RefEq,
    RefAny,
    RefExn,
    Either,  // One of `alternatives`.
  };

  Kind kind = Kind::I32;
  // Bits of a number; of a v128 the lower and the upper half.
  std::array<u64, 2> bits{};
  // For each lane of a float or a v128 of floats.
  std::array<NanPattern, 4> nan{};
  WastShape shape = WastShape::I32x4;  // Of a v128, as the script writes it.
  std::optional<Heap> heap;
  std::optional<u64> number;
  std::vector<WastValue> alternatives;
};

struct WastAction {
  bool is_get = false;                // Else an invocation.
  std::optional<std::string> module;  // Absent: the current instance.
  std::string name;                   // Of the export.
  std::vector<WastValue> arguments;
};

struct WastCommand {
  enum class Kind : u8 {
    Module,    // Instantiates `module`, or keeps it if it is a definition.
    Instance,  // (module instance name of): instantiates the definition `of`.
    Register,  // Makes the instance `of` importable as `text`.
    Action,
    AssertReturn,  // `action` must give `results`.
    AssertTrap,    // `action` or instantiating `module` must trap; `text` is how.
    AssertExhaustion,
    AssertException,
    AssertInvalid,  // `module` must be refused; `text` is how.
    AssertMalformed,
    AssertUnlinkable,
    AssertInvalidCustom,
    AssertMalformedCustom,
    Thread,  // Runs `commands` in a thread called `name`; `of` is the module it shares.
    Wait,    // For the thread `name`.
  };

  Kind kind = Kind::Module;
  u32 line = 0;
  std::optional<WastModule> module;
  std::optional<WastAction> action;
  std::vector<WastValue> results;
  std::string text;
  std::optional<std::string> name;
  std::optional<std::string> of;
  std::vector<WastCommand> commands;
};

// `text` must outlive the commands. A text that is only the fields of a module is one command.
Result<std::vector<WastCommand>> parse_wast(std::string_view text);

}  // namespace lr
