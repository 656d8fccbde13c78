// What single operations cost in guest code: calls of every kind, and memory accesses in both
// classes of memory. Each benchmark runs a loop in a guest; `each` is the time of one operation
// with its share of the loop, and `empty_loop` says what that share is.
#include <benchmark/benchmark.h>

#include "frontend/wat_parser.h"
#include "host/lunatic/lunatic.h"
#include "host/runtime.h"

namespace lr {
namespace {

constexpr u32 kOperations = 1'000'000;

u32 add_on_host(Caller&, u32 a, u32 b) { return a + b; }

constexpr HostFunction kHostFunctions[] = {
    host_function<&add_on_host>("bench", "add", "a b", 2, Permission::None),
};

// A loop that does `body` kOperations times. The function's locals: $n counts down, $x is a value
// to change.
std::string loop_of(std::string_view definitions, std::string_view body) {
  std::string text = "(module (memory (export \"memory\") 16) ";
  // Imports come first.
  if (definitions.find("(import") != std::string_view::npos) text = "(module ";
  text += definitions;
  text += R"((func (export "run") (param $n i32) (result i32) (local $x i32) (local $f f64)
    (loop $again )";
  text += body;
  text += R"( (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))))";
  return text;
}

class Guest {
 public:
  Guest(std::string_view text, jit::MemoryClass memory_class,
        jit::Preempt preempt = jit::Preempt::Flag) {
    RuntimeOptions options;
    options.scheduler.workers = 1;
    options.engine.preempt = preempt;
    runtime_ = std::move(Runtime::create(options)).value();
    CHECK(runtime_->linker().add(kHostFunctions).ok());
    CHECK(runtime_->linker().add(lunatic::functions()).ok());
    Result<std::vector<u8>> binary = parse_wat(text);
    CHECK(binary.ok());
    auto module = runtime_->load(std::move(binary.value()), "bench");
    CHECK(module.ok());
    ProcessConfig config;
    config.permissions = PermissionSet::all();
    config.memory_class = memory_class;
    process_ = std::move(runtime_->create_process(config)).value();
    auto instance = process_->instantiate(module.value());
    CHECK(instance.ok());
    instance_ = instance.value();
  }

  void run() {
    std::vector<u64> values = {kOperations};
    CHECK(process_->call(*instance_, "run", values).returned());
  }

 private:
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<ProcessHandle> process_;
  jit::Instance* instance_ = nullptr;
};

void measure(benchmark::State& state, Guest& guest) {
  guest.run();  // Compiles what it calls.
  for (auto _ : state) guest.run();
  const f64 operations = static_cast<f64>(kOperations) * static_cast<f64>(state.iterations());
  state.counters["each"] =
      benchmark::Counter(operations, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// --- Calls.

struct CallCase {
  const char* definitions;
  const char* body;
};

constexpr CallCase kEmptyLoop = {"", ""};
constexpr CallCase kLeaf = {
    "(func $f (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))",
    "(local.set $x (call $f (local.get $x) (local.get $n)))"};
// Too large to be inlined: it holds a loop that never runs.
constexpr CallCase kCall = {
    R"((func $f (param i32 i32) (result i32)
      (if (i32.eq (local.get 1) (i32.const -1)) (then (loop $l (br_if $l (local.get 0)))))
      (i32.add (local.get 0) (local.get 1))))",
    "(local.set $x (call $f (local.get $x) (local.get $n)))"};
constexpr CallCase kIndirect = {
    R"((type $t (func (param i32 i32) (result i32)))
    (table 4 funcref) (elem (i32.const 0) $f $g $f $g)
    (func $f (type $t) (i32.add (local.get 0) (local.get 1)))
    (func $g (type $t) (i32.xor (local.get 0) (local.get 1))))",
    R"((local.set $x (call_indirect (type $t) (local.get $x) (local.get $n)
      (i32.and (local.get $n) (i32.const 3)))))"};
constexpr CallCase kHost = {R"((import "bench" "add" (func $f (param i32 i32) (result i32))))",
                            "(local.set $x (call $f (local.get $x) (local.get $n)))"};

// What a guest calls once for every value of a message. A new message begins every 256 times.
#define MESSAGE_IMPORTS                                                                        \
  "(import \"lunatic::message\" \"create_data\" (func $create (param i64 i64)))"               \
  "(import \"lunatic::message\" \"write_data\" (func $write (param i32 i32) (result i32)))"    \
  "(import \"lunatic::message\" \"read_data\" (func $read (param i32 i32) (result i32)))"      \
  "(import \"lunatic::message\" \"seek_data\" (func $seek (param i64)))"                       \
  "(import \"lunatic::message\" \"send\" (func $send (param i64) (result i32)))"               \
  "(import \"lunatic::message\" \"receive\" (func $receive (param i32 i32 i64) (result i32)))" \
  "(import \"lunatic::process\" \"process_id\" (func $me (result i64)))"                       \
  "(memory (export \"memory\") 1)"
