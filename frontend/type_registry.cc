// A group is one allocation:
//
//   TypeGroup | DefinedType[n] | key words | ValType[] of functions | FieldType[] | displays |
//   offsets of fields
//
// The key says the group's structure, with references into the group as relative indices; equal
// keys are equal groups.
#include "frontend/type_registry.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <unordered_map>

#include "base/check.h"

namespace lr {

namespace internal {

struct TypeGroup {
  u64 hash = 0;
  u32 uses = 0;  // By modules and by other groups.
  TypeId first = 0;
  u32 count = 0;
  u32 key_size = 0;
  DefinedType* types = nullptr;
  u64* key = nullptr;
  TypeGroup* next = nullptr;  // Of the same hash.
};

}  // namespace internal

namespace {

using internal::TypeGroup;

constexpr u32 kChunkBits = 12;
constexpr u32 kChunkSize = u32{1} << kChunkBits;
constexpr u32 kTypesMax = kNoType;  // Ids fit 24 bits.
constexpr u32 kDepthMax = 63;       // Supertypes of a type: what engines agree on.

struct Slot {
  const DefinedType* type = nullptr;
  TypeGroup* group = nullptr;
};

struct Registry {
  // Read without the lock: a chunk, once made, stays.
  std::array<std::atomic<Slot*>, (kTypesMax >> kChunkBits) + 1> chunks{};

  std::mutex mutex;
  std::unordered_map<u64, TypeGroup*> groups;             // First of a chain.
  std::unordered_map<u32, std::vector<TypeId>> free_ids;  // By size of the group.
  TypeId next_id = 0;
  u32 alive = 0;

  Slot& slot(TypeId id) {
    Slot* chunk = chunks[id >> kChunkBits].load(std::memory_order_acquire);
    return chunk[id & (kChunkSize - 1)];
  }
};

// Never destroyed: modules in static storage may outlive it.
Registry& registry() {
  static Registry* instance = new Registry;
  return *instance;
}

u64 key_of(ValType type) { return std::bit_cast<u64>(type); }

// The words that say a group's structure.
void write_key(const RecGroup& group, std::vector<u64>& key) {
  key.clear();
  for (const auto& type : group.types) {
    key.push_back(u64{static_cast<u8>(type.composite)} | u64{type.is_final} << 8 |
                  u64{type.params_count} << 16 | u64{type.count} << 40);
    key.push_back(u64{type.supertype} | u64{type.descriptor} << 32);
    key.push_back(type.describes);
    for (u32 i = 0; i < type.count; i++) {
      const FieldType& field = group.fields[type.first + i];
      // The low byte is the Kind, which leaves bit 7 for the flag.
      key.push_back(key_of(field.type) ^ u64{field.is_mutable} << 7);
    }
  }
}

u64 hash_of(const std::vector<u64>& key) {
  u64 hash = 0x9e3779b97f4a7c15 ^ key.size();
  for (u64 word : key) {
    hash = (hash ^ word) * 0xff51afd7ed558ccd;
    hash ^= hash >> 32;
  }
  return hash;
}

// The group with that key, or null.
TypeGroup* find(Registry& r, u64 hash, const std::vector<u64>& key) {
  auto found = r.groups.find(hash);
  if (found == r.groups.end()) return nullptr;
  for (TypeGroup* group = found->second; group != nullptr; group = group->next) {
    if (group->key_size == key.size() &&
        std::memcmp(group->key, key.data(), key.size() * sizeof(u64)) == 0) {
      return group;
    }
  }
  return nullptr;
}

// Ids for `count` types, or kNoType when there are no more.
TypeId take_ids(Registry& r, u32 count) {
  auto free = r.free_ids.find(count);
  if (free != r.free_ids.end() && !free->second.empty()) {
    TypeId id = free->second.back();
    free->second.pop_back();
    return id;
  }
  if (count > kTypesMax - r.next_id) return kNoType;
  TypeId id = r.next_id;
  r.next_id += count;
  for (u32 chunk = id >> kChunkBits; chunk <= (r.next_id - 1) >> kChunkBits; chunk++) {
    if (r.chunks[chunk].load(std::memory_order_relaxed) == nullptr) {
      r.chunks[chunk].store(new Slot[kChunkSize], std::memory_order_release);
    }
  }
  return id;
}

// Calls `visit` with each type id outside the group that the group refers to.
template <typename Visit>
void for_each_outer_ref(const TypeGroup& group, Visit visit) {
  auto see = [&](TypeId id) {
    if (id != kNoType && id - group.first >= group.count) visit(id);
  };
  auto see_type = [&](ValType type) {
    if (type.heap == Heap::Defined) see(type.type);
  };
  for (u32 i = 0; i < group.count; i++) {
    const DefinedType& type = group.types[i];
    see(type.supertype);
    see(type.descriptor);
    see(type.describes);
    for (ValType param : type.params) see_type(param);
    for (ValType result : type.results) see_type(result);
    for (const FieldType& field : type.fields) see_type(field.type);
  }
}

// Lays out and fills the one allocation of a new group.
class GroupBuilder {
 public:
  GroupBuilder(const RecGroup& source, const std::vector<u64>& key) : source_(source), key_(key) {}

