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
  instance_ = 0;
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
      case Part::InstanceGlobals:
        found = next_instance_global(range);
        break;
      case Part::Tables:
        found = next_table(range);
        break;
      case Part::Elements:
        found = next_elements(range);
        break;
      case Part::Held:
        range = {store_.held_references_.data(), store_.held_references_.size(), true};
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

// Those of no module are among them.
bool StoreRoots::next_global(Range& range) {
  while (at_ < store_.globals_.size()) {
    const Global& global = store_.globals_[at_++];
    if (!may_refer(global.type.type)) continue;
    range = {&global.cell->bits, 1, true};
    return true;
  }
  return false;
}

bool StoreRoots::next_instance_global(Range& range) {
  while (instance_ < store_.instances_.size()) {
    Instance& instance = *store_.instances_[instance_];
    const Module& module = instance.module();
    while (at_ < module.globals.size()) {
      const auto index = static_cast<u32>(at_++);
      if (index < module.imported_globals || !may_refer(module.globals[index].type.type)) continue;
      range = {&instance.global_cell(index)->bits, 1, true};
      return true;
    }
    instance_++;
    at_ = 0;
  }
  return false;
}

bool StoreRoots::next_table(Range& range) {
  while (at_ < store_.tables_.size()) {
    const Table& table = *store_.tables_[at_++];
    if (!may_refer(table.type().element)) continue;
    range = {table.view.elements, table.view.size, true};
    return true;
  }
  return false;
}

bool StoreRoots::next_elements(Range& range) {
  while (instance_ < store_.instances_.size()) {
    const auto& segments = store_.instances_[instance_]->element_values_;
    if (at_ < segments.size()) {
      const std::vector<u64>& values = segments[at_++];
      range = {values.data(), values.size(), true};
      return true;
    }
    instance_++;
    at_ = 0;
  }
  return false;
}

}  // namespace lr::jit::gc
