// The heap without machine code: what is kept, what goes, what it costs.
#include "jit/gc/heap.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "frontend/decoder.h"
#include "frontend/wat_parser.h"

namespace lr::jit::gc {
namespace {

class LimitedSource final : public MemorySource {
 public:
  bool charge(u64 bytes) override {
    if (charged + bytes > limit) return false;
    charged += bytes;
    most = std::max(most, charged);
    return true;
  }
  void release_charge(u64 bytes) override { charged -= bytes; }
  u64 limit = ~u64{0} / 2;
  u64 charged = 0;
  u64 most = 0;
};

class ListedRoots final : public Roots {
 public:
  void start() override { is_done_ = false; }
  std::optional<Range> next() override {
    if (std::exchange(is_done_, true)) return std::nullopt;
    return Range{words.data(), words.size(), are_exact};
  }
  std::vector<u64> words;
  bool are_exact = false;

 private:
  bool is_done_ = true;
};

constexpr const char* kTypes = R"((module
  (type $cell (struct (field i32) (field (mut (ref null 0))) (field (mut (ref null 0)))))
  (type $bytes (array (mut i8)))
  (type $refs (array (mut anyref)))
  (type $wide (struct (field i32) (field funcref) (field (mut anyref)) (field externref)))))";

struct Cell {
  u32 type;
  u32 id;
  u64 left;
  u64 right;
};

class HeapTest : public testing::Test {
 protected:
  HeapTest() {
    module_ = std::move(decode_module(parse_wat(kTypes).value(), FeatureSet::all())).value();
    TypeTable::get()->add(*module_);
    make_heap();
  }

  void make_heap(bool collects_always = false) {
    heap.reset();
    heap = Heap::create(run, source, roots, collects_always);
  }

