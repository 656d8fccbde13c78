#include "jit/instance_template.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <unordered_map>

#include "frontend/type_registry.h"
#include "jit/context_pool.h"
#include "jit/engine.h"
#include "jit/gc/type_table.h"
#include "jit/stubs.h"

namespace lr::jit {

namespace {

// A table of more elements than this is not copied for each instance.
constexpr u64 kCopiedElements = 4096;

bool is_i31(u64 bits) { return (bits & 1) != 0; }

}  // namespace

// -- Recording ----------------------------------------------------------------------------------

class InstanceTemplate::Recorder {
 public:
  Recorder(InstanceTemplate& made, Instance& instance)
      : made_(made), instance_(instance), module_(instance.module()) {
    instance.func_refs_.for_each(
        [&](u32 function, FuncRef* ref) { functions_[reinterpret_cast<u64>(ref)] = function; });
  }

  bool globals() {
    for (u32 i = 0; i < module_.globals.size(); i++) {
      const ValType& type = module_.globals[i].type.type;
      const u64 bits = instance_.global_cell(i)->bits;
      if (!type.is_ref() || bits == 0 || (gc::may_refer(type) && is_i31(bits))) continue;
      const auto found = functions_.find(bits);
      if (gc::may_refer(type) || found == functions_.end()) return false;
      made_.func_globals_.push_back({i, found->second});
    }
    return true;
  }

  bool memories() {
    made_.data_.resize(module_.memories.size());
    for (u32 i = 0; i < module_.memories.size(); i++) {
      const Memory& memory = instance_.memory(i);
      if (memory.is_shared()) return false;
      if (memory.image() != nullptr) made_.data_[i] = *memory.image();
    }
    return true;
  }

  bool tables() {
    for (u32 i = 0; i < module_.tables.size(); i++) {
      const TableView& view = instance_.table(i).view;
      OwnTable table{.index = i, .functions = {}};
      if (!read_elements(view, table.functions)) return false;
      if (module_.tables[i].is_private) {
        if (!share(table)) return false;
      } else {
        if (view.size > kCopiedElements) return false;
        made_.own_tables_.push_back(std::move(table));
      }
    }
    return true;
  }

  void context() {
    const u8* const start = reinterpret_cast<const u8*>(instance_.context()) + kImportsOffset;
    const ContextLayout& layout = instance_.compiled().layout();
    made_.context_.assign(start, start + (layout.size - kImportsOffset));
    for (const auto& [index, table] : shared_views_) {
      std::memcpy(made_.context_.data() + layout.table(index) - kImportsOffset, &table,
                  sizeof table);
    }
  }

 private:
  // False for a reference to an object.
  bool read_elements(const TableView& view, std::vector<u32>& functions) {
    const std::span<const u64> elements(view.elements, view.size);
    if (std::ranges::all_of(elements, [](u64 bits) { return bits == 0; })) return true;
    functions.reserve(elements.size());
    for (const u64 bits : elements) {
      const auto found = functions_.find(bits);
      if (bits != 0 && found == functions_.end()) return false;
      functions.push_back(bits == 0 ? 0 : found->second + 1);
    }
    return true;
  }

  bool share(const OwnTable& table) {
    made_.shared_tables_.push_back(std::make_unique<Table>(module_.tables[table.index].type));
    Table& shared = *made_.shared_tables_.back();
    if (!shared.start(0).ok()) return false;
    for (const u32 function : table.functions) {
      if (function != 0) add_shared(function - 1);
    }
    shared_views_.emplace_back(table.index, &shared.view);
    shared_elements_.push_back(table.functions);
    return true;
  }

  void add_shared(u32 function) {
    if (!shared_functions_.emplace(function, 0).second) return;
    FuncRef ref = *instance_.func(function);
    if (ref.context != nullptr) {
      ref.context = nullptr;
      ref.cross_code = ref.code;
    }
    ref.index = function;
    made_.shared_refs_.push_back(ref);
  }

 public:
  // Once all are known, so that their addresses stay.
  void shared_elements() {
    auto& refs = made_.shared_refs_;
    std::ranges::sort(refs, {}, &FuncRef::index);
    for (u32 i = 0; i < refs.size(); i++) shared_functions_[refs[i].index] = i;
    for (usize t = 0; t < shared_elements_.size(); t++) {
      u64* const elements = made_.shared_tables_[t]->view.elements;
      for (usize i = 0; i < shared_elements_[t].size(); i++) {
        const u32 function = shared_elements_[t][i];
        if (function == 0) continue;
        elements[i] = reinterpret_cast<u64>(&refs[shared_functions_[function - 1]]);
      }
    }
  }

