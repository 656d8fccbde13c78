// Types of the text format (specification section 6.4 "Types"): each function reads one and writes
// its bytes.
#pragma once

#include <string>

#include "frontend/wat_context.h"

namespace lr {

void parse_value_type(WatContext& context, WatWriter& out);
void parse_heap_type(WatContext& context, WatWriter& out);
// Whether the cursor is at a value type that is a reference.
bool at_ref_type(const WatContext& context);
void parse_ref_type(WatContext& context, WatWriter& out);
// A reference type in two parts: writes the heap type, returns whether null is in it.
bool parse_ref_type_parts(WatContext& context, WatWriter& heap);
// Value type or packed type, and mutability.
void parse_field_type(WatContext& context, WatWriter& out);
void parse_global_type(WatContext& context, WatWriter& out);

// (i32 | i64)?, min max?, and for memories `shared` and a page size.
struct TextLimits {
  bool is_64 = false;
  bool is_shared = false;
  u64 min = 0;
  std::optional<u64> max;
  std::optional<u32> page_size_log2;

  void write(WatWriter& out) const;
};
void parse_address_type(WatContext& context, TextLimits& limits);
void parse_limits(WatContext& context, TextLimits& limits);
void parse_page_size(WatContext& context, TextLimits& limits);

// (param ...)* (result ...)*. Names of parameters go to `params`; where that is null, they are
// refused.
struct TextSignature {
  std::string bytes;  // Two vectors of value types.
  u32 params = 0;
  u32 results = 0;

  bool empty() const { return params == 0 && results == 0; }
};
enum class ParamNames : u8 { Refuse, Ignore };
TextSignature parse_signature(WatContext& context, ParamNames names, IndexSpace* params = nullptr);

// (type x)? and a signature. Without (type x) the signature's first plain type, or a new one.
struct TypeUse {
  u32 type = 0;
  bool is_known = true;     // Whether `type` is a type that has been seen.
  TextSignature signature;  // What is written inline.
  bool has_index = false;   // Whether (type x) stands there.
};
TypeUse parse_type_use(WatContext& context, ParamNames names, IndexSpace* params = nullptr);
// The type of a signature that is written without (type x).
u32 type_of_signature(WatContext& context, const TextSignature& signature);

// A module field (type ...) or (rec ...), at its parenthesis. Types must be bound already;
// `first` is the index of the field's first type.
void parse_type_field(WatContext& context, u32 first, WatWriter& out);

}  // namespace lr