constexpr CallCase kWriteData = {MESSAGE_IMPORTS,
                                 R"((if (i32.or (i32.eqz (i32.and (local.get $n) (i32.const 255)))
                   (i32.eq (local.get $n) (i32.const 1000000)))
      (then (call $create (i64.const 1) (i64.const 0))))
    (local.set $x (call $write (i32.const 64) (i32.const 8))))"};
constexpr CallCase kReadData = {MESSAGE_IMPORTS,
                                R"((if (i32.eq (local.get $n) (i32.const 1000000)) (then
        (call $create (i64.const 1) (i64.const 0))
        (drop (call $write (i32.const 64) (i32.const 2048)))))
    (if (i32.eqz (i32.and (local.get $n) (i32.const 255))) (then (call $seek (i64.const 0))))
    (local.set $x (call $read (i32.const 64) (i32.const 8))))"};
constexpr CallCase kCreateData = {MESSAGE_IMPORTS, "(call $create (i64.const 1) (i64.const 0))"};
constexpr CallCase kSendReceive = {MESSAGE_IMPORTS,
                                   R"((call $create (i64.const 1) (i64.const 0))
    (drop (call $write (i32.const 64) (i32.const 8)))
    (drop (call $send (call $me)))
    (local.set $x (call $receive (i32.const 0) (i32.const 0) (i64.const -1))))"};
#undef MESSAGE_IMPORTS

void call(benchmark::State& state, const CallCase& call_case) {
  Guest guest(loop_of(call_case.definitions, call_case.body), jit::MemoryClass::Guarded);
  measure(state, guest);
}
BENCHMARK_CAPTURE(call, empty_loop, kEmptyLoop)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(call, leaf, kLeaf)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(call, direct, kCall)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(call, indirect, kIndirect)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(call, host, kHost)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(call, message_write_8, kWriteData)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(call, message_read_8, kReadData)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(call, message_create, kCreateData)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(call, message_to_itself, kSendReceive)->Unit(benchmark::kMicrosecond);

void empty_loop_without_yield_check(benchmark::State& state) {
  Guest guest(loop_of("", ""), jit::MemoryClass::Guarded, jit::Preempt::None);
  measure(state, guest);
}
BENCHMARK(empty_loop_without_yield_check)->Unit(benchmark::kMicrosecond);

// --- Memory. The addresses stay within 64 KiB: what is measured is the code, not the caches.

constexpr const char* kLoad =
    "(local.set $x (i32.add (local.get $x) (i32.load (i32.and (local.get $n) (i32.const "
    "0xfffc)))))";
constexpr const char* kStore =
    "(i32.store (i32.and (local.get $n) (i32.const 0xfffc)) (local.get $n))";
// Four accesses from one address: one check should do.
constexpr const char* kFields = R"(
    (local.set $x (i32.and (local.get $n) (i32.const 0xfff0)))
    (i32.store offset=12 (local.get $x) (i32.add (i32.load (local.get $x))
      (i32.add (i32.load offset=4 (local.get $x)) (i32.load offset=8 (local.get $x))))))";
constexpr const char* kDoubles = R"(
    (local.set $f (f64.add (local.get $f)
      (f64.load offset=1024 (i32.and (local.get $n) (i32.const 0xfff8))))))";
constexpr const char* kCopy =
    "(memory.copy (i32.const 0x8000) (i32.and (local.get $n) (i32.const 0xff)) (i32.const 64))";

void memory(benchmark::State& state, const char* body, jit::MemoryClass memory_class) {
  Guest guest(loop_of("", body), memory_class);
  measure(state, guest);
}
#define MEMORY_BENCHMARK(name, body)                                         \
  BENCHMARK_CAPTURE(memory, name##_guarded, body, jit::MemoryClass::Guarded) \
      ->Unit(benchmark::kMicrosecond);                                       \
  BENCHMARK_CAPTURE(memory, name##_dense, body, jit::MemoryClass::Dense)     \
      ->Unit(benchmark::kMicrosecond)
MEMORY_BENCHMARK(load, kLoad);
MEMORY_BENCHMARK(store, kStore);
MEMORY_BENCHMARK(fields, kFields);
MEMORY_BENCHMARK(doubles, kDoubles);
MEMORY_BENCHMARK(copy_64_bytes, kCopy);
#undef MEMORY_BENCHMARK

}  // namespace
}  // namespace lr

BENCHMARK_MAIN();
