#include "jit/traps.h"

#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <mutex>

#include "jit/code_registry.h"
#include "jit/code_space.h"
#include "jit/compiled_module.h"
#include "jit/entry.h"
#include "jit/instance.h"
#include "jit/machine.h"
#include "jit/memory.h"

namespace lr::jit {

void Interrupted::push_pc() {
  const u64 top = sp() - kPcSlotBytes;
  const u64 value = pc();
  std::memcpy(reinterpret_cast<void*>(top), &value, sizeof value);
  set_sp(top);
}

namespace {

// Of the real-time signals.
constexpr int kInterruptSignal = 5;
constexpr usize kSignalStackBytes = 64 * kKiB;

struct sigaction g_previous_segv;
struct sigaction g_previous_bus;
const Target* g_target = nullptr;

bool is_in_function(const void* pc) {
  const CodeOwner owner = find_code(pc);
  return owner.space != nullptr && owner.space->find(pc) != nullptr;
}

// The running instance if it is a function of its that has faulted; else null. Reads nothing but
// what code that is ours vouches for.
Context* running_context(const Interrupted& at) {
  if (!is_in_function(reinterpret_cast<const void*>(at.pc()))) return nullptr;
  // In a function's body the context register is what its name says.
  return reinterpret_cast<Context*>(at.reg(g_target->context));
}

// Whether the fault was a page of initial data that is there now.
bool admits(const Context& context, const void* address) {
  const u64 memories = context.instance->module().memories.size();
  for (u32 i = 0; i < memories; i++) {
    if (context.instance->memory(i).admit(address)) return true;
  }
  return false;
}

// Whether the fault is an unchecked access of memory 0.
bool is_out_of_bounds(const Context& context, const void* address) {
  return context.memory0 != nullptr && Memory::of(context.memory0).owns_guarded(address);
}

// Makes the interrupted code continue in the trap's stub as if it had called it.
void divert_to_trap(Interrupted& at, Context* context) {
  RunState* run = context->run;
  run->trap_code = static_cast<u32>(Trap::MemoryOutOfBounds);
  at.push_pc();
  at.set_reg(c_abi().args[0], reinterpret_cast<u64>(run));
  at.set_pc(reinterpret_cast<u64>(lr_trap_leave));
}

void print_hex(char* out, u64 value) {
  for (int shift = 60; shift >= 0; shift -= 4) *out++ = "0123456789abcdef"[value >> shift & 15];
}

// A crash of ours: one line, then the default action at the same instruction.
void crash(int signal, const void* address, u64 pc) {
  char line[] =
      "lunatic-run: crashed at 0x................ touching 0x................ (this is a bug)\n";
  char* const first = std::strstr(line, "0x");
  print_hex(first + 2, pc);
  print_hex(std::strstr(first + 2, "0x") + 2, reinterpret_cast<u64>(address));
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
}

void forward(const struct sigaction& previous, int signal, siginfo_t* info, void* ucontext) {
  if ((previous.sa_flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(signal, info, ucontext);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  } else {
    crash(signal, info->si_addr, Interrupted{ucontext}.pc());
  }
}

void on_fault(int signal, siginfo_t* info, void* ucontext) {
  Interrupted at{ucontext};
  // si_code > 0: the kernel says so, nobody sent it.
  if (info->si_code > 0 && is_poll_page(info->si_addr) &&
      is_in_function(reinterpret_cast<const void*>(at.pc()))) {
    // It goes on behind the load, whose address is stale.
    at.call(lr_yield, at.pc() + kPollPageBytes);
    return;
  }
  Context* const context = info->si_code > 0 ? running_context(at) : nullptr;
  if (context != nullptr && admits(*context, info->si_addr)) return;
  if (context != nullptr && is_out_of_bounds(*context, info->si_addr)) {
    divert_to_trap(at, context);
    return;
  }
  forward(signal == SIGSEGV ? g_previous_segv : g_previous_bus, signal, info, ucontext);
}

// The process may be in the middle of anything that a function does, so nobody looks at its stack
// until it goes on: it is neither moved nor collected.
void on_interrupt(int /*signal*/, siginfo_t* /*info*/, void* ucontext) {
  Interrupted at{ucontext};
  if (!is_in_function(reinterpret_cast<const void*>(at.pc()))) return;
  const auto* context = reinterpret_cast<const Context*>(at.reg(g_target->context));
  // It may be late: what was to be interrupted has yielded since.
  if (context->run->request.load(std::memory_order_relaxed) == 0) return;
  at.push_pc();
  at.set_pc(reinterpret_cast<u64>(lr_interrupted));
}

Status install() {
  g_target = &host_target(CpuFeatures{});
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGSEGV, &action, &g_previous_segv) != 0 ||
      sigaction(SIGBUS, &action, &g_previous_bus) != 0) {
    return make_error(Err::SystemError, "the handler for guard pages cannot be installed");
  }
  return ok_status();
}

}  // namespace

Status install_trap_handler() {
  static const Status status = install();
  return status;
}

Result<int> install_interrupt_handler() {
  TRY(install_trap_handler());
  static const int signal = SIGRTMIN + kInterruptSignal;
  static const bool installed = [] {
    struct sigaction action = {};
    action.sa_sigaction = on_interrupt;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    sigfillset(&action.sa_mask);
    return sigaction(signal, &action, nullptr) == 0;
  }();
  if (!installed) return make_error(Err::SystemError, "no signal to interrupt processes with");
  return signal;
}

SignalStack::SignalStack() {
  void* stack = mmap(nullptr, kSignalStackBytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (stack == MAP_FAILED) return;  // The kernel ends the program at a fault, as it would have.
  stack_ = stack;
  stack_t now = {};
  now.ss_sp = stack;
  now.ss_size = kSignalStackBytes;
  auto* previous = new stack_t();
  sigaltstack(&now, previous);
  previous_ = previous;
}

SignalStack::~SignalStack() {
  if (stack_ == nullptr) return;
  auto* previous = static_cast<stack_t*>(previous_);
  sigaltstack(previous, nullptr);
  delete previous;
  munmap(stack_, kSignalStackBytes);
}

}  // namespace lr::jit
