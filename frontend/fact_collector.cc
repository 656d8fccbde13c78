#include "frontend/fact_collector.h"

#include <algorithm>

namespace lr {

namespace {

u32 saturated(u64 value) { return static_cast<u32>(std::min<u64>(value, ~u32{0})); }

// sum + weight * 8^levels, saturating.
u64 scaled_sum(u64 sum, u64 weight, u32 levels) {
  if (levels > 10 || weight > ~u32{0}) return ~u32{0};
  return saturated(sum + (weight << (3 * levels)));
}

}  // namespace

void FuncFacts::clear() {
  locals.clear();
  loops.clear();
  loop_locals.clear();
  blocks.clear();
  stack_max = 0;
  control_depth_max = 0;
  has_call = has_div = has_shift = uses_memory = has_simd = has_loop = false;
}

void FactCollector::begin(FuncFacts& facts, std::vector<LocalState>& locals, u32 params) {
  facts.clear();
  facts_ = &facts;
  locals_ = &locals;
  loop_stamp_ = 0;
  last_serial_ = 1;
  depth_ = 0;
  if (serials_.empty()) serials_.resize(64);
  serials_[0] = last_serial_;
  open_loops_.assign(1, kNoLoop);
  firsts_.clear();
  entries_.assign(locals.size(), {});
  for (u32 i = 0; i < locals.size(); i++) locals[i].entry = entries_[i].local = i;
  for (u32 i = 0; i < params; i++) locals[i].def_serial = last_serial_;
}

void FactCollector::place_begin(LocalState& local, u32 offset, bool write) {
  if (local.def_serial == LocalState::kNoDef && write) {
    local.begin = offset;
    local.def_depth = depth_;
    local.loops_at_def = static_cast<u32>(open_loops_.size()) - 1;
  } else {
    // Read first, or used outside of the frame of the first write: from function entry.
    local.begin = 0;
    local.def_depth = 0;
    local.loops_at_def = 0;
  }
  local.def_serial = serials_[local.def_depth];
}

void FactCollector::enter_loop(u32 offset) {
  LoopFacts loop;
  loop.begin = offset;
  u32 index = static_cast<u32>(facts_->loops.size());
  if (open_loops_.size() > 1) {
    loop.parent = open_loop();
    facts_->loops[loop.parent].innermost = false;
  }
  facts_->loops.push_back(loop);
  facts_->has_loop = true;
  open_loops_.back() = index;
  open_loops_.push_back(kNoLoop);
  firsts_.push_back(static_cast<u32>(entries_.size()));
  loop_stamp_ = index + 1;
}

// The local's first use in the innermost loop.
void FactCollector::add_entry(LocalState& local) {
  u32 index = static_cast<u32>(&local - locals_->data());
  entries_.push_back({0, index, local.stamp, local.entry, 0, false});
  local.stamp = loop_stamp_;
  local.entry = static_cast<u32>(entries_.size()) - 1;
}

void FactCollector::leave_loop(u32 end, bool has_call, bool grows_memory,
                               bool has_backward_branch) {
  open_loops_.pop_back();
  LoopFacts& loop = facts_->loops[open_loops_.back()];
  open_loops_.back() = kNoLoop;
  u32 first = firsts_.back();
  firsts_.pop_back();
  u32 count = static_cast<u32>(entries_.size()) - first;
  loop.end = end;
  loop.has_call = has_call;
  loop.grows_memory = grows_memory;
  loop.has_backward_branch = has_backward_branch;
  loop.locals_first = static_cast<u32>(facts_->loop_locals.size());
  loop.locals_count = std::min(count, LoopFacts::kMaxLocals);
  if (count > LoopFacts::kMaxLocals) loop.locals_overflow = true;
  for (u32 i = first; i < first + count; i++) {
    const Entry& entry = entries_[i];
    LocalState& local = (*locals_)[entry.local];
    local.stamp = entry.outer_stamp;
    local.entry = entry.outer_entry;
    if (i - first < LoopFacts::kMaxLocals) {
      facts_->loop_locals.push_back({entry.local, saturated(entry.weight), entry.written});
    }
  }
  loop_stamp_ = loop.parent == kNoLoop ? 0 : loop.parent + 1;
  merge_outwards(first, count, loop.locals_overflow);
}

// The outer list grows over the inner one, never faster than that is read.
void FactCollector::merge_outwards(u32 first, u32 count, bool overflow) {
  LoopFacts* outer_loop = loop_stamp_ == 0 ? nullptr : &facts_->loops[loop_stamp_ - 1];
  if (overflow && outer_loop != nullptr) outer_loop->locals_overflow = true;
  u32 kept = first;
  for (u32 i = first; i < first + count; i++) {
    Entry entry = entries_[i];
    LocalState& local = (*locals_)[entry.local];
    u32 levels = 1;
    Entry* outer = &entries_[local.entry];
    if (local.stamp != loop_stamp_) {
      if (entry.levels < kMergeLevels && kept - firsts_.back() < LoopFacts::kMaxLocals) {
        outer = &entries_[kept];
        *outer = {0, entry.local, local.stamp, local.entry, kMergeLevels, false};
        local.stamp = loop_stamp_;
        local.entry = kept++;
      } else {
        // Past all lists, to the function's own entry.
        outer_loop->locals_overflow = true;
        outer = &entries_[entry.local];
        levels = static_cast<u32>(open_loops_.size());
      }
    }
    outer->weight = scaled_sum(outer->weight, entry.weight, levels);
    outer->written |= entry.written;
    outer->levels = std::min<u8>(outer->levels, static_cast<u8>(entry.levels + 1));
  }
  entries_.resize(kept);
}

void FactCollector::finish() {
  facts_->locals.resize(locals_->size());
  for (usize i = 0; i < locals_->size(); i++) {
    const LocalState& from = (*locals_)[i];
    const Entry& entry = entries_[i];
    LocalFacts& to = facts_->locals[i];
    to = {};
    if (entry.weight == 0) continue;
    to.weight = saturated(entry.weight);
    to.begin = from.begin;
    to.end = from.last_loop == kNoLoop ? from.last_use : facts_->loops[from.last_loop].end;
    to.used = true;
    to.written = entry.written;
  }
}

}  // namespace lr