  // False when subtypes nest too deeply.
  bool measure() {
    for (const auto& type : source_.types) {
      depths_.push_back(type.supertype == kNoType ? 0 : depth_of(type.supertype) + 1);
      if (depths_.back() > kDepthMax) return false;
    }
    return true;
  }

  TypeGroup* build(u64 hash, TypeId first) {
    first_ = first;
    u32 count = static_cast<u32>(source_.types.size());
    usize values = 0, fields = 0, displays = 0;
    for (u32 i = 0; i < count; i++) {
      const auto& type = source_.types[i];
      (type.composite == Composite::Func ? values : fields) += type.count;
      displays += depths_[i] + 1;
    }
    usize size = sizeof(TypeGroup) + count * sizeof(DefinedType) + key_.size() * sizeof(u64) +
                 values * sizeof(ValType) + fields * sizeof(FieldType) + displays * sizeof(TypeId) +
                 fields * sizeof(u32);
    at_ = static_cast<std::byte*>(std::malloc(size));
    CHECK(at_ != nullptr);
    TypeGroup* group = new (take<TypeGroup>(1)) TypeGroup;
    group->hash = hash;
    group->first = first_;
    group->count = count;
    group->key_size = static_cast<u32>(key_.size());
    group->types = take<DefinedType>(count);
    group->key = take<u64>(key_.size());
    std::memcpy(group->key, key_.data(), key_.size() * sizeof(u64));
    values_ = take<ValType>(values);
    fields_ = take<FieldType>(fields);
    displays_ = take<TypeId>(displays);
    offsets_ = take<u32>(fields);
    for (u32 i = 0; i < count; i++) fill(*group, i);
    return group;
  }

 private:
  template <typename T>
  T* take(usize count) {
    T* result = reinterpret_cast<T*>(at_);
    at_ += count * sizeof(T);
    return result;
  }

  u32 depth_of(TypeId id) const {
    return (id & kInGroup) != 0 ? depths_[id & ~kInGroup] : defined_type(id).depth;
  }
  TypeId resolve(TypeId id) const { return (id & kInGroup) != 0 ? first_ + (id & ~kInGroup) : id; }
  ValType resolve(ValType type) const {
    if (type.heap == Heap::Defined) type.type = resolve(type.type);
    return type;
  }

  void fill(TypeGroup& group, u32 index) {
    const auto& source = source_.types[index];
    DefinedType& type = *new (&group.types[index]) DefinedType;
    type.composite = source.composite;
    type.is_final = source.is_final;
    type.supertype = resolve(source.supertype);
    type.descriptor = resolve(source.descriptor);
    type.describes = resolve(source.describes);
    type.depth = depths_[index];
    const FieldType* from = source_.fields.data() + source.first;
    if (source.composite == Composite::Func) {
      type.params = {values_, source.params_count};
      type.results = {values_ + source.params_count, source.count - source.params_count};
      for (u32 i = 0; i < source.count; i++) *values_++ = resolve(from[i].type);
    } else {
      type.fields = {fields_, source.count};
      for (u32 i = 0; i < source.count; i++) {
        *fields_++ = {resolve(from[i].type), from[i].is_mutable};
      }
    }
    type.display = {displays_, type.depth + 1};
    if (type.supertype != kNoType) {
      bool is_inner = type.supertype - group.first < group.count;
      const DefinedType& super =
          is_inner ? group.types[type.supertype - group.first] : defined_type(type.supertype);
      std::memcpy(displays_, super.display.data(), type.depth * sizeof(TypeId));
      if (type.composite != Composite::Func) lay_out(type, &super);
    } else if (type.composite != Composite::Func) {
      lay_out(type, nullptr);
    }
    displays_[type.depth] = first_ + index;
    displays_ += type.depth + 1;
  }

