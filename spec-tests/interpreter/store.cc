#include "spec-tests/interpreter/store.h"

#include <algorithm>
#include <cstdlib>

#include "frontend/type_registry.h"
#include "spec-tests/interpreter/machine.h"
#include "spec-tests/interpreter/matching.h"

namespace lr::interp {

// -- Memory instances -----------------------------------------------------------------------------

MemInst::~MemInst() { std::free(data_); }

bool MemInst::grow(u64 pages) {
  const u32 log2 = type_.page_size_log2;
  // The size must fit the address type, in pages of one byte too.
  const u64 address_max = type_.limits.is_64 ? ~u64{0} : u64{~u32{0}};
  const u64 pages_limit = log2 == 0 ? address_max : (address_max >> log2) + 1;
  const u64 most = std::min({type_.limits.max.value_or(~u64{0}), pages_limit, bytes_max_ >> log2});
  const u64 old_pages = size_pages();
  if (pages > most || old_pages > most - pages) return false;
  const u64 size = (old_pages + pages) << log2;
  if (size > capacity_) {
    // Twice as much is no waste: what calloc() gives is not there before it is touched.
    const u64 capacity = std::min(std::max(size, 2 * capacity_), most << log2);
    u8* const data = static_cast<u8*>(std::calloc(1, capacity));
    if (data == nullptr) return false;
    if (size_bytes_ > 0) std::memcpy(data, data_, size_bytes_);
    std::free(data_);
    data_ = data;
    capacity_ = capacity;
  }
  size_bytes_ = size;
  type_.limits.min = old_pages + pages;
  return true;
}

std::optional<Extern> ModuleInst::find_export(std::string_view name) const {
  const Export* const found = module->find_export(name);
  if (found == nullptr) return std::nullopt;
  Extern result;
  result.kind = found->kind;
  switch (found->kind) {
    case ExternKind::Func:
      result.func = funcs[found->index];
      break;
    case ExternKind::Table:
      result.table = tables[found->index];
      break;
    case ExternKind::Memory:
      result.memory = memories[found->index];
      break;
    case ExternKind::Global:
      result.global = globals[found->index];
      break;
    case ExternKind::Tag:
      result.tag = tags[found->index];
      break;
  }
  return result;
}

// -- The store ------------------------------------------------------------------------------------

Store::Store(const StoreOptions& options)
    : options_(options),
      heap_(options.heap_bytes_max),
      machine_(std::make_unique<Machine>(*this)) {}

Store::~Store() = default;

u64 Store::fuel() const { return machine_->fuel; }
void Store::set_fuel(u64 fuel) { machine_->fuel = fuel; }

FuncInst* Store::add_func(const HostFunction& host) {
  FuncInst& func = host_funcs_.emplace_back();
  func.type = host.type;
  func.host = &hosts_.emplace_back(host);
  return &func;
}

TableInst* Store::add_table(const TableType& type, Ref init) {
  if (type.limits.min > options_.table_elements_max) return nullptr;
  return &tables_.emplace_back(TableInst{type, std::vector<Ref>(type.limits.min, init)});
}

MemInst* Store::add_memory(const MemoryType& type) {
  MemInst& memory = memories_.emplace_back(type, options_.memory_bytes_max);
  if (memory.grow(type.limits.min)) return &memory;
  memories_.pop_back();
  return nullptr;
}

GlobalInst* Store::add_global(const GlobalType& type, Value value) {
  return &globals_.emplace_back(GlobalInst{type, value});
}

TagInst* Store::add_tag(TypeId type) { return &tags_.emplace_back(TagInst{type}); }

Outcome Store::invoke(FuncInst& func, std::span<const Value> args, std::vector<Value>& results) {
  results.resize(defined_type(func.type).results.size());
  return machine_->invoke(func, args, results);
}

// -- Instantiation --------------------------------------------------------------------------------

// The steps of section 4.7.3, in its order. A step that fails leaves the outcome, or an error.
class Instantiation {
 public:
  Instantiation(Store& store, ModuleInst& instance)
      : store_(store), instance_(instance), module_(*instance.module) {}

  Status link(std::span<const Extern> imports);
  void make_functions_and_tags();
  void make_globals();
  Status make_tables();
  Status make_memories();
  void make_segments();
  void apply_elements();
  void apply_data();
  void start();

  Outcome outcome;

 private:
  Value evaluate(const ConstExpr& expr);

