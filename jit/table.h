// Table: elements of a reference type, 8 bytes each (a FuncRef*, or a host's handle; null is 0), as
// machine code sees them (TableView) and with what grows them. Belongs to one process: no locks.
#pragma once

#include <optional>

#include "base/result.h"
#include "frontend/module.h"
#include "jit/context.h"

namespace lr::jit {

// The part that machine code knows.
struct TableHead {
  TableView view;
};

class Table : public TableHead {
 public:
  static constexpr u32 kMaxElements = 10'000'000;

  // `type` lives as long as the table. To be started before anything else.
  explicit Table(const TableType& type, u32 elements_max = kMaxElements)
      : type_(&type), elements_max_(elements_max) {}
  // LimitExceeded beyond the most elements.
  Status start(u64 init);
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  static Table& of(TableView* view) {
    return static_cast<Table&>(*reinterpret_cast<TableHead*>(view));
  }

  const TableType& type() const { return *type_; }
  // Old size, or nothing when a limit refuses. Elements may move.
  std::optional<u64> grow(u64 delta, u64 value);
  // Room for `delta` more, which are zero; the size stays. False when a limit refuses. Elements
  // may move.
  bool reserve(u64 delta);
  // For the next process: what start() has made. False, with nothing changed, for a table that is
  // so large that a new one is cheaper.
  bool reset(u64 init);
  u64 element_bytes() const { return capacity_ * 8; }

 private:
  static constexpr u64 kMapBytes = 64 * kKiB;  // From here on, elements have a mapping.

  bool is_mapped() const { return capacity_ * 8 >= kMapBytes; }
  bool enlarge(u64 capacity);
  void unmap();

  const TableType* type_;
  const u32 elements_max_;
  u64 capacity_ = 0;
};

}  // namespace lr::jit