  // What the supertype has, then the descriptor if that is new, then the other fields in the order
  // of declaration, each at a multiple of its size (at most 8).
  void lay_out(DefinedType& type, const DefinedType* super) {
    u32 end = kObjectTypeBytes;
    const auto place = [&](u32 bytes) {
      const u32 align = std::min(bytes, 8u);
      const u32 offset = (end + align - 1) & ~(align - 1);
      end = offset + bytes;
      return offset;
    };
    type.offsets = {offsets_, type.fields.size()};
    // A group is entered before anybody has checked that its types may be subtypes.
    const usize inherited =
        super == nullptr ? 0 : std::min(super->fields.size(), type.fields.size());
    for (usize i = 0; i < inherited; i++) {
      *offsets_++ = super->offsets[i];
      end = super->offsets[i] + storage_bytes(super->fields[i].type.kind);
    }
    if (super != nullptr && super->descriptor != kNoType) {
      type.descriptor_offset = super->descriptor_offset;
      end = std::max(end, type.descriptor_offset + 8);
    } else if (type.descriptor != kNoType) {
      type.descriptor_offset = place(8);
    }
    for (usize i = inherited; i < type.fields.size(); i++) {
      *offsets_++ = place(storage_bytes(type.fields[i].type.kind));
    }
    type.size_bytes = (end + 15) & ~u32{15};
  }

