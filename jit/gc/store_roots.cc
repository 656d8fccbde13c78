#include "jit/gc/store_roots.h"

#include <algorithm>

#include "jit/instance.h"

namespace lr::jit::gc {

namespace {

// A stack may move between two pieces, and each word may need a walk over a block.
constexpr u64 kStackPieceBytes = 64;

}  // namespace

void StoreRoots::start() {
  part_ = Part::Stack;
  at_ = store_.run().stack_top - store_.run().sp;
}

std::optional<Roots::Range> StoreRoots::next() {
  Range range;
  for (;;) {
    bool found = false;
    switch (part_) {
      case Part::Stack:
        found = next_stack(range);
        break;
      case Part::Globals:
        found = next_global(range);
        break;
      case Part::Tables:
        found = next_table(range);
        break;
      case Part::InstanceGlobals:
        found = next_instance_global(range);
        break;
      case Part::InstanceTables:
        found = next_instance_table(range);
        break;
      case Part::Elements:
        found = next_elements(range);
        break;
      case Part::Held:
        range = {store_.extras_->held_references.data(), store_.extras_->held_references.size(),
                 true};
        next_part();
        return range;
      case Part::End:
        return std::nullopt;
    }
    if (found) return range;
    next_part();
  }
}

// at_ is the distance from the stack's top of what is still to do.
bool StoreRoots::next_stack(Range& range) {
  if (at_ == 0) return false;
  const u64 bytes = std::min(at_, kStackPieceBytes);
  range = {reinterpret_cast<const u64*>(store_.run().stack_top - at_), bytes / 8, false};
  at_ -= bytes;
  return true;
}

// Those of no module are among them. Whoever has a heap has extras.
bool StoreRoots::next_global(Range& range) {
  const auto& globals = store_.extras_->globals;
  while (at_ < globals.size()) {
    const Global& global = *globals[at_++];
    if (!may_refer(global.type.type)) continue;
    range = {&global.cell->bits, 1, true};
    return true;
  }
  return false;
}

bool StoreRoots::next_table(Range& range) {
  const auto& tables = store_.extras_->tables;
  while (at_ < tables.size()) {
    const Table& table = tables[at_++]->table;
    if (!may_refer(table.type().element)) continue;
    range = {table.view.elements, table.view.size, true};
    return true;
  }
  return false;
}

void StoreRoots::start_part() {
  instance_ = store_.first_instance();
  at_ = 0;
}

bool StoreRoots::next_instance() {
  instance_ = instance_->next();
  at_ = 0;
  return instance_ != nullptr;
}

bool StoreRoots::next_instance_global(Range& range) {
  if (instance_ == nullptr) return false;
  do {
    const Module& module = instance_->module();
    while (at_ < module.globals.size()) {
      const auto index = static_cast<u32>(at_++);
      if (index < module.imported_globals || !may_refer(module.globals[index].type.type)) continue;
      range = {&instance_->global_cell(index)->bits, 1, true};
      return true;
    }
  } while (next_instance());
  return false;
}

bool StoreRoots::next_instance_table(Range& range) {
  if (instance_ == nullptr) return false;
  do {
    while (at_ < instance_->tables_made_) {
      const Table& table = instance_->own_tables()[at_++];
      if (!may_refer(table.type().element)) continue;
      range = {table.view.elements, table.view.size, true};
      return true;
    }
  } while (next_instance());
  return false;
}

bool StoreRoots::next_elements(Range& range) {
  if (instance_ == nullptr) return false;
  do {
    if (instance_->cold_ == nullptr) continue;
    const auto& segments = instance_->cold_->element_values;
    if (at_ < segments.size()) {
      const std::vector<u64>& values = segments[at_++];
      range = {values.data(), values.size(), true};
      return true;
    }
  } while (next_instance());
  return false;
}

}  // namespace lr::jit::gc
