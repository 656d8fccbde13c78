// What a process's store keeps alive: the stacks of all activations, word by word; globals, tables
// and element segments of its instances; what the host holds.
#pragma once

#include "jit/gc/heap.h"

namespace lr::jit {
class Instance;
class ProcessStore;
}  // namespace lr::jit

namespace lr::jit::gc {

class StoreRoots final : public Roots {
 public:
  explicit StoreRoots(const ProcessStore& store) : store_(store) {}
  void start() override;
  std::optional<Range> next() override;

 private:
  enum class Part : u8 {
    Stack,
    Globals,
    Tables,
    InstanceGlobals,
    InstanceTables,
    Elements,
    Held,
    End
  };

  bool next_stack(Range& range);
  bool next_global(Range& range);
  bool next_table(Range& range);
  bool next_instance_global(Range& range);
  bool next_instance_table(Range& range);
  bool next_elements(Range& range);
  void next_part() {
    part_ = static_cast<Part>(static_cast<u8>(part_) + 1);
    start_part();
  }
  void start_part();
  bool next_instance();

  const ProcessStore& store_;
  Part part_ = Part::End;
  Instance* instance_ = nullptr;
  u64 at_ = 0;
};

}  // namespace lr::jit::gc
