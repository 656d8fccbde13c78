// Every operator with every edge value, compiled and interpreted: operands in registers, in memory,
// as constants, and results used by a branch and by a select. Constants are what strength reduction
// and folding look at, so each of them is compiled in, on either side and on both. LR_MATRIX=full:
// 3 million calls.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <set>

#include "frontend/opcode.h"
#include "spec-tests/side_by_side.h"

namespace lr::spec {
namespace {

// -- Edge values ----------------------------------------------------------------------------------

constexpr u64 kInts[] = {0,
                         1,
                         2,
                         3,
                         5,
                         7,
                         10,
                         12,
                         25,
                         31,
                         32,
                         33,
                         63,
                         64,
                         100,
                         625,
                         641,
                         1000,
                         0x7f,
                         0x80,
                         0xffff,
                         0x8000,
                         0x1234'5678,
                         0x7fff'ffff,
                         0x8000'0000,
                         0x8000'0001,
                         0xaaaa'aaab,
                         0xffff'fffe,
                         0xffff'ffff,
                         0x1'0000'0000,
                         0x7fff'ffff'ffff'ffff,
                         0x8000'0000'0000'0000,
                         0x8000'0000'0000'0001,
                         0xffff'ffff'8000'0000,
                         0xffff'ffff'7fff'ffff,
                         0xffff'ffff'ffff'fff6,
                         0xffff'ffff'ffff'ffff};

constexpr u32 kFloatBits[] = {
    0x0000'0000, 0x8000'0000, 0x0000'0001, 0x8000'0001, 0x007f'ffff, 0x0080'0000,  // Zeros, tiny
    0x3f80'0000, 0xbf80'0000, 0x3f00'0000, 0xbf00'0000, 0x3fc0'0000, 0x4020'0000,  // 1, .5, 1.5
    0x3f7f'ffff, 0x3dcc'cccd, 0x4b00'0001, 0x4b7f'ffff, 0x4b80'0000, 0x4eff'ffff,  // to 2^31
    0x4f00'0000, 0xcf00'0000, 0xcf00'0001, 0x4f7f'ffff, 0x4f80'0000, 0x5eff'ffff,  // to 2^63
    0x5f00'0000, 0xdf00'0000, 0x5f7f'ffff, 0x5f80'0000, 0x7f7f'ffff, 0xff7f'ffff,  // to the end
    0x7f80'0000, 0xff80'0000, 0x7fc0'0000, 0xffc0'0000, 0x7f80'0001, 0xffbf'ffff, 0x7fff'ffff};

constexpr f64 kDoubles[] = {
    2147483647.0,          2147483647.9,       2147483648.0, -2147483648.0, -2147483648.9,
    -2147483649.0,         4294967295.0,       4294967295.9, 4294967296.0,  -0.9,
    9007199254740993.0,    4503599627370495.5, 0x1p-1022,    0x1p-1074,     -0x1p-1074,
    0x1.fffffep127,        0x1.ffffffp127,     0x1p-149,     0x1p-150,      0x1.8p-150,
    1.7976931348623157e308};

std::vector<Words> edge_values(char letter) {
  std::vector<Words> values;
  std::set<u64> seen;
  const auto add = [&](u64 bits) {
    if (seen.insert(bits).second) values.push_back({bits, 0});
  };
  if (letter == 'i') {
    for (const u64 value : kInts) add(static_cast<u32>(value));
  } else if (letter == 'l') {
    for (const u64 value : kInts) add(value);
  } else if (letter == 'f') {
    for (const u32 bits : kFloatBits) add(bits);
  } else if (letter == 'd') {
    for (const u32 bits : kFloatBits) {
      if ((bits & 0x7fff'ffff) <= 0x7f80'0000) {
        add(std::bit_cast<u64>(static_cast<f64>(std::bit_cast<f32>(bits))));
      }
    }
    for (const f64 value : kDoubles) add(std::bit_cast<u64>(value));
    for (const u64 nan : {0x7ff8'0000'0000'0000, 0x7ff0'0000'0000'0001, 0x7fff'ffff'ffff'ffff}) {
      add(nan);
      add(nan | u64{1} << 63);
    }
  } else {
    // Neighbours in the lists above become neighbouring lanes.
    for (u32 i = 0; i + 3 < std::size(kFloatBits); i += 4) {
      values.push_back({kFloatBits[i] | u64{kFloatBits[i + 1]} << 32,
                        kFloatBits[i + 2] | u64{kFloatBits[i + 3]} << 32});
    }
    for (u32 i = 0; i + 1 < std::size(kInts); i += 4) values.push_back({kInts[i], kInts[i + 1]});
    for (u32 i = 0; i + 1 < std::size(kDoubles); i += 3) {
      values.push_back({std::bit_cast<u64>(kDoubles[i]), std::bit_cast<u64>(kDoubles[i + 1])});
    }
    values.push_back({0x7f80'ff81'0100'fe02, 0x7fff'8000'0001'ffff});
    values.push_back({0x7ff8'0000'0000'0000, 0xfff0'0000'0000'0001});
    values.push_back({0x0f0e'0d0c'0b0a'0908, 0x1011'8f90'fff0'0700});
  }
  return values;
}

// -- Modules --------------------------------------------------------------------------------------

// Where an operand comes from: a parameter, memory (whose address is a parameter), or a constant,
// by its number among the edge values.
constexpr i32 kParameter = -1;
constexpr i32 kMemory = -2;

// One exported function: the operator with operands from these places, and a use of its result.
struct Form {
  std::string name;
  std::vector<i32> from;
};

class OperatorModule {
 public:
  // Of the pairs of constants every `stride`th has a function.
  OperatorModule(const OpInfo& op, u32 stride) : op_(op), stride_(static_cast<i32>(stride)) {
    for (u32 i = 0; i < operands(); i++) edges_.push_back(edge_values(op.signature.params[i]));
    add_forms();
  }

  u32 operands() const { return op_.signature.params_count; }
  const std::vector<Words>& edges(u32 operand) const { return edges_[operand]; }
  const std::vector<Form>& forms() const { return forms_; }
  char letter(u32 operand) const { return op_.signature.params[operand]; }
  u64 address(u32 operand, u32 edge) const { return operand * 1024 + edge * 16; }
  // Its memory has all edge values.
  std::string text() const { return "(module (memory 1)\n" + data() + functions_ + ")"; }

 private:
  void add_forms() {
    const std::vector<i32> parameters(operands(), kParameter);
    add("r", parameters);
    add("m", std::vector<i32>(operands(), kMemory));
    if (op_.signature.results_count == 1 && op_.signature.results[0] == 'i') {
      add("branch", parameters, "", " if (result i32) i32.const 11 else i32.const 22 end");
      add("select", parameters, "i32.const 33 i32.const 44 ", " select");
    }
    if (operands() == 1) {
      for (i32 i = 0; i < edge_count(0); i++) add(fmt::format("c{}", i), {i});
    }
    if (operands() == 2) add_binary_forms();
  }

  void add_binary_forms() {
    add("rm", {kParameter, kMemory});
    add("mr", {kMemory, kParameter});
    for (i32 i = 0; i < edge_count(0); i++) add(fmt::format("c{}r", i), {i, kParameter});
    for (i32 j = 0; j < edge_count(1); j++) add(fmt::format("rc{}", j), {kParameter, j});
    for (i32 i = 0; i < edge_count(0); i++) {
      for (i32 j = i % stride_; j < edge_count(1); j += stride_) {
        add(fmt::format("c{}c{}", i, j), {i, j});
      }
    }
  }

  i32 edge_count(u32 operand) const { return static_cast<i32>(edges_[operand].size()); }

  void add(const std::string& name, const std::vector<i32>& from, std::string_view before = "",
           std::string_view after = "") {
    std::string params;
    std::string body(before);
    u32 param = 0;
    for (u32 i = 0; i < operands(); i++) {
      const std::string type = type_text(letter(i));
      if (from[i] >= 0) {
        body += constant(letter(i), edges_[i][static_cast<u32>(from[i])]);
      } else if (from[i] == kMemory) {
        params += " i32";
        body += fmt::format("({}.load (local.get {}))", type, param++);
      } else {
        params += " " + type;
        body += fmt::format("(local.get {})", param++);
      }
    }
    std::string results;
    for (u32 i = 0; i < op_.signature.results_count; i++) {
      results += " " + type_text(op_.signature.results[i]);
    }
    functions_ += fmt::format("(func (export \"{}\") (param{}) (result{}) {} {}{})\n", name, params,
                              results, body, op_.text, after);
    forms_.push_back({name, from});
  }

  std::string data() const {
    std::string text;
    for (u32 i = 0; i < operands(); i++) {
      text += fmt::format("(data (i32.const {}) \"", address(i, 0));
      for (const Words& value : edges_[i]) {
        for (u32 byte = 0; byte < 16; byte++) {
          const u64 half = byte < 8 ? value.low : value.high;
          text += fmt::format("\\{:02x}", half >> (byte % 8 * 8) & 0xff);
        }
      }
      text += "\")\n";
    }
    return text;
  }

  const OpInfo& op_;
  i32 stride_;
  std::vector<std::vector<Words>> edges_;
  std::vector<Form> forms_;
  std::string functions_;
};

// -- Comparison -----------------------------------------------------------------------------------

// The specification leaves the bits of a NaN open that these make.
bool makes_nans(const OpInfo& op) {
  const std::string_view text = op.text;
  if (text[0] != 'f') return false;
  const std::string_view name = text.substr(text.find('.') + 1);
  for (const std::string_view start :
       {"add", "sub", "mul", "div", "sqrt", "min", "max", "ceil", "floor", "trunc", "nearest",
        "demote", "promote", "relaxed"}) {
    if (name.starts_with(start)) return true;
  }
  return false;
}

u64 with_one_nan_32(u64 word) {
  for (const u32 shift : {0u, 32u}) {
    const u32 lane = static_cast<u32>(word >> shift);
    if ((lane & 0x7fff'ffff) > 0x7f80'0000) {
      word = (word & ~(u64{~u32{0}} << shift)) | u64{0x7fc0'0000} << shift;
    }
  }
  return word;
}
u64 with_one_nan_64(u64 word) {
  return (word & ~(u64{1} << 63)) > 0x7ff0'0000'0000'0000 ? 0x7ff8'0000'0000'0000 : word;
}

void make_nans_equal(const OpInfo& op, std::vector<u64>& words) {
  if (!makes_nans(op)) return;
  for (u64& word : words) {
    word = op.text.starts_with("f32") ? with_one_nan_32(word) : with_one_nan_64(word);
  }
}

class OperatorMatrix : public testing::TestWithParam<Way> {
 protected:
  bool is_tested(const OpInfo& op) const {
    const Signature& signature = op.signature;
    if (signature.is_special || op.immediate != Immediate::None || op.access_bytes != 0)
      return false;
    if (signature.params_count == 0 || signature.params[0] == 'm') return false;
    if (!engines_.features().has(op.feature)) return false;
    if (op.feature == Feature::RelaxedSimd && !GetParam().deterministic) return false;
    const std::string_view letters(signature.params, signature.params_count);
    return letters.find_first_of("eatT") == std::string_view::npos && signature.results[0] != 'T';
  }

  void compare_operator(const OpInfo& op);
  void compare_form(const OpInfo& op, const OperatorModule& module, const Form& form);
  void compare_call(const OpInfo& op, const OperatorModule& module, const Form& form,
                    std::span<const u32> edges);

  SideBySide engines_{GetParam()};
  u32 stride_ = GetParam().stride * matrix_sample() / 2 | 1;
  u64 calls_ = 0;
  u64 next_ = 0;  // Where the next form begins to count its calls.
};

void OperatorMatrix::compare_operator(const OpInfo& op) {
  const OperatorModule module(op, stride_);
  const Status loaded = engines_.load(module.text());
  ASSERT_TRUE(loaded.ok()) << op.text << ": " << loaded.error().message();
  for (const Form& form : module.forms()) compare_form(op, module, form);
}

// Every combination of edge values where these are few, else some.
void OperatorMatrix::compare_form(const OpInfo& op, const OperatorModule& module,
                                  const Form& form) {
  constexpr u64 kMost = 1500;
  u64 all = 1;
  for (u32 i = 0; i < module.operands(); i++) {
    if (form.from[i] < 0) all *= module.edges(i).size();
  }
  // Odd, so that it does not only meet some values of an operand.
  const u64 stride = all == 1 ? 1 : std::max<u64>((all / kMost) | 1, stride_);
  std::vector<u32> edges(module.operands());
  for (u64 at = next_++ % stride; at < all && !HasFailure(); at += stride) {
    u64 rest = at;
    for (u32 i = 0; i < module.operands(); i++) {
      if (form.from[i] >= 0) {
        edges[i] = static_cast<u32>(form.from[i]);
      } else {
        edges[i] = static_cast<u32>(rest % module.edges(i).size());
        rest /= module.edges(i).size();
      }
    }
    compare_call(op, module, form, edges);
  }
}

void OperatorMatrix::compare_call(const OpInfo& op, const OperatorModule& module, const Form& form,
                                  std::span<const u32> edges) {
  std::vector<u64> args;
  std::string text;
  for (u32 i = 0; i < module.operands(); i++) {
    const Words value = module.edges(i)[edges[i]];
    text += fmt::format(" {:#x}", value.low);
    if (module.letter(i) == 'v') text += fmt::format(":{:#x}", value.high);
    if (form.from[i] == kMemory) {
      args.push_back(module.address(i, edges[i]));
    } else if (form.from[i] == kParameter) {
      args.push_back(value.low);
      if (module.letter(i) == 'v') args.push_back(value.high);
    }
  }
  calls_++;
  SideBySide::Results results = engines_.invoke(form.name, args);
  if (!GetParam().deterministic) {
    make_nans_equal(op, results.compiled);
    make_nans_equal(op, results.reference);
  }
  ASSERT_EQ(results.compiled_end, results.reference_end) << op.text << " " << form.name << text;
  ASSERT_EQ(results.compiled, results.reference) << op.text << " " << form.name << text;
}

TEST_P(OperatorMatrix, AgreesWithTheInterpreter) {
  u32 operators = 0;
  for (const OpInfo& op : kOpInfo) {
    if (!is_tested(op)) continue;
    operators++;
    ASSERT_NO_FATAL_FAILURE(compare_operator(op)) << op.text;
  }
  RecordProperty("operators", static_cast<int>(operators));
  RecordProperty("calls", static_cast<int>(calls_));
  fmt::print("{} operators, {} calls\n", operators, calls_);
}

INSTANTIATE_TEST_SUITE_P(
    Ways, OperatorMatrix,
    testing::Values(
        Way{"usual"}, Way{.name = "deterministic", .stride = 5, .deterministic = true},
        Way{.name = "dense_v2", .stride = 5, .memory_class = jit::MemoryClass::Dense, .cpu = "v2"},
        Way{.name = "no_homes", .stride = 5, .no_homes = true},
        Way{.name = "spilled", .stride = 5, .spill_all = true}),
    [](const auto& way) { return std::string(way.param.name); });

}  // namespace
}  // namespace lr::spec
