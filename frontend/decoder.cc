#include "frontend/decoder.h"

#include <fmt/format.h>

#include <unordered_set>

#include "frontend/reader.h"
#include "frontend/segment_sections.h"
#include "frontend/type_reader.h"
#include "frontend/type_section.h"
#include "frontend/validator.h"

namespace lr {

namespace {

enum class Section : u8 {
  Custom,
  Type,
  Import,
  Function,
  Table,
  Memory,
  Global,
  Export,
  Start,
  Element,
  Code,
  Data,
  DataCount,
  Tag
};
constexpr u8 kSectionIdMax = 13;

// Position of each section in a module, by id.
constexpr u8 kSectionOrder[kSectionIdMax + 1] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6};

constexpr u64 kPages32Max = u64{1} << 32;  // In bytes.

class Decoder {
 public:
  explicit Decoder(Module& module)
      : module_(module), reader_(module.bytes, 0, module.bytes.size(), diag_, Err::UnexpectedEnd) {}

  Status decode() {
    if (module_.bytes.size() > kModuleSizeMax) {
      return make_error(Err::LimitExceeded, "the module is larger than 1 GiB");
    }
    decode_header();
    while (diag_.ok() && !reader_.at_end()) decode_section();
    if (diag_.ok()) check_counts();
    return diag_.take();
  }

 private:
  const FeatureSet& features() const { return module_.features; }

  void decode_header() {
    static constexpr u8 kMagic[] = {0, 'a', 's', 'm'};
    auto magic = reader_.bytes(4);
    if (magic.size() == 4 && std::memcmp(magic.data(), kMagic, 4) != 0) {
      return reader_.fail(Err::MagicMissing, 0);
    }
    auto version = reader_.bytes(4);
    if (version.size() != 4) return;
    if (version[2] == 1 && version[0] != 1) {
      return reader_.fail(Err::UnknownVersion, 4, "this is a component, not a module");
    }
    static constexpr u8 kVersion[] = {1, 0, 0, 0};
    if (std::memcmp(version.data(), kVersion, 4) != 0) reader_.fail(Err::UnknownVersion, 4);
  }

  void decode_section() {
    u32 at = reader_.offset();
    u8 id = reader_.byte();
    if (id > kSectionIdMax) return reader_.fail(Err::BadSectionId, at);
    u32 size = reader_.length();
    if (!reader_.ok()) return;
    u32 from = reader_.offset();
    if (id != 0) {
      if (kSectionOrder[id] <= last_) return reader_.fail(Err::SectionOutOfOrder, at);
      last_ = kSectionOrder[id];
    }
    Reader section(module_.bytes, from, from + size, diag_);
    decode_payload(static_cast<Section>(id), section, at);
    if (section.ok() && !section.at_end()) section.fail(Err::SectionSizeMismatch, section.offset());
    reader_.skip_to(from + size);
  }

  void decode_payload(Section id, Reader& r, u32 at) {
    switch (id) {
      case Section::Custom:
        return decode_custom(r);
      case Section::Type:
        return decode_type_section(r, module_);
      case Section::Import:
        return decode_imports(r);
      case Section::Function:
        return decode_functions(r);
      case Section::Table:
        return decode_tables(r);
      case Section::Memory:
        return decode_memories(r);
      case Section::Tag:
        need(r, features(), Feature::Exceptions, at);
        return decode_tags(r);
      case Section::Global:
        return decode_globals(r);
      case Section::Export:
        return decode_exports(r);
      case Section::Start:
        return decode_start(r);
      case Section::Element:
        return decode_element_section(r, module_, scratch_);
      case Section::DataCount:
        need(r, features(), Feature::BulkMemory, at);
        module_.data_count = r.leb_u32();
        return;
      case Section::Code:
        return decode_code(r);
      case Section::Data:
        return decode_data_section(r, module_, scratch_);
    }
  }

  // The length of a vector, bounded.
  u32 count(Reader& r, u64 already, u32 max, const char* what) {
    u32 at = r.offset();
    u32 result = r.vector_count();
    if (already + result > max) {
      r.fail(Err::LimitExceeded, at, fmt::format("more than {} {}", max, what));
      return 0;
    }
    return result;
  }

  void decode_custom(Reader& r) {
    CustomSection custom;
    custom.name = r.name();
    custom.offset = r.offset();
    if (!r.ok()) return;
    custom.bytes = r.bytes(r.remaining());
    module_.customs.push_back(custom);
  }

