// Table: elements of a reference type, 8 bytes each (a FuncRef*, or a host's handle; null is 0), as
// machine code sees them (TableView) and with what grows them. Belongs to one process: no locks.
#pragma once

#include <memory>
#include <optional>

#include "base/result.h"
#include "frontend/module.h"
#include "jit/context.h"

namespace lr::jit {

class Table {
 public:
  static constexpr u64 kMaxElements = 10'000'000;

  // LimitExceeded beyond kMaxElements.
  static Result<std::unique_ptr<Table>> create(const TableType& type, u64 init);
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  TableView view;  // First: machine code holds its address.

  const TableType& type() const { return type_; }
  // Old size, or nothing when a limit refuses. Elements may move.
  std::optional<u64> grow(u64 delta, u64 value);
  // Room for `delta` more, which are zero; the size stays. False when a limit refuses. Elements
  // may move.
  bool reserve(u64 delta);

 private:
  static constexpr u64 kMapBytes = 64 * kKiB;  // From here on, elements have a mapping.

  explicit Table(const TableType& type) : type_(type) {}
  bool is_mapped() const { return capacity_ * 8 >= kMapBytes; }
  bool enlarge(u64 capacity);
  void unmap();

  TableType type_;
  u64 capacity_ = 0;
};

}  // namespace lr::jit
