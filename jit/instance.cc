#include "jit/instance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "frontend/type_registry.h"
#include "jit/const_expr.h"
#include "jit/context_pool.h"
#include "jit/engine.h"
#include "jit/entry.h"
#include "jit/gc/store_roots.h"
#include "jit/link.h"
#include "jit/stubs.h"

namespace lr::jit {

namespace {

template <typename T>
T* at_offset(Context* context, i32 offset) {
  return reinterpret_cast<T*>(reinterpret_cast<u8*>(context) + offset);
}

Error out_of_stubs() { return make_error(Err::LimitExceeded, "too many shapes of signatures"); }

void set_display(FuncRef& ref) {
  const DefinedType& type = defined_type(ref.type);
  ref.display = type.display.data();
  ref.depth = type.depth;
}

u64 address_of(const Cell& cell, bool is_64) {
  return is_64 ? cell.bits : static_cast<u32>(cell.bits);
}

}  // namespace

// -- ProcessStore -------------------------------------------------------------------------------

ProcessStore::ProcessStore(Engine& engine, RunState& run, const ProcessStoreOptions& options)
    : engine_(engine), run_(run), options_(options) {
  root_ = context_pool().acquire(sizeof(Context));
  CHECK(root_ != nullptr);
  root_->run = &run;
  prepare_alarm();
}

Preempt ProcessStore::preempt() const {
  if (options_.fuel_max != FuelAccount::kUnlimited) return Preempt::Fuel;
  return options_.preempt.value_or(engine_.options().preempt);
}

// Nothing has run, or nothing of what has will go on.
void ProcessStore::prepare_alarm() {
  run_.alarm = &alarm_of(preempt(), options_.yields_always);
  run_.fuel = {.granted = 0, .limit = options_.fuel_max};
  root_->bell.alarm.store(0, std::memory_order_relaxed);
}

ProcessStore::~ProcessStore() {
  run_.doorbell.store(nullptr, std::memory_order_release);
  instances_.clear();
  context_pool().release(root_, sizeof(Context));
}

Result<Instance*> ProcessStore::instantiate(const std::shared_ptr<CompiledModule>& module,
                                            std::span<const Extern> imports) {
  std::unique_ptr<Instance> made(new Instance(*this, module));
  Instance& instance = *made;
  TRY(instance.link(imports));
  TRY(instance.choose_code());
  TRY(instance.make_context());
  TRY(instance.make_memories());
  instance.fill_import_slots();
  TRY(use_types(module->module()));
  // From here on others may refer to the instance, so it stays even if it fails.
  instances_.push_back(std::move(made));
  TRY(instance.make_globals());
  TRY(instance.make_tables());
  instance.make_tags();
  TRY(instance.make_elements());
  TRY(instance.apply_elements());
  TRY(instance.apply_data());
  return &instance;
}

bool ProcessStore::reset(const ProcessStoreOptions& /*options*/) { return false; }

Instance* ProcessStore::first_instance() const {
  return instances_.empty() ? nullptr : instances_.front().get();
}

u64 ProcessStore::bookkeeping_bytes() const { return sizeof(ProcessStore); }

Result<Memory*> ProcessStore::add_memory(const MemoryType& type, bool is_checked) {
  MemoryOptions options = options_.memory;
  if (is_checked) options.memory_class = MemoryClass::Dense;
  memories_.push_back(TRY(Memory::create(type, options)));
  return memories_.back().get();
}

Result<Table*> ProcessStore::add_table(const TableType& type, u64 init) {
  tables_.push_back(TRY(Table::create(type, init)));
  return tables_.back().get();
}

Global* ProcessStore::add_global(const GlobalType& type, Cell value) {
  cells_.push_back(value);
  globals_.push_back({type, &cells_.back()});
  return &globals_.back();
}

Tag* ProcessStore::add_tag(TypeId type) {
  Tag tag{.type = type};
  for (const ValType param : defined_type(type).params) tag.words += param == kV128 ? 2 : 1;
  tags_.push_back(tag);
  return &tags_.back();
}

std::string ProcessStore::trap_detail(Trap trap) const {
  if (trap == Trap::CompileFailed && compile_error) {
    return compile_error_function + ": " + compile_error->message();
  }
  return trap == Trap::UncaughtException ? uncaught : "";
}

FuncRef* ProcessStore::host_ref(const HostFunction* host) {
  const void* cross = engine_.stubs().host_ref(host->type);
  host_refs_.push_back({.code = host, .cross_code = cross, .type = host->type});
  set_display(host_refs_.back());
  return &host_refs_.back();
}

const void* ProcessStore::thunk(TypeId type) {
  const void*& thunk = thunks_[type];
  if (thunk == nullptr) thunk = engine_.stubs().thunk(type);
  if (engine_.stubs().is_refusal(thunk)) compile_error = out_of_stubs();
  return thunk;
}

// Casts and objects look types up in a table.
Status ProcessStore::use_types(const Module& module) {
  if (!module.features.has(Feature::Gc) || module.types.empty()) return ok_status();
  gc::TypeTable* types = gc::TypeTable::get();
  if (types == nullptr)
    return make_error(Err::SystemError, "no addresses for the types of objects");
  types->add(module);
  run_.heap_types = types->rows();
  return ok_status();
}

gc::Heap* ProcessStore::heap() {
  if (heap_ == nullptr) {
    MemorySource& source =
        options_.memory.source != nullptr ? *options_.memory.source : MemorySource::plain();
    roots_ = std::make_unique<gc::StoreRoots>(*this);
    heap_ = gc::Heap::create(run_, source, *roots_, options_.collects_always);
  }
  return heap_.get();
}

// -- Instance: making it ------------------------------------------------------------------------

Instance::Instance(ProcessStore& store, std::shared_ptr<CompiledModule> compiled)
    : store_(store), compiled_(std::move(compiled)) {
  const Module& m = module();
  func_refs_ = make_zeroed<FuncRef*>(m.functions.size());
  dropped_data_.resize(m.data.size());
  dropped_elements_.resize(m.elements.size());
}

Instance::~Instance() {
  if (context_ == nullptr) return;
  if (!memories_.empty()) memories_[0]->detach(context_);
  context_pool().release(context_, static_cast<u64>(compiled_->layout().size));
}

Status Instance::link(std::span<const Extern> imports) {
  const Module& m = module();
  CHECK(imports.size() == m.imports.size());
  for (usize i = 0; i < imports.size(); i++) {
    const Extern& given = imports[i];
    TRY(check_import(m, m.imports[i], given));
    switch (given.kind) {
      case ExternKind::Func:
        imports_.push_back(given);
        break;
      case ExternKind::Table:
        tables_.push_back(given.table);
        break;
      case ExternKind::Memory:
        memories_.push_back(given.memory);
        break;
      case ExternKind::Global:
        globals_.push_back(given.global);
        break;
      case ExternKind::Tag:
        tags_.push_back(given.tag);
        break;
    }
  }
  for (const Extern& given : imports_) {
    if (given.host != nullptr && store_.engine().stubs().host_import(given.host->type) == nullptr) {
      return out_of_stubs();
    }
  }
  return ok_status();
}

// Unchecked code runs only on a memory that is guarded.
Status Instance::choose_code() {
  const Module& m = module();
  MemoryClass memory_class = MemoryClass::Guarded;
  if (!m.memories.empty()) {
    if (m.imported_memories == 0) {
      memories_.push_back(TRY(store_.add_memory(m.memories[0])));
    }
    memory_class = memories_[0]->memory_class();
  }
  code_ = TRY(compiled_->code(memory_class, store_.preempt()));
  return ok_status();
}

Status Instance::make_context() {
  const ContextLayout& layout = compiled_->layout();
  context_ = context_pool().acquire(static_cast<u64>(layout.size));
  if (context_ == nullptr) return make_error(Err::SystemError, "no memory for an instance");
  context_->run = &store_.run();
  context_->instance = this;
  if (!memories_.empty()) memories_[0]->attach(context_);
  return ok_status();
}

Status Instance::make_memories() {
  const Module& m = module();
  while (memories_.size() < m.memories.size()) {
    const bool is_checked = !memories_.empty();
    memories_.push_back(TRY(store_.add_memory(m.memories[memories_.size()], is_checked)));
  }
  auto** views = at_offset<MemoryView*>(context_, compiled_->layout().memories);
  for (usize i = 0; i < memories_.size(); i++) views[i] = &memories_[i]->view;
  return ok_status();
}

void Instance::fill_import_slots() {
  auto* slots = at_offset<ImportSlot>(context_, kImportsOffset);
  for (usize i = 0; i < imports_.size(); i++) {
    const Extern& given = imports_[i];
    const HostFunction* host = given.host;
    // A reference to a host function is called as one.
    if (host == nullptr && given.func->context == nullptr) {
      host = static_cast<const HostFunction*>(given.func->code);
    }
    if (host != nullptr) {
      slots[i] = {store_.engine().stubs().host_import(host->type), const_cast<HostFunction*>(host)};
    } else {
      slots[i] = {lr_import_cross, given.func};
    }
  }
}

Status Instance::make_globals() {
  const Module& m = module();
  const ContextLayout& layout = compiled_->layout();
  globals_.resize(m.globals.size());
  for (u32 i = 0; i < m.globals.size(); i++) {
    Cell* cell = at_offset<Cell>(context_, layout.global(i));
    if (i >= m.imported_globals) {
      *cell = TRY(evaluate(*this, m.globals[i].init));
    } else if (m.globals[i].type.is_mutable) {
      cell->bits = reinterpret_cast<u64>(globals_[i]->cell);
    } else {
      *cell = *globals_[i]->cell;
    }
  }
  return ok_status();
}

Status Instance::make_tables() {
  const Module& m = module();
  while (tables_.size() < m.tables.size()) {
    const lr::Table& table = m.tables[tables_.size()];
    u64 init = 0;
    if (table.init) init = TRY(evaluate(*this, *table.init)).bits;
    tables_.push_back(TRY(store_.add_table(table.type, init)));
  }
  auto** views = at_offset<TableView*>(context_, compiled_->layout().tables);
  for (usize i = 0; i < tables_.size(); i++) views[i] = &tables_[i]->view;
  return ok_status();
}

void Instance::make_tags() {
  const Module& m = module();
  while (tags_.size() < m.tags.size()) tags_.push_back(store_.add_tag(m.tags[tags_.size()]));
}

// Functions are the same at each use, so their segments are evaluated then.
Status Instance::make_elements() {
  const Module& m = module();
  for (u32 i = 0; i < m.elements.size(); i++) {
    const ElementSegment& segment = m.elements[i];
    if (!segment.uses_exprs || !gc::may_refer(segment.type)) continue;
    element_values_.resize(m.elements.size());
    std::vector<u64>& values = element_values_[i];
    values.reserve(segment.exprs.size());
    for (const ConstExpr& expr : segment.exprs) values.push_back(TRY(evaluate(*this, expr)).bits);
  }
  return ok_status();
}

Status Instance::apply_elements() {
  const Module& m = module();
  for (u32 i = 0; i < m.elements.size(); i++) {
    const ElementSegment& segment = m.elements[i];
    if (segment.mode == SegmentMode::Passive) continue;
    if (segment.mode == SegmentMode::Active) {
      TableView& table = tables_[segment.table]->view;
      const bool is_64 = m.tables[segment.table].type.limits.is_64;
      const u64 offset = address_of(TRY(evaluate(*this, segment.offset)), is_64);
      if (segment.size() > table.size || offset > table.size - segment.size()) {
        return make_error(
            Err::ElementsOutOfBounds,
            fmt::format("element segment {} at {} of a table of {}", i, offset, table.size));
      }
      for (u32 at = 0; at < segment.size(); at++) table.elements[offset + at] = element(i, at);
    }
    drop_element(i);
  }
  return ok_status();
}

Status Instance::apply_data() {
  const Module& m = module();
  for (u32 i = 0; i < m.data.size(); i++) {
    const DataSegment& segment = m.data[i];
    if (segment.mode != SegmentMode::Active) continue;
    Memory& memory = *memories_[segment.memory];
    const bool is_64 = m.memories[segment.memory].limits.is_64;
    const u64 offset = address_of(TRY(evaluate(*this, segment.offset)), is_64);
    const u64 bytes = segment.bytes.size();
    const u64 size = memory.size();
    if (bytes > size || offset > size - bytes) {
      return make_error(
          Err::DataOutOfBounds,
          fmt::format("data segment {} at {} of a memory of {} bytes", i, offset, size));
    }
    // A shared memory may outlive the module's bytes.
    if (segment.memory >= m.imported_memories && !memory.is_shared()) {
      memory.add_segment(offset, segment.bytes);
    } else if (bytes != 0) {
      const auto range = memory.range(offset, bytes);
      if (!range) return make_error(Err::LimitExceeded, "no memory for a data segment");
      std::memcpy(range->data(), segment.bytes.data(), bytes);
    }
    drop_data(i);
  }
  return ok_status();
}

// -- Instance: what it has ----------------------------------------------------------------------

FuncRef* Instance::func(u32 index) {
  FuncRef*& ref = func_refs_[index];
  if (ref == nullptr) ref = make_func_ref(index);
  return ref;
}

FuncRef* Instance::make_func_ref(u32 index) {
  if (index < imports_.size()) {
    const Extern& given = imports_[index];
    // The exporter's own, so that equal functions are equal references.
    if (given.func != nullptr) return given.func;
    FuncRef* ref = store_.host_ref(given.host);
    CHECK(ref != nullptr);
    return ref;
  }
  const TypeId type = module().functions[index].type;
  const void* cross = store_.engine().stubs().cross(type);
  if (store_.engine().stubs().is_refusal(cross)) store_.compile_error = out_of_stubs();
  own_refs_.push_back({.code = code_->entry(index),
                       .context = context_,
                       .cross_code = cross,
                       .type = type,
                       .index = index});
  set_display(own_refs_.back());
  return &own_refs_.back();
}

void Instance::refresh(u32 index) {
  FuncRef* ref = func_refs_[index];
  if (ref != nullptr && ref->context == context_) ref->code = code_->entry(index);
}

Cell* Instance::global_cell(u32 index) {
  Cell* cell = at_offset<Cell>(context_, compiled_->layout().global(index));
  const Module& m = module();
  if (index < m.imported_globals && m.globals[index].type.is_mutable) {
    return reinterpret_cast<Cell*>(cell->bits);
  }
  return cell;
}

Global* Instance::global(u32 index) {
  Global*& global = globals_[index];
  if (global == nullptr) {
    store_.globals_.push_back({module().globals[index].type, global_cell(index)});
    global = &store_.globals_.back();
  }
  return global;
}

FuncRef* Instance::start() { return module().start ? func(*module().start) : nullptr; }

std::optional<Extern> Instance::find_export(std::string_view name) {
  const Export* found = module().find_export(name);
  if (found == nullptr) return std::nullopt;
  switch (found->kind) {
    case ExternKind::Func:
      return Extern::of(func(found->index));
    case ExternKind::Table:
      return Extern::of(tables_[found->index]);
    case ExternKind::Memory:
      return Extern::of(memories_[found->index]);
    case ExternKind::Global:
      return Extern::of(global(found->index));
    case ExternKind::Tag:
      return Extern::of(tags_[found->index]);
  }
  return std::nullopt;
}

std::span<const u8> Instance::data_segment(u32 index) const {
  if (dropped_data_[index]) return {};
  return module().data[index].bytes;
}

u32 Instance::element_count(u32 index) const {
  return dropped_elements_[index] ? 0 : module().elements[index].size();
}

u64 Instance::element(u32 segment_index, u32 at) {
  const ElementSegment& segment = module().elements[segment_index];
  if (!segment.uses_exprs) return reinterpret_cast<u64>(func(segment.funcs[at]));
  if (!element_values_.empty() && !element_values_[segment_index].empty()) {
    return element_values_[segment_index][at];
  }
  const auto value = evaluate(*this, segment.exprs[at]);
  return value.ok() ? value.value().bits : 0;
}

}  // namespace lr::jit
