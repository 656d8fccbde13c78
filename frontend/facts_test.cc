// The facts of the validation pass: small bodies by hand, random ones against the definitions in
// facts.h, written down as directly as possible.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "frontend/decoder.h"
#include "frontend/validator.h"
#include "frontend/wat_parser.h"

namespace lr {
namespace {

struct Checked {
  std::shared_ptr<const Module> module;
  FuncFacts facts;
};

// The facts of the module's first function.
Checked check(std::vector<u8> bytes) {
  Checked result;
  auto module = decode_module(std::move(bytes), FeatureSet::all());
  EXPECT_TRUE(module.ok()) << (module.ok() ? "" : module.error().message());
  if (!module.ok()) return result;
  result.module = *module;
  ValidatorScratch scratch;
  u32 index = result.module->imported_functions;
  Status status = validate_function(*result.module, index, &result.facts, scratch);
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message());
  return result;
}

// The wasm text of a whole module around one function.
std::vector<u8> assemble(const std::string& function) {
  auto bytes = parse_wat(fmt::format("(module (memory 1) (func $f) {})", function));
  EXPECT_TRUE(bytes.ok()) << (bytes.ok() ? "" : bytes.error().message());
  return bytes.ok() ? *bytes : std::vector<u8>{};
}

// Offsets are printed relative to the body.
std::string describe(const Checked& checked) {
  const FuncFacts& facts = checked.facts;
  u32 base = checked.module->functions[checked.module->imported_functions].body_offset;
  auto at = [&](u32 offset) { return offset == 0 ? 0 : offset - base; };
  std::string text;
  for (const LocalFacts& local : facts.locals) {
    text += local.used ? fmt::format("{}x {}-{}{}; ", local.weight, at(local.begin), at(local.end),
                                     local.written ? " w" : "")
                       : "unused; ";
  }
  for (const LoopFacts& loop : facts.loops) {
    text += fmt::format("loop {}-{}", at(loop.begin), at(loop.end));
    if (loop.has_call) text += " calls";
    if (loop.grows_memory) text += " grows";
    if (loop.innermost) text += " innermost";
    if (loop.has_backward_branch) text += " back";
    if (loop.locals_overflow) text += " overflow";
    for (u32 i = 0; i < loop.locals_count; i++) {
      const LoopLocal& local = facts.loop_locals[loop.locals_first + i];
      text += fmt::format(" ${}:{}{}", local.local, local.weight, local.written ? "w" : "");
    }
    text += "; ";
  }
  return text;
}

struct FactsCase {
  const char* function;
  const char* facts;
};

class Facts : public testing::TestWithParam<FactsCase> {};

TEST_P(Facts, Described) {
  // The function of interest comes first.
  auto bytes = parse_wat(fmt::format("(module {} (memory 1) (func $f))", GetParam().function));
  ASSERT_TRUE(bytes.ok()) << bytes.error().message();
  EXPECT_EQ(describe(check(*bytes)), GetParam().facts);
}

INSTANTIATE_TEST_SUITE_P(
    Intervals, Facts,
    testing::Values(
        FactsCase{"(func (param i32) (drop (local.get 0)))", "1x 0-1; "},
        FactsCase{"(func (local i32))", "unused; "},
        // A parameter is live from the entry even if it is written first.
        FactsCase{"(func (param i32) (local.set 0 (i32.const 1)))", "1x 0-3 w; "},
        // Written first: the interval begins there.
        FactsCase{"(func (local i32) (local.set 0 (i32.const 1)) (drop (local.get 0)))",
                  "2x 5-7 w; "},
        FactsCase{"(func (local i32) (drop (local.get 0)) (local.set 0 (i32.const 1)))",
                  "2x 0-8 w; "},
        // Written in a block and used after it: it may not have been written.
        FactsCase{"(func (local i32) (block (local.set 0 (i32.const 1))) (drop (local.get 0)))",
                  "2x 0-10 w; "},
        // Used in the other arm.
        FactsCase{"(func (local i32) (if (i32.const 0) (then (local.set 0 (i32.const 1)))"
                  " (else (drop (local.get 0)))))",
                  "2x 0-12 w; "},
        // Written outside, used in a loop: until the loop's end.
        FactsCase{"(func (local i32) (local.set 0 (i32.const 1)) (loop (drop (local.get 0))) nop)",
                  "9x 5-12 w; loop 7-12 innermost $0:1; "},
        // Begins in the loop: ends at its last use.
        FactsCase{"(func (local i32) (loop (local.set 0 (i32.const 1)) (drop (local.get 0)) nop))",
                  "16x 7-9 w; loop 3-13 innermost $0:2w; "}));

INSTANTIATE_TEST_SUITE_P(
    Loops, Facts,
    testing::Values(
        FactsCase{"(func (loop (br 0)))", "loop 1-5 innermost back; "},
        FactsCase{"(func (loop (block (br 0))))", "loop 1-8 innermost; "},
        FactsCase{"(func (loop (loop (call $f))))", "loop 1-8 calls; loop 3-7 calls innermost; "},
        FactsCase{"(func (loop (loop) (call $f)))", "loop 1-8 calls; loop 3-5 innermost; "},
        FactsCase{"(func (loop (drop (memory.grow (i32.const 0)))))",
                  "loop 1-8 calls grows innermost; "},
        FactsCase{"(func (param i32 i32) (loop (drop (local.get 0)) (loop (drop (local.get 1))"
                  " (local.set 0 (i32.const 0)))))",
                  "72x 0-16 w; 64x 0-16; loop 1-16 $0:9w $1:8; loop 6-15 innermost $1:1 $0:1w; "},
        // Code that is never reached counts.
        FactsCase{"(func (param i32) unreachable (loop (drop (local.get 0))))",
                  "8x 0-7; loop 2-7 innermost $0:1; "}));

TEST(Facts, OfTheFunction) {
  FuncFacts facts = check(assemble("")).facts;
  EXPECT_FALSE(facts.has_call || facts.has_div || facts.has_shift || facts.uses_memory);
  EXPECT_EQ(facts.stack_max, 0u);
  auto of = [](const char* body) {
    auto bytes = parse_wat(fmt::format("(module (func (param i32) {}) (memory 1))", body));
    EXPECT_TRUE(bytes.ok());
    return check(*bytes).facts;
  };
  EXPECT_TRUE(of("(drop (i32.div_s (local.get 0) (i32.const 3)))").has_div);
  EXPECT_TRUE(of("(drop (i32.shl (local.get 0) (local.get 0)))").has_shift);
  EXPECT_FALSE(of("(drop (i32.shl (local.get 0) (i32.const 3)))").has_shift);
  EXPECT_TRUE(of("(drop (i64.rotl (i64.const 1) (i64.extend_i32_u (i32.const 3))))").has_shift);
  EXPECT_TRUE(of("(drop (i32.load (local.get 0)))").uses_memory);
  EXPECT_TRUE(of("(memory.fill (local.get 0) (local.get 0) (local.get 0))").has_call);
  EXPECT_FALSE(of("(drop (memory.size))").has_call);
  EXPECT_TRUE(of("(drop (v128.const i64x2 0 0))").has_simd);
  EXPECT_EQ(of("(drop (i32.add (local.get 0) (local.get 0)))").stack_max, 2u);
  EXPECT_EQ(of("(block (loop (block)))").control_depth_max, 3u);
  EXPECT_TRUE(of("(loop)").has_loop);
}

TEST(Facts, BlocksInTheOrderOfTheirOpcodes) {
  auto bytes = parse_wat(
      "(module (func (block $a (loop $b (br_if $a (i32.const 1)) (if (i32.const 0) (then))"
      " (br $b))) unreachable (block $c (br_table $c $c (i32.const 0)))))");
  ASSERT_TRUE(bytes.ok());
  Checked checked = check(*bytes);
  ASSERT_EQ(checked.facts.blocks.size(), 4u);
  EXPECT_TRUE(checked.facts.blocks[0].is_target);
  EXPECT_TRUE(checked.facts.blocks[1].is_target);
  EXPECT_FALSE(checked.facts.blocks[2].is_target);
  EXPECT_TRUE(checked.facts.blocks[3].is_target);
  EXPECT_GT(checked.facts.blocks[0].end, checked.facts.blocks[1].end);
  EXPECT_LT(checked.facts.blocks[2].end, checked.facts.blocks[1].end);
}

// -- Random bodies --------------------------------------------------------------------------------

struct Use {
  u32 offset;
  u32 local;
  bool write;
  std::vector<u32> arms;   // Of control, outermost first.
  std::vector<u32> loops;  // Indices, outermost first.
};

// Writes a random body and remembers what is in it.
class RandomBody {
 public:
  RandomBody(u32 seed, u32 params, u32 locals) : random_(seed), params_(params), locals_(locals) {
    arms_.push_back(next_arm_++);
    sequence(0);
    byte(0x0b);
  }

