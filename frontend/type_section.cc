#include "frontend/type_section.h"

#include <fmt/format.h>

#include "frontend/type_reader.h"
#include "frontend/type_registry.h"

namespace lr {

namespace {

constexpr u8 kRecursion = 0x4e;
constexpr u8 kSub = 0x50;
constexpr u8 kSubFinal = 0x4f;
constexpr u8 kDescriptor = 0x4d;
constexpr u8 kDescribes = 0x4c;
constexpr u8 kFunc = 0x60;
constexpr u8 kStruct = 0x5f;
constexpr u8 kArray = 0x5e;

class TypeSection {
 public:
  TypeSection(Reader& reader, Module& module) : reader_(reader), module_(module) {}

  void decode() {
    u32 count = reader_.vector_count();
    for (u32 i = 0; i < count && reader_.ok(); i++) decode_group();
  }

 private:
  void decode_group() {
    group_.clear();
    u32 at = reader_.offset();
    first_ = static_cast<u32>(module_.types.size());
    count_ = 1;
    if (reader_.peek() == kRecursion) {
      reader_.byte();
      need(reader_, module_.features, Feature::Gc, at);
      count_ = reader_.vector_count();
    }
    if (first_ + u64{count_} > kTypesMax) {
      reader_.fail(Err::LimitExceeded, at, fmt::format("more than {} types", kTypesMax));
    }
    for (u32 i = 0; i < count_ && reader_.ok(); i++) decode_sub_type(i);
    if (!reader_.ok()) return;
    check_descriptors(at);
    if (!reader_.ok()) return;
    auto entered = TypeRegistry::enter(group_, module_.type_refs);
    if (!entered.ok()) {
      entered.error().offset = at;
      reader_.diag().fail(std::move(entered.error()));
      return;
    }
    for (u32 i = 0; i < count_; i++) module_.types.push_back(entered.value() + i);
    for (u32 i = 0; i < count_ && reader_.ok(); i++) check_supertype(first_ + i, at);
  }

  // A type index as what RecGroup wants.
  TypeId resolve(u32 index, u64 at) {
    if (index < first_) return module_.types[index];
    if (index - first_ < count_) return kInGroup | (index - first_);
    reader_.fail(Err::UnknownType, at, fmt::format("{}", index));
    return kNoType;
  }
  ValType resolve(ValType type, u64 at) {
    if (type.heap == Heap::Defined && reader_.ok()) type.type = resolve(type.type, at);
    return type;
  }

  // The type that a clause names, which is one of the group.
  TypeId read_clause(Err outside) {
    u32 at = reader_.offset();
    u32 index = reader_.leb_u32();
    if (reader_.ok() && (index < first_ || index - first_ >= count_)) reader_.fail(outside, at);
    return kInGroup | (index - first_);
  }

  void decode_sub_type(u32 index) {
    RecGroup::Type type;
    u32 at = reader_.offset();
    u8 form = reader_.peek();
    if (form == kSub || form == kSubFinal) {
      reader_.byte();
      need(reader_, module_.features, Feature::Gc, at);
      type.is_final = form == kSubFinal;
      u32 count = reader_.vector_count();
      if (count > 1) reader_.fail(Err::BadSubType, at, "has several super types");
      if (count == 1) {
        u32 super_at = reader_.offset();
        u32 super = reader_.leb_u32();
        if (super >= first_ + index) {
          reader_.fail(Err::UnknownType, super_at,
                       fmt::format("{} (super types come first)", super));
        }
        if (reader_.ok()) type.supertype = resolve(super, super_at);
      }
    }
    decode_descriptor_clauses(type);
    decode_composite(type);
    group_.types.push_back(type);
  }

  void decode_descriptor_clauses(RecGroup::Type& type) {
    u32 at = reader_.offset();
    if (reader_.peek() == kDescribes) {
      reader_.byte();
      need(reader_, module_.features, Feature::CustomDescriptors, at);
      type.describes = read_clause(Err::DescribedOutsideGroup);
    }
    at = reader_.offset();
    if (reader_.peek() == kDescriptor) {
      reader_.byte();
      need(reader_, module_.features, Feature::CustomDescriptors, at);
      type.descriptor = read_clause(Err::DescriptorOutsideGroup);
    }
  }

  void decode_composite(RecGroup::Type& type) {
    u32 at = reader_.offset();
    type.first = static_cast<u32>(group_.fields.size());
    u8 form = reader_.byte();
    if (!reader_.ok()) return;
    switch (form) {
      case kFunc:
        type.composite = Composite::Func;
        type.params_count = decode_values(kParamsMax, "parameters");
        decode_results(at);
        break;
      case kStruct: {
        need(reader_, module_.features, Feature::Gc, at);
        type.composite = Composite::Struct;
        u32 count = reader_.vector_count();
        if (count > kFieldsMax) reader_.fail(Err::LimitExceeded, at, too_many(count, "fields"));
        for (u32 i = 0; i < count && reader_.ok(); i++) decode_field();
        break;
      }
      case kArray:
        need(reader_, module_.features, Feature::Gc, at);
        type.composite = Composite::Array;
        decode_field();
        break;
      default:
        reader_.fail(Err::BadDefinedType, at);
    }
    type.count = static_cast<u32>(group_.fields.size()) - type.first;
  }

