#include "jit/code_space.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "jit/code_registry.h"
#include "jit/machine.h"

namespace lr::jit {

namespace {

constexpr u32 kFunctionAlignment = 32;
constexpr u32 kPcsChunkBytes = 64 * 1024;
constexpr u64 kPopulateBytes = 256 * 1024;
// Sizes of ranges are multiples of this, so that a range fits the code of another module.
constexpr u64 kRangeGranule = kMiB;

constexpr u64 round_up(u64 n, u64 to) { return (n + to - 1) & ~(to - 1); }

// -- PcEntry, packed: LEB128 of the differences -------------------------------------------------

void put(std::vector<u8>& out, u32 value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<u8>(value | 0x80));
  out.push_back(static_cast<u8>(value));
}

// Small negative numbers become small odd ones.
constexpr u32 zigzag(u32 difference) { return (difference << 1) ^ (0u - (difference >> 31)); }
constexpr u32 unzigzag(u32 value) { return (value >> 1) ^ (0u - (value & 1)); }

void pack(const std::vector<PcEntry>& pcs, std::vector<u8>& out) {
  PcEntry last;
  for (const PcEntry& entry : pcs) {
    put(out, entry.code_offset - last.code_offset);
    put(out, zigzag(entry.wasm_offset - last.wasm_offset));
    put(out, entry.pushed_bytes + 1);  // kNoFrame becomes 0.
    last = entry;
  }
}

bool pushes_something(const std::vector<PcEntry>& pcs) {
  return std::any_of(pcs.begin(), pcs.end(), [](const PcEntry& entry) {
    return entry.pushed_bytes != 0 && entry.pushed_bytes != PcEntry::kNoFrame;
  });
}

class PcReader {
 public:
  PcReader(const u8* at, u32 bytes) : at_(at), end_(at + bytes) {}

  bool next() {
    if (at_ == end_) return false;
    entry.code_offset += take();
    entry.wasm_offset += unzigzag(take());
    entry.pushed_bytes = take() - 1;
    return true;
  }

  PcEntry entry;

