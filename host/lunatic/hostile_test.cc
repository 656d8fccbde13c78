// Every function of the ABI with arguments that nobody passes: whatever a guest does, the worst
// that happens is its own trap or end.
#include "host/lunatic/resources.h"
#include "host/lunatic/test_program.h"

namespace lr::lunatic {
namespace {

constexpr u64 kMemoryBytes = 4 * 64 * kKiB;

constexpr u64 kWords[] = {0,
                          1,
                          2,
                          1024,
                          kMemoryBytes - 8,
                          kMemoryBytes - 1,
                          kMemoryBytes,
                          0x7fff'ffff,
                          0x8000'0000,
                          0xffff'fff8,
                          0xffff'ffff,
                          0x1'0000'0001,
                          0x7fff'ffff'ffff'ffff,
                          0x8000'0000'0000'0000,
                          0xffff'ffff'ffff'ffff};

std::string_view word_name(std::string_view words, usize index) {
  for (;; --index) {
    words.remove_prefix(std::min(words.find_first_not_of(' '), words.size()));
    const std::string_view word = words.substr(0, words.find(' '));
    if (index == 0) return word;
    words.remove_prefix(word.size());
  }
}

// What would take for ever to wait for.
bool is_duration(std::string_view word) { return word == "timeout" || word == "millis"; }

struct Hostile : testing::TestWithParam<usize> {
  static const HostFunction& function() { return functions()[GetParam()]; }

  Hostile() {
    RuntimeOptions options;
    // One, so that nothing ends the process between two calls.
    options.scheduler.workers = 1;
    runtime = std::move(Runtime::create(options).value());
    EXPECT_TRUE(runtime->linker().add(functions()).ok());
    Result<std::vector<u8>> bytes =
        parse_wat("(module " + import_text(function()) + R"((memory (export "memory") 4)
        (func $back (export "_lunatic_catch_trap") (param i32 i32) (result i32) unreachable)
        (func (export "child"))
        (data (i32.const 1024) "child") (export "f" (func $f))))");
    EXPECT_TRUE(bytes.ok()) << bytes.error().message();
    module = runtime->load(std::move(*bytes), "hostile").value();
    linked = runtime->link(module).value();
  }

  // A process that may do all, with one of each of the things that have ids.
  void start() {
    ProcessConfig config;
    config.permissions = PermissionSet::all();
    config.may_compile_modules = config.may_create_configs = config.may_spawn = true;
    config.memory_class = jit::MemoryClass::Dense;
    config.mailbox.bytes_max = 16 * kMiB;
    handle = std::move(runtime->create_process(config).value());
    Process& process = handle->process();
    instance = process.store().instantiate(module, linked->imports()).value();
    process.set_module(linked, instance);
    Resources& resources = process.resources();
    resources.keep_error("an error");
    resources.configs.add({});
    resources.modules.add({linked, 100});
  }

  void call(std::vector<u64> words) {
    if (handle == nullptr) start();
    MessagePtr& scratch = handle->process().scratch();
    if (scratch == nullptr) scratch = std::make_unique<Message>();
    words.resize(std::max<usize>(words.size(), 1));
    const Outcome outcome = handle->call(*instance, "f", words);
    if (outcome.kind == Outcome::Kind::Killed) handle.reset();
    if (outcome.kind == Outcome::Kind::Trapped) {
      EXPECT_FALSE(outcome.message.empty());
    }
  }

  std::unique_ptr<Runtime> runtime;
  std::shared_ptr<jit::CompiledModule> module;
  ModuleRef linked;
  std::unique_ptr<ProcessHandle> handle;
  jit::Instance* instance = nullptr;
};

// Each argument takes every value while the others are small, then all take the same.
TEST_P(Hostile, Arguments) {
  const HostFunction& called = function();
  const usize count = called.params.size();
  const auto fit = [&](usize at, u64 value) {
    if (is_duration(word_name(called.words, at))) return u64{0};
    return called.params[at] == kI32 ? value & 0xffff'ffff : value;
  };
  for (const u64 value : kWords) {
    for (const u64 others : {u64{0}, u64{5}, u64{1024}}) {
      for (usize at = 0; at < count; ++at) {
        std::vector<u64> words;
        for (usize i = 0; i < count; ++i) words.push_back(fit(i, i == at ? value : others));
        call(std::move(words));
      }
    }
    std::vector<u64> words;
    for (usize i = 0; i < count; ++i) words.push_back(fit(i, value));
    call(std::move(words));
  }
}

INSTANTIATE_TEST_SUITE_P(Functions, Hostile, testing::Range(usize{0}, functions().size()),
                         [](const auto& param) {
                           const HostFunction& function = functions()[param.param];
                           const std::string_view space =
                               function.module.substr(function.module.rfind(':') + 1);
                           return std::string(space) + "_" + std::string(function.name) + "_" +
                                  std::to_string(param.param);
                         });

}  // namespace
}  // namespace lr::lunatic
