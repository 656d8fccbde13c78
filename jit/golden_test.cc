// Generated code is tested by reading it: jit/testdata/NAME.wat beside NAME.golden, which holds
// every function's code for both machines. LR_GOLDEN=rewrite (./dev golden) writes them anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "frontend/decoder.h"
#include "frontend/validator.h"
#include "frontend/wat_parser.h"
#include "jit/compiler/compile.h"

namespace lr::jit {
namespace {

namespace fs = std::filesystem;

const fs::path kData = fs::path(LR_SOURCE_DIR) / "jit/testdata";

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

struct AllDirect final : CallTargets {
  bool is_direct(u32) const override { return true; }
  bool may_inline(u32) const override { return true; }
};

std::string list_module(const Module& module, Masm& masm, const CodeOptions& options) {
  const auto compiler = make_compiler(masm);
  const ContextLayout layout(module);
  const AllDirect targets;
  ValidatorScratch scratch;
  FuncFacts facts;
  CompiledFunction out;
  std::string text;
  for (u32 i = module.imported_functions; i < module.functions.size(); i++) {
    const Status valid = validate_function(module, i, &facts, scratch);
    EXPECT_TRUE(valid.ok()) << valid.error().message();
    const Status compiled =
        compile_function(*compiler, module, layout, i, facts, options, targets, out);
    text += ";; " + std::string(masm.target().name) + " $" + std::string(module.function_name(i)) +
            "\n" + (compiled.ok() ? masm.listing() : compiled.error().message());
    if (text.back() != '\n') text += '\n';
  }
  return text;
}

std::string listing_of(const fs::path& wat) {
  auto bytes = parse_wat(read_file(wat));
  if (!bytes.ok()) return bytes.error().message();
  auto module = decode_module(std::move(bytes.value()), FeatureSet::defaults());
  if (!module.ok()) return module.error().message();
  CodeOptions options;
  if (wat.stem().string().ends_with("_dense")) options.memory_class = MemoryClass::Dense;
  for (const Preempt preempt : kPreempts) {
    if (wat.stem().string().ends_with("_" + std::string(name_of(preempt)))) {
      options.preempt = preempt;
    }
  }
  CpuFeatures cpu;
  cpu.avx = cpu.avx2 = cpu.fma = cpu.bmi1 = cpu.bmi2 = cpu.lzcnt = cpu.lse = true;
  if (wat.stem().string().ends_with("_v2")) cpu = restrict_cpu(cpu, "v2");
  const auto x64 = make_masm_x64(cpu);
  const auto a64 = make_masm_a64(cpu);
  return list_module(*module.value(), *x64, options) + list_module(*module.value(), *a64, options);
}

class Golden : public testing::TestWithParam<fs::path> {};

TEST_P(Golden, ListingIsAsRecorded) {
  const std::string now = listing_of(GetParam());
  fs::path golden = GetParam();
  golden.replace_extension(".golden");
  const char* mode = std::getenv("LR_GOLDEN");
  if (mode != nullptr && std::string_view(mode) == "rewrite") {
    std::ofstream(golden, std::ios::binary) << now;
    return;
  }
  EXPECT_EQ(now, read_file(golden)) << "the generated code has changed: read the difference, then "
                                       "run ./dev golden";
}

std::vector<fs::path> all_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kData)) {
    if (entry.path().extension() == ".wat") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(Jit, Golden, testing::ValuesIn(all_files()),
                         [](const auto& param) { return param.param.stem().string(); });

}  // namespace
}  // namespace lr::jit
