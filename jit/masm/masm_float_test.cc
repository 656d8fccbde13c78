// Executes float arithmetic and conversions against a reference in C++: zeros, denormals, limits,
// infinities and NaNs of both kinds.
#include "jit/masm/masm_fixture.h"

namespace lr::jit {

namespace {

using MasmFloat = MasmTest;
TEST_ON_ALL_MACHINES(MasmFloat);

bool is_nan(FloatWidth w, u64 bits) { return std::isnan(as_double(w, bits)); }

// What the specification allows for a NaN result: quiet, and the canonical payload if no operand
// had another.
void expect_nan(FloatWidth w, u64 result, std::initializer_list<u64> operands) {
  const u64 quiet = w == FloatWidth::F64 ? u64{1} << 51 : u64{1} << 22;
  EXPECT_TRUE(is_nan(w, result));
  EXPECT_NE(result & quiet, 0u);
  for (const u64 o : operands) {
    if (is_nan(w, o) && (o & (2 * quiet - 1)) != quiet) return;
  }
  EXPECT_EQ(result & (2 * quiet - 1), quiet);
}

template <typename F>
F reference(FloatBinary op, F a, F b) {
  switch (op) {
    case FloatBinary::Add:
      return a + b;
    case FloatBinary::Sub:
      return a - b;
    case FloatBinary::Mul:
      return a * b;
    case FloatBinary::Div:
      return a / b;
    case FloatBinary::Min:
      if (a == 0 && b == 0) return std::signbit(a) ? a : b;
      return std::isnan(a) || std::isnan(b) ? a + b : std::min(a, b);
    case FloatBinary::Max:
      if (a == 0 && b == 0) return std::signbit(a) ? b : a;
      return std::isnan(a) || std::isnan(b) ? a + b : std::max(a, b);
    case FloatBinary::Copysign:
      break;
  }
  return 0;
}

u64 reference(FloatBinary op, FloatWidth w, u64 a, u64 b) {
  if (op == FloatBinary::Copysign) {
    const u64 sign = u64{1} << (w == FloatWidth::F64 ? 63 : 31);
    return (a & ~sign) | (b & sign);
  }
  if (w == FloatWidth::F64) {
    return std::bit_cast<u64>(reference(op, std::bit_cast<double>(a), std::bit_cast<double>(b)));
  }
  return std::bit_cast<u32>(reference(op, std::bit_cast<float>(static_cast<u32>(a)),
                                      std::bit_cast<float>(static_cast<u32>(b))));
}

u64 low(FloatWidth w, u64 bits) { return w == FloatWidth::F64 ? bits : static_cast<u32>(bits); }

TEST_P(MasmFloat, FloatBinary) {
  for (u8 k = 0; k <= static_cast<u8>(FloatBinary::Copysign); k++) {
    const auto op = static_cast<FloatBinary>(k);
    for (const FloatWidth w : kFloatWidths) {
      const std::vector<u64> edges = float_edges(w);
      const auto expect = [&](u64 result, u64 a, u64 b) {
        const u64 expected = reference(op, w, a, b);
        if (op != FloatBinary::Copysign && is_nan(w, expected)) {
          expect_nan(w, low(w, result), {a, b});
        } else {
          EXPECT_EQ(low(w, result), expected) << int{k} << std::hex << " " << a << " " << b;
        }
      };
      each_triple(vectors_, [&](Reg dst, Reg lhs, Reg rhs) {
        build([&](Masm& m, auto&) { m.float_binary(op, w, dst, lhs, rhs); });
        for (const u64 a : edges) {
          for (const u64 b : edges) {
            if (lhs == rhs && a != b) continue;
            State s = filled();
            s[lhs] = a;
            s[rhs] = b;
            expect(execute(s, RegSet::of(dst))[dst], a, b);
          }
        }
      });
      each_pair(vectors_, [&](Reg dst, Reg lhs) {
        const Reg base = ints_[1];
        build([&](Masm& m, auto&) { m.float_binary(op, w, dst, lhs, Address{.base = base}); });
        for (const u64 a : edges) {
          const u64 cell = edges[5];
          State s = filled();
          s[lhs] = a;
          s[base] = kMemoryAddress;
          s.memory[0] = cell;
          expect(execute(s, RegSet::of(dst))[dst], a, cell);
        }
      });
      each_pair(vectors_, [&](Reg dst, Reg lhs) {
        const u64 constant = edges[7];
        build([&](Masm& m, auto&) {
          m.float_binary(op, w, dst, lhs, m.float_constant(w, constant));
        });
        for (const u64 a : edges) {
          State s = filled();
          s[lhs] = a;
          expect(execute(s, RegSet::of(dst))[dst], a, constant);
        }
      });
    }
  }
}

template <typename F>
F reference(FloatUnary op, F a) {
  switch (op) {
    case FloatUnary::Sqrt:
      return std::sqrt(a);
    case FloatUnary::Ceil:
      return std::ceil(a);
    case FloatUnary::Floor:
      return std::floor(a);
    case FloatUnary::Trunc:
      return std::trunc(a);
    case FloatUnary::Nearest:
      return std::nearbyint(a);
    default:
      return a;
  }
}

u64 reference(FloatUnary op, FloatWidth w, u64 a) {
  const u64 sign = u64{1} << (w == FloatWidth::F64 ? 63 : 31);
  if (op == FloatUnary::Neg) return a ^ sign;
  if (op == FloatUnary::Abs) return a & ~sign;
  if (w == FloatWidth::F64) return std::bit_cast<u64>(reference(op, std::bit_cast<double>(a)));
  return std::bit_cast<u32>(reference(op, std::bit_cast<float>(static_cast<u32>(a))));
}

TEST_P(MasmFloat, FloatUnary) {
  for (u8 k = 0; k <= static_cast<u8>(FloatUnary::Nearest); k++) {
    const auto op = static_cast<FloatUnary>(k);
    for (const FloatWidth w : kFloatWidths) {
      each_pair(vectors_, [&](Reg dst, Reg src) {
        build([&](Masm& m, auto&) { m.float_unary(op, w, dst, src); });
        for (const u64 a : float_edges(w)) {
          State s = filled();
          s[src] = a;
          const u64 result = low(w, execute(s, RegSet::of(dst))[dst]);
          const u64 expected = reference(op, w, a);
          if (op > FloatUnary::Abs && is_nan(w, expected)) {
            expect_nan(w, result, {a});
          } else {
            EXPECT_EQ(result, expected) << int{k} << std::hex << " " << a;
          }
        }
      });
    }
  }
}

// One row of convert.def, taken apart.
struct Conversion {
  Convert op;
  std::string_view name;
  bool has(std::string_view part) const { return name.find(part) != name.npos; }
  bool to_float() const { return name[0] == 'F'; }
  bool from_float() const { return has("Trunc") || has("Demote") || has("Promote"); }
  bool dst_64() const { return name.substr(1, 2) == "64"; }
  bool src_64() const { return has("64S") || has("64U") || name.ends_with("F64"); }
  bool is_signed() const { return name.back() == 'S'; }
};
constexpr Conversion kConversions[] = {
#define CONVERT(dst, name, src) {Convert::name, #name},
#include "jit/masm/convert.def"
};

// The outcome (1 for a NaN, 2 for out of range) and the value.
std::pair<u64, u64> truncate(const Conversion& c, double a) {
  const bool sat = c.has("Sat"), s = c.is_signed();
  if (std::isnan(a)) return {sat ? 0 : 1, 0};
  const double t = std::trunc(a);
  const double high = std::ldexp(1.0, (c.dst_64() ? 64 : 32) - s);
  const double lowest = s ? -high : 0;
  const u64 width = c.dst_64() ? ~u64{0} : ~u32{0};
  if (t < lowest || t >= high) {
    const u64 largest = s ? width >> 1 : width;
    return {sat ? 0 : 2, t >= high ? largest : s ? largest + 1 : 0};
  }
  return {0, (s ? static_cast<u64>(static_cast<i64>(t)) : static_cast<u64>(t)) & width};
}

u64 to_float(const Conversion& c, u64 a) {
  const Width w = c.src_64() ? Width::W64 : Width::W32;
  const i64 s = as_signed(w, a);
  const u64 u = truncated(w, a);
  if (c.dst_64()) {
    return std::bit_cast<u64>(c.is_signed() ? static_cast<double>(s) : static_cast<double>(u));
  }
  return std::bit_cast<u32>(c.is_signed() ? static_cast<float>(s) : static_cast<float>(u));
}

TEST_P(MasmFloat, FloatToInt) {
  for (const Conversion& c : kConversions) {
    if (!c.has("Trunc")) continue;
    const FloatWidth w = c.src_64() ? FloatWidth::F64 : FloatWidth::F32;
    for (const Reg dst : ints_) {
      for (const Reg src : vectors_) {
        build([&](Masm& m, auto& exits) {
          const bool traps = !c.has("Sat");
          m.convert(c.op, dst, src, traps ? &exits[0] : nullptr, traps ? &exits[1] : nullptr);
        });
        for (const u64 a : float_edges(w)) {
          State s = filled();
          s[src] = a;
          const auto [outcome, value] = truncate(c, as_double(w, a));
          EXPECT_EQ(run(s, dst, value), outcome) << c.name << " " << as_double(w, a);
        }
      }
    }
  }
}

TEST_P(MasmFloat, IntToFloat) {
  // Ties and their neighbours of both formats, at every magnitude.
  std::vector<u64> values(std::begin(kInts), std::end(kInts));
  for (u32 top = 24; top < 64; top++) {
    for (const u32 digits : {24u, 53u}) {
      if (top < digits) continue;
      const u64 tie = u64{1} << top | u64{1} << (top - digits);
      for (const u64 odd : {u64{0}, u64{1} << (top - digits + 1)}) {
        for (const i64 delta : {-1, 0, 1}) values.push_back((tie | odd) + static_cast<u64>(delta));
      }
    }
  }
  for (const Conversion& c : kConversions) {
    if (!c.has("Convert")) continue;
    for (const Reg dst : vectors_) {
      for (const Reg src : ints_) {
        build([&](Masm& m, auto&) { m.convert(c.op, dst, src, nullptr, nullptr); });
        for (const u64 a : values) {
          State s = filled();
          s[src] = a;
          const u64 result = execute(s, RegSet::of(dst))[dst];
          EXPECT_EQ(c.dst_64() ? result : static_cast<u32>(result), to_float(c, a))
              << c.name << " " << std::hex << a;
        }
      }
    }
  }
}

TEST_P(MasmFloat, FloatToFloat) {
  each_pair(vectors_, [&](Reg dst, Reg src) {
    build([&](Masm& m, auto&) { m.convert(Convert::F32DemoteF64, dst, src, nullptr, nullptr); });
    for (const u64 a : float_edges(FloatWidth::F64)) {
      State s = filled();
      s[src] = a;
      const u64 result = static_cast<u32>(execute(s, RegSet::of(dst))[dst]);
      if (is_nan(FloatWidth::F64, a)) {
        EXPECT_TRUE(is_nan(FloatWidth::F32, result) && (result & 1u << 22) != 0);
      } else {
        const auto expected = static_cast<float>(std::bit_cast<double>(a));
        EXPECT_EQ(result, std::bit_cast<u32>(expected));
      }
    }
    build([&](Masm& m, auto&) { m.convert(Convert::F64PromoteF32, dst, src, nullptr, nullptr); });
    for (const u64 a : float_edges(FloatWidth::F32)) {
      State s = filled();
      s[src] = a;
      const u64 result = execute(s, RegSet::of(dst))[dst];
      if (is_nan(FloatWidth::F32, a)) {
        EXPECT_TRUE(is_nan(FloatWidth::F64, result) && (result & u64{1} << 51) != 0);
      } else {
        EXPECT_EQ(result, std::bit_cast<u64>(as_double(FloatWidth::F32, a)));
      }
    }
  });
}

}  // namespace

}  // namespace lr::jit
