// lunatic-run compile FILE: what the compiler makes of a module.
#include <fmt/format.h>
#include <sys/resource.h>

#include <charconv>
#include <chrono>

#include "frontend/decoder.h"
#include "frontend/validator.h"
#include "jit/compiled_module.h"
#include "jit/compiler/compile.h"
#include "jit/engine.h"
#include "tools/commands.h"
#include "tools/engine_options.h"
#include "tools/input.h"
#include "tools/instr_text.h"
#include "tools/thread_executor.h"

namespace lr::cli {

namespace {

// Calls between functions of a module are direct, as when all of them are compiled.
struct AllDirect final : jit::CallTargets {
  bool is_direct(u32) const override { return true; }
  bool may_inline(u32) const override { return true; }
};

// The function that --function names: an index, an export's name, or a name of the name section.
Result<u32> find_function(const Module& module, std::string_view name) {
  u32 index = 0;
  const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  const bool is_number = error == std::errc{} && rest == name.data() + name.size();
  if (!is_number) {
    const Export* found = module.find_export(name);
    if (found != nullptr && found->kind == ExternKind::Func) {
      index = found->index;
    } else {
      while (index < module.functions.size() && module.function_name(index) != name) index++;
    }
  }
  if (index >= module.functions.size()) {
    return make_error(Err::BadArgument, fmt::format("no function is called {}", name));
  }
  if (index < module.imported_functions) {
    return make_error(Err::BadArgument, fmt::format("function {} is imported", name));
  }
  return index;
}

// Prints functions: each instruction, and beside it the machine code that was emitted when the
// compiler came to it. Values are lazy, so the code of an instruction may stand beside a later one.
class Lister {
 public:
  Lister(const Module& module, const jit::CpuFeatures& cpu, const jit::CodeOptions& options)
      : module_(module), layout_(module), options_(options), masm_(jit::make_host_masm(cpu)) {
    compiler_ = jit::make_compiler(*masm_);
    code_.marks = &marks_;
  }

  Status list(u32 index) {
    FuncFacts facts;
    TRY(validate_function(module_, index, &facts, scratch_));
    TRY(jit::compile_function(*compiler_, module_, layout_, index, facts, options_, targets_,
                              code_));
    const Function& function = module_.functions[index];
    fmt::print("func[{}] ${}: {} bytes of wasm, {} of code\n", index, module_.function_name(index),
               function.body_size, masm_->code().size());
    print_code("prologue", 0, marks_[0].code_offset);
    for (usize i = 0; i + 1 < marks_.size(); i++) {
      print_code(instruction_at(marks_[i].wasm_offset), marks_[i].code_offset,
                 marks_[i + 1].code_offset);
    }
    print_code("cold code", marks_.back().code_offset, static_cast<u32>(masm_->code().size()));
    fmt::print("\n");
    return ok_status();
  }

 private:
  std::string instruction_at(u32 offset) const {
    Diag diag;
    Reader reader(module_.bytes, offset, module_.bytes.size(), diag);
    Instr instr;
    read_instr(reader, module_.features, instr);
    return fmt::format("{:06x}  {}", offset, instr_text(module_, instr));
  }

  // `left` in the left column, the code of [from, to) in the right one.
  void print_code(std::string left, u32 from, u32 to) {
    const auto disassemble = std::string_view(masm_->target().name) == "a64"
                                 ? &jit::disassemble_a64
                                 : &jit::disassemble_x64;
    const std::string text = disassemble(masm_->code().subspan(from, to - from), from);
    if (text.empty()) fmt::print("{}\n", left);
    for (usize start = 0; start < text.size();) {
      const usize end = text.find('\n', start);
      fmt::print("{:<40}  {}\n", left, std::string_view(text).substr(start, end - start));
      left.clear();
      start = end + 1;
    }
  }

  const Module& module_;
  jit::ContextLayout layout_;
  jit::CodeOptions options_;
  AllDirect targets_;
  std::unique_ptr<jit::Masm> masm_;
  std::unique_ptr<jit::Compiler, jit::CompilerDeleter> compiler_;
  ValidatorScratch scratch_;
  std::vector<jit::SourceMark> marks_;
  jit::CompiledFunction code_;
};

Status list_functions(const CommandLine& line, std::vector<u8> binary) {
  ThreadExecutor executor(0);
  const auto module = TRY(load_module(std::move(binary), line.features(), executor));
  Lister lister(*module, cpu_features(line), code_options(line, *module));
  if (line.has(Opt::Function)) {
    const u32 index = TRY(find_function(*module, line.text(Opt::Function)));
    return lister.list(index);
  }
  for (u32 i = module->imported_functions; i < module->functions.size(); i++) TRY(lister.list(i));
  return ok_status();
}

u64 elapsed_ns(std::chrono::steady_clock::time_point since) {
  const auto elapsed = std::chrono::steady_clock::now() - since;
  return static_cast<u64>(std::chrono::nanoseconds(elapsed).count());
}

// Validates and compiles everything, and says how long that took. Every body is read once for
// both: its facts live only from its validation to its compilation.
Status compile_all(const CommandLine& line, std::vector<u8> binary) {
  ThreadExecutor executor(line.count(Opt::Threads, 0));
  jit::EngineOptions options = engine_options(line);
  options.lazy_validation = true;
  const auto engine = TRY(jit::Engine::create(options));
  const usize file_bytes = binary.size();
  const auto start = std::chrono::steady_clock::now();
  const auto compiled = TRY(engine->load(std::move(binary), line.operands[0], executor));
  const u64 load_ns = elapsed_ns(start);
  const Module& module = compiled->module();
  jit::ModuleCode* code = TRY(compiled->code(code_options(line, module)));
  TRY(code->compile_all(executor));
  const u64 total_ns = elapsed_ns(start);
  const jit::CodeStats stats = code->stats();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  if (line.has(Opt::StatsJson)) {
    fmt::print(
        "{{\"file_bytes\":{},\"code_section_bytes\":{},\"functions\":{},\"threads\":{},"
        "\"load_ns\":{},\"compile_ns\":{},\"total_ns\":{},\"cpu_ns\":{},\"code_bytes\":{},"
        "\"peak_kib\":{}}}\n",
        file_bytes, module.code_size, stats.functions_ready, executor.width(), load_ns,
        total_ns - load_ns, total_ns, stats.compile_ns, stats.code_bytes, usage.ru_maxrss);
  } else {
    fmt::print("{} functions, {} bytes of wasm to {} bytes of code in {:.1f} ms ({:.1f} MB/s)\n",
               stats.functions_ready, module.code_size, stats.code_bytes,
               static_cast<double>(total_ns) / 1e6,
               static_cast<double>(module.code_size) * 1e3 / static_cast<double>(total_ns));
  }
  return ok_status();
}

}  // namespace

int compile_file(const CommandLine& line) {
  const std::string& path = line.operands[0];
  Result<std::vector<u8>> binary = read_binary(path);
  if (!binary.ok()) return refuse(display_name(path), binary.error());
  const bool list = line.has(Opt::Listing) || line.has(Opt::Function);
  const Status done = list ? list_functions(line, std::move(binary.value()))
                           : compile_all(line, std::move(binary.value()));
  return done.ok() ? kExitSuccess : refuse(display_name(path), done.error());
}

}  // namespace lr::cli
