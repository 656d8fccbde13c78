// Exceptions: those of version 3.0, and the older instructions. A module has either.
#include "spec-tests/fuzz/code_generator.h"

namespace lr::fuzz {

void CodeGenerator::throw_statement() {
  if (plan_.tags.empty()) return;
  const bool guarded = !chance(10);  // Else what follows is dead.
  if (guarded) {
    condition();
    op(Op::If);
    block_type({});
    open_label({}, false);
  }
  const u32 exception = pick_local(reference(kHeapExn), false);
  if (exception != kNoLocal && !plan_.has_legacy_exceptions && chance(20)) {
    op(Op::LocalGet, exception);
    op(Op::ThrowRef);
  } else {
    const u32 tag = choices_.below(static_cast<u32>(plan_.tags.size()));
    for (const Type& type : plan_.types[plan_.tags[tag].type].params) loose(type);
    op(Op::Throw, tag);
  }
  if (!guarded) return;
  op(Op::End);
  close_label();
}

void CodeGenerator::try_statement() {
  if (plan_.tags.empty()) return;
  if (plan_.has_legacy_exceptions) return legacy_try();
  // (block $caught (result PAYLOAD) (try_table (catch ... $caught) ...) PAYLOAD)
  const u32 tag = choices_.below(static_cast<u32>(plan_.tags.size()));
  const TagPlan& plan = plan_.tags[tag];
  const u32 kind = choices_.below(4);  // As the binary format numbers the clauses.
  std::vector<Type> payload;
  op(Op::Block);
  if (kind < 2) {
    out_.sleb(kind == 0 ? plan.block : plan.block_with_ref);
    payload = plan_.types[plan.type].params;
  } else {
    block_type(kind == 2 ? std::vector<Type>{} : std::vector<Type>{reference(kHeapExn)});
  }
  if (kind % 2 == 1) payload.push_back(reference(kHeapExn));
  open_label(payload, false);
  op(Op::TryTable);
  block_type({});
  const bool again = kind < 2 && chance(40);  // A clause that is never reached.
  out_.uleb(again ? 2 : 1);
  for (u32 i = 0; i < (again ? 2 : 1); i++) {
    out_.byte(kind);
    if (kind < 2) out_.uleb(tag);
    out_.uleb(0);
  }
  open_label({}, false);
  statements(choices_.between(1, 3));
  if (chance(50)) throw_statement();
  op(Op::End);
  close_label();
  for (const Type& type : payload) loose(type);
  op(Op::End);
  close_label();
  consume_all(payload);
}

void CodeGenerator::legacy_try() {
  op(Op::Try);
  block_type({});
  open_label({}, false);
  statements(choices_.between(1, 3));
  if (chance(50)) throw_statement();
  if (chance(20)) {
    const u32 label = choices_.below(static_cast<u32>(labels_.size()) - 1);
    close_label();
    return op(Op::Delegate, label_depth(label));
  }
  for (u32 clauses = choices_.between(1, 2); clauses > 0; clauses--) {
    const bool all = clauses == 1 && chance(40);
    const u32 tag = choices_.below(static_cast<u32>(plan_.tags.size()));
    if (all) {
      op(Op::CatchAll);
    } else {
      op(Op::Catch, tag);
      consume_all(plan_.types[plan_.tags[tag].type].params);
    }
    statements(choices_.below(3));
    if (chance(20)) {
      condition();
      op(Op::If);
      block_type({});
      op(Op::Rethrow, 1);
      op(Op::End);
    }
  }
  op(Op::End);
  close_label();
}

}  // namespace lr::fuzz