  const RecGroup& source_;
  const std::vector<u64>& key_;
  TypeId first_ = 0;
  std::vector<u32> depths_;
  std::byte* at_ = nullptr;
  ValType* values_ = nullptr;
  FieldType* fields_ = nullptr;
  TypeId* displays_ = nullptr;
  u32* offsets_ = nullptr;
};

void forget(Registry& r, TypeGroup* group) {
  auto found = r.groups.find(group->hash);
  TypeGroup** link = &found->second;
  while (*link != group) link = &(*link)->next;
  *link = group->next;
  if (found->second == nullptr) r.groups.erase(found);
  for (u32 i = 0; i < group->count; i++) r.slot(group->first + i) = {};
  r.free_ids[group->count].push_back(group->first);
  r.alive -= group->count;
  std::free(group);
}

// Takes one use from each group, without recursion along the references between them.
void release_groups(Registry& r, std::vector<TypeGroup*> groups) {
  while (!groups.empty()) {
    TypeGroup* group = groups.back();
    groups.pop_back();
    if (--group->uses != 0) continue;
    for_each_outer_ref(*group, [&](TypeId id) { groups.push_back(r.slot(id).group); });
    forget(r, group);
  }
}

}  // namespace

void TypeRefs::release() {
  if (groups_.empty()) return;
  Registry& r = registry();
  std::lock_guard lock(r.mutex);
  release_groups(r, std::exchange(groups_, {}));
}

Result<TypeId> TypeRegistry::enter(const RecGroup& source, TypeRefs& refs) {
  if (source.types.empty()) return TypeId{0};
  std::vector<u64> key;
  write_key(source, key);
  u64 hash = hash_of(key);
  Registry& r = registry();
  std::lock_guard lock(r.mutex);
  TypeGroup* group = find(r, hash, key);
  if (group == nullptr) {
    GroupBuilder builder(source, key);
    if (!builder.measure()) return make_error(Err::LimitExceeded, "more than 63 supertypes");
    u32 count = static_cast<u32>(source.types.size());
    TypeId first = take_ids(r, count);
    if (first == kNoType) return make_error(Err::LimitExceeded, "too many types in this engine");
    group = builder.build(hash, first);
    for (u32 i = 0; i < count; i++) r.slot(first + i) = {&group->types[i], group};
    for_each_outer_ref(*group, [&](TypeId id) { r.slot(id).group->uses++; });
    group->next = std::exchange(r.groups[hash], group);
    r.alive += count;
  }
  group->uses++;
  refs.groups_.push_back(group);
  return group->first;
}

Result<TypeId> TypeRegistry::enter_function(std::span<const ValType> params,
                                            std::span<const ValType> results, TypeRefs& refs) {
  RecGroup group;
  RecGroup::Type type;
  type.params_count = static_cast<u32>(params.size());
  type.count = static_cast<u32>(params.size() + results.size());
  group.types.push_back(type);
  for (ValType param : params) group.fields.push_back({param});
  for (ValType result : results) group.fields.push_back({result});
  return enter(group, refs);
}

u32 TypeRegistry::size() {
  Registry& r = registry();
  std::lock_guard lock(r.mutex);
  return r.alive;
}

const DefinedType& defined_type(TypeId id) { return *registry().slot(id).type; }

bool is_subtype(TypeId sub, TypeId super) {
  if (sub == super) return true;
  const DefinedType& a = defined_type(sub);
  const DefinedType& b = defined_type(super);
  return a.depth > b.depth && a.display[b.depth] == super;
}

namespace {

// The abstract heap type right above a defined type.
Heap abstraction_of(TypeId id) {
  switch (defined_type(id).composite) {
    case Composite::Func:
      return Heap::Func;
    case Composite::Struct:
      return Heap::Struct;
    case Composite::Array:
      return Heap::Array;
  }
  return Heap::Bottom;
}

bool is_subtype_abstract(Heap sub, Heap super) {
  if (sub == super || sub == Heap::Bottom) return true;
  switch (super) {
    case Heap::Func:
      return sub == Heap::NoFunc;
    case Heap::Extern:
      return sub == Heap::NoExtern;
    case Heap::Exn:
      return sub == Heap::NoExn;
    case Heap::Any:
      return sub == Heap::Eq || sub == Heap::I31 || sub == Heap::Struct || sub == Heap::Array ||
             sub == Heap::None;
    case Heap::Eq:
      return sub == Heap::I31 || sub == Heap::Struct || sub == Heap::Array || sub == Heap::None;
    case Heap::I31:
    case Heap::Struct:
    case Heap::Array:
      return sub == Heap::None;
    default:
      return false;
  }
}

bool is_subtype_heap(ValType sub, ValType super) {
  if (super.heap == Heap::Defined) {
    if (sub.heap == Heap::Defined) {
      if (super.exact) return sub.exact && sub.type == super.type;
      return is_subtype(sub.type, super.type);
    }
    if (sub.heap == Heap::Bottom) return true;
    bool is_func = defined_type(super.type).composite == Composite::Func;
    return sub.heap == (is_func ? Heap::NoFunc : Heap::None);
  }
  Heap heap = sub.heap == Heap::Defined ? abstraction_of(sub.type) : sub.heap;
  return is_subtype_abstract(heap, super.heap);
}

}  // namespace

bool internal::is_subtype_slow(ValType sub, ValType super) {
  if (sub.kind == Kind::Bottom) return true;
  if (!sub.is_ref() || !super.is_ref()) return sub == super;
  if (sub.nullable && !super.nullable) return false;
  return is_subtype_heap(sub, super);
}

Heap top_of(ValType type) {
  Heap heap = type.heap == Heap::Defined ? abstraction_of(type.type) : type.heap;
  switch (heap) {
    case Heap::Func:
    case Heap::NoFunc:
      return Heap::Func;
    case Heap::Extern:
    case Heap::NoExtern:
      return Heap::Extern;
    case Heap::Exn:
    case Heap::NoExn:
      return Heap::Exn;
    case Heap::Bottom:
      return Heap::Bottom;
    default:
      return Heap::Any;
  }
}

}  // namespace lr
