<<<<<<< HEAD
// lunatic-run as a library: loads a module, gives it a host function, calls an export, and catches
// a trap. Built with the project; elsewhere, after `cmake --install`:
//
//   find_package(LunaticRun)
//   target_link_libraries(your_program PRIVATE lunatic-run::host)
#include <cstdio>
#include <string>
#include <vector>
=======
// The project as a library: load a module, give it a host function, call its exports, and survive
// its trap.
//
//   cmake --build build --target embed && build/examples/embed
#include <cstdio>
#include <string>
>>>>>>> main

#include "frontend/wat_parser.h"
#include "host/runtime.h"

namespace {

<<<<<<< HEAD
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
=======
constexpr const char* kModule = R"((module
  (import "app" "log" (func $log (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "the guest counts")
  (func (export "triangle") (param $n i32) (result i32)
    (local $sum i32)
    (call $log (i32.const 0) (i32.const 16))
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (local.get $n)))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func (export "divide") (param i32 i32) (result i32)
    (i32.div_s (local.get 0) (local.get 1)))))";

// A host function is an ordinary function. GuestString is a pointer and a length in wasm; both have
// been checked when it is called.
lr::Done log_text(lr::Caller& /*caller*/, lr::GuestString text) {
  std::printf("log: %s\n", text.copy().c_str());
  return {};
}
constexpr lr::HostFunction kLog =
    lr::host_function<&log_text>("app", "log", "text text_len", 2, lr::Permission::None);

lr::Status run() {
  std::unique_ptr<lr::Runtime> runtime = TRY(lr::Runtime::create({}));
  TRY(runtime->linker().add(kLog));

  std::vector<lr::u8> bytes = TRY(lr::parse_wat(kModule));
  const auto module = TRY(runtime->load(std::move(bytes), "example"));
  const auto process = TRY(runtime->create_process({}));
  lr::jit::Instance* instance = TRY(process->instantiate(module));

  std::vector<lr::u64> values = {10};
  lr::Outcome outcome = process->call(*instance, "triangle", values);
  std::printf("triangle(10) = %llu\n", static_cast<unsigned long long>(values[0]));

  values = {1, 0};
  outcome = process->call(*instance, "divide", values);
  std::printf("divide(1, 0): %s\n", outcome.returned() ? "returned" : outcome.message.c_str());

  values = {7, 2};  // The process is as it was before the trap.
  outcome = process->call(*instance, "divide", values);
  std::printf("divide(7, 2) = %llu\n", static_cast<unsigned long long>(values[0]));
>>>>>>> main
  return lr::ok_status();
}

}  // namespace

int main() {
<<<<<<< HEAD
  const lr::Status done = run();
  if (done.ok()) return 0;
  std::fprintf(stderr, "embed: %s\n", done.error().message().c_str());
  return 1;
=======
  const lr::Status status = run();
  if (!status.ok()) std::fprintf(stderr, "embed: %s\n", status.error().message().c_str());
  return status.ok() ? 0 : 1;
>>>>>>> main
}
