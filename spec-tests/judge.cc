#include "spec-tests/judge.h"

#include <string_view>
#include <utility>

#include "frontend/wat_parser.h"
#include "frontend/wat_printer.h"
#include "jit/compiler/compile.h"

namespace lr::robustness {

namespace {

// Every second function is called directly, the others as if they were not there yet.
class SomeDirect final : public jit::CallTargets {
 public:
  bool is_direct(u32 function) const override { return function % 2 == 0; }
  bool may_inline(u32) const override { return true; }
};

constexpr jit::CodeOptions kVariants[] = {
    {.memory_class = jit::MemoryClass::Guarded},
    {.memory_class = jit::MemoryClass::Dense},
    {.memory_class = jit::MemoryClass::Dense, .no_homes = true, .spill_all = true}};

jit::CpuFeatures every_cpu_feature() {
  return {.avx = true,
          .avx2 = true,
          .fma = true,
          .bmi1 = true,
          .bmi2 = true,
          .lzcnt = true,
          .lse = true};
}

// `size` bytes are all that an error may be in, if it does not name a line.
Verdict verdict_of(const Error& error, u64 size) {
  if (error.line == 0 && error.offset > size) return Verdict::Placeless;
  switch (error.phase()) {
    case ErrPhase::Malformed:
      return Verdict::Malformed;
    case ErrPhase::Invalid:
      return Verdict::Invalid;
    case ErrPhase::Unsupported:
      return Verdict::Unsupported;
    case ErrPhase::Limit:
      return Verdict::Limit;
    case ErrPhase::Unlinkable:
    case ErrPhase::System:
    case ErrPhase::Usage:
    case ErrPhase::Trap:
      return Verdict::Stray;
  }
  __builtin_unreachable();
}

}  // namespace

class FunctionCompiler {
 public:
  FunctionCompiler() {
    add(jit::make_masm_x64(every_cpu_feature()));
    add(jit::make_masm_x64(jit::CpuFeatures{}));
    add(jit::make_masm_a64(every_cpu_feature()));
  }

  // The number of functions compiled, all variants counted. `module` is valid.
  u32 run(const Module& module) {
    const jit::ContextLayout layout(module);
    u32 compiled = 0;
    for (u32 i = module.imported_functions; i < module.functions.size(); i++) {
      facts_.clear();
      CHECK(validate_function(module, i, &facts_, scratch_).ok());
      for (Lane& lane : lanes_) {
        for (const jit::CodeOptions& options : kVariants) {
          lane.masm->reset();
          out_.clear();
          compiled += jit::compile_function(*lane.compiler, module, layout, i, facts_, options,
                                            targets_, out_)
                          .ok();
        }
      }
    }
    return compiled;
  }

 private:
  struct Lane {
    std::unique_ptr<jit::Masm> masm;
    std::unique_ptr<jit::Compiler, jit::CompilerDeleter> compiler;
  };

  void add(std::unique_ptr<jit::Masm> masm) {
    auto compiler = jit::make_compiler(*masm);
    lanes_.push_back({std::move(masm), std::move(compiler)});
  }

  std::vector<Lane> lanes_;
  SomeDirect targets_;
  ValidatorScratch scratch_;
  FuncFacts facts_;
  jit::CompiledFunction out_;
};

Judge::Judge(const JudgeOptions& options) : options_(options) {
  slow_.use_fast_path(false);
  if (options.compiles) compiler_ = std::make_unique<FunctionCompiler>();
}

Judge::~Judge() = default;

Judgement Judge::binary(std::vector<u8> bytes) {
  if (options_.prints) (void)print_wat(bytes);
  if (options_.both_paths && is_split(bytes)) return {Verdict::Split};
  const u64 size = bytes.size();
  std::vector<u8> copy = compiler_ ? bytes : std::vector<u8>();
  auto module = load_module(std::move(bytes), FeatureSet::all(), executor_);
  if (!module.ok()) return {verdict_of(module.error(), size)};
  (void)(*module)->names();
  if (!compiler_) return {Verdict::Accepted};
  auto compilable = load_module(std::move(copy), FeatureSet::defaults(), executor_);
  if (!compilable.ok()) return {Verdict::Accepted};
  return {Verdict::Accepted, compiler_->run(**compilable)};
}

Judgement Judge::text(std::span<const u8> text) {
  Result<std::vector<u8>> bytes =
      parse_wat({reinterpret_cast<const char*>(text.data()), text.size()});
  if (bytes.ok()) return binary(std::move(*bytes));
  return {verdict_of(bytes.error(), 0)};
}

bool Judge::is_split(const std::vector<u8>& bytes) {
  auto module = decode_module(bytes, FeatureSet::all());
  if (!module.ok()) return false;
  for (u32 i = (*module)->imported_functions; i < (*module)->functions.size(); i++) {
    const Status fast = validate_function(**module, i, nullptr, fast_);
    const Status slow = validate_function(**module, i, nullptr, slow_);
    if (fast.ok() != slow.ok()) return true;
    if (fast.ok()) continue;
    const bool same = fast.error().message() == slow.error().message() &&
                      fast.error().offset == slow.error().offset;
    if (!same) return true;
  }
  return false;
}

}  // namespace lr::robustness
