#include "spec-tests/side_by_side.h"

#include <fmt/format.h>

#include <bit>
#include <cstdlib>

#include "frontend/opcode.h"
#include "frontend/wat_parser.h"
#include "spec-tests/compiled_engine.h"
#include "spec-tests/reference_engine.h"
#include "spec-tests/spectest.h"

namespace lr::spec {

namespace {

Result<EngineInstance*> instance_in(ScriptEngine& engine, const std::vector<u8>& bytes) {
  return engine.instantiate(TRY(engine.load(bytes, "", FeatureSet::all())));
}

std::string call(EngineInstance& instance, std::string_view name, std::vector<u64>& values) {
  const Ended ended = instance.invoke(name, values);
  if (!ended.returned()) {
    values.clear();
    return ended.message;
  }
  usize at = 0;
  for (const ValType type : instance.function_type(name)->results) {
    if (type.kind == Kind::I32 || type.kind == Kind::F32) values[at] = static_cast<u32>(values[at]);
    at += type.kind == Kind::V128 ? 2 : 1;
  }
  return "";
}

}  // namespace

u32 matrix_sample() {
  const char* const asked = std::getenv("LR_MATRIX");
  return asked != nullptr && std::string_view(asked) == "full" ? 1 : 5;
}

SideBySide::SideBySide(const Way& way) {
  config_.memory_class = way.memory_class;
  config_.exact_extent = way.exact_extent;
  RuntimeOptions options;
  options.engine.cpu = jit::restrict_cpu(jit::detect_cpu(), way.cpu);
  options.engine.deterministic = way.deterministic;
  options.engine.no_homes = way.no_homes;
  options.engine.spill_all = way.spill_all;
  auto runtime = Runtime::create(options);
  CHECK(runtime.ok());
  runtime_ = std::move(*runtime);
  CHECK(add_spectest_functions(runtime_->linker()).ok());
}

Status SideBySide::load(const std::string& wat) { return load(TRY(parse_wat(wat))); }

Status SideBySide::load(const std::vector<u8>& bytes) {
  compiled_engine_ = TRY(make_compiled_engine(*runtime_, config_));
  reference_engine_ = make_reference_engine();
  compiled_ = TRY(instance_in(*compiled_engine_, bytes));
  reference_ = TRY(instance_in(*reference_engine_, bytes));
  return ok_status();
}

SideBySide::Results SideBySide::invoke(std::string_view name, std::span<const u64> args) {
  Results results;
  results.compiled.assign(args.begin(), args.end());
  results.reference = results.compiled;
  results.compiled_end = call(*compiled_, name, results.compiled);
  results.reference_end = call(*reference_, name, results.reference);
  return results;
}

std::string type_text(char letter) { return name_of(type_of_letter(letter)); }

std::string constant(char letter, Words value) {
  if (letter == 'v') return fmt::format("(v128.const i64x2 {} {})", value.low, value.high);
  if (letter == 'i' || letter == 'l') {
    return fmt::format("({}.const {})", type_text(letter), value.low);
  }
  const bool is_single = letter == 'f';
  const u64 sign = u64{1} << (is_single ? 31 : 63);
  const u64 magnitude = value.low & (sign - 1);
  const u64 infinity = is_single ? 0x7f80'0000 : 0x7ff0'0000'0000'0000;
  std::string text = (value.low & sign) != 0 ? "-" : "";
  if (magnitude > infinity) {
    text += fmt::format("nan:{:#x}", magnitude - infinity);
  } else if (magnitude == infinity) {
    text += "inf";
  } else {
    text += fmt::format("{:a}", is_single ? f64{std::bit_cast<f32>(static_cast<u32>(magnitude))}
                                          : std::bit_cast<f64>(magnitude));
  }
  return fmt::format("({}.const {})", type_text(letter), text);
}

}  // namespace lr::spec