  TypeId read_func_type(Reader& r) {
    u32 at = r.offset();
    u32 index = r.leb_u32();
    if (!r.ok()) return 0;
    if (index >= module_.types.size() ||
        defined_type(module_.types[index]).composite != Composite::Func) {
      r.fail(Err::UnknownType, at, fmt::format("{}", index));
      return 0;
    }
    return module_.types[index];
  }

  Function read_function(Reader& r, bool exact) {
    Function function;
    function.type = read_func_type(r);
    function.exact = exact;
    if (r.ok()) function.signature = &defined_type(function.type);
    return function;
  }

  static constexpr u8 kHasMax = 1, kShared = 2, k64 = 4, kPageSize = 8;

  Limits read_limits(Reader& r, u8 flags) {
    Limits limits;
    limits.is_64 = (flags & k64) != 0;
    limits.is_shared = (flags & kShared) != 0;
    limits.min = r.leb_u64();
    if ((flags & kHasMax) != 0) limits.max = r.leb_u64();
    return limits;
  }

  u8 read_limits_flags(Reader& r, u8 allowed) {
    u32 at = r.offset();
    u8 flags = r.byte();
    if ((flags & ~allowed) != 0) r.fail(Err::BadLimits, at);
    if ((flags & k64) != 0) need(r, features(), Feature::Memory64, at);
    if ((flags & kShared) != 0) need(r, features(), Feature::Threads, at);
    if ((flags & kPageSize) != 0) need(r, features(), Feature::CustomPageSizes, at);
    return flags;
  }

  static void check_order(Reader& r, const Limits& limits, u32 at) {
    if (limits.max && *limits.max < limits.min) {
      r.fail(Err::LimitsReversed, at, fmt::format("{} to {}", limits.min, *limits.max));
    }
  }

  MemoryType read_memory_type(Reader& r) {
    MemoryType type;
    u32 at = r.offset();
    u8 flags = read_limits_flags(r, kHasMax | kShared | k64 | kPageSize);
    type.limits = read_limits(r, flags);
    if ((flags & kPageSize) != 0) {
      u32 log2 = r.leb_u32();
      if (log2 >= 64) r.fail(Err::BadPageSizeBits, at);
      if (log2 != 0 && log2 != 16) r.fail(Err::BadPageSize, at, "it is 1 or 65536");
      type.page_size_log2 = static_cast<u8>(log2);
    }
    if (!r.ok()) return type;
    check_order(r, type.limits, at);
    u64 pages_max = type.limits.is_64
                        ? (type.page_size_log2 == 0 ? ~u64{0} : u64{1} << 48)
                        : (kPages32Max >> type.page_size_log2) - (type.page_size_log2 == 0);
    if (type.limits.min > pages_max || type.limits.max.value_or(0) > pages_max) {
      r.fail(Err::MemoryTooLarge, at, size_hint(pages_max));
    }
    if (type.limits.is_shared && !type.limits.max) r.fail(Err::SharedWithoutMax, at);
    return type;
  }

  static std::string size_hint(u64 pages_max) {
    return fmt::format("must be at most {} pages{}", pages_max,
                       pages_max == 65536 ? " (4GiB)" : "");
  }

  TableType read_table_type(Reader& r) {
    TableType type;
    u32 at = r.offset();
    type.element = resolve(r, module_.types, read_ref_type(r, features()), at);
    if (r.ok() && type.element != kFuncRef) need(r, features(), Feature::ReferenceTypes, at);
    at = r.offset();
    u8 flags = read_limits_flags(r, kHasMax | k64);
    type.limits = read_limits(r, flags);
    check_order(r, type.limits, at);
    constexpr u64 kMax32 = ~u32{0};
    if (!type.limits.is_64 && (type.limits.min > kMax32 || type.limits.max.value_or(0) > kMax32)) {
      r.fail(Err::TableTooLarge, at, "must be at most 2^32-1");
    }
    return type;
  }

  GlobalType read_global_type(Reader& r) {
    GlobalType type;
    u32 at = r.offset();
    type.type = resolve(r, module_.types, read_val_type(r, features()), at);
    at = r.offset();
    u8 mutability = r.byte();
    if (mutability > 1) r.fail(Err::BadMutability, at);
    type.is_mutable = mutability == 1;
    return type;
  }

  TypeId read_tag_type(Reader& r) {
    u32 at = r.offset();
    if (r.byte() != 0) r.fail(Err::BadTagAttribute, at);
    at = r.offset();
    TypeId type = read_func_type(r);
    if (r.ok() && !defined_type(type).results.empty()) r.fail(Err::TagWithResult, at);
    return type;
  }

