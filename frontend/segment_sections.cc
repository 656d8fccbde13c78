#include "frontend/segment_sections.h"

#include <fmt/format.h>

#include "frontend/decoder.h"
#include "frontend/type_reader.h"

namespace lr {

namespace {

// The bits of a segment's flags.
constexpr u32 kNotActive = 1;
constexpr u32 kExplicit = 2;  // Active: an index stands there. Otherwise: declarative.
constexpr u32 kExprs = 4;

class Segments {
 public:
  Segments(Reader& reader, Module& module, ValidatorScratch& scratch)
      : reader_(reader), module_(module), scratch_(scratch) {}

  void decode_elements() {
    u32 count = read_count();
    module_.elements.reserve(count);
    for (u32 i = 0; i < count && reader_.ok(); i++) decode_element();
  }

  void decode_data() {
    u32 at = reader_.offset();
    u32 count = read_count();
    if (!reader_.ok()) return;
    if (module_.data_count && *module_.data_count != count) {
      return reader_.fail(Err::DataCountMismatch, at);
    }
    module_.data.reserve(count);
    for (u32 i = 0; i < count && reader_.ok(); i++) decode_one_data();
  }

 private:
  u32 read_count() {
    u32 at = reader_.offset();
    u32 count = reader_.vector_count();
    if (count > kSegmentsMax) {
      reader_.fail(Err::LimitExceeded, at, fmt::format("{} segments", count));
      return 0;
    }
    return count;
  }

  static SegmentMode mode_of(u32 flags) {
    if ((flags & kNotActive) == 0) return SegmentMode::Active;
    return (flags & kExplicit) != 0 ? SegmentMode::Declarative : SegmentMode::Passive;
  }

  void decode_element() {
    u32 at = reader_.offset();
    ElementSegment segment;
    u32 flags = reader_.leb_u32();
    if (flags > 7) return reader_.fail(Err::BadSegmentKind, at);
    segment.mode = mode_of(flags);
    segment.uses_exprs = (flags & kExprs) != 0;
    if (segment.mode != SegmentMode::Active) need(reader_, features(), Feature::BulkMemory, at);
    if (segment.mode == SegmentMode::Active) {
      if ((flags & kExplicit) != 0) segment.table = reader_.leb_u32();
      if (!check_index(segment.table, module_.tables.size(), Err::UnknownTable, at)) return;
      read_const_expr(reader_, module_, address_type(module_.tables[segment.table].type.limits),
                      segment.offset, scratch_);
    }
    segment.type = read_element_type(flags);
    if (segment.uses_exprs) {
      decode_exprs(segment);
    } else {
      decode_function_indices(segment);
    }
    if (reader_.ok() && segment.mode == SegmentMode::Active &&
        !is_subtype(segment.type, module_.tables[segment.table].type.element)) {
      reader_.fail(Err::TypeMismatch, at, "the segment's type does not fit the table's");
    }
    module_.elements.push_back(std::move(segment));
  }

  ValType read_element_type(u32 flags) {
    bool uses_exprs = (flags & kExprs) != 0;
    u32 at = reader_.offset();
    if ((flags & (kNotActive | kExplicit)) == 0) {
      return uses_exprs ? kFuncRef : ref_to(Heap::Func, false);
    }
    if (uses_exprs) return resolve(reader_, module_.types, read_ref_type(reader_, features()), at);
    if (reader_.byte() != 0) reader_.fail(Err::BadSegmentKind, at, "element kind");
    return ref_to(Heap::Func, false);
  }

  void decode_function_indices(ElementSegment& segment) {
    u32 at = reader_.offset();
    u32 count = reader_.vector_count();
    if (!check_size(count, at)) return;
    segment.funcs.reserve(count);
    for (u32 i = 0; i < count && reader_.ok(); i++) {
      at = reader_.offset();
      u32 index = reader_.leb_u32();
      if (!check_index(index, module_.functions.size(), Err::UnknownFunction, at)) return;
      declare(module_, index);
      segment.funcs.push_back(index);
    }
  }

  void decode_exprs(ElementSegment& segment) {
    u32 at = reader_.offset();
    u32 count = reader_.vector_count();
    if (!check_size(count, at)) return;
    segment.exprs.reserve(count);
    for (u32 i = 0; i < count && reader_.ok(); i++) {
      ConstExpr expr;
      read_const_expr(reader_, module_, segment.type, expr, scratch_);
      segment.exprs.push_back(expr);
    }
  }

  bool check_size(u32 count, u32 at) {
    if (count <= kTableSizeMax) return reader_.ok();
    reader_.fail(Err::LimitExceeded, at, fmt::format("a segment of {} elements", count));
    return false;
  }

  void decode_one_data() {
    u32 at = reader_.offset();
    DataSegment segment;
    u32 flags = reader_.leb_u32();
    if (flags > 2) return reader_.fail(Err::BadSegmentKind, at);
    segment.mode = mode_of(flags);
    if (flags == kNotActive) need(reader_, features(), Feature::BulkMemory, at);
    if (segment.mode == SegmentMode::Active) {
      if (flags == kExplicit) segment.memory = reader_.leb_u32();
      if (!check_index(segment.memory, module_.memories.size(), Err::UnknownMemory, at)) return;
      read_const_expr(reader_, module_, address_type(module_.memories[segment.memory].limits),
                      segment.offset, scratch_);
    }
    segment.bytes = reader_.bytes(reader_.length());
    module_.data.push_back(segment);
  }

  bool check_index(u32 index, usize size, Err unknown, u32 at) {
    if (!reader_.ok()) return false;
    if (index < size) return true;
    reader_.fail(unknown, at, fmt::format("{}", index));
    return false;
  }

  const FeatureSet& features() const { return module_.features; }

  Reader& reader_;
  Module& module_;
  ValidatorScratch& scratch_;
};

}  // namespace

void decode_element_section(Reader& reader, Module& module, ValidatorScratch& scratch) {
  Segments(reader, module, scratch).decode_elements();
}

void decode_data_section(Reader& reader, Module& module, ValidatorScratch& scratch) {
  Segments(reader, module, scratch).decode_data();
}

void declare(Module& module, u32 function) {
  if (module.declared_functions.size() <= function) {
    module.declared_functions.resize(module.functions.size());
  }
  module.declared_functions[function] = true;
}

void read_const_expr(Reader& reader, Module& module, ValType type, ConstExpr& expr,
                     ValidatorScratch& scratch) {
  validate_const_expr(reader, module, type, expr, scratch);
  if (!reader.ok()) return;
  for (u32 function : scratch.named_functions()) declare(module, function);
}

}  // namespace lr
