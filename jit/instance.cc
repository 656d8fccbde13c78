#include "jit/instance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "frontend/type_registry.h"
#include "jit/const_expr.h"
#include "jit/context_pool.h"
#include "jit/engine.h"
#include "jit/entry.h"
#include "jit/gc/type_table.h"
#include "jit/instance_template.h"
#include "jit/link.h"
#include "jit/stubs.h"

namespace lr::jit {

namespace {

u64 address_of(const Cell& cell, bool is_64) {
  return is_64 ? cell.bits : static_cast<u32>(cell.bits);
}

}  // namespace

Tag Tag::of(TypeId type) {
  Tag tag{.type = type};
  for (const ValType param : defined_type(type).params) tag.words += param == kV128 ? 2 : 1;
  return tag;
}

// -- FuncRefMap ---------------------------------------------------------------------------------

FuncRefMap::~FuncRefMap() {
  for (u32 i = 0; i < capacity_; i++) {
    if (entries_[i].is_owned) delete entries_[i].ref;
  }
}

FuncRef* FuncRefMap::find(u32 function) const {
  if (capacity_ == 0) return nullptr;
  for (u32 i = place_of(function);; i = (i + 1) & (capacity_ - 1)) {
    const Entry& entry = entries_[i];
    if (entry.ref == nullptr || entry.function == function) return entry.ref;
  }
}

void FuncRefMap::insert(const Entry& entry) {
  u32 i = place_of(entry.function);
  while (entries_[i].ref != nullptr) i = (i + 1) & (capacity_ - 1);
  entries_[i] = entry;
}

void FuncRefMap::add(u32 function, FuncRef* ref, bool is_owned) {
  if (4 * (count_ + 1) > 3 * capacity_) {
    const auto old = std::move(entries_);
    const u32 old_capacity = capacity_;
    capacity_ = std::max(2u, 2 * capacity_);
    entries_ = std::make_unique<Entry[]>(capacity_);
    for (u32 i = 0; i < old_capacity; i++) {
      if (old[i].ref != nullptr) insert(old[i]);
    }
  }
  insert({ref, function, is_owned});
  count_++;
}

u64 FuncRefMap::bookkeeping_bytes() const {
  return capacity_ * sizeof(Entry) + count_ * sizeof(FuncRef);
}

// -- Instance: its memory -----------------------------------------------------------------------

Instance::Instance(ProcessStore& store, std::shared_ptr<CompiledModule> compiled)
    : store_(store), compiled_(std::move(compiled)) {}

Instance* Instance::allocate(ProcessStore& store, const std::shared_ptr<CompiledModule>& compiled,
                             u32 tables) {
  const Module& m = compiled->module();
  const usize memories = m.memories.size() - m.imported_memories;
  const usize tags = m.tags.size() - m.imported_tags;
  void* const block = ::operator new(sizeof(Instance) + memories * sizeof(Memory) +
                                     tables * sizeof(Table) + tags * sizeof(Tag));
  auto* const instance = new (block) Instance(store, compiled);
  instance->table_room_ = tables;
  return instance;
}

void Instance::destroy(Instance* instance) {
  instance->leave_context();
  instance->~Instance();
  ::operator delete(instance);
}

Instance::~Instance() {
  for (u32 i = 0; i < memories_made_; i++) own_memories()[i].~Memory();
  for (u32 i = 0; i < tables_made_; i++) own_tables()[i].~Table();
}

u64 Instance::block_bytes() const {
  const Module& m = module();
  return sizeof(Instance) + (m.memories.size() - m.imported_memories) * sizeof(Memory) +
         table_room_ * sizeof(Table) + (m.tags.size() - m.imported_tags) * sizeof(Tag);
}

Table* Instance::own_tables() const {
  const Module& m = module();
  return reinterpret_cast<Table*>(own_memories() + m.memories.size() - m.imported_memories);
}

Tag* Instance::own_tags() const { return reinterpret_cast<Tag*>(own_tables() + table_room_); }

void Instance::leave_context() {
  if (context_ == nullptr) return;
  if (context_->memory0 != nullptr) Memory::of(context_->memory0).detach(context_);
  context_pool().release(context_, static_cast<u64>(compiled_->layout().size));
  context_ = nullptr;
}

u64 Instance::bookkeeping_bytes() const {
  u64 bytes = block_bytes() + func_refs_.bookkeeping_bytes();
  bytes += ContextPool::size_of(static_cast<u64>(compiled_->layout().size));
  for (u32 i = 0; i < memories_made_; i++) {
    bytes += own_memories()[i].bookkeeping_bytes() - sizeof(Memory);
  }
  for (u32 i = 0; i < tables_made_; i++) bytes += own_tables()[i].element_bytes();
  if (dropped_ != nullptr) bytes += (module().elements.size() + module().data.size() + 63) / 64 * 8;
  if (cold_ != nullptr) bytes += sizeof(Cold);
  return bytes;
}

u64 Instance::initial_bytes() const {
  u64 most = 0;
  for (u32 i = 0; i < memories_made_; i++) {
    const MemoryType& type = own_memories()[i].type();
    most = std::max(most, type.limits.min << type.page_size_log2);
  }
  return most;
}

// -- Instance: making it ------------------------------------------------------------------------

Status Instance::prepare(std::span<const Extern> imports) {
  TRY(link(imports));
  TRY(choose_code());
  TRY(make_context());
  fill_import_slots(imports);
  TRY(store_.use_types(module()));
  return make_memories();
}

Status Instance::initialise() {
  TRY(make_globals());
  TRY(make_tables());
  make_tags();
  TRY(make_elements());
  TRY(apply_elements());
  return apply_data();
}

Status Instance::link(std::span<const Extern> imports) {
  const Module& m = module();
  CHECK(imports.size() == m.imports.size());
  const bool has_refs =
      std::ranges::any_of(imports, [](const Extern& given) { return given.func != nullptr; });
  for (usize i = 0; i < imports.size(); i++) {
    const Extern& given = imports[i];
    TRY(check_import(m, m.imports[i], given));
    switch (given.kind) {
      case ExternKind::Func:
        if (has_refs) cold().functions.push_back(given);
        if (given.host != nullptr &&
            store_.engine().stubs().host_import(given.host->type) == nullptr) {
          return out_of_stubs();
        }
        break;
      case ExternKind::Table:
        cold().tables.push_back(given.table);
        break;
      case ExternKind::Memory:
        cold().memories.push_back(given.memory);
        break;
      case ExternKind::Global:
        cold().globals.push_back(given.global);
        break;
      case ExternKind::Tag:
        cold().tags.push_back(given.tag);
        break;
    }
  }
  return ok_status();
}

Status Instance::choose_code() {
  if (module().imported_memories != 0) {
    code_ = TRY(compiled_->code(cold_->memories[0]->memory_class(), store_.preempt()));
  } else {
    code_ = TRY(store_.usual_code(*compiled_));
  }
  return ok_status();
}

Status Instance::make_context() {
  const ContextLayout& layout = compiled_->layout();
  context_ = context_pool().acquire(static_cast<u64>(layout.size));
  if (context_ == nullptr) return make_error(Err::SystemError, "no memory for an instance");
  context_->run = &store_.run();
  context_->instance = this;
  return ok_status();
}

void Instance::fill_import_slots(std::span<const Extern> imports) {
  auto* slot = at_offset<ImportSlot>(kImportsOffset);
  for (const Extern& given : imports) {
    if (given.kind != ExternKind::Func) continue;
    const HostFunction* host = given.host;
    // A reference to a host function is called as one.
    if (host == nullptr && given.func->context == nullptr) {
      host = static_cast<const HostFunction*>(given.func->code);
    }
    if (host != nullptr) {
      *slot++ = {store_.engine().stubs().host_import(host->type), const_cast<HostFunction*>(host)};
    } else {
      *slot++ = {lr_import_cross, given.func};
    }
  }
}

Status Instance::make_memories() {
  const Module& m = module();
  auto** views = at_offset<MemoryView*>(compiled_->layout().memories);
  for (u32 i = 0; i < m.imported_memories; i++) views[i] = &cold_->memories[i]->view;
  for (u32 i = m.imported_memories; i < m.memories.size(); i++) {
    // Only code for the first one may go without checks.
    const MemoryClass rest = MemoryClass::Dense;
    TRY(make_memory(i, i == 0 ? store_.options().memory.memory_class : rest));
  }
  if (!m.memories.empty()) memory(0).attach(context_);
  return ok_status();
}

Status Instance::make_memory(u32 index, MemoryClass memory_class) {
  const MemoryType& type = module().memories[index];
  MemoryView*& view = at_offset<MemoryView*>(compiled_->layout().memories)[index];
  if (type.limits.is_shared) {
    view = &TRY(store_.add_memory(type, memory_class == MemoryClass::Dense))->view;
    return ok_status();
  }
  auto* const made =
      new (own_memories() + memories_made_) Memory(type, store_.options().memory, memory_class);
  memories_made_++;
  view = &made->view;
  return made->start();
}

Status Instance::make_globals() {
  const Module& m = module();
  const ContextLayout& layout = compiled_->layout();
  for (u32 i = 0; i < m.globals.size(); i++) {
    Cell* cell = at_offset<Cell>(layout.global(i));
    if (i >= m.imported_globals) {
      *cell = TRY(evaluate(*this, m.globals[i].init));
    } else if (m.globals[i].type.is_mutable) {
      cell->bits = reinterpret_cast<u64>(cold_->globals[i]->cell);
    } else {
      *cell = *cold_->globals[i]->cell;
    }
  }
  return ok_status();
}

Status Instance::make_tables() {
  const Module& m = module();
  auto** views = at_offset<TableView*>(compiled_->layout().tables);
  for (u32 i = 0; i < m.imported_tables; i++) views[i] = &cold_->tables[i]->view;
  for (u32 i = m.imported_tables; i < m.tables.size(); i++) {
    u64 init = 0;
    if (m.tables[i].init) init = TRY(evaluate(*this, *m.tables[i].init)).bits;
    TRY(make_table(i, init));
  }
  return ok_status();
}

Status Instance::make_table(u32 index, u64 init) {
  const u32 elements_max = store_.engine().options().table_elements_max;
  auto* const made =
      new (own_tables() + tables_made_) Table(module().tables[index].type, elements_max);
  tables_made_++;
  at_offset<TableView*>(compiled_->layout().tables)[index] = &made->view;
  return made->start(init);
}

void Instance::make_tags() {
  const Module& m = module();
  for (usize i = m.imported_tags; i < m.tags.size(); i++) {
    new (own_tags() + (i - m.imported_tags)) Tag(Tag::of(m.tags[i]));
  }
}

// Functions are the same at each use, so their segments are evaluated then.
Status Instance::make_elements() {
  const Module& m = module();
  for (u32 i = 0; i < m.elements.size(); i++) {
    const ElementSegment& segment = m.elements[i];
    if (!segment.uses_exprs || !gc::may_refer(segment.type)) continue;
    cold().element_values.resize(m.elements.size());
    std::vector<u64>& values = cold_->element_values[i];
    values.reserve(segment.exprs.size());
    for (const ConstExpr& expr : segment.exprs) values.push_back(TRY(evaluate(*this, expr)).bits);
  }
  return ok_status();
}

Status Instance::apply_elements() {
  const Module& m = module();
  for (u32 i = 0; i < m.elements.size(); i++) {
    const ElementSegment& segment = m.elements[i];
    if (segment.mode == SegmentMode::Declarative) forget_values(i);
    if (segment.mode != SegmentMode::Active) continue;
    TableView& table = this->table(segment.table).view;
    const bool is_64 = m.tables[segment.table].type.limits.is_64;
    const u64 offset = address_of(TRY(evaluate(*this, segment.offset)), is_64);
    if (segment.size() > table.size || offset > table.size - segment.size()) {
      keep_segments(i);
      return make_error(
          Err::ElementsOutOfBounds,
          fmt::format("element segment {} at {} of a table of {}", i, offset, table.size));
    }
    for (u32 at = 0; at < segment.size(); at++) table.elements[offset + at] = element(i, at);
    forget_values(i);
  }
  return ok_status();
}

Status Instance::apply_data() {
  const Module& m = module();
  for (u32 i = 0; i < m.data.size(); i++) {
    const DataSegment& segment = m.data[i];
    if (segment.mode != SegmentMode::Active) continue;
    Memory& memory = this->memory(segment.memory);
    const bool is_64 = m.memories[segment.memory].limits.is_64;
    const u64 offset = address_of(TRY(evaluate(*this, segment.offset)), is_64);
    const u64 bytes = segment.bytes.size();
    const u64 size = memory.size();
    if (bytes > size || offset > size - bytes) {
      keep_segments(m.elements.size() + i);
      return make_error(
          Err::DataOutOfBounds,
          fmt::format("data segment {} at {} of a memory of {} bytes", i, offset, size));
    }
    // A shared memory may outlive the module's bytes.
    if (segment.memory >= m.imported_memories && !memory.is_shared()) {
      memory.add_segment(offset, segment.bytes);
    } else if (bytes != 0) {
      const auto range = memory.range(offset, bytes);
      if (!range) {
        keep_segments(m.elements.size() + i);
        return make_error(Err::LimitExceeded, "no memory for a data segment");
      }
      std::memcpy(range->data(), segment.bytes.data(), bytes);
    }
  }
  return ok_status();
}

// -- Instance: what it has ----------------------------------------------------------------------

FuncRef* Instance::make_func_ref(u32 index) {
  const Module& m = module();
  if (index < m.imported_functions) {
    // The exporter's own, so that equal functions are equal references.
    if (cold_ != nullptr && !cold_->functions.empty() && cold_->functions[index].func != nullptr) {
      func_refs_.add(index, cold_->functions[index].func, false);
    } else {
      const ImportSlot& slot = at_offset<ImportSlot>(kImportsOffset)[index];
      const auto* host = static_cast<const HostFunction*>(slot.target);
      func_refs_.add(index, make_host_ref(store_.engine(), host).release(), true);
    }
    return func_refs_.find(index);
  }
  const TypeId id = m.functions[index].type;
  const void* cross = store_.engine().stubs().cross(id);
  if (store_.engine().stubs().is_refusal(cross)) store_.set_compile_error(out_of_stubs(), "");
  const DefinedType& type = defined_type(id);
  auto* const ref = new FuncRef{.code = code_->entry(index),
                                .context = context_,
                                .cross_code = cross,
                                .type = id,
                                .index = index,
                                .display = type.display.data(),
                                .depth = type.depth};
  func_refs_.add(index, ref, true);
  return ref;
}

void Instance::refresh(u32 index) {
  FuncRef* ref = func_refs_.find(index);
  if (ref != nullptr && ref->context == context_) ref->code = code_->entry(index);
  if (template_ != nullptr) template_->refresh(index, code_->entry(index));
}

Cell* Instance::global_cell(u32 index) {
  Cell* cell = at_offset<Cell>(compiled_->layout().global(index));
  const Module& m = module();
  if (index < m.imported_globals && m.globals[index].type.is_mutable) {
    return reinterpret_cast<Cell*>(cell->bits);
  }
  return cell;
}

Global* Instance::global(u32 index) {
  const Module& m = module();
  if (cold().globals.size() < m.globals.size()) cold_->globals.resize(m.globals.size());
  Global*& global = cold_->globals[index];
  if (global == nullptr) {
    auto& all = store_.extras().globals;
    all.push_back(std::make_unique<Global>(m.globals[index].type, global_cell(index)));
    global = all.back().get();
  }
  return global;
}

Tag* Instance::tag(u32 index) const {
  const u32 imported = module().imported_tags;
  return index < imported ? cold_->tags[index] : own_tags() + (index - imported);
}

FuncRef* Instance::start() { return module().start ? func(*module().start) : nullptr; }

std::optional<Extern> Instance::find_export(std::string_view name) {
  const Export* found = module().find_export(name);
  if (found == nullptr) return std::nullopt;
  switch (found->kind) {
    case ExternKind::Func:
      return Extern::of(func(found->index));
    case ExternKind::Table:
      return Extern::of(&table(found->index));
    case ExternKind::Memory:
      return Extern::of(&memory(found->index));
    case ExternKind::Global:
      return Extern::of(global(found->index));
    case ExternKind::Tag:
      return Extern::of(tag(found->index));
  }
  return std::nullopt;
}

// -- Instance: segments -------------------------------------------------------------------------

bool Instance::is_initially_dropped(u64 bit) const {
  const Module& m = module();
  if (bit < m.elements.size()) return m.elements[bit].mode != SegmentMode::Passive;
  return m.data[bit - m.elements.size()].mode == SegmentMode::Active;
}

bool Instance::is_dropped(u64 bit) const {
  if (dropped_ == nullptr) return is_initially_dropped(bit);
  return (dropped_[bit / 64] >> bit % 64 & 1) != 0;
}

void Instance::keep_segments(u64 first_kept) {
  const u64 all = module().elements.size() + module().data.size();
  dropped_ = std::make_unique<u64[]>((all + 63) / 64);
  for (u64 bit = 0; bit < std::min(first_kept, all); bit++) {
    if (is_initially_dropped(bit)) dropped_[bit / 64] |= u64{1} << bit % 64;
  }
}

void Instance::drop(u64 bit) {
  if (is_dropped(bit)) return;
  if (dropped_ == nullptr) keep_segments(~u64{0});
  dropped_[bit / 64] |= u64{1} << bit % 64;
}

void Instance::drop_data(u32 index) { drop(module().elements.size() + index); }

void Instance::drop_element(u32 index) {
  drop(index);
  forget_values(index);
}

// The objects of a segment may go.
void Instance::forget_values(u32 segment) {
  if (cold_ != nullptr && !cold_->element_values.empty()) cold_->element_values[segment] = {};
}

std::span<const u8> Instance::data_segment(u32 index) const {
  if (is_dropped(module().elements.size() + index)) return {};
  return module().data[index].bytes;
}

u32 Instance::element_count(u32 index) const {
  return is_dropped(index) ? 0 : module().elements[index].size();
}

u64 Instance::element(u32 segment_index, u32 at) {
  const ElementSegment& segment = module().elements[segment_index];
  if (!segment.uses_exprs) return reinterpret_cast<u64>(func(segment.funcs[at]));
  if (cold_ != nullptr && !cold_->element_values.empty() &&
      !cold_->element_values[segment_index].empty()) {
    return cold_->element_values[segment_index][at];
  }
  const auto value = evaluate(*this, segment.exprs[at]);
  return value.ok() ? value.value().bits : 0;
}

}  // namespace lr::jit