  Store& store_;
  ModuleInst& instance_;
  const Module& module_;
};

Status Instantiation::link(std::span<const Extern> imports) {
  for (usize i = 0; i < imports.size(); i++) {
    const Import& import = module_.imports[i];
    if (!matches_import(imports[i], module_, import)) {
      return make_error(Err::IncompatibleImport,
                        std::string(import.module) + "." + std::string(import.name));
    }
    switch (import.kind) {
      case ExternKind::Func:
        instance_.funcs.push_back(imports[i].func);
        break;
      case ExternKind::Table:
        instance_.tables.push_back(imports[i].table);
        break;
      case ExternKind::Memory:
        instance_.memories.push_back(imports[i].memory);
        break;
      case ExternKind::Global:
        instance_.globals.push_back(imports[i].global);
        break;
      case ExternKind::Tag:
        instance_.tags.push_back(imports[i].tag);
        break;
    }
  }
  return ok_status();
}

void Instantiation::make_functions_and_tags() {
  const u32 imported = module_.imported_functions;
  instance_.own_funcs = std::vector<FuncInst>(module_.functions.size() - imported);
  for (u32 i = imported; i < module_.functions.size(); i++) {
    FuncInst& func = instance_.own_funcs[i - imported];
    func.type = module_.functions[i].type;
    func.index = i;
    func.module = &instance_;
    instance_.funcs.push_back(&func);
  }
  for (usize i = module_.imported_tags; i < module_.tags.size(); i++) {
    instance_.tags.push_back(store_.add_tag(module_.tags[i]));
  }
}

// Constant expressions see the globals made so far.
void Instantiation::make_globals() {
  for (usize i = module_.imported_globals; i < module_.globals.size(); i++) {
    const Global& global = module_.globals[i];
    instance_.globals.push_back(store_.add_global(global.type, evaluate(global.init)));
  }
}

Status Instantiation::make_tables() {
  for (usize i = module_.imported_tables; i < module_.tables.size(); i++) {
    const Table& table = module_.tables[i];
    const Ref init = table.init ? evaluate(*table.init).as<Ref>() : kNull;
    TableInst* const made = store_.add_table(table.type, init);
    if (made == nullptr) return make_error(Err::LimitExceeded, "a table");
    instance_.tables.push_back(made);
  }
  return ok_status();
}

Status Instantiation::make_memories() {
  for (usize i = module_.imported_memories; i < module_.memories.size(); i++) {
    MemInst* const made = store_.add_memory(module_.memories[i]);
    if (made == nullptr) return make_error(Err::LimitExceeded, "a memory");
    instance_.memories.push_back(made);
  }
  return ok_status();
}

void Instantiation::make_segments() {
  for (const ElementSegment& segment : module_.elements) {
    std::vector<Ref>& refs = instance_.elements.emplace_back();
    refs.reserve(segment.size());
    for (const u32 index : segment.funcs) refs.push_back(ref_of(instance_.funcs[index]));
    for (const ConstExpr& expr : segment.exprs) refs.push_back(evaluate(expr).as<Ref>());
  }
  for (const DataSegment& segment : module_.data) instance_.data.push_back(segment.bytes);
}

void Instantiation::apply_elements() {
  for (usize i = 0; i < module_.elements.size() && outcome.returned(); i++) {
    const ElementSegment& segment = module_.elements[i];
    if (segment.mode == SegmentMode::Passive) continue;
    if (segment.mode == SegmentMode::Active) {
      const u64 at = evaluate(segment.offset).as<u64>();
      std::vector<Ref>& table = instance_.tables[segment.table]->elements;
      const std::vector<Ref>& refs = instance_.elements[i];
      if (at > table.size() || refs.size() > table.size() - at) {
        outcome = {Outcome::Kind::Trapped, Trap::TableOutOfBounds, nullptr};
        return;
      }
      std::copy(refs.begin(), refs.end(), table.data() + at);
    }
    instance_.elements[i] = std::vector<Ref>();
  }
}

void Instantiation::apply_data() {
  for (usize i = 0; i < module_.data.size() && outcome.returned(); i++) {
    const DataSegment& segment = module_.data[i];
    if (segment.mode != SegmentMode::Active) continue;
    const u64 at = evaluate(segment.offset).as<u64>();
    const MemInst& memory = *instance_.memories[segment.memory];
    const u64 size = memory.size_bytes();
    if (at > size || segment.bytes.size() > size - at) {
      outcome = {Outcome::Kind::Trapped, Trap::MemoryOutOfBounds, nullptr};
      return;
    }
    if (!segment.bytes.empty()) {
      std::memcpy(memory.data() + at, segment.bytes.data(), segment.bytes.size());
    }
    instance_.data[i] = {};
  }
}

void Instantiation::start() {
  if (!module_.start || !outcome.returned()) return;
  std::vector<Value> none;
  outcome = store_.invoke(*instance_.funcs[*module_.start], {}, none);
}

// Zero once something has failed.
Value Instantiation::evaluate(const ConstExpr& expr) {
  Value value{};
  if (!outcome.returned()) return value;
  outcome = store_.machine_->evaluate(instance_, decode_const_expr(module_, expr), value);
  return value;
}

Result<Store::Instantiated> Store::instantiate(std::shared_ptr<const Module> module,
                                               std::span<const Extern> imports) {
  CHECK(imports.size() == module->imports.size());
  ModuleInst& instance = *modules_.emplace_back(std::make_unique<ModuleInst>());
  instance.module = std::move(module);
  Instantiation steps(*this, instance);
  TRY(steps.link(imports));
  steps.make_functions_and_tags();
  TRY(steps.make_memories());
  steps.make_globals();
  TRY(steps.make_tables());
  steps.make_segments();
  steps.apply_elements();
  steps.apply_data();
  steps.start();
  return Instantiated{&instance, steps.outcome};
}

}  // namespace lr::interp
