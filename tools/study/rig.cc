#include "tools/study/rig.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "host/wasi/wasi.h"

namespace lr::study {

namespace {

constexpr PermissionSet kPermissions = {Permission::Arguments,   Permission::Environment,
                                        Permission::Clocks,      Permission::Randomness,
                                        Permission::Descriptors, Permission::Exit};

// Standard streams that lead nowhere.
void silence(wasi::State& state) {
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0) return;
  for (u32 fd = 0; fd < 3; fd++) {
    const wasi::Rights withheld = fd == 0 ? wasi::kFdWrite : wasi::kFdRead;
    state.fds.put(fd, wasi::adopt_stream(nothing, wasi::kAllRights & ~withheld));
  }
  ::close(nothing);
}

Error failed(const Program& program, std::string why) {
  return make_error(Err::StartFailed, fmt::format("{}: {}", program.name, why));
}

}  // namespace

Result<std::unique_ptr<Rig>> Rig::create(const Program& program, const Setup& setup,
                                         jit::Preempt preempt, u32 workers,
                                         sched::YieldProbe* probe) {
  std::unique_ptr<Rig> rig(new Rig(program, setup));
  RuntimeOptions options;
  options.engine = setup.engine;
  options.engine.preempt = preempt;
  options.scheduler.workers = workers;
  options.scheduler.yield_probe = probe;
  rig->runtime_ = TRY(Runtime::create(options));
  TRY(rig->runtime_->linker().add(wasi::functions()));
  rig->module_ = TRY(rig->runtime_->load(program.module, program.name));
  jit::ModuleCode* code = TRY(rig->module_->code(setup.memory_class));
  SerialExecutor executor;
  TRY(code->compile_all(executor));
  rig->code_ = code->stats();
  return rig;
}

Result<std::unique_ptr<Guest>> Guest::create(Rig& rig) {
  std::unique_ptr<Guest> guest(new Guest(rig));
  const Program& program = rig.program();
  ProcessConfig config;
  config.permissions = kPermissions;
  config.memory_class = rig.setup().memory_class;
  config.arguments = program.arguments;
  config.directories = rig.setup().directories;
  guest->handle_ = TRY(rig.runtime().create_process(config));
  TRY(guest->handle_->process().open_wasi());
  silence(guest->handle_->process().wasi());
  jit::Instance* instance = TRY(guest->handle_->instantiate(rig.module()));
  const std::optional<jit::Extern> entry = instance->find_export(program.entry);
  if (!entry || entry->func == nullptr) return failed(program, "no function " + program.entry);
  guest->entry_ = entry->func;
  return guest;
}

void Guest::start() {
  done_.reset();
  call_.function = entry_;
  values_ = rig_.program().values;
  values_.resize(std::max<usize>(values_.size(), jit::value_words(entry_->type)));
  call_.values = values_.data();
  outcome_ = Outcome();
  call_.outcome = &outcome_;
  call_.done = &done_;
  handle_->post(call_);
}

Status Guest::finish() {
  const Program& program = rig_.program();
  if (outcome_.kind == Outcome::Kind::Exited) {
    if (outcome_.exit_status == 0) return ok_status();
    return failed(program, fmt::format("exited with status {}", outcome_.exit_status));
  }
  if (!outcome_.returned()) return failed(program, outcome_.message);
  if (program.result && static_cast<u32>(values_[0]) != *program.result) {
    return failed(program, fmt::format("returned {}, expected {}", static_cast<u32>(values_[0]),
                                       *program.result));
  }
  return ok_status();
}

Status Guest::call() {
  start();
  rig_.runtime().scheduler().drive(done_);
  return finish();
}

}  // namespace lr::study
