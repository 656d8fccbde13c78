#include "jit/helpers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/check.h"
#include "jit/engine.h"
#include "jit/entry.h"
#include "jit/gc/helpers.h"
#include "jit/instance.h"
#include "jit/invoke.h"
#include "jit/wait_queue.h"

namespace lr::jit {

namespace {

// What memory.atomic.wait returns.
constexpr u64 kWaitNotified = 0, kWaitNotEqual = 1, kWaitTimedOut = 2;

// Every operation checks all its bounds before it has any effect.

HostStatus trap(Context* context, Trap why) {
  context->run->trap_code = static_cast<u32>(why);
  return HostStatus::Trap;
}

Memory& memory_of(Context* context, u64 index) {
  return context->instance->memory(static_cast<u32>(index));
}
Table& table_of(Context* context, u64 index) {
  return context->instance->table(static_cast<u32>(index));
}

// True if [offset, offset + length) does not lie in [0, size).
bool outside(u64 offset, u64 length, u64 size) { return length > size || offset > size - length; }

// The bounds are right; false if the process may not have the memory.
bool touch(Memory& memory, u64 offset, u64 length) { return memory.touch(offset, length); }

// Long operations work in pieces, each some 10 us, or 70 if every page is touched for the first
// time; others run in between. What is half done is seen by nobody but threads that share the
// memory, as it may be: bounds are checked for the whole first, and bases are read for each piece.
constexpr u64 kPieceBytes = 128 * kKiB;
constexpr u64 kPieceElements = kPieceBytes / 8;

HostStatus memory_grow(Context* context, const HostFunction*, u64* args) {
  args[0] = memory_of(context, args[1]).grow(args[0]).value_or(~u64{0});
  return HostStatus::Done;
}

HostStatus memory_fill(Context* context, const HostFunction*, u64* args) {
  const u64 dst = args[0], length = args[2];
  Memory& memory = memory_of(context, args[3]);
  if (outside(dst, length, memory.size())) return trap(context, Trap::MemoryOutOfBounds);
  if (!touch(memory, dst, length)) return trap(context, Trap::OutOfMemory);
  const u64 piece = std::min(length, kPieceBytes);
  if (piece != 0) std::memset(memory.view.base + dst, static_cast<u8>(args[1]), piece);
  if (piece == length) return HostStatus::Done;
  args[0] += piece;
  args[2] -= piece;
  return HostStatus::Again;
}

// Moves a piece of what [dst, src, length] in `args` say and makes them say what is left; `size` is
// that of an element. From the end if the ranges may overlap upwards.
HostStatus move_piece(u64* args, u8* to, const u8* from, bool backwards, u64 piece_max, u64 size) {
  u64& dst = args[0];
  u64& src = args[1];
  u64& length = args[2];
  const u64 piece = std::min(length, piece_max);
  if (piece == 0) return HostStatus::Done;
  length -= piece;
  const u64 skipped = backwards ? length : 0;
  std::memmove(to + (dst + skipped) * size, from + (src + skipped) * size, piece * size);
  if (!backwards) {
    dst += piece;
    src += piece;
  }
  return length == 0 ? HostStatus::Done : HostStatus::Again;
}

HostStatus memory_copy(Context* context, const HostFunction*, u64* args) {
  const u64 dst = args[0], src = args[1], length = args[2];
  Memory& to = memory_of(context, args[3]);
  Memory& from = memory_of(context, args[4]);
  if (outside(dst, length, to.size()) || outside(src, length, from.size())) {
    return trap(context, Trap::MemoryOutOfBounds);
  }
  if (!touch(to, dst, length) || !touch(from, src, length)) {
    return trap(context, Trap::OutOfMemory);
  }
  return move_piece(args, to.view.base, from.view.base, dst > src, kPieceBytes, 1);
}

HostStatus memory_init(Context* context, const HostFunction*, u64* args) {
  const u64 dst = args[0], src = args[1], length = args[2];
  const std::span<const u8> data = context->instance->data_segment(static_cast<u32>(args[3]));
  Memory& memory = memory_of(context, args[4]);
  if (outside(src, length, data.size()) || outside(dst, length, memory.size())) {
    return trap(context, Trap::MemoryOutOfBounds);
  }
  if (!touch(memory, dst, length)) return trap(context, Trap::OutOfMemory);
  return move_piece(args, memory.view.base, data.data(), false, kPieceBytes, 1);
}

HostStatus data_drop(Context* context, const HostFunction*, u64* args) {
  context->instance->drop_data(static_cast<u32>(args[0]));
  return HostStatus::Done;
}

// args[3] counts the new elements that have their value.
HostStatus table_grow(Context* context, const HostFunction*, u64* args) {
  const u64 value = args[0], delta = args[1];
  Table& table = table_of(context, args[2]);
  if (args[3] == 0 && !table.reserve(delta)) {
    args[0] = ~u64{0};
    return HostStatus::Done;
  }
  if (value != 0) {
    const u64 piece = std::min(delta - args[3], kPieceElements);
    std::fill_n(table.view.elements + table.view.size + args[3], piece, value);
    args[3] += piece;
    if (args[3] < delta) return HostStatus::Again;
  }
  args[0] = table.view.size;
  table.view.size += delta;
  return HostStatus::Done;
}

HostStatus table_fill(Context* context, const HostFunction*, u64* args) {
  const u64 start = args[0], length = args[2];
  TableView& table = table_of(context, args[3]).view;
  if (outside(start, length, table.size)) return trap(context, Trap::TableOutOfBounds);
  const u64 piece = std::min(length, kPieceElements);
  std::fill_n(table.elements + start, piece, args[1]);
  if (piece == length) return HostStatus::Done;
  args[0] += piece;
  args[2] -= piece;
  return HostStatus::Again;
}

HostStatus table_copy(Context* context, const HostFunction*, u64* args) {
  const u64 dst = args[0], src = args[1], length = args[2];
  TableView& to = table_of(context, args[3]).view;
  TableView& from = table_of(context, args[4]).view;
  if (outside(dst, length, to.size) || outside(src, length, from.size)) {
    return trap(context, Trap::TableOutOfBounds);
  }
  return move_piece(args, reinterpret_cast<u8*>(to.elements),
                    reinterpret_cast<const u8*>(from.elements), dst > src, kPieceElements, 8);
}

HostStatus table_init(Context* context, const HostFunction*, u64* args) {
  constexpr u64 kMadeElements = 1024;  // Each may be a reference that is yet to be made.
  const u64 dst = args[0], src = args[1], length = args[2];
  const auto segment = static_cast<u32>(args[3]);
  Instance& instance = *context->instance;
  TableView& table = table_of(context, args[4]).view;
  if (outside(src, length, instance.element_count(segment)) || outside(dst, length, table.size)) {
    return trap(context, Trap::TableOutOfBounds);
  }
  const u64 piece = std::min(length, kMadeElements);
  for (u64 i = 0; i < piece; i++) {
    table.elements[dst + i] = instance.element(segment, static_cast<u32>(src + i));
  }
  if (piece == length) return HostStatus::Done;
  args[0] += piece;
  args[1] += piece;
  args[2] -= piece;
  return HostStatus::Again;
}

HostStatus elem_drop(Context* context, const HostFunction*, u64* args) {
  context->instance->drop_element(static_cast<u32>(args[0]));
  return HostStatus::Done;
}

HostStatus ref_func(Context* context, const HostFunction*, u64* args) {
  args[0] = reinterpret_cast<u64>(context->instance->func(static_cast<u32>(args[0])));
  return HostStatus::Done;
}

// address + offset, if the `bytes` there are aligned and in bounds; else run.trap_code is set.
std::optional<u64> atomic_address(Context* context, Memory& memory, u64 address, u64 offset,
                                  u64 bytes) {
  const u64 sum = address + offset;
  if (sum % bytes != 0) {
    trap(context, Trap::UnalignedAtomic);
  } else if (sum < offset || outside(sum, bytes, memory.size())) {
    trap(context, Trap::MemoryOutOfBounds);
  } else if (!touch(memory, sum, bytes)) {
    trap(context, Trap::OutOfMemory);
  } else {
    return sum;
  }
  return std::nullopt;
}

HostStatus atomic_notify(Context* context, const HostFunction*, u64* args) {
  Memory& memory = memory_of(context, args[3]);
  const auto address = atomic_address(context, memory, args[0], args[2], 4);
  if (!address) return HostStatus::Trap;
  WaitQueue* const queue = memory.wait_queue();
  args[0] = queue == nullptr ? 0 : queue->notify(*address, static_cast<u32>(args[1]));
  return HostStatus::Done;
}

template <typename T>
HostStatus atomic_wait(Context* context, u64* args) {
  Memory& memory = memory_of(context, args[4]);
  const auto address = atomic_address(context, memory, args[0], args[3], sizeof(T));
  if (!address) return HostStatus::Trap;
  WaitQueue* const queue = memory.wait_queue();
  Waiter* const waiter = context->instance->store().options().waiter;
  if (queue == nullptr || waiter == nullptr) return trap(context, Trap::ExpectedSharedMemory);
  const auto* word = reinterpret_cast<const T*>(memory.view.base + *address);
  if (!queue->join(*waiter, *address, word, static_cast<T>(args[1]))) {
    args[0] = kWaitNotEqual;
    return HostStatus::Done;
  }
  waiter->wait(static_cast<i64>(args[2]));
  return HostStatus::Wait;
}

HostStatus atomic_wait_32(Context* context, const HostFunction*, u64* args) {
  return atomic_wait<u32>(context, args);
}
HostStatus atomic_wait_64(Context* context, const HostFunction*, u64* args) {
  return atomic_wait<u64>(context, args);
}

// The names of helpers.def to the functions above.
constexpr HostFn MemoryGrow = memory_grow, MemoryFill = memory_fill, MemoryCopy = memory_copy,
                 MemoryInit = memory_init, DataDrop = data_drop, TableGrow = table_grow,
                 TableFill = table_fill, TableCopy = table_copy, TableInit = table_init,
                 ElemDrop = elem_drop, RefFunc = ref_func, AtomicNotify = atomic_notify,
                 AtomicWait32 = atomic_wait_32, AtomicWait64 = atomic_wait_64;
using namespace gc::helpers;

}  // namespace

void finish_atomic_wait(RunState& run, Waiter& waiter) {
  waiter.leave();
  host_call_values(run)[0] = waiter.is_notified() ? kWaitNotified : kWaitTimedOut;
  complete_host_call(run, HostStatus::Done);
}

const HostFunction kHelpers[] = {
#define HELPER(helper, params, results) {.fn = helper, .name = #helper},
#include "jit/helpers.def"
};

}  // namespace lr::jit

