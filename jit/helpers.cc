#include "jit/helpers.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/check.h"
#include "jit/entry.h"
#include "jit/gc/helpers.h"
#include "jit/instance.h"

namespace lr::jit {

namespace {

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
bool touch(Memory& memory, u64 offset, u64 length) {
  return length == 0 || memory.raise_extent(offset + length);
}

HostStatus memory_grow(Context* context, const HostFunction*, u64* args) {
  args[0] = memory_of(context, args[1]).grow(args[0]).value_or(~u64{0});
  return HostStatus::Done;
}

HostStatus memory_fill(Context* context, const HostFunction*, u64* args) {
  const u64 dst = args[0], length = args[2];
  Memory& memory = memory_of(context, args[3]);
  if (outside(dst, length, memory.view.size)) return trap(context, Trap::MemoryOutOfBounds);
  if (!touch(memory, dst, length)) return trap(context, Trap::OutOfMemory);
  if (length != 0) std::memset(memory.view.base + dst, static_cast<u8>(args[1]), length);
  return HostStatus::Done;
}

HostStatus memory_copy(Context* context, const HostFunction*, u64* args) {
  const u64 dst = args[0], src = args[1], length = args[2];
  Memory& to = memory_of(context, args[3]);
  Memory& from = memory_of(context, args[4]);
  if (outside(dst, length, to.view.size) || outside(src, length, from.view.size)) {
    return trap(context, Trap::MemoryOutOfBounds);
  }
  if (!touch(to, dst, length) || !touch(from, src, length)) {
    return trap(context, Trap::OutOfMemory);
  }
  if (length != 0) std::memmove(to.view.base + dst, from.view.base + src, length);
  return HostStatus::Done;
}

HostStatus memory_init(Context* context, const HostFunction*, u64* args) {
  const u64 dst = args[0], src = args[1], length = args[2];
  const std::span<const u8> data = context->instance->data_segment(static_cast<u32>(args[3]));
  Memory& memory = memory_of(context, args[4]);
  if (outside(src, length, data.size()) || outside(dst, length, memory.view.size)) {
    return trap(context, Trap::MemoryOutOfBounds);
  }
  if (!touch(memory, dst, length)) return trap(context, Trap::OutOfMemory);
  if (length != 0) std::memcpy(memory.view.base + dst, data.data() + src, length);
  return HostStatus::Done;
}

HostStatus data_drop(Context* context, const HostFunction*, u64* args) {
  context->instance->drop_data(static_cast<u32>(args[0]));
  return HostStatus::Done;
}

HostStatus table_grow(Context* context, const HostFunction*, u64* args) {
  args[0] = table_of(context, args[2]).grow(args[1], args[0]).value_or(~u64{0});
  return HostStatus::Done;
}

HostStatus table_fill(Context* context, const HostFunction*, u64* args) {
  const u64 start = args[0], length = args[2];
  TableView& table = table_of(context, args[3]).view;
  if (outside(start, length, table.size)) return trap(context, Trap::TableOutOfBounds);
  std::fill_n(table.elements + start, length, args[1]);
  return HostStatus::Done;
}

HostStatus table_copy(Context* context, const HostFunction*, u64* args) {
  const u64 dst = args[0], src = args[1], length = args[2];
  TableView& to = table_of(context, args[3]).view;
  TableView& from = table_of(context, args[4]).view;
  if (outside(dst, length, to.size) || outside(src, length, from.size)) {
    return trap(context, Trap::TableOutOfBounds);
  }
  if (length != 0) std::memmove(to.elements + dst, from.elements + src, length * 8);
  return HostStatus::Done;
}

HostStatus table_init(Context* context, const HostFunction*, u64* args) {
  const u64 dst = args[0], src = args[1], length = args[2];
  const auto segment = static_cast<u32>(args[3]);
  Instance& instance = *context->instance;
  TableView& table = table_of(context, args[4]).view;
  if (outside(src, length, instance.element_count(segment)) || outside(dst, length, table.size)) {
    return trap(context, Trap::TableOutOfBounds);
  }
  for (u64 i = 0; i < length; i++) {
    table.elements[dst + i] = instance.element(segment, static_cast<u32>(src + i));
  }
  return HostStatus::Done;
}

HostStatus elem_drop(Context* context, const HostFunction*, u64* args) {
  context->instance->drop_element(static_cast<u32>(args[0]));
  return HostStatus::Done;
}

HostStatus ref_func(Context* context, const HostFunction*, u64* args) {
  args[0] = reinterpret_cast<u64>(context->instance->func(static_cast<u32>(args[0])));
  return HostStatus::Done;
}

// The names of helpers.def to the functions above.
constexpr HostFn MemoryGrow = memory_grow, MemoryFill = memory_fill, MemoryCopy = memory_copy,
                 MemoryInit = memory_init, DataDrop = data_drop, TableGrow = table_grow,
                 TableFill = table_fill, TableCopy = table_copy, TableInit = table_init,
                 ElemDrop = elem_drop, RefFunc = ref_func;
using namespace gc::helpers;

}  // namespace

const HostFunction kHelpers[] = {
#define HELPER(helper, params, results) {.fn = helper, .name = #helper},
#include "jit/helpers.def"
};

}  // namespace lr::jit

// -- Called from entry_*.S ----------------------------------------------------------------------

using lr::jit::Context;
using lr::jit::Trap;

lr::u32 lr_do_extent_miss(Context* context, lr::u64 end) {
  Trap why{};
  if (context->instance->memory(0).raise_extent(end, &why)) return 0;
  context->run->trap_code = static_cast<lr::u32>(why);
  return 1;
}

const void* lr_do_lazy(Context* context, lr::u32 index) {
  lr::jit::Instance& instance = *context->instance;
  auto ready = instance.code().compile(index);
  if (!ready.ok()) {
    instance.store().compile_error = std::move(ready.error());
    context->run->trap_code = static_cast<lr::u32>(Trap::CompileFailed);
    return reinterpret_cast<const void*>(1);
  }
  if (!ready.value()) return nullptr;
  instance.refresh(index);
  return instance.code().entry(index);
}