  static std::string too_many(u32 count, const char* what) {
    return fmt::format("{} {}", count, what);
  }

  u32 decode_values(u32 max, const char* what) {
    u32 at = reader_.offset();
    u32 count = reader_.vector_count();
    if (count > max) reader_.fail(Err::LimitExceeded, at, too_many(count, what));
    for (u32 i = 0; i < count && reader_.ok(); i++) {
      at = reader_.offset();
      ValType type = read_val_type(reader_, module_.features);
      group_.fields.push_back({resolve(type, at)});
    }
    return count;
  }

  void decode_results(u32 at) {
    u32 count = decode_values(kResultsMax, "results");
    if (count > 1) need(reader_, module_.features, Feature::MultiValue, at);
  }

  void decode_field() {
    u32 at = reader_.offset();
    FieldType field;
    u8 first = reader_.peek();
    if (first == 0x78 || first == 0x77) {
      reader_.byte();
      field.type = {first == 0x78 ? Kind::I8 : Kind::I16};
    } else {
      field.type = resolve(read_val_type(reader_, module_.features, Err::BadStorageType), at);
    }
    at = reader_.offset();
    u8 mutability = reader_.byte();
    if (mutability > 1) reader_.fail(Err::BadMutability, at);
    field.is_mutable = mutability == 1;
    group_.fields.push_back(field);
  }

  // A descriptor and what it describes are structures of one group and name each other.
  void check_descriptors(u32 at) {
    for (u32 i = 0; i < count_ && reader_.ok(); i++) {
      const auto& type = group_.types[i];
      if (type.descriptor != kNoType) check_descriptor(i, type, at);
      if (type.describes != kNoType && reader_.ok()) check_describes(i, type, at);
    }
  }

  void check_descriptor(u32 index, const RecGroup::Type& type, u32 at) {
    if (type.composite != Composite::Struct) return reader_.fail(Err::DescriptorNotStruct, at);
    const auto& descriptor = group_.types[type.descriptor & ~kInGroup];
    if (descriptor.describes != (kInGroup | index)) reader_.fail(Err::NotDescribed, at);
  }

  void check_describes(u32 index, const RecGroup::Type& type, u32 at) {
    if ((type.describes & ~kInGroup) >= index) return reader_.fail(Err::DescribedLater, at);
    if (type.composite != Composite::Struct) return reader_.fail(Err::DescribedNotStruct, at);
    const auto& described = group_.types[type.describes & ~kInGroup];
    if (described.descriptor != (kInGroup | index)) reader_.fail(Err::NotDescribing, at);
  }

  static bool matches(const DefinedType& sub, const DefinedType& super) {
    if (super.is_final || sub.composite != super.composite) return false;
    if (sub.composite == Composite::Func) {
      if (sub.params.size() != super.params.size()) return false;
      if (sub.results.size() != super.results.size()) return false;
      for (usize i = 0; i < sub.params.size(); i++) {
        if (!is_subtype(super.params[i], sub.params[i])) return false;
      }
      for (usize i = 0; i < sub.results.size(); i++) {
        if (!is_subtype(sub.results[i], super.results[i])) return false;
      }
      return true;
    }
    if (sub.fields.size() < super.fields.size()) return false;
    for (usize i = 0; i < super.fields.size(); i++) {
      if (!is_subtype(sub.fields[i], super.fields[i])) return false;
    }
    return true;
  }

  u32 index_of(TypeId id) const {
    u32 index = 0;
    while (module_.types[index] != id) index++;
    return index;
  }

  void check_supertype(u32 index, u32 at) {
    const DefinedType& type = defined_type(module_.types[index]);
    if (type.supertype == kNoType) return;
    const DefinedType& super = defined_type(type.supertype);
    bool fits = matches(type, super) &&
                (super.describes != kNoType) == (type.describes != kNoType) &&
                (super.descriptor == kNoType || type.descriptor != kNoType);
    if (!fits) {
      return reader_.fail(
          Err::BadSubType, at,
          fmt::format("{} does not match super type {}", index, index_of(type.supertype)));
    }
    if (super.descriptor != kNoType && !is_subtype(type.descriptor, super.descriptor)) {
      return reader_.fail(Err::BadDescriptor, at,
                          fmt::format("{} does not match", index_of(type.descriptor)));
    }
    if (super.describes != kNoType && !is_subtype(type.describes, super.describes)) {
      reader_.fail(Err::BadDescribed, at,
                   fmt::format("{} does not match", index_of(type.describes)));
    }
  }

  Reader& reader_;
  Module& module_;
  RecGroup group_;
  u32 first_ = 0;  // Module index of the group's first type.
  u32 count_ = 0;
};

}  // namespace

void decode_type_section(Reader& reader, Module& module) { TypeSection(reader, module).decode(); }

}  // namespace lr
