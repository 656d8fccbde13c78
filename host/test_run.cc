#include "host/test_run.h"

#include "host/spawn.h"
#include "host/wasi/capture.h"
#include "host/wasi/grants.h"

namespace lr {
namespace {

// As with the command that this mode is like, so that a guest can tell that it is tested.
constexpr u64 kTestEnvironmentId = 0;

}  // namespace

bool TestEnd::is_normal() const {
  return outcome.returned() || (outcome.kind == Outcome::Kind::Exited && outcome.exit_status == 0);
}

struct TestRun::Test {
  std::shared_ptr<wasi::Capture> capture;
  EnvironmentRef environment;
  sched::ProcessRef process;  // Null once its end has been told.
};

TestRun::TestRun(RunOptions options) : options_(std::move(options)) {}

TestRun::~TestRun() {
  tests_.clear();
  module_.reset();
  runtime_.reset();
}

Result<std::unique_ptr<TestRun>> TestRun::load(RunOptions options) {
  std::unique_ptr<TestRun> tests(new TestRun(std::move(options)));
  RunOptions& said = tests->options_;
  if (said.trace) tests->tracer_ = std::make_unique<Tracer>(said.trace);
  tests->runtime_ = TRY(create_runtime(said));
  const auto compiled = TRY(tests->runtime_->load(std::move(said.module), said.name));
  tests->module_ = TRY(tests->runtime_->link(compiled));
  tests->config_ = root_config(said, tests->tracer_.get());
  tests->config_.arguments = said.arguments;
  TRY(wasi::open_grants(tests->config_.directories));
  if (said.compile_eagerly) TRY(tests->compile());
  return tests;
}

Status TestRun::compile() {
  const jit::MemoryClass chosen = config_.memory_class.value_or(choose_memory_class(
      module_->compiled()->module(), config_.memory_max_bytes, module_->history(), false));
  jit::ModuleCode* code = TRY(module_->compiled()->code(chosen));
  return code->compile_all(runtime_->scheduler().helpers());
}

std::vector<std::string_view> TestRun::functions() const {
  std::vector<std::string_view> names;
  for (const Export& entry : module_->compiled()->module().exports) {
    if (entry.kind == ExternKind::Func) names.push_back(entry.name);
  }
  return names;
}

Status TestRun::start(Test& test, std::string_view name, bool echoes) {
  test.capture = std::make_shared<wasi::Capture>(echoes);
  test.environment = std::make_shared<Environment>(*runtime_, kTestEnvironmentId);
  ProcessConfig config = config_;
  config.capture = test.capture;
  const auto shared = std::make_shared<const ProcessConfig>(std::move(config));
  const SpawnRequest request = {.environment = test.environment,
                                .module = module_,
                                .config = shared,
                                .function = name,
                                .entry = module_->entry(name),
                                .ended = &some_ended_};
  test.process = TRY(spawn(request, runtime_->scheduler()));
  return ok_status();
}

Status TestRun::run(std::span<const std::string_view> names, bool echoes,
                    const std::function<void(const TestEnd&)>& ended) {
  const usize first = tests_.size();
  for (const std::string_view name : names) {
    TRY(start(*tests_.emplace_back(std::make_unique<Test>()), name, echoes));
  }
  for (usize left = names.size(); left > 0;) {
    some_ended_.reset();
    for (usize i = 0; i < names.size(); ++i) {
      Test& test = *tests_[first + i];
      if (!test.process || test.process->state() != sched::Process::kDone) continue;
      const Outcome& outcome = static_cast<const Process&>(*test.process).outcome();
      ended({i, outcome, test.capture->texts()});
      test.process.reset();
      --left;
    }
    if (left > 0) runtime_->scheduler().drive(some_ended_);
  }
  return ok_status();
}

}  // namespace lr
