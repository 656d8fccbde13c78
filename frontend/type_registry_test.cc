#include "frontend/type_registry.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "frontend/decoder.h"
#include "frontend/wat_parser.h"

namespace lr {
namespace {

std::shared_ptr<const Module> module_of(const char* text) {
  auto bytes = parse_wat(text);
  EXPECT_TRUE(bytes.ok()) << (bytes.ok() ? "" : bytes.error().message());
  if (!bytes.ok()) return nullptr;
  auto module = decode_module(*bytes, FeatureSet::all());
  EXPECT_TRUE(module.ok()) << (module.ok() ? "" : module.error().message());
  return module.ok() ? *module : nullptr;
}

TEST(TypeRegistry, EqualFunctionTypesAreOne) {
  TypeRefs refs;
  TypeId a = TypeRegistry::enter_function(std::vector{kI32, kI64}, {}, refs).value();
  TypeId b = TypeRegistry::enter_function(std::vector{kI32, kI64}, {}, refs).value();
  TypeId c = TypeRegistry::enter_function(std::vector{kI32}, std::vector{kI64}, refs).value();
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
  EXPECT_EQ(defined_type(c).params.size(), 1u);
  EXPECT_EQ(defined_type(c).results[0], kI64);
}

TEST(TypeRegistry, TypesGoWithTheirLastModule) {
  u32 before = TypeRegistry::size();
  {
    const char* text = "(module (type $a (struct (field i64 f32))) (type (array (ref $a))))";
    auto first = module_of(text);
    EXPECT_EQ(TypeRegistry::size(), before + 2);
    auto second = module_of(text);
    EXPECT_EQ(TypeRegistry::size(), before + 2);
    EXPECT_EQ(first->types, second->types);
    first.reset();
    EXPECT_EQ(TypeRegistry::size(), before + 2);
    EXPECT_EQ(defined_type(second->types[1]).fields[0].type.type, second->types[0]);
  }
  EXPECT_EQ(TypeRegistry::size(), before);
}

// A group keeps what it refers to, even when nobody else does.
TEST(TypeRegistry, GroupsKeepWhatTheyReferTo) {
  u32 before = TypeRegistry::size();
  TypeRefs outer;
  RecGroup group;
  {
    TypeRefs inner;
    TypeId param = TypeRegistry::enter_function(std::vector{kF32, kF32}, {}, inner).value();
    TypeRegistry::enter_function(std::vector{ref_to(param, true)}, {}, outer).value();
  }
  EXPECT_EQ(TypeRegistry::size(), before + 2);
  outer.release();
  EXPECT_EQ(TypeRegistry::size(), before);
}

TEST(TypeRegistry, RecursionGroupsAreCanonical) {
  auto module = module_of(
      "(module (rec (type $a (struct (field (ref null $b)))) (type $b (struct (field i32))))"
      " (rec (type $c (struct (field (ref null $d)))) (type $d (struct (field i32))))"
      " (rec (type $e (struct (field i32))) (type $f (struct (field (ref null $e)))))"
      " (type (struct (field i32))))");
  const auto& types = module->types;
  EXPECT_EQ(types[0], types[2]);
  EXPECT_EQ(types[1], types[3]);
  // The same structures in another group, or at another place of it, are other types.
  EXPECT_NE(types[1], types[4]);
  EXPECT_NE(types[1], types[6]);
}

struct SubtypeCase {
  ValType sub;
  ValType super;
  bool expected;
};

class Subtypes : public testing::TestWithParam<SubtypeCase> {};

TEST_P(Subtypes, OfAbstractTypes) {
  EXPECT_EQ(is_subtype(GetParam().sub, GetParam().super), GetParam().expected)
      << name_of(GetParam().sub) << " and " << name_of(GetParam().super);
}

INSTANTIATE_TEST_SUITE_P(
    Types, Subtypes,
    testing::Values(SubtypeCase{kI32, kI32, true}, SubtypeCase{kI32, kI64, false},
                    SubtypeCase{kBottom, kI32, true}, SubtypeCase{kFuncRef, kI32, false},
                    SubtypeCase{ref_to(Heap::Func, false), kFuncRef, true},
                    SubtypeCase{kFuncRef, ref_to(Heap::Func, false), false},
                    SubtypeCase{ref_to(Heap::NoFunc, true), kFuncRef, true},
                    SubtypeCase{kFuncRef, ref_to(Heap::Any, true), false},
                    SubtypeCase{ref_to(Heap::I31, true), ref_to(Heap::Eq, true), true},
                    SubtypeCase{ref_to(Heap::I31, true), ref_to(Heap::Struct, true), false},
                    SubtypeCase{ref_to(Heap::None, false), ref_to(Heap::Array, false), true},
                    SubtypeCase{ref_to(Heap::None, false), kExternRef, false},
                    SubtypeCase{ref_to(Heap::NoExn, true), ref_to(Heap::Exn, true), true}));

TEST(TypeRegistry, Subtypes) {
  auto module = module_of(
      "(module (type $a (sub (struct))) (type $b (sub $a (struct (field i32))))"
      " (type $c (sub $b (struct (field i32 i32)))) (type $d (sub $a (struct (field i64)))))");
  TypeId a = module->types[0], b = module->types[1], c = module->types[2], d = module->types[3];
  EXPECT_TRUE(is_subtype(c, a));
  EXPECT_TRUE(is_subtype(c, b));
  EXPECT_TRUE(is_subtype(c, c));
  EXPECT_FALSE(is_subtype(a, b));
  EXPECT_FALSE(is_subtype(d, b));
  EXPECT_FALSE(is_subtype(c, d));
  EXPECT_TRUE(is_subtype(ref_to(c, false), ref_to(Heap::Eq, true)));
  EXPECT_TRUE(is_subtype(ref_to(Heap::None, true), ref_to(c, true)));
  EXPECT_FALSE(is_subtype(ref_to(Heap::NoFunc, true), ref_to(c, true)));
  ValType exact = ref_to(b, false);
  exact.exact = true;
  EXPECT_TRUE(is_subtype(exact, ref_to(a, false)));
  EXPECT_FALSE(is_subtype(ref_to(c, false), exact));
}

// The decoder refuses such a type only after it has been entered.
TEST(TypeRegistry, SubtypeMayLackFieldsOfItsSupertype) {
  for (const char* text :
       {"(module (type $a (sub (struct (field i64 i64 i64 i64 i64 i64 i64 i64))))"
        " (type (sub $a (struct))))",
        "(module (rec (type $a (sub (array i64))) (type (sub $a (struct)))))"}) {
    const auto module = decode_module(parse_wat(text).value(), FeatureSet::all());
    ASSERT_FALSE(module.ok()) << text;
    EXPECT_EQ(module.error().code, Err::BadSubType) << text;
  }
}

TEST(TypeRegistry, SuperTypesAreLimited) {
  std::string text = "(module (type (sub (struct)))";
  for (int i = 0; i < 64; i++) text += " (type (sub " + std::to_string(i) + " (struct)))";
  auto bytes = parse_wat(text + ")");
  ASSERT_TRUE(bytes.ok());
  auto module = decode_module(*bytes, FeatureSet::all());
  ASSERT_FALSE(module.ok());
  EXPECT_EQ(module.error().code, Err::LimitExceeded);
}

// Many threads enter and leave the same types and look others up.
TEST(TypeRegistry, Threads) {
  u32 before = TypeRegistry::size();
  auto work = [](u32 seed) {
    for (u32 round = 0; round < 300; round++) {
      TypeRefs refs;
      std::vector<ValType> params((seed + round) % 7 + 20, kF64);
      TypeId inner = TypeRegistry::enter_function(params, {}, refs).value();
      TypeId outer =
          TypeRegistry::enter_function(std::vector{ref_to(inner, false)}, {}, refs).value();
      ASSERT_EQ(defined_type(inner).params.size(), params.size());
      ASSERT_EQ(defined_type(outer).params[0].type, inner);
    }
  };
  std::vector<std::thread> threads;
  for (u32 i = 0; i < 4; i++) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(TypeRegistry::size(), before);
}

}  // namespace
}  // namespace lr