  std::vector<u8> module() {
    std::vector<u8> body = {1, static_cast<u8>(locals_ - params_), 0x7f};
    u32 head = static_cast<u32>(body.size());
    body.insert(body.end(), code_.begin(), code_.end());
    std::vector<u8> out = {0, 'a', 's', 'm', 1, 0, 0, 0};
    out.insert(out.end(), {1, static_cast<u8>(4 + params_), 1, 0x60, static_cast<u8>(params_)});
    out.insert(out.end(), params_, u8{0x7f});
    out.insert(out.end(), {0, 3, 2, 1, 0, 10});
    std::vector<u8> size = leb(static_cast<u32>(body.size()));
    std::vector<u8> section = leb(static_cast<u32>(1 + size.size() + body.size()));
    out.insert(out.end(), section.begin(), section.end());
    out.push_back(1);
    out.insert(out.end(), size.begin(), size.end());
    u32 base = static_cast<u32>(out.size()) + head;
    out.insert(out.end(), body.begin(), body.end());
    for (Use& use : uses) use.offset += base;
    for (u32& end : loop_ends) end += base;
    return out;
  }

  std::vector<Use> uses;
  std::vector<u32> loop_ends;
  std::vector<std::vector<u32>> loop_parents;  // Enclosing loops, outermost first.