 private:
  u32 take() {
    u32 value = 0;
    for (u32 shift = 0;; shift += 7) {
      const u8 byte = *at_++;
      value |= static_cast<u32>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  const u8* at_;
  const u8* end_;
};

}  // namespace

PcEntry FunctionCode::pc_entry(u32 code_offset) const {
  const PcEntry entry = pc_entry_near(code_offset);
  return entry.code_offset == code_offset ? entry : PcEntry{};
}

PcEntry FunctionCode::pc_entry_near(u32 code_offset) const {
  PcReader reader(pcs, pcs_bytes);
  while (reader.next()) {
    if (reader.entry.code_offset >= code_offset) return reader.entry;
  }
  return {};
}

// -- CodeSpace ----------------------------------------------------------------------------------

Result<std::unique_ptr<CodeSpace>> CodeSpace::create(const CodeSpaceLayout& layout,
                                                     std::span<const void* const> stubs,
                                                     ModuleCode* owner) {
  const u64 slots_bytes = u64{layout.functions} * 8;
  const u64 fixed = stubs.size() * kStubJumpBytes + u64{layout.functions} * kMiniStubBytes;
  u64 code_bytes = round_up(fixed + layout.code_bytes_max, kRangeGranule) - fixed;
  code_bytes = std::min(code_bytes, kNearBytes - fixed - slots_bytes);
  auto mapping = CodeMapping::create(slots_bytes, fixed + code_bytes);
  // Where addresses are limited, a tighter range may still do.
  for (int tries = 0; tries < 3 && !mapping.ok(); tries++) {
    code_bytes /= 2;
    mapping = CodeMapping::create(slots_bytes, fixed + code_bytes);
  }
  if (!mapping.ok()) return std::move(mapping.error());
  std::unique_ptr<CodeSpace> space(new CodeSpace(layout, std::move(mapping).value(), owner));
  space->write_stubs(stubs);
  register_code(space->code(), space->mapping_.code_bytes(), {.space = space.get()});
  return space;
}

CodeSpace::CodeSpace(const CodeSpaceLayout& layout, CodeMapping mapping, ModuleCode* owner)
    : layout_(layout),
      mapping_(std::move(mapping)),
      slots_(reinterpret_cast<std::atomic<const void*>*>(mapping_.data())),
      placed_at_(make_zeroed<std::atomic<u32>>(layout.functions)),
      records_(make_zeroed<FunctionCode>(layout.functions)),
      populated_(mapping_.populated_bytes()),
      owner_(owner) {}

CodeSpace::~CodeSpace() {
  unregister_code(code());
  const u64 touched = std::max(used_.load(), populated_.load());
  CodeMapping::recycle(std::move(mapping_), touched);
}

// Stub jumps, then mini-stubs, and the slots that lead to the latter.
void CodeSpace::write_stubs(std::span<const void* const> stubs) {
  u8* const out = mapping_.writable();
  const u64 stubs_bytes = stubs.size() * kStubJumpBytes;
  first_function_ = round_up(stubs_bytes + u64{layout_.functions} * kMiniStubBytes, 64);
  // One system call in place of a page fault for each page; where it is missing they are taken.
  const bool is_new = populated_ == 0;
  if (populated_ < first_function_) {
    madvise(out, round_up(first_function_, 4096), MADV_POPULATE_WRITE);
  }
  if (is_new && layout_.functions != 0) {
    madvise(mapping_.data(), round_up(u64{layout_.functions} * 8, 4096), MADV_POPULATE_WRITE);
  }
  for (usize i = 0; i < stubs.size(); i++) write_stub_jump(out + i * kStubJumpBytes, stubs[i]);
  const u8* const lazy = code() + static_cast<u64>(Stub::LazyCompile) * kStubJumpBytes;
  for (u32 i = 0; i < layout_.functions; i++) {
    const u64 at = stubs_bytes + u64{i} * kMiniStubBytes;
    if (i < layout_.imported_functions) {
      write_import_stub(out + at, i,
                        static_cast<u32>(kImportsOffset) + i * u32{sizeof(ImportSlot)});
    } else {
      write_mini_stub(out + at, code() + at, i, lazy);
    }
    slots_[i].store(code() + at, std::memory_order_relaxed);
  }
  flush_instructions(code(), first_function_);
  used_.store(first_function_, std::memory_order_relaxed);
}

Status CodeSpace::place(const Masm& masm, u32 index, const CompiledFunction& function,
                        std::vector<PendingCall>* pending) {
  const FunctionCode* record = TRY(append(index, function));
  if (pending != nullptr) populate(*record);
  std::memcpy(mapping_.writable() + record->offset, function.code.data(), function.code.size());
  for (const CallReloc& reloc : function.relocs) {
    if (!resolve(masm, reloc, *record, pending)) {
      return make_error(Err::LimitExceeded, "a call that is out of reach");
    }
  }
  if (pending == nullptr) flush_instructions(code() + record->offset, record->size);
  placed_at_[index].store(record->offset, std::memory_order_release);
  return ok_status();
}

// Makes room and a record.
Result<FunctionCode*> CodeSpace::append(u32 index, const CompiledFunction& function) {
  std::vector<u8> packed;
  pack(function.pcs, packed);
  const auto pcs_bytes = static_cast<u32>(packed.size());
  u8* pcs = nullptr;
  FunctionCode* const record = TRY(reserve(index, function, pcs_bytes, pcs));
  // Nobody asks for a pc in code that has not been published.
  if (pcs_bytes != 0) std::memcpy(pcs, packed.data(), pcs_bytes);
  record->pushes = pushes_something(function.pcs);
  if (!function.handlers.sites.empty()) {
    auto handlers = std::make_unique<const Handlers>(function.handlers);
    record->handlers = handlers.get();
    const std::lock_guard lock(mutex_);
    handlers_.push_back(std::move(handlers));
  }
  return record;
}

// What threads that compile at the same time do one after the other.
Result<FunctionCode*> CodeSpace::reserve(u32 index, const CompiledFunction& function, u32 pcs_bytes,
                                         u8*& pcs) {
  const std::lock_guard lock(mutex_);
  const u64 offset = round_up(used_.load(std::memory_order_relaxed), kFunctionAlignment);
  const u64 end = offset + function.code.size();
  if (end > mapping_.code_bytes()) {
    return make_error(Err::LimitExceeded,
                      fmt::format("the machine code of this module exceeds {} MiB",
                                  mapping_.code_bytes() / kMiB));
  }
  if (pcs_bytes > pcs_left_) {
    pcs_left_ = std::max(pcs_bytes, kPcsChunkBytes);
    pcs_chunks_.push_back(std::make_unique<u8[]>(pcs_left_));
    pcs_free_ = pcs_chunks_.back().get();
  }
  pcs = pcs_free_;
  const u32 count = records_count_.load(std::memory_order_relaxed);
  FunctionCode& record = records_[count];
  record = {.offset = static_cast<u32>(offset),
            .size = static_cast<u32>(function.code.size()),
            .index = index,
            .frame_bytes = function.frame_bytes,
            .stack_arg_bytes = function.stack_arg_bytes,
            .widened_bytes = function.widened_bytes,
            .pcs_bytes = pcs_bytes,
            .saved = function.saved.bits(),
            .pcs = pcs};
  pcs_free_ += pcs_bytes;
  pcs_left_ -= pcs_bytes;
  used_.store(end, std::memory_order_relaxed);
  records_count_.store(count + 1, std::memory_order_release);
  return &record;
}

bool CodeSpace::resolve(const Masm& masm, const CallReloc& reloc, const FunctionCode& record,
                        std::vector<PendingCall>* pending) {
  const u32 field = record.offset + reloc.offset;
  switch (reloc.kind) {
    case Near::Stub:
      return patch(masm, Near::Stub, field, code() + u64{reloc.index} * kStubJumpBytes);
    case Near::Slot:
      return patch(masm, Near::Slot, field, &slots_[reloc.index]);
    case Near::Function:
      break;
  }
  u32 target = placed_at_[reloc.index].load(std::memory_order_acquire);
  if (reloc.index == record.index) target = record.offset;
  if (target != 0) return patch(masm, Near::Function, field, code() + target);
  if (pending == nullptr) return false;
  pending->push_back({field, reloc.index});
  return true;
}

bool CodeSpace::patch(const Masm& masm, Near kind, u32 field, const void* target) {
  return masm.patch_call(kind, mapping_.writable() + field, code() + field,
                         static_cast<const u8*>(target));
}

void CodeSpace::link(const Masm& masm, const PendingCall& call) {
  const u32 target = placed_at_[call.function].load(std::memory_order_acquire);
  const void* to = target != 0 ? code() + target : entry(call.function);
  CHECK(patch(masm, Near::Function, call.offset, to));
}

// Threads that fill the range together hinder each other with page faults, so the one that comes to
// the end of what has pages asks for the next ones at once.
void CodeSpace::populate(const FunctionCode& next) {
  u64 populated = populated_.load(std::memory_order_relaxed);
  if (u64{next.offset} + next.size <= populated) return;
  const u64 from = std::max(populated, u64{next.offset} & ~u64{4095});
  if (!populated_.compare_exchange_strong(populated, from + kPopulateBytes)) return;
  madvise(mapping_.writable() + from, std::min(kPopulateBytes, mapping_.code_bytes() - from),
          MADV_POPULATE_WRITE);
}

void CodeSpace::flush_linked() { flush_instructions(code() + first_function_, code_bytes()); }

void CodeSpace::publish(u32 index) {
  // Release: whoever enters through the slot sees the code.
  slots_[index].store(code() + placed_at_[index].load(std::memory_order_relaxed),
                      std::memory_order_release);
}

const FunctionCode* CodeSpace::find(const void* pc) const {
  const u64 offset = static_cast<u64>(static_cast<const u8*>(pc) - code());
  if (offset >= mapping_.code_bytes()) return nullptr;
  const FunctionCode* const first = records_.get();
  const FunctionCode* const last = first + records_count_.load(std::memory_order_acquire);
  const FunctionCode* after = std::upper_bound(
      first, last, offset, [](u64 at, const FunctionCode& record) { return at < record.offset; });
  if (after == first) return nullptr;
  const FunctionCode* record = after - 1;
  return offset - record->offset < record->size ? record : nullptr;
}

}  // namespace lr::jit
