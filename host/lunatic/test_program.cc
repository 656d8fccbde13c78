#include "host/lunatic/test_program.h"

namespace lr::lunatic {
namespace {

std::mutex noting;
std::vector<i64> noted;

Done note_value(Caller& /*caller*/, i64 value) {
  const std::lock_guard lock(noting);
  noted.push_back(value);
  return {};
}

constexpr HostFunction kHelpers[] = {
    host_function<&note_value>("test", "note", "value", 1, Permission::None),
};

constexpr std::string_view kHelperCode = R"(
  (memory (export "memory") 4)
  (func $send (param $pid i64) (param $tag i64) (param $value i64)
    (call $message.create_data (local.get $tag) (i64.const 8))
    (i64.store (i32.const 512) (local.get $value))
    (drop (call $message.write_data (i32.const 512) (i32.const 8)))
    (drop (call $message.send (local.get $pid))))
  (func $value (result i64)
    (drop (call $message.read_data (i32.const 512) (i32.const 8)))
    (i64.load (i32.const 512)))
  (func $n (param $value i32) (call $note (i64.extend_i32_u (local.get $value))))
  (func $tag (param $tag i64) (result i32)
    (i64.store (i32.const 520) (local.get $tag))
    (call $message.receive (i32.const 520) (i32.const 1) (i64.const -1)))
  (func $any (param $timeout i64) (result i32)
    (call $message.receive (i32.const 0) (i32.const 0) (local.get $timeout)))
  (func $spawn (param $name i32) (param $length i32) (param $link i64) (param $argument i32)
      (result i64)
    (i32.store8 (i32.const 528) (i32.const 0x7f))
    (i32.store (i32.const 529) (local.get $argument))
    (if (call $process.spawn (local.get $link) (i64.const -1) (i64.const -1)
        (local.get $name) (local.get $length) (i32.const 528)
        (select (i32.const 0) (i32.const 17) (i32.eq (local.get $argument) (i32.const -1)))
        (i32.const 560))
      (then (return (i64.const -1))))
    (i64.load (i32.const 560)))
)";

// "$message.send", "$note".
std::string dollar_name(const HostFunction& function) {
  const std::string_view space = function.module.substr(function.module.rfind(':') + 1);
  const std::string name(function.name);
  return space == "test" ? name : std::string(space) + "." + name;
}

}  // namespace

std::string import_text(const HostFunction& function, std::string_view name) {
  std::string text(R"((import ")");
  text.append(function.module).append("\" \"").append(function.name).append("\" (func $");
  text.append(name);
  for (const ValType type : function.params) text.append(" (param ").append(name_of(type)) += ")";
  for (const ValType type : function.results) text.append(" (result ").append(name_of(type)) += ")";
  return text + "))\n";
}

TestProgram::TestProgram(u32 workers) {
  options.scheduler.workers = workers;
  config.permissions = PermissionSet::all();
  config.may_compile_modules = config.may_create_configs = config.may_spawn = true;
  config.memory_class = jit::MemoryClass::Dense;
}

std::string TestProgram::prelude() {
  std::string text;
  std::vector<std::string> known;
  for (const std::span<const HostFunction> table :
       {std::span<const HostFunction>(kHelpers), functions()}) {
    for (const HostFunction& function : table) {
      const std::string name = std::string(function.module) + "." + std::string(function.name);
      // Of several types of one name, the first.
      if (std::ranges::find(known, name) != known.end()) continue;
      known.push_back(name);
      text += import_text(function, dollar_name(function));
    }
  }
  return text.append(kHelperCode);
}

std::vector<u8> TestProgram::assemble(std::string_view module) {
  Result<std::vector<u8>> bytes = parse_wat(module);
  EXPECT_TRUE(bytes.ok()) << bytes.error().message();
  return bytes.ok() ? std::move(*bytes) : std::vector<u8>();
}

void TestProgram::check(const Case& test_case, u32 workers) {
  TestProgram program(workers);
  const Outcome outcome = program.run(test_case.body);
  EXPECT_EQ(outcome.message, test_case.trap);
  EXPECT_EQ(outcome.returned(), test_case.trap.empty());
  EXPECT_EQ(program.notes(), test_case.notes);
}

Outcome TestProgram::run(std::string_view body) {
  return run_module("(module " + prelude() + std::string(body) + ")");
}

Outcome TestProgram::run_module(std::string_view text) {
  {
    const std::lock_guard lock(noting);
    noted.clear();
  }
  auto runtime = std::move(Runtime::create(options).value());
  EXPECT_TRUE(runtime->linker().add(wasi::functions()).ok());
  EXPECT_TRUE(runtime->linker().add(functions()).ok());
  EXPECT_TRUE(runtime->linker().add(kHelpers).ok());
  auto module = runtime->load(assemble(text), "test");
  EXPECT_TRUE(module.ok()) << module.error().message();
  if (!module.ok()) return {};
  auto linked = runtime->link(*module);
  EXPECT_TRUE(linked.ok()) << linked.error().message();
  if (!linked.ok()) return {};
  auto process = std::move(runtime->create_process(config).value());
  auto instance = process->store().instantiate(*module, (*linked)->imports());
  EXPECT_TRUE(instance.ok()) << instance.error().message();
  if (!instance.ok()) return {};
  process->process().set_module(*linked, *instance);
  std::vector<u64> none;
  Outcome outcome = process->call(**instance, "_start", none);
  const std::lock_guard lock(noting);
  notes_ = noted;
  return outcome;
}

std::vector<i64> TestProgram::notes() { return notes_; }

}  // namespace lr::lunatic
