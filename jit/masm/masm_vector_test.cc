// Executes the vector methods against a reference in C++, lane by lane, with every overlap of their
// registers. What has no reference (relaxed instructions) must at least not depend on the
// registers.
#include <map>

#include "jit/masm/masm_fixture.h"
#include "jit/masm/vector_reference.h"

namespace lr::jit {

namespace {

using MasmVector = MasmTest;
TEST_ON_ALL_MACHINES(MasmVector);

// Lanes of which a NaN may differ.
enum Nan : u8 { None, F32, F64 };

// Equal, but for quiet NaNs of any payload.
void expect_same(Nan nan, V128 actual, V128 expected, const char* name) {
  if (nan != None) {
    const bool f64 = nan == F64;
    const u64 quiet = f64 ? 0x7ff8'0000'0000'0000 : 0x7fc0'0000;
    const u64 mask = f64 ? ~u64{0} : ~u32{0};
    for (u32 i = 0; i < (f64 ? 2u : 4u); i++) {
      const u32 shift = f64 ? 0 : i % 2 * 32;
      u64& a = (f64 ? i : i / 2) == 0 ? actual.low : actual.high;
      u64& e = (f64 ? i : i / 2) == 0 ? expected.low : expected.high;
      if ((a >> shift & quiet) != quiet || (e >> shift & quiet) != quiet) continue;
      a &= ~(mask << shift);
      e &= ~(mask << shift);
    }
  }
  EXPECT_EQ(actual, expected) << name << std::hex << " " << actual.high << " " << actual.low
                              << " instead of " << expected.high << " " << expected.low;
}

// Values whose lanes are edges of some shape.
std::vector<V128> samples() {
  std::vector<V128> values = {{},
                              {~u64{0}, ~u64{0}},
                              {0x0706'0504'0302'0100, 0x0f0e'0d0c'0b0a'0908},
                              {0x1f80'7f81'ff00'0110, 0x8000'7fff'0001'ffff},
                              {0x8000'0000'7fff'ffff, 0x8000'0000'0000'0000},
                              {0x7fff'ffff'ffff'ffff, 0x0000'0001'ffff'fffe},
                              {0x8000'8000'8000'8000, 0x8080'8080'8080'8080}};
  for (const FloatWidth w : kFloatWidths) {
    const std::vector<u64> edges = float_edges(w);
    for (usize i = 0; i < edges.size(); i += 7) {
      const auto at = [&](usize k) { return edges[(i + k) % edges.size()]; };
      values.push_back(w == FloatWidth::F64 ? V128{at(0), at(3)}
                                            : V128{at(0) | at(1) << 32, at(2) | at(5) << 32});
    }
  }
  u64 random = 0x9e37'79b9'7f4a'7c15;
  for (u32 i = 0; i < 6; i++) {
    const u64 low = random *= 0xd134'2543'de82'ef95;
    values.push_back({low, random *= 0xd134'2543'de82'ef95});
  }
  return values;
}

V128 get(const State& state, Reg reg) {
  return {state.vectors[reg.number()][0], state.vectors[reg.number()][1]};
}
void set(State& state, Reg reg, V128 value) {
  state.vectors[reg.number()][0] = value.low;
  state.vectors[reg.number()][1] = value.high;
}

struct Row {
  const char* name;
  Nan nan;
};
constexpr Row kUnaries[] = {
#define VECTOR_UNARY(name, nan) {#name, nan},
#include "jit/masm/vector.def"
};
constexpr Row kBinaries[] = {
#define VECTOR_BINARY(name, order, nan) {#name, nan},
#include "jit/masm/vector.def"
};
constexpr Row kTernaries[] = {
#define VECTOR_TERNARY(name, nan) {#name, nan},
#include "jit/masm/vector.def"
};

// -- Tests ----------------------------------------------------------------------------------------

TEST_P(MasmVector, Unary) {
  const std::vector<V128> values = samples();
  for (u8 k = 0; k < std::size(kUnaries); k++) {
    const auto op = static_cast<VectorUnary>(k);
    const UnaryFunction expected = reference(op);
    std::map<usize, V128> first;
    each_pair(vectors_, [&](Reg dst, Reg src) {
      build([&](Masm& m, auto&) { m.vector_unary(op, dst, src); });
      for (usize i = 0; i < values.size(); i++) {
        State s = filled();
        set(s, src, values[i]);
        const V128 result = get(execute(s, RegSet::of(dst)), dst);
        const V128 other =
            expected != nullptr ? expected(values[i]) : first.try_emplace(i, result).first->second;
        expect_same(kUnaries[k].nan, result, other, kUnaries[k].name);
      }
    });
  }
}

TEST_P(MasmVector, Binary) {
  const std::vector<V128> values = samples();
  for (u8 k = 0; k < std::size(kBinaries); k++) {
    const auto op = static_cast<VectorBinary>(k);
    const BinaryFunction expected = reference(op);
    std::map<std::pair<usize, usize>, V128> first;
    const auto check = [&](V128 result, usize i, usize j) {
      const V128 other = expected != nullptr
                             ? expected(values[i], values[j])
                             : first.try_emplace(std::pair(i, j), result).first->second;
      expect_same(kBinaries[k].nan, result, other, kBinaries[k].name);
    };
    each_triple(vectors_, [&](Reg dst, Reg lhs, Reg rhs) {
      build([&](Masm& m, auto&) { m.vector_binary(op, dst, lhs, rhs); });
      // All pairs of values once, and some with every overlap of the registers.
      const bool is_first = dst == vectors_[2] && lhs == vectors_[0] && rhs == vectors_[1];
      const usize step = is_first ? 1 : 13;
      for (usize i = 0; i < values.size(); i++) {
        for (usize j = lhs == rhs ? i : i % step; j < values.size(); j += step) {
          State s = filled();
          set(s, lhs, values[i]);
          set(s, rhs, values[j]);
          check(get(execute(s, RegSet::of(dst)), dst), i, j);
          if (lhs == rhs) break;
        }
      }
    });
    if (!masm_->takes_memory(op)) continue;
    const Address at{.base = ints_[1], .disp = 8};
    const auto run_with = [&](Reg dst, Reg lhs, usize j) {
      State s = filled();
      set(s, lhs, values[3]);
      s[at.base] = kMemoryAddress;
      s.memory[1] = values[j].low;
      s.memory[2] = values[j].high;
      check(get(execute(s, RegSet::of(dst)), dst), 3, j);
    };
    each_pair(vectors_, [&](Reg dst, Reg lhs) {
      build([&](Masm& m, auto&) { m.vector_binary(op, dst, lhs, at); });
      for (usize j = 0; j < values.size(); j++) run_with(dst, lhs, j);
      for (usize j = 0; j < values.size(); j += 9) {
        build([&](Masm& m, auto&) { m.vector_binary(op, dst, lhs, m.vector_constant(values[j])); });
        run_with(dst, lhs, j);
      }
    });
  }
}

TEST_P(MasmVector, Ternary) {
  const std::vector<V128> values = samples();
  const V128 masks[] = {{}, {~u64{0}, 0}, {0, ~u64{0}}};
  for (u8 k = 0; k < std::size(kTernaries); k++) {
    const auto op = static_cast<VectorTernary>(k);
    std::map<usize, V128> first;
    each_triple(vectors_, [&](Reg dst, Reg a, Reg b) {
      for (const Reg c : vectors_) {
        if (a == b || b == c || a == c) continue;
        build([&](Masm& m, auto&) { m.vector_ternary(op, dst, a, b, c); });
        for (usize i = 0; i + 2 < values.size(); i++) {
          const bool selects = op <= VectorTernary::I64x2RelaxedLaneselect;
          const V128 third = selects ? masks[i % 3] : values[i + 2];
          State s = filled();
          set(s, a, values[i]);
          set(s, b, values[i + 1]);
          set(s, c, third);
          const V128 result = get(execute(s, RegSet::of(dst)), dst);
          const V128 selected = {
              (values[i].low & third.low) | (values[i + 1].low & ~third.low),
              (values[i].high & third.high) | (values[i + 1].high & ~third.high)};
          const V128 other = selects ? selected : first.try_emplace(i, result).first->second;
          expect_same(kTernaries[k].nan, result, other, kTernaries[k].name);
        }
      }
    });
  }
}

template <typename T>
V128 shifted(Shift op, V128 value, u32 count) {
  auto x = lanes<T>(value);
  for (T& lane : x) {
    using S = std::make_signed_t<T>;
    lane =
        static_cast<T>(op == Shift::Shl    ? u64{lane} << count
                       : op == Shift::ShrU ? u64{lane} >> count
                                           : static_cast<u64>(i64{static_cast<S>(lane)} >> count));
  }
  return vector_of(x);
}
V128 shifted(Shift op, VectorShape shape, V128 value, u32 count) {
  switch (shape) {
    case VectorShape::I8x16:
      return shifted<u8>(op, value, count & 7);
    case VectorShape::I16x8:
      return shifted<u16>(op, value, count & 15);
    case VectorShape::I32x4:
      return shifted<u32>(op, value, count & 31);
    default:
      return shifted<u64>(op, value, count & 63);
  }
}

constexpr VectorShape kIntegerShapes[] = {VectorShape::I8x16, VectorShape::I16x8,
                                          VectorShape::I32x4, VectorShape::I64x2};

TEST_P(MasmVector, Shift) {
  const std::vector<V128> values = samples();
  for (const Shift op : {Shift::Shl, Shift::ShrS, Shift::ShrU}) {
    for (const VectorShape shape : kIntegerShapes) {
      each_pair(vectors_, [&](Reg dst, Reg src) {
        for (const u32 count : {0u, 1u, 3u, 7u, 8u, 15u, 17u, 31u, 33u, 63u, 64u, 255u}) {
          const auto check = [&] {
            for (const V128 value : values) {
              State s = filled();
              set(s, src, value);
              s[ints_[0]] = 0xffff'ffff'0000'0000 | count;
              const V128 result = get(execute(s, RegSet::of(dst)), dst);
              expect_same(None, result, shifted(op, shape, value, count), "shift");
            }
          };
          build([&](Masm& m, auto&) { m.vector_shift(op, shape, dst, src, ints_[0]); });
          check();
          build(
              [&](Masm& m, auto&) { m.vector_shift(op, shape, dst, src, static_cast<u8>(count)); });
          check();
        }
      });
    }
  }
}

// Every pattern that has an instruction of its own, and others.
std::vector<Lanes<u8>> shuffle_patterns() {
  std::vector<Lanes<u8>> patterns;
  const auto add = [&](auto lane) {
    Lanes<u8> p;
    for (u32 i = 0; i < 16; i++) p[i] = static_cast<u8>(lane(i) & 31);
    patterns.push_back(p);
  };
  for (const u32 size : {1u, 2u, 4u, 8u, 16u}) {
    for (const u32 from : {0u, 8u, 16u, 24u}) {
      add([&](u32 i) { return from + i / (2 * size) * size + i % size + (i / size % 2) * 16; });
      add([&](u32 i) { return (i / size * 5 + from) * size + i % size; });
      add([&](u32 i) { return i + (i / size % 2 == 1 ? from : 0) / 16 * 16; });
    }
  }
  for (u32 n = 0; n < 32; n++) {
    add([&](u32 i) { return i + n; });
    add([&](u32) { return n; });
    add([&](u32 i) { return n < 16 ? (i + n) % 16 : 16 + (i + n) % 16; });
    add([&](u32 i) { return i / 8 * 8 + (i + 2 * n) % 8; });
    add([&](u32 i) { return i < 8 ? i : 8 + (i + 2 * n) % 8; });
    add([&](u32 i) { return (i * n + i / 3) * 7; });
  }
  return patterns;
}

TEST_P(MasmVector, Shuffle) {
  const V128 a{0x0706'0504'0302'0100, 0x0f0e'0d0c'0b0a'0908};
  const V128 b{0x1716'1514'1312'1110, 0x1f1e'1d1c'1b1a'1918};
  for (const Lanes<u8>& pattern : shuffle_patterns()) {
    each_triple(vectors_, [&](Reg dst, Reg lhs, Reg rhs) {
      build([&](Masm& m, auto&) { m.shuffle(dst, lhs, rhs, pattern); });
      State s = filled();
      set(s, lhs, a);
      if (lhs != rhs) set(s, rhs, b);
      Lanes<u8> expected = pattern;
      if (lhs == rhs) {
        for (u8& lane : expected) lane &= 15;
      }
      expect_same(None, get(execute(s, RegSet::of(dst)), dst), vector_of(expected), "shuffle");
    });
  }
}

constexpr VectorShape kShapes[] = {VectorShape::I8x16, VectorShape::I16x8, VectorShape::I32x4,
                                   VectorShape::I64x2, VectorShape::F32x4, VectorShape::F64x2};
bool is_float(VectorShape shape) { return shape >= VectorShape::F32x4; }
u32 lane_bits(VectorShape shape) {
  constexpr u8 kBits[] = {8, 16, 32, 64, 32, 64};
  return kBits[static_cast<u8>(shape)];
}
u64 lane_of(VectorShape shape, V128 value, u32 lane) {
  const u32 bits = lane_bits(shape), at = lane * bits;
  const u64 half = at < 64 ? value.low : value.high;
  return bits == 64 ? half : half >> (at % 64) & ((u64{1} << bits) - 1);
}
V128 with_lane(VectorShape shape, V128 value, u32 lane, u64 to) {
  const u32 bits = lane_bits(shape), at = lane * bits;
  u64& half = at < 64 ? value.low : value.high;
  const u64 mask = bits == 64 ? ~u64{0} : (u64{1} << bits) - 1;
  half = (half & ~(mask << at % 64)) | (to & mask) << at % 64;
  return value;
}

TEST_P(MasmVector, Lanes) {
  const V128 value{0x8877'6655'c4b3'f2e1, 0x00ff'7f80'9a8b'7c6d};
  const u64 scalar = 0xa1b2'c3d4'e5f6'8797;
  for (const VectorShape shape : kShapes) {
    const std::vector<Reg>& scalars = is_float(shape) ? vectors_ : ints_;
    const u32 bits = lane_bits(shape);
    for (u8 lane = 0; lane < 128 / bits; lane++) {
      for (const Reg src : vectors_) {
        for (const Reg dst : scalars) {
          for (const bool is_signed : {false, true}) {
            build([&](Masm& m, auto&) { m.extract_lane(shape, is_signed, dst, src, lane); });
            State s = filled();
            set(s, src, value);
            u64 expected = lane_of(shape, value, lane);
            u64 result = execute(s, RegSet::of(dst))[dst];
            if (is_float(shape) && bits == 32) result = static_cast<u32>(result);
            if (is_signed && bits < 32 && expected >> (bits - 1) != 0) {
              expected = static_cast<u32>(expected | ~u64{0} << bits);
            }
            EXPECT_EQ(result, expected);
          }
        }
      }
      each_pair(vectors_, [&](Reg dst, Reg src) {
        for (const Reg from : scalars) {
          build([&](Masm& m, auto&) { m.replace_lane(shape, dst, src, from, lane); });
          State s = filled();
          set(s, src, value);
          s[from] = scalar;
          const V128 old = get(s, src);
          const V128 result = get(execute(s, RegSet::of(dst)), dst);
          expect_same(None, result, with_lane(shape, old, lane, scalar), "replace_lane");
        }
      });
    }
    for (const Reg dst : vectors_) {
      for (const Reg from : scalars) {
        build([&](Masm& m, auto&) { m.splat(shape, dst, from); });
        State s = filled();
        s[from] = scalar;
        V128 expected;
        for (u8 i = 0; i < 128 / bits; i++) expected = with_lane(shape, expected, i, scalar);
        expect_same(None, get(execute(s, RegSet::of(dst)), dst), expected, "splat");
      }
    }
  }
}

TEST_P(MasmVector, LanesInMemory) {
  const V128 value{0x8877'6655'c4b3'f2e1, 0x00ff'7f80'9a8b'7c6d};
  const u64 cell = 0xa1b2'c3d4'e5f6'8797;
  const Address at{.base = ints_[1], .index = ints_[2], .disp = 8};
  State s = filled();
  s[at.base] = kMemoryAddress;
  s[at.index] = 16;
  s.memory[3] = cell;
  for (const VectorShape shape : kIntegerShapes) {
    for (u8 lane = 0; lane < 128 / lane_bits(shape); lane++) {
      each_pair(vectors_, [&](Reg dst, Reg src) {
        set(s, src, value);
        build([&](Masm& m, auto&) { m.load_lane(shape, dst, src, at, lane); });
        expect_same(None, get(execute(s, RegSet::of(dst)), dst),
                    with_lane(shape, value, lane, cell), "load_lane");
        build([&](Masm& m, auto&) { m.store_lane(shape, at, src, lane); });
        const State after = execute(s, {});
        EXPECT_EQ(after.memory[3], with_lane(shape, {cell}, 0, lane_of(shape, value, lane)).low);
        EXPECT_EQ(after.memory[4], s.memory[4]);
      });
    }
  }
}

TEST_P(MasmVector, BitmaskAndTests) {
  std::vector<V128> values = samples();
  for (const VectorShape shape : kIntegerShapes) {
    for (const V128 value : values) {
      const u32 count = 128 / lane_bits(shape);
      u64 mask = 0;
      bool all = true;
      for (u32 i = 0; i < count; i++) {
        const u64 lane = lane_of(shape, value, i);
        mask |= (lane >> (lane_bits(shape) - 1)) << i;
        all = all && lane != 0;
      }
      const bool any = value != V128{};
      const Reg src = vectors_[2], dst = ints_[1];
      State s = filled();
      set(s, src, value);
      build([&](Masm& m, auto&) { m.bitmask(shape, dst, src); });
      EXPECT_EQ(execute(s, RegSet::of(dst))[dst], mask);
      for (const bool negated : {false, true}) {
        Compare compare;
        compare.cond = negated ? Cond::Eq : Cond::Ne;
        compare.shape = shape;
        compare.lhs = src;
        compare.kind = Compare::Kind::AllTrue;
        build([&](Masm& m, auto&) { m.set_if(compare, dst); });
        EXPECT_EQ(execute(s, RegSet::of(dst))[dst], u64{all != negated});
        compare.kind = Compare::Kind::AnyTrue;
        build([&](Masm& m, auto&) { m.set_if(compare, dst); });
        EXPECT_EQ(execute(s, RegSet::of(dst))[dst], u64{any != negated});
        each_triple(vectors_, [&](Reg to, Reg a, Reg b) {
          build([&](Masm& m, auto&) { m.select_vector_if(compare, to, a, b); });
          const V128 expected = get(s, any != negated ? a : b);
          expect_same(None, get(execute(s, RegSet::of(to)), to), expected, "select");
        });
      }
    }
  }
}

TEST_P(MasmVector, ConstantsAndNans) {
  for (const V128 value : samples()) {
    for (const Reg dst : vectors_) {
      build([&](Masm& m, auto&) { m.move_vector_imm(dst, value); });
      expect_same(None, get(execute(filled(), RegSet::of(dst)), dst), value, "constant");
      State s = filled();
      set(s, dst, value);
      build([&](Masm& m, auto&) { m.canonicalise_nans(FloatWidth::F32, dst); });
      Lanes<u32> expected = lanes<u32>(value);
      for (u32& lane : expected) {
        if (std::isnan(std::bit_cast<float>(lane))) lane = 0x7fc0'0000;
      }
      expect_same(None, get(execute(s, RegSet::of(dst)), dst), vector_of(expected), "f32 NaN");
      build([&](Masm& m, auto&) { m.canonicalise_nans(FloatWidth::F64, dst); });
      Lanes<u64> wide = lanes<u64>(value);
      for (u64& lane : wide) {
        if (std::isnan(std::bit_cast<double>(lane))) lane = 0x7ff8'0000'0000'0000;
      }
      expect_same(None, get(execute(s, RegSet::of(dst)), dst), vector_of(wide), "f64 NaN");
      build([&](Masm& m, auto&) { m.canonicalise_nan(FloatWidth::F64, dst); });
      EXPECT_EQ(execute(s, RegSet::of(dst))[dst], wide[0]);
    }
  }
}

}  // namespace

}  // namespace lr::jit