  void decode_imports(Reader& r) {
    u32 imports = count(r, 0, kImportsMax, "imports");
    module_.imports.reserve(imports);
    for (u32 i = 0; i < imports && r.ok(); i++) decode_import(r);
    module_.imported_functions = static_cast<u32>(module_.functions.size());
    module_.imported_tables = static_cast<u32>(module_.tables.size());
    module_.imported_memories = static_cast<u32>(module_.memories.size());
    module_.imported_globals = static_cast<u32>(module_.globals.size());
    module_.imported_tags = static_cast<u32>(module_.tags.size());
  }

  void decode_import(Reader& r) {
    static constexpr u8 kExactFunc = 0x20;
    Import import;
    import.module = r.name();
    import.name = r.name();
    u32 at = r.offset();
    u8 kind = r.byte();
    if (!r.ok()) return;
    if (kind == kExactFunc) {
      need(r, features(), Feature::CustomDescriptors, at);
      import.exact = true;
      kind = 0;
    }
    if (kind > 4) return r.fail(Err::BadImportKind, at);
    import.kind = static_cast<ExternKind>(kind);
    switch (import.kind) {
      case ExternKind::Func:
        import.index = add(module_.functions, read_function(r, import.exact));
        break;
      case ExternKind::Table:
        import.index = add(module_.tables, {read_table_type(r), {}, false});
        break;
      case ExternKind::Memory:
        import.index = add(module_.memories, read_memory_type(r));
        break;
      case ExternKind::Global:
        import.index = add(module_.globals, {read_global_type(r), {}});
        break;
      case ExternKind::Tag:
        need(r, features(), Feature::Exceptions, at);
        import.index = add(module_.tags, read_tag_type(r));
        break;
    }
    check_several(r, at);
    module_.imports.push_back(import);
  }

  template <typename T>
  static u32 add(std::vector<T>& space, T item) {
    space.push_back(std::move(item));
    return static_cast<u32>(space.size() - 1);
  }

  // Several tables or memories.
  void check_several(Reader& r, u32 at) {
    if (!r.ok()) return;
    if (module_.tables.size() > 1) need(r, features(), Feature::ReferenceTypes, at);
    if (module_.memories.size() > 1) need(r, features(), Feature::MultiMemory, at);
    if (module_.tables.size() > kTablesMax || module_.memories.size() > kMemoriesMax) {
      r.fail(Err::LimitExceeded, at, "too many tables or memories");
    }
  }

  void decode_functions(Reader& r) {
    u32 functions = count(r, module_.functions.size(), kFunctionsMax, "functions");
    module_.functions.reserve(module_.functions.size() + functions);
    for (u32 i = 0; i < functions && r.ok(); i++) {
      module_.functions.push_back(read_function(r, false));
    }
  }

  void decode_tables(Reader& r) {
    u32 tables = count(r, module_.tables.size(), kTablesMax, "tables");
    for (u32 i = 0; i < tables && r.ok(); i++) {
      u32 at = r.offset();
      Table table;
      bool has_init = r.peek() == 0x40;
      if (has_init) {
        r.byte();
        need(r, features(), Feature::FunctionReferences, at);
        if (r.byte() != 0) r.fail(Err::BadTable, at);
      }
      table.type = read_table_type(r);
      if (has_init) {
        table.init.emplace();
        read_const_expr(r, table.type.element, *table.init);
      } else if (r.ok() && !is_defaultable(table.type.element)) {
        r.fail(Err::TypeMismatch, at, "a table of non-null references needs an initial value");
      }
      module_.tables.push_back(table);
      check_several(r, at);
    }
  }

  void read_const_expr(Reader& r, ValType type, ConstExpr& expr) {
    lr::read_const_expr(r, module_, type, expr, scratch_);
  }

  void decode_memories(Reader& r) {
    u32 memories = count(r, module_.memories.size(), kMemoriesMax, "memories");
    for (u32 i = 0; i < memories && r.ok(); i++) {
      u32 at = r.offset();
      module_.memories.push_back(read_memory_type(r));
      check_several(r, at);
    }
  }

  void decode_tags(Reader& r) {
    u32 tags = count(r, module_.tags.size(), kTagsMax, "tags");
    for (u32 i = 0; i < tags && r.ok(); i++) module_.tags.push_back(read_tag_type(r));
  }

  void decode_globals(Reader& r) {
    u32 globals = count(r, module_.globals.size(), kGlobalsMax, "globals");
    module_.globals.reserve(module_.globals.size() + globals);
    for (u32 i = 0; i < globals && r.ok(); i++) {
      Global global;
      global.type = read_global_type(r);
      read_const_expr(r, global.type.type, global.init);
      module_.globals.push_back(global);
    }
  }

