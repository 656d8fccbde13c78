// What a module costs before it runs, on one thread: text to binary, decoding, validation, and
// validation with compilation. The rates are of the binary's code section.
//
// The module is the file that LR_BENCH_MODULE names (./dev bench names CPython's if the corpus is
// there), else one made here.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "frontend/decoder.h"
#include "frontend/validator.h"
#include "frontend/wat_parser.h"
#include "jit/compiled_module.h"
#include "jit/engine.h"

namespace lr {
namespace {

// Functions with loops, memory, calls and floating point in the proportions of ordinary code.
std::string make_text() {
  constexpr u32 kFunctions = 2000;
  std::string text = "(module (memory 1) (global $g (mut i32) (i32.const 0))\n";
  for (u32 i = 0; i < kFunctions; i++) {
    text += fmt::format(R"(
      (func $f{0} (param $a i32) (param $b i32) (result i32) (local $i i32) (local $x f64)
        (block $out
          (br_if $out (i32.eqz (local.get $b)))
          (loop $again
            (local.set $x (f64.add (local.get $x)
              (f64.load offset={1} (i32.and (local.get $i) (i32.const 4088)))))
            (i32.store offset={2} (i32.shl (i32.and (local.get $i) (i32.const 255)) (i32.const 2))
              (i32.add (i32.mul (local.get $a) (i32.const {3})) (local.get $i)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (local.get $b)))))
        (if (result i32) (i32.gt_s (local.get $a) (i32.const {0}))
          (then (call $f{4} (i32.sub (local.get $a) (i32.const 1)) (local.get $i)))
          (else (i32.xor (i32.trunc_sat_f64_s (local.get $x)) (global.get $g)))))
)",
                        i, i % 64 * 8, 8192 + i % 128 * 4, i * 7 + 3, (i + 1) % kFunctions);
  }
  return text + ")";
}

std::vector<u8> parse(std::string_view text) {
  Result<std::vector<u8>> binary = parse_wat(text);
  CHECK(binary.ok());
  return std::move(binary.value());
}

const std::vector<u8>& module_bytes() {
  static const std::vector<u8> bytes = [] {
    const char* path = std::getenv("LR_BENCH_MODULE");
    if (path == nullptr) return parse(make_text());
    std::ifstream file(path, std::ios::binary);
    return std::vector<u8>(std::istreambuf_iterator<char>(file), {});
  }();
  return bytes;
}

std::shared_ptr<const Module> decode() {
  auto module = decode_module(module_bytes(), FeatureSet::defaults());
  CHECK(module.ok());
  return module.value();
}

void set_rate(benchmark::State& state, u64 bytes) {
  state.SetBytesProcessed(static_cast<i64>(bytes) * static_cast<i64>(state.iterations()));
}

void text_to_binary(benchmark::State& state) {
  const std::string text = make_text();
  for (auto _ : state) benchmark::DoNotOptimize(parse(text));
  set_rate(state, text.size());
}
BENCHMARK(text_to_binary)->Unit(benchmark::kMillisecond);

void decode_sections(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(decode());
  set_rate(state, module_bytes().size());
}
BENCHMARK(decode_sections)->Unit(benchmark::kMillisecond);

void validate(benchmark::State& state, bool with_facts) {
  const auto module = decode();
  ValidatorScratch scratch;
  FuncFacts facts;
  for (auto _ : state) {
    for (u32 i = module->imported_functions; i < module->functions.size(); i++) {
      CHECK(validate_function(*module, i, with_facts ? &facts : nullptr, scratch).ok());
    }
  }
  set_rate(state, module->code_size);
}
BENCHMARK_CAPTURE(validate, alone, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(validate, with_facts, true)->Unit(benchmark::kMillisecond);

// Everything from bytes to machine code: what `lunatic-run compile --threads 1` does.
void load_and_compile(benchmark::State& state, jit::MemoryClass memory_class) {
  jit::EngineOptions options;
  options.lazy_validation = true;
  const auto engine = std::move(jit::Engine::create(options)).value();
  SerialExecutor executor;
  jit::CodeStats stats;
  u64 code_size = 0;
  for (auto _ : state) {
    auto compiled = engine->load(module_bytes(), "module", executor);
    CHECK(compiled.ok());
    auto code = compiled.value()->code(memory_class);
    CHECK(code.ok());
    CHECK(code.value()->compile_all(executor).ok());
    stats = code.value()->stats();
    code_size = compiled.value()->module().code_size;
  }
  set_rate(state, code_size);
  state.counters["code_over_wasm"] =
      static_cast<f64>(stats.code_bytes) / static_cast<f64>(code_size);
}
BENCHMARK_CAPTURE(load_and_compile, guarded, jit::MemoryClass::Guarded)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(load_and_compile, dense, jit::MemoryClass::Dense)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lr

BENCHMARK_MAIN();
