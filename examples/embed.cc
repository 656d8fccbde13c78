// lunatic-run as a library: loads a module, gives it a host function, calls an export, and catches
// a trap. Built with the project; elsewhere, after `cmake --install`:
//
//   find_package(LunaticRun)
//   target_link_libraries(your_program PRIVATE lunatic-run::host)
#include <cstdio>
#include <string>
#include <vector>

#include "frontend/wat_parser.h"
#include "host/runtime.h"

namespace {

constexpr std::string_view kModule = R"((module $adder
  (import "example" "twice" (func $twice (param i32) (result i32)))
  (func (export "add_twice") (param i32 i32) (result i32)
    (i32.add (local.get 0) (call $twice (local.get 1))))
  (func $divide (export "divide") (param i32 i32) (result i32)
    (i32.div_s (local.get 0) (local.get 1)))))";

// What the module imports. Its wasm type comes from its C++ type; the caller says whose call it is.
lr::u32 twice(lr::Caller& /*caller*/, lr::u32 n) { return n * 2; }

constexpr lr::HostFunction kTwice =
    lr::host_function<&twice>("example", "twice", "n", 1, lr::Permission::None);

lr::Status run() {
  const auto runtime = TRY(lr::Runtime::create({}));
  TRY(runtime->linker().add(kTwice));

  std::vector<lr::u8> binary = TRY(lr::parse_wat(kModule));
  const auto module = TRY(runtime->load(std::move(binary), "adder"));
  const auto process = TRY(runtime->create_process({}));
  lr::jit::Instance* adder = TRY(process->instantiate(module));

  // One word for each argument, and for each result on return.
  std::vector<lr::u64> values = {2, 20};
  if (process->call(*adder, "add_twice", values).returned()) {
    std::printf("2 + 2 * 20 = %d\n", static_cast<int>(values[0]));
  }

  values = {1, 0};
  const lr::Outcome outcome = process->call(*adder, "divide", values);
  if (outcome.kind == lr::Outcome::Kind::Trapped) {
    std::printf("1 / 0 is a trap: %s\n%s", outcome.message.c_str(), outcome.backtrace.c_str());
  }

  // The process goes on after a trap.
  values = {84, 2};
  if (process->call(*adder, "divide", values).returned()) {
    std::printf("84 / 2 = %d\n", static_cast<int>(values[0]));
  }
  return lr::ok_status();
}

}  // namespace

int main() {
  const lr::Status done = run();
  if (done.ok()) return 0;
  std::fprintf(stderr, "embed: %s\n", done.error().message().c_str());
  return 1;
}
