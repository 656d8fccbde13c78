// Arguments and environment: lists of strings, handed out as one buffer of NUL-terminated strings
// and an array of pointers into it.
#include <numeric>

#include "host/wasi/wasi.h"

namespace lr::wasi {
namespace {

using Strings = std::vector<std::string>;

u64 size_of(const Strings& strings) {
  const auto add = [](u64 sum, const std::string& text) { return sum + text.size() + 1; };
  return std::accumulate(strings.begin(), strings.end(), u64{0}, add);
}

Errno put_sizes(const Strings& strings, GuestOut<u32> count, GuestOut<u32> size) {
  count.set(static_cast<u32>(strings.size()));
  size.set(static_cast<u32>(size_of(strings)));
  return Errno::Success;
}

Errno put_strings(const Strings& strings, GuestPointer pointers, GuestPointer buffer) {
  const GuestMemory& memory = *pointers.memory;
  const u64 size = size_of(strings);
  if (!memory.claim(pointers.offset, strings.size() * sizeof(u32))) return Errno::Fault;
  if (!memory.claim(buffer.offset, size)) return Errno::Fault;
  const GuestArray<u32> list(memory, pointers.offset, strings.size());
  const GuestBytes bytes(memory, buffer.offset, size);
  u64 at = 0;
  for (usize i = 0; i < strings.size(); ++i) {
    list.set(i, static_cast<u32>(buffer.offset + at));
    bytes.copy_out(strings[i].c_str(), strings[i].size() + 1, at);
    at += strings[i].size() + 1;
  }
  return Errno::Success;
}

}  // namespace

Errno args_get(Caller& caller, GuestPointer argv, GuestPointer buffer) {
  return put_strings(caller.wasi().arguments, argv, buffer);
}

Errno args_sizes_get(Caller& caller, GuestOut<u32> count, GuestOut<u32> size) {
  return put_sizes(caller.wasi().arguments, count, size);
}

Errno environ_get(Caller& caller, GuestPointer environ, GuestPointer buffer) {
  return put_strings(caller.wasi().environment, environ, buffer);
}

Errno environ_sizes_get(Caller& caller, GuestOut<u32> count, GuestOut<u32> size) {
  return put_sizes(caller.wasi().environment, count, size);
}

}  // namespace lr::wasi
