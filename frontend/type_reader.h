// Value types as the binary format writes them. What is read is *raw*: a Defined type holds the
// module's type index, not yet an id. Printers want the index; the decoder and the validator
// resolve it.
#pragma once

#include "frontend/features.h"
#include "frontend/reader.h"
#include "frontend/types.h"

namespace lr {

// Refuses what needs a feature that is off.
inline bool need(Reader& reader, const FeatureSet& features, Feature feature, u64 offset) {
  if (features.has(feature)) [[likely]]
    return true;
  std::string name(info(feature).name);
  reader.fail(Err::FeatureOff, offset, name + " (enable it with --enable=" + name + ")");
  return false;
}

// `wrong` is the error for bytes that are no type.
ValType read_val_type(Reader& reader, const FeatureSet& features, Err wrong = Err::BadValueType);
// A reference type.
ValType read_ref_type(Reader& reader, const FeatureSet& features,
                      Err wrong = Err::BadReferenceType);
// A heap type, as the non-null reference to it.
ValType read_heap_type(Reader& reader, const FeatureSet& features, Err wrong = Err::BadHeapType);

// A raw type as the module's own; refuses an index that is out of range.
ValType resolve(Reader& reader, std::span<const TypeId> types, ValType raw, u64 offset);

// The block type: nothing, one result, or a type index.
struct BlockType {
  enum class Form : u8 { Empty, Value, Index };
  Form form = Form::Empty;
  ValType value;  // Raw.
  u32 index = 0;
};
BlockType read_block_type(Reader& reader, const FeatureSet& features);

}  // namespace lr
