// What references lead to besides functions: structures, arrays and exceptions (specification
// section 4.2.12 and on), made in a heap that frees them all at once.
//
//   Object      type, length, descriptor | structure: one Value for each field
//                                        | array: elements in their storage type's width
//   Exception   tag, number of values    | the values
#pragma once

#include <span>
#include <vector>

#include "frontend/types.h"
#include "spec-tests/interpreter/value.h"

namespace lr::interp {

struct TagInst;

struct alignas(16) Object {
  TypeId type = 0;
  u32 length = 0;  // Of an array; of a structure the number of fields.
  Ref descriptor = kNull;

  Value* fields() { return reinterpret_cast<Value*>(this + 1); }
  u8* elements() { return reinterpret_cast<u8*>(this + 1); }
};
static_assert(sizeof(Object) == 16);

struct alignas(16) Exception {
  TagInst* tag = nullptr;
  u64 length = 0;

  std::span<Value> values() { return {reinterpret_cast<Value*>(this + 1), length}; }
};
static_assert(sizeof(Exception) == 16);

inline Object& object_of(Ref ref) { return *reinterpret_cast<Object*>(ref); }
inline Exception& exception_of(Ref ref) { return *reinterpret_cast<Exception*>(ref); }

// Bytes that an element of an array takes.
u32 storage_bytes(ValType type);
// Packed values are zero-extended.
Value read_storage(const u8* at, ValType type);
void write_storage(u8* at, ValType type, const Value& value);

class ObjectHeap {
 public:
  explicit ObjectHeap(u64 bytes_max) : bytes_left_(bytes_max) {}
  ~ObjectHeap();
  ObjectHeap(const ObjectHeap&) = delete;
  ObjectHeap& operator=(const ObjectHeap&) = delete;

  // All zero. Null if the heap is full.
  Object* add_struct(TypeId type, u32 fields);
  Object* add_array(TypeId type, u32 length, ValType storage);
  Exception* add_exception(TagInst* tag, u64 values);

 private:
  void* allocate(u64 bytes);

  u64 bytes_left_;
  u8* at_ = nullptr;  // Free bytes of the newest chunk, in 16s.
  u64 free_ = 0;
  std::vector<void*> chunks_;
};

}  // namespace lr::interp