 private:
  InstanceTemplate& made_;
  Instance& instance_;
  const Module& module_;
  std::unordered_map<u64, u32> functions_;  // By the address of the reference.
  std::vector<std::pair<u32, TableView*>> shared_views_;
  std::vector<std::vector<u32>> shared_elements_;  // By shared table.
  std::unordered_map<u32, u32> shared_functions_;  // To the place in shared_refs_.
};

std::unique_ptr<InstanceTemplate> InstanceTemplate::record(Instance& instance,
                                                           std::span<const Extern> imports) {
  std::unique_ptr<InstanceTemplate> made(new InstanceTemplate());
  for (const Extern& given : imports) {
    if (given.kind != ExternKind::Func || given.host == nullptr) return nullptr;
    made->hosts_.push_back(given.host);
  }
  if (instance.cold_ != nullptr && !instance.cold_->element_values.empty()) return nullptr;
  Recorder recorder(*made, instance);
  if (!recorder.globals() || !recorder.memories() || !recorder.tables()) return nullptr;
  recorder.shared_elements();
  recorder.context();
  made->code_ = &instance.code();
  made->memory_class_ = instance.code().options().memory_class;
  made->heap_types_ = instance.store().run().heap_types;
  return made;
}

// -- Copying ------------------------------------------------------------------------------------

bool InstanceTemplate::fits(std::span<const Extern> imports) const {
  return std::ranges::equal(imports, hosts_, [](const Extern& given, const HostFunction* host) {
    return given.host == host && given.kind == ExternKind::Func;
  });
}

Result<Instance*> InstanceTemplate::instantiate(
    ProcessStore& store, const std::shared_ptr<CompiledModule>& compiled) const {
  Instance* const instance =
      Instance::allocate(store, compiled, static_cast<u32>(own_tables_.size()));
  instance->code_ = code_;
  instance->template_ = this;
  Status filled = fill(*instance);
  if (!filled.ok()) {
    Instance::destroy(instance);
    return std::move(filled.error());
  }
  if (heap_types_ != nullptr) store.run().heap_types = heap_types_;
  store.append(*instance);
  return instance;
}

Status InstanceTemplate::fill(Instance& instance) const {
  TRY(instance.make_context());
  Context* const context = instance.context_;
  std::memcpy(instance.at_offset<u8>(kImportsOffset), context_.data(), context_.size());
  for (u32 i = 0; i < data_.size(); i++) {
    TRY(instance.make_memory(i, i == 0 ? memory_class_ : MemoryClass::Dense));
    if (data_[i].end() != 0) instance.memory(i).set_image(data_[i]);
  }
  if (!data_.empty()) instance.memory(0).attach(context);
  for (const OwnTable& table : own_tables_) {
    TRY(instance.make_table(table.index, 0));
    set_elements(instance, table);
  }
  set_globals(instance);
  instance.make_tags();
  return ok_status();
}

void InstanceTemplate::set_elements(Instance& instance, const OwnTable& table) const {
  u64* const elements = instance.table(table.index).view.elements;
  for (usize i = 0; i < table.functions.size(); i++) {
    if (table.functions[i] == 0) continue;
    elements[i] = reinterpret_cast<u64>(instance.func(table.functions[i] - 1));
  }
}

void InstanceTemplate::set_globals(Instance& instance) const {
  for (const FuncGlobal& global : func_globals_) {
    instance.global_cell(global.global)->bits =
        reinterpret_cast<u64>(instance.func(global.function));
  }
}

bool InstanceTemplate::reset(Instance& instance) const {
  for (u32 i = 0; i < data_.size(); i++) {
    if (!instance.memory(i).reset()) return false;
  }
  for (const OwnTable& table : own_tables_) {
    if (!instance.table(table.index).reset(0)) return false;
    set_elements(instance, table);
  }
  const ContextLayout& layout = instance.compiled().layout();
  std::memcpy(instance.at_offset<u8>(layout.globals),
              context_.data() + (layout.globals - kImportsOffset),
              static_cast<usize>(layout.size - layout.globals));
  set_globals(instance);
  instance.dropped_.reset();
  instance.cold_.reset();
  return true;
}

void InstanceTemplate::refresh(u32 function, const void* entry) const {
  const auto found = std::ranges::lower_bound(shared_refs_, function, {}, &FuncRef::index);
  if (found == shared_refs_.end() || found->index != function) return;
  // Machine code of any process reads them meanwhile; either value is right.
  std::atomic_ref(found->code).store(entry, std::memory_order_release);
  std::atomic_ref(found->cross_code).store(entry, std::memory_order_release);
}

}  // namespace lr::jit