// -- Called from entry_*.S ----------------------------------------------------------------------

using lr::jit::Context;
using lr::jit::Trap;

lr::u32 lr_do_extent_miss(Context* context, lr::u64 end, lr::u64 index) {
  Trap why{};
  lr::jit::Memory& memory = context->instance->memory(static_cast<lr::u32>(index));
  if (memory.raise_extent(end, &why)) {
    // Others may have raised a shared one before.
    if (index == 0) context->memory_extent = memory.view.extent;
    return 0;
  }
  context->run->trap_code = static_cast<lr::u32>(why);
  return 1;
}

namespace lr::jit {
namespace {

// What lr_do_lazy() answers if there is nothing to enter; entry_*.S knows them as 0, 1 and 2.
const void* const kLazyLater = nullptr;  // Yields and asks again.
const void* const kLazyTrap = reinterpret_cast<const void*>(1);
const void* const kLazyWait = reinterpret_cast<const void*>(2);  // Is woken, and asks again.

}  // namespace
}  // namespace lr::jit

const void* lr_do_lazy(Context* context, lr::u32 index) {
  lr::jit::Instance& instance = *context->instance;
  lr::jit::LargeCompiler* const large = instance.store().engine().large_compiler();
  if (large != nullptr && instance.code().is_large_and_absent(index)) {
    large->compile_for(*context->run, instance.compiled_ref(), instance.code(), index);
    return lr::jit::kLazyWait;
  }
  auto ready = instance.code().compile(index);
  if (!ready.ok()) {
    lr::jit::ProcessStore& store = instance.store();
    std::string function(instance.module().function_name(index));
    if (function.empty()) function = fmt::format("func[{}]", index);
    store.set_compile_error(std::move(ready.error()), std::move(function));
    context->run->trap_code = static_cast<lr::u32>(Trap::CompileFailed);
    return lr::jit::kLazyTrap;
  }
  if (!ready.value()) return lr::jit::kLazyLater;
  instance.refresh(index);
  return instance.code().entry(index);
}
