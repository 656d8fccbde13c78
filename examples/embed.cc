// The project as a library: load a module, give it a host function, call its exports, and survive
// its trap.
//
//   cmake --build build --target embed && build/examples/embed
//
// Elsewhere, after `cmake --install`: find_package(LunaticRun) and link lunatic-run::host.
#include <cstdio>
#include <string>

#include "frontend/wat_parser.h"
#include "host/runtime.h"

namespace {

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
  return lr::ok_status();
}

}  // namespace

int main() {
  const lr::Status status = run();
  if (!status.ok()) std::fprintf(stderr, "embed: %s\n", status.error().message().c_str());
  return status.ok() ? 0 : 1;
}