 private:
  static std::vector<u8> leb(u32 value) {
    std::vector<u8> out;
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<u8>(value | 0x80));
    out.push_back(static_cast<u8>(value));
    return out;
  }
  void byte(u8 value) { code_.push_back(value); }
  u32 at() const { return static_cast<u32>(code_.size()); }
  u32 pick(u32 bound) { return static_cast<u32>(random_() % bound); }

  void use(bool write, u8 opcode) {
    u32 local = pick(locals_);
    uses.push_back({at(), local, write, arms_, loops_});
    byte(opcode);
    byte(static_cast<u8>(local));
  }

  void sequence(u32 depth) {
    for (u32 count = pick(6); count-- > 0;) {
      switch (pick(depth < 6 && code_.size() < 3000 ? 7 : 3)) {
        case 0:
          use(false, 0x20), byte(0x1a);
          break;
        case 1:
          byte(0x41), byte(0), use(true, 0x21);
          break;
        case 2:
          byte(0x41), byte(0), use(true, 0x22), byte(0x1a);
          break;
        case 3:
          frame(0x02, depth);
          break;
        case 4:
        case 5:
          loop(depth);
          break;
        case 6:
          if_else(depth);
          break;
      }
    }
  }

  void frame(u8 opcode, u32 depth) {
    byte(opcode), byte(0x40);
    arms_.push_back(next_arm_++);
    sequence(depth + 1);
    byte(0x0b);
    arms_.pop_back();
  }

  void loop(u32 depth) {
    u32 index = static_cast<u32>(loop_ends.size());
    loop_ends.push_back(0);
    loop_parents.push_back(loops_);
    loops_.push_back(index);
    frame(0x03, depth);
    loops_.pop_back();
    loop_ends[index] = at() - 1;
  }

  void if_else(u32 depth) {
    byte(0x41), byte(0), byte(0x04), byte(0x40);
    arms_.push_back(next_arm_++);
    sequence(depth + 1);
    byte(0x05);
    arms_.back() = next_arm_++;
    sequence(depth + 1);
    byte(0x0b);
    arms_.pop_back();
  }

  std::mt19937 random_;
  u32 params_, locals_;
  std::vector<u8> code_;
  std::vector<u32> arms_, loops_;
  u32 next_arm_ = 0;
};

u32 saturated(u64 value) { return static_cast<u32>(std::min<u64>(value, ~u32{0})); }

// LocalFacts by definition.
LocalFacts expected_local(const RandomBody& body, u32 local, bool is_param) {
  std::vector<Use> uses;
  for (const Use& use : body.uses) {
    if (use.local == local) uses.push_back(use);
  }
  LocalFacts facts;
  if (uses.empty()) return facts;
  facts.used = true;
  const Use& first = uses[0];
  bool begins_there = first.write && !is_param;
  u64 weight = 0;
  for (const Use& use : uses) {
    facts.written |= use.write;
    weight += u64{1} << (3 * use.loops.size());
    bool inside = use.arms.size() >= first.arms.size() &&
                  std::equal(first.arms.begin(), first.arms.end(), use.arms.begin());
    begins_there = begins_there && inside;
  }
  facts.weight = saturated(weight);
  facts.begin = begins_there ? first.offset : 0;
  usize outer = begins_there ? first.loops.size() : 0;
  for (const Use& use : uses) {
    u32 end = use.loops.size() > outer ? body.loop_ends[use.loops[outer]] : use.offset;
    facts.end = std::max(facts.end, end);
  }
  return facts;
}