  void decode_exports(Reader& r) {
    u32 exports = count(r, 0, kExportsMax, "exports");
    module_.exports.reserve(exports);
    std::unordered_set<std::string_view> names;
    names.reserve(exports);
    for (u32 i = 0; i < exports && r.ok(); i++) {
      u32 at = r.offset();
      Export item;
      item.name = r.name();
      u32 kind_at = r.offset();
      u8 kind = r.byte();
      item.index = r.leb_u32();
      if (!r.ok()) return;
      if (kind > 4) return r.fail(Err::BadExportKind, kind_at);
      item.kind = static_cast<ExternKind>(kind);
      check_export(r, item, kind_at);
      if (!names.insert(item.name).second) {
        r.fail(Err::DuplicateExport, at, std::string(item.name));
      }
      module_.exports.push_back(item);
    }
  }

  void check_export(Reader& r, const Export& item, u32 at) {
    auto known = [&](usize size, Err unknown) {
      if (item.index >= size) r.fail(unknown, at, fmt::format("{}", item.index));
      return item.index < size;
    };
    switch (item.kind) {
      case ExternKind::Func:
        if (known(module_.functions.size(), Err::UnknownFunction)) declare(module_, item.index);
        return;
      case ExternKind::Table:
        known(module_.tables.size(), Err::UnknownTable);
        return;
      case ExternKind::Memory:
        known(module_.memories.size(), Err::UnknownMemory);
        return;
      case ExternKind::Global:
        known(module_.globals.size(), Err::UnknownGlobal);
        return;
      case ExternKind::Tag:
        need(r, features(), Feature::Exceptions, at);
        known(module_.tags.size(), Err::UnknownTag);
        return;
    }
  }

  void decode_start(Reader& r) {
    u32 at = r.offset();
    u32 index = r.leb_u32();
    if (!r.ok()) return;
    if (index >= module_.functions.size()) {
      return r.fail(Err::UnknownFunction, at, fmt::format("{}", index));
    }
    const DefinedType& type = defined_type(module_.functions[index].type);
    if (!type.params.empty() || !type.results.empty()) {
      r.fail(Err::BadStart, at, "it takes and returns nothing");
    }
    module_.start = index;
  }

  void decode_code(Reader& r) {
    module_.code_offset = r.offset();
    module_.code_size = static_cast<u32>(r.remaining());
    u32 at = r.offset();
    u32 bodies = r.vector_count();
    if (!r.ok()) return;
    u32 first = module_.imported_functions;
    if (bodies != module_.functions.size() - first) {
      return r.fail(Err::FunctionCountMismatch, at);
    }
    for (u32 i = 0; i < bodies && r.ok(); i++) {
      at = r.offset();
      Function& function = module_.functions[first + i];
      function.body_size = r.length();
      function.body_offset = r.offset();
      if (function.body_size > kBodySizeMax) {
        r.fail(Err::LimitExceeded, at, fmt::format("a body of {} bytes", function.body_size));
      }
      r.bytes(function.body_size);
    }
    has_code_ = true;
  }

  void check_counts() {
    u32 end = reader_.offset();
    if (!has_code_ && module_.functions.size() != module_.imported_functions) {
      reader_.fail(Err::FunctionCountMismatch, end);
    }
    if (module_.data_count && *module_.data_count != module_.data.size()) {
      reader_.fail(Err::DataCountMismatch, end);
    }
  }

  Module& module_;
  Diag diag_;
  Reader reader_;
  ValidatorScratch scratch_;
  u8 last_ = 0;
  bool has_code_ = false;
};

Result<std::shared_ptr<Module>> decode(std::vector<u8> bytes, const FeatureSet& features) {
  auto module = std::make_shared<Module>();
  module->bytes = std::move(bytes);
  module->features = features;
  TRY(Decoder(*module).decode());
  return module;
}

}  // namespace

Result<std::shared_ptr<const Module>> decode_module(std::vector<u8> bytes,
                                                    const FeatureSet& features) {
  std::shared_ptr<const Module> module = TRY(decode(std::move(bytes), features));
  return module;
}

Result<std::shared_ptr<const Module>> load_module(std::vector<u8> bytes, const FeatureSet& features,
                                                  Executor& executor) {
  std::shared_ptr<Module> module = TRY(decode(std::move(bytes), features));
  TRY(validate_bodies_and_tables(*module, executor));
  return std::shared_ptr<const Module>(std::move(module));
}

}  // namespace lr