  // What is large is clean as the system gave it, beyond its first block.
  static bool is_zero(Object& object, u64 bytes) {
    static const std::vector<u8> zeros(kBlockBytes);
    return std::memcmp(&object, zeros.data(), std::min(bytes, kBlockBytes)) == 0;
  }
  // Null when the heap refuses.
  Object* make(u32 type, u64 bytes) {
    Object* object = nullptr;
    for (;;) {
      switch (heap->allocate(round_up(bytes), &object)) {
        case Heap::Grant::Done:
          EXPECT_TRUE(is_zero(*object, bytes));
          object->type = type_word(module_->types[type]);
          return object;
        case Heap::Grant::Refused:
          return nullptr;
        case Heap::Grant::Collect:
          while (!heap->collect(10'000)) slices++;
      }
    }
  }
  u64 make_cell(u32 id, u64 left = 0, u64 right = 0) {
    auto* cell = reinterpret_cast<Cell*>(make(0, sizeof(Cell)));
    if (cell == nullptr) return 0;
    cell->id = id;
    cell->left = left;
    cell->right = right;
    return reinterpret_cast<u64>(cell);
  }
  Object* make_array(u32 type, u32 length, u32 log2) {
    Object* array = make(type, array_bytes(length, log2));
    if (array != nullptr) array->length = length;
    return array;
  }
  u64 live_after_collection() {
    while (!heap->collect(10'000)) slices++;
    return heap->stats().live_bytes;
  }
  static Cell& cell(u64 ref) { return *reinterpret_cast<Cell*>(ref); }

  std::shared_ptr<const Module> module_;
  RunState run;
  LimitedSource source;
  ListedRoots roots;
  std::unique_ptr<Heap> heap;
  u64 slices = 0;
};

TEST_F(HeapTest, ALongListIsKeptByItsHead) {
  constexpr u32 kCells = 1'000'000;
  roots.words = {0};
  for (u32 i = 0; i < kCells; i++) roots.words[0] = make_cell(i, roots.words[0]);
  EXPECT_GE(live_after_collection(), kCells * sizeof(Cell));
  EXPECT_GT(slices, 10u);
  u64 at = roots.words[0];
  for (u32 i = kCells; i-- > 0; at = cell(at).left) ASSERT_EQ(cell(at).id, i);
  EXPECT_EQ(at, 0u);
  roots.words.clear();
  EXPECT_EQ(live_after_collection(), 0u);
}

// Whoever comes back in the middle of a collection must go on with it.
TEST_F(HeapTest, NothingIsMadeDuringACollection) {
  roots.words = {0};
  for (u32 i = 0; i < 300'000; i++) roots.words[0] = make_cell(i, roots.words[0]);
  u32 refused = 0;
  while (!heap->collect(10'000)) {
    for (const u64 bytes : {u64{32}, u64{4000}, u64{100'000}}) {
      Object* object = nullptr;
      ASSERT_EQ(heap->allocate(bytes, &object), Heap::Grant::Collect);
      refused++;
    }
  }
  EXPECT_GT(refused, 0u);
  EXPECT_NE(make_cell(0), 0u);
}

TEST_F(HeapTest, CyclesThatNobodyReachesGo) {
  const u64 a = make_cell(1), b = make_cell(2, a), c = make_cell(3, b, b);
  cell(a).left = c;
  roots.words = {c};
  EXPECT_EQ(live_after_collection(), kLineBytes);
  roots.words.clear();
  EXPECT_EQ(live_after_collection(), 0u);
}

TEST_F(HeapTest, OnlyStartsOfObjectsCountAmongWords) {
  Object* bytes = make_array(1, 200, 0);
  const u64 start = ref_of(bytes);
  // What looks like an object in the middle of one, and leads out of every block.
  Object* forged = object_of(start + 32);
  forged->type = type_word(module_->types[2]);
  forged->length = 0xffff'fff0;
  for (const u64 word : {start + 1, start + 8, start + 16, start + 32, start - 16, start + 208,
                         start + kBlockBytes, u64{1} << 63, ~u64{0}}) {
    roots.words = {word};
    EXPECT_EQ(live_after_collection(), 0u) << word - start;
    // Nothing is where it was.
    bytes = make_array(1, 200, 0);
    ASSERT_EQ(ref_of(bytes), start);
    std::memcpy(bytes->bytes() + 32, &forged->type, 8);
  }
  roots.words = {start};
  EXPECT_EQ(live_after_collection(), kLineBytes);
  // The same for objects that a collection has seen.
  roots.words = {start + 32};
  EXPECT_EQ(live_after_collection(), 0u);
}

TEST_F(HeapTest, AnotherHeapsObjectsAreNotOurs) {
  RunState other_run;
  ListedRoots other_roots;
  const auto other = Heap::create(other_run, source, other_roots, false);
  Object* theirs = nullptr;
  ASSERT_EQ(other->allocate(32, &theirs), Heap::Grant::Done);
  theirs->type = type_word(module_->types[0]);
  roots.words = {ref_of(theirs)};
  EXPECT_EQ(live_after_collection(), 0u);
  other_roots.words = {ref_of(theirs)};
  while (!other->collect(10'000)) continue;
  EXPECT_EQ(other->stats().live_bytes, kLineBytes);
}

TEST_F(HeapTest, ReferencesThatAreNoObjectsAreLeftAlone) {
  auto* wide = make(3, 32);
  auto* words = reinterpret_cast<u64*>(wide->bytes());
  words[1] = reinterpret_cast<u64>(this);  // A function's reference is not looked at.
  words[2] = i31_reference(0xffff'ffff);
  words[3] = host_reference(7);
  roots.words = {ref_of(wide)};
  EXPECT_EQ(live_after_collection(), kLineBytes);
}

TEST_F(HeapTest, LargeObjectsComeAndGo) {
  Object* refs = make_array(2, 100'000, 3);
  roots.words = {ref_of(refs)};
  for (u32 i = 0; i < 100'000; i += 100) {
    reinterpret_cast<u64*>(refs->elements())[i] = make_cell(i);
  }
  EXPECT_GT(live_after_collection(), 800'000u);
  for (u32 i = 0; i < 100'000; i += 100) {
    ASSERT_EQ(cell(reinterpret_cast<u64*>(refs->elements())[i]).id, i);
  }
  // A word that points into the middle of it keeps nothing.
  roots.words = {ref_of(refs) + kBlockBytes};
  EXPECT_EQ(live_after_collection(), 0u);
  for (u32 i = 0; i < 1000; i++) ASSERT_NE(make_array(1, 1 << 20, 0), nullptr);
  EXPECT_LT(source.most, 40 * kMiB);
  source.limit = kGiB;
  EXPECT_EQ(make_array(2, ~u32{0}, 3), nullptr);
}

TEST_F(HeapTest, MemoryStaysWhatItIs) {
  roots.words = {make_cell(0)};
  for (u32 i = 0; i < 3'000'000; i++) {
    const u64 ref = make_cell(i);
    // Every thousandth lives for a while.
    if (i % 1000 == 0) {
      if (roots.words.size() > 1000) roots.words.resize(1);
      roots.words.push_back(ref);
    }
  }
  EXPECT_GT(heap->stats().collections, 5u);
  EXPECT_LT(source.most, 3 * kThresholdMin);
  const u64 held = heap->held_bytes();
  EXPECT_EQ(held, source.charged);
  heap.reset();
  EXPECT_EQ(source.charged, 0u);
}

TEST_F(HeapTest, TheLimitIsKept) {
  source.limit = kMiB;
  roots.words = {0};
  for (;;) {
    const u64 ref = make_cell(1, roots.words[0]);
    if (ref == 0) break;
    roots.words[0] = ref;
  }
  EXPECT_GT(heap->stats().live_bytes, kMiB * 9 / 10);
  EXPECT_LE(source.most, kMiB);
  roots.words[0] = 0;
  EXPECT_NE(make_cell(1), 0u);
  EXPECT_EQ(make_array(1, 2 * kMiB, 0), nullptr);
}

TEST_F(HeapTest, NothingOfAnotherHeapIsSeen) {
  for (u32 i = 0; i < 20; i++) {
    for (u32 n = 0; n < 2000; n++) {
      Object* array = make_array(1, 200 + n % 5000, 0);  // make() looks at each byte.
      std::memset(array->elements(), 0xee, array->length);
    }
    make_heap();
  }
}

TEST_F(HeapTest, AMediumObjectTakesAHoleWhereThereIsNoBlock) {
  source.limit = 20 * kBlockCharge;
  roots.words.clear();
  // A cell that lives at the start of each block, and nothing else.
  for (;;) {
    const u64 ref = make_cell(1);
    if (ref == 0) break;
    if (ref % kBlockBytes == 0) roots.words.push_back(ref);
    if (roots.words.size() == 20) break;
  }
  ASSERT_EQ(roots.words.size(), 20u);
  live_after_collection();
  for (u32 i = 0; i < 40; i++) {
    Object* array = make_array(1, 6000, 0);
    ASSERT_NE(array, nullptr) << i;
    roots.words.push_back(ref_of(array));
  }
}

TEST_F(HeapTest, PagesGoBackToTheSystem) {
  roots.words = {0};
  while (heap->held_bytes() < 128 * kMiB) roots.words[0] = make_cell(1, roots.words[0]);
  for (u32 i = 0; i < 4; i++) roots.words.push_back(ref_of(make_array(1, 8 << 20, 0)));
  EXPECT_FALSE(Space::get()->wants_trim());
  heap.reset();
  EXPECT_TRUE(Space::get()->wants_trim());
  while (!Space::get()->trim(Space::kTrimBlocks)) continue;
  EXPECT_FALSE(Space::get()->wants_trim());
  make_heap();
  for (u32 i = 0; i < 4; i++) EXPECT_NE(make_array(1, 8 << 20, 0), nullptr);
}

// Random changes, beside a model that knows which cell each cell led to.
TEST_F(HeapTest, AgreesWithAModel) {
  struct Node {
    u64 ref;
    u32 id, left, right;
  };
  for (const bool collects_always : {false, true}) {
    make_heap(collects_always);
    std::mt19937 generator(7);
    const auto random = [&](u32 below) { return static_cast<u32>(generator()) % below; };
    std::vector<Node> nodes(200);
    for (u32 i = 0; i < nodes.size(); i++) {
      roots.words.push_back(nodes[i].ref = make_cell(i));
      nodes[i].id = nodes[i].left = nodes[i].right = i;
      cell(nodes[i].ref).left = cell(nodes[i].ref).right = nodes[i].ref;
    }
    const u32 steps = collects_always ? 2'000 : 300'000;
    for (u32 id = 1000; id < 1000 + steps; id++) {
      roots.are_exact = id % 2 == 0;
      if (random(8) == 0) {
        ASSERT_NE(make_array(1, random(20'000), 0), nullptr);
      }
      const u32 at = random(200);
      const Node& left = nodes[random(200)];
      const Node& right = nodes[random(200)];
      // What it replaces lives on only where others lead to it.
      const Node made = {make_cell(id, left.ref, right.ref), id, left.id, right.id};
      roots.words[at] = made.ref;
      nodes[at] = made;
      const Node& seen = nodes[random(200)];
      ASSERT_EQ(cell(seen.ref).id, seen.id);
      ASSERT_EQ(cell(cell(seen.ref).left).id, seen.left);
      ASSERT_EQ(cell(cell(seen.ref).right).id, seen.right);
      if (random(4) == 0) cell(made.ref).left = made.ref, nodes[at].left = id;
    }
    roots.words.clear();
  }
}

}  // namespace
}  // namespace lr::jit::gc
