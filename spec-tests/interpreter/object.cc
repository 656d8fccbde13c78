#include "spec-tests/interpreter/object.h"

#include <cstdlib>
#include <new>

namespace lr::interp {

namespace {

constexpr u64 kChunkBytes = 64 * kKiB;

}  // namespace

u32 storage_bytes(ValType type) {
  switch (type.kind) {
    case Kind::I8:
      return 1;
    case Kind::I16:
      return 2;
    case Kind::I32:
    case Kind::F32:
      return 4;
    case Kind::V128:
      return 16;
    default:
      return 8;
  }
}

Value read_storage(const u8* at, ValType type) {
  Value value{};
  std::memcpy(&value, at, storage_bytes(type));
  return value;
}

void write_storage(u8* at, ValType type, const Value& value) {
  std::memcpy(at, &value, storage_bytes(type));
}

ObjectHeap::~ObjectHeap() {
  for (void* const chunk : chunks_) std::free(chunk);
}

void* ObjectHeap::allocate(u64 bytes) {
  bytes = (bytes + 15) & ~u64{15};
  if (bytes > bytes_left_) return nullptr;
  bytes_left_ -= bytes;
  if (bytes > free_) {
    const u64 chunk_bytes = bytes > kChunkBytes / 4 ? bytes : kChunkBytes;
    void* const chunk = std::calloc(1, chunk_bytes);  // Aligned to 16.
    if (chunk == nullptr) return nullptr;
    chunks_.push_back(chunk);
    if (chunk_bytes == bytes) return chunk;  // Has its chunk alone.
    at_ = static_cast<u8*>(chunk);
    free_ = chunk_bytes;
  }
  void* const result = at_;
  at_ += bytes;
  free_ -= bytes;
  return result;
}

Object* ObjectHeap::add_struct(TypeId type, u32 fields) {
  void* const memory = allocate(sizeof(Object) + u64{fields} * sizeof(Value));
  if (memory == nullptr) return nullptr;
  return new (memory) Object{type, fields, kNull};
}

Object* ObjectHeap::add_array(TypeId type, u32 length, ValType storage) {
  void* const memory = allocate(sizeof(Object) + u64{length} * storage_bytes(storage));
  if (memory == nullptr) return nullptr;
  return new (memory) Object{type, length, kNull};
}

Exception* ObjectHeap::add_exception(TagInst* tag, u64 values) {
  void* const memory = allocate(sizeof(Exception) + values * sizeof(Value));
  if (memory == nullptr) return nullptr;
  return new (memory) Exception{tag, values};
}

}  // namespace lr::interp