// Weight and writes of each local in a loop, by definition.
std::map<u32, LoopLocal> expected_loop(const RandomBody& body, u32 loop) {
  std::map<u32, u64> weights;
  std::map<u32, LoopLocal> result;
  for (const Use& use : body.uses) {
    auto found = std::find(use.loops.begin(), use.loops.end(), loop);
    if (found == use.loops.end()) continue;
    weights[use.local] += u64{1} << (3 * (use.loops.end() - found - 1));
    result[use.local].local = use.local;
    result[use.local].written |= use.write;
  }
  for (auto& [local, facts] : result) facts.weight = saturated(weights[local]);
  return result;
}

void compare(RandomBody& body, u32 params, u32 locals) {
  Checked checked = check(body.module());
  const FuncFacts& facts = checked.facts;
  ASSERT_EQ(facts.locals.size(), locals);
  for (u32 i = 0; i < locals; i++) {
    LocalFacts expected = expected_local(body, i, i < params);
    const LocalFacts& actual = facts.locals[i];
    EXPECT_EQ(actual.used, expected.used);
    EXPECT_EQ(actual.written, expected.written);
    EXPECT_EQ(actual.weight, expected.weight) << i;
    EXPECT_EQ(actual.begin, expected.begin) << i;
    EXPECT_EQ(actual.end, expected.end) << i;
  }
  ASSERT_EQ(facts.loops.size(), body.loop_ends.size());
  for (u32 i = 0; i < facts.loops.size(); i++) {
    const LoopFacts& loop = facts.loops[i];
    EXPECT_EQ(loop.end, body.loop_ends[i]);
    const auto& parents = body.loop_parents[i];
    EXPECT_EQ(loop.parent, parents.empty() ? ~u32{0} : parents.back());
    std::map<u32, LoopLocal> expected = expected_loop(body, i);
    std::set<u32> seen;
    for (u32 k = 0; k < loop.locals_count; k++) {
      const LoopLocal& actual = facts.loop_locals[loop.locals_first + k];
      EXPECT_TRUE(seen.insert(actual.local).second) << "twice in one list";
      if (loop.locals_overflow) continue;
      EXPECT_EQ(actual.weight, expected[actual.local].weight);
      EXPECT_EQ(actual.written, expected[actual.local].written);
    }
    EXPECT_LE(loop.locals_count, LoopFacts::kMaxLocals);
    if (!loop.locals_overflow) {
      EXPECT_EQ(seen.size(), expected.size());
    }
  }
}

TEST(Facts, RandomBodies) {
  for (u32 seed = 0; seed < 400; seed++) {
    RandomBody body(seed, 2, 6);
    compare(body, 2, 6);
    if (testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(Facts, RandomBodiesWithManyLocals) {
  for (u32 seed = 0; seed < 100; seed++) {
    RandomBody body(seed, 3, 120);
    compare(body, 3, 120);
    if (testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

// Lists overflow beyond 64 locals, and for what is nested more than 8 loops deeper.
TEST(Facts, Overflow) {
  std::string many = "(func (local";
  for (int i = 0; i < 65; i++) many += " i32";
  many += ") (loop (loop";
  for (int i = 0; i < 65; i++) many += fmt::format(" (drop (local.get {}))", i);
  many += ")))";
  auto bytes = parse_wat("(module " + many + ")");
  ASSERT_TRUE(bytes.ok());
  Checked checked = check(*bytes);
  EXPECT_TRUE(checked.facts.loops[0].locals_overflow);
  EXPECT_TRUE(checked.facts.loops[1].locals_overflow);

  std::string deep = "(drop (local.get 0))";
  for (int i = 0; i < 12; i++) deep = "(loop " + deep + ")";
  bytes = parse_wat("(module (func (param i32) " + deep + "))");
  ASSERT_TRUE(bytes.ok());
  checked = check(*bytes);
  EXPECT_EQ(checked.facts.locals[0].weight, ~u32{0});
  for (u32 i = 0; i < 12; i++) EXPECT_EQ(checked.facts.loops[i].locals_overflow, i < 3) << i;
}

}  // namespace
}  // namespace lr
