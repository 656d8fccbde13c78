#include "frontend/validator.h"

#include <atomic>
#include <limits>
#include <mutex>
#include <vector>

#include "frontend/body_validator.h"

namespace lr {

ValidatorScratch::ValidatorScratch() : state_(std::make_unique<ValidatorState>()) {}
ValidatorScratch::~ValidatorScratch() = default;

void ValidatorScratch::use_fast_path(bool use) { state_->use_fast_path = use; }

std::span<const u32> ValidatorScratch::named_functions() const { return state_->named_functions; }

Status validate_function(const Module& module, u32 func_index, FuncFacts* facts,
                         ValidatorScratch& scratch) {
  const Function& function = module.functions[func_index];
  ValidatorState& state = scratch.state();
  Diag diag;
  Reader reader(module.bytes, function.body_offset, function.body_offset + function.body_size,
                diag);
  BodyValidator(module, state, reader, facts != nullptr ? *facts : state.facts)
      .check_function(func_index);
  return diag.take();
}

void validate_const_expr(Reader& reader, const Module& module, ValType type, ConstExpr& expr,
                         ValidatorScratch& scratch) {
  if (!reader.ok()) return;
  ValidatorState& state = scratch.state();
  expr.offset = reader.offset();
  BodyValidator(module, state, reader, state.facts).check_constant(type);
  expr.size = reader.offset() - expr.offset;
}

namespace {

// A range of functions whose bodies are together about this large is one piece of work.
constexpr u32 kPieceBytes = 64 * 1024;

std::vector<u32> cut_into_pieces(const Module& module) {
  std::vector<u32> starts;
  u32 filled = kPieceBytes;
  u32 count = static_cast<u32>(module.functions.size());
  for (u32 i = module.imported_functions; i < count; i++) {
    if (filled >= kPieceBytes) {
      starts.push_back(i);
      filled = 0;
    }
    filled += module.functions[i].body_size;
  }
  starts.push_back(count);
  return starts;
}

// The error of the lowest function wins, whichever thread is first.
class FirstError {
 public:
  bool is_before(u32 index) const { return index < first_.load(std::memory_order_relaxed); }
  void report(u32 index, Error error) {
    std::lock_guard lock(mutex_);
    if (!is_before(index)) return;
    first_.store(index, std::memory_order_relaxed);
    error_ = std::move(error);
  }
  Status take() {
    if (first_ == kNone) return ok_status();
    return std::move(error_);
  }

 private:
  static constexpr u32 kNone = std::numeric_limits<u32>::max();
  std::mutex mutex_;
  std::atomic<u32> first_{kNone};
  Error error_;
};

Status validate_with(const Module& module, Executor& executor,
                     std::vector<ValidatorScratch>& scratches) {
  std::vector<u32> starts = cut_into_pieces(module);
  FirstError first;
  executor.parallel_for(starts.size() - 1, [&](usize piece, u32 lane) {
    for (u32 i = starts[piece]; i < starts[piece + 1] && first.is_before(i); i++) {
      Status status = validate_function(module, i, nullptr, scratches[lane]);
      if (!status.ok()) first.report(i, std::move(status.error()));
    }
  });
  return first.take();
}

}  // namespace

Status validate_bodies(const Module& module, Executor& executor) {
  std::vector<ValidatorScratch> scratches(executor.width());
  return validate_with(module, executor, scratches);
}

Status validate_bodies_and_tables(Module& module, Executor& executor) {
  std::vector<ValidatorScratch> scratches(executor.width());
  TRY(validate_with(module, executor, scratches));
  for (usize i = 0; i < module.tables.size(); i++) {
    bool is_private = i >= module.imported_tables;
    for (ValidatorScratch& scratch : scratches) {
      const auto& used = scratch.state().used_tables;
      if (i < used.size() && used[i]) is_private = false;
    }
    module.tables[i].is_private = is_private;
  }
  for (const Export& item : module.exports) {
    if (item.kind == ExternKind::Table) module.tables[item.index].is_private = false;
  }
  return ok_status();
}

}  // namespace lr
