#include "jit/masm/masm_harness.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "base/check.h"

namespace lr::jit {

namespace {

class NativeExecutor final : public Executor {
 public:
  NativeExecutor() {
    code_ =
        mmap(nullptr, kCodeBytesMax, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void* state = mmap(reinterpret_cast<void*>(kStateAddress), sizeof(State),
                       PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(code_ != MAP_FAILED && state != MAP_FAILED);
  }
  ~NativeExecutor() override { munmap(code_, kCodeBytesMax); }

  void place(std::span<const u8> code) override {
    CHECK(mprotect(code_, kCodeBytesMax, PROT_READ | PROT_WRITE) == 0);
    std::memcpy(code_, code.data(), code.size());
    CHECK(mprotect(code_, kCodeBytesMax, PROT_READ | PROT_EXEC) == 0);
    auto* begin = static_cast<char*>(code_);
    __builtin___clear_cache(begin, begin + code.size());
  }

  void run(State& state) override {
    auto* shared = reinterpret_cast<State*>(kStateAddress);
    *shared = state;
    reinterpret_cast<void (*)(State*)>(code_)(shared);
    state = *shared;
  }

 private:
  void* code_;
};

// Requests are a length and that many bytes of code, or a length of 0 and a State, which comes
// back.
class RemoteExecutor final : public Executor {
 public:
  explicit RemoteExecutor(const char* command) {
    int to_child[2], from_child[2];
    CHECK(pipe(to_child) == 0 && pipe(from_child) == 0);
    child_ = fork();
    CHECK(child_ >= 0);
    if (child_ == 0) {
      dup2(to_child[0], 0);
      dup2(from_child[1], 1);
      close(to_child[1]);
      close(from_child[0]);
      execl("/bin/sh", "sh", "-c", command, nullptr);
      _exit(127);
    }
    close(to_child[0]);
    close(from_child[1]);
    out_ = to_child[1];
    in_ = from_child[0];
  }
  ~RemoteExecutor() override {
    close(out_);
    close(in_);
    waitpid(child_, nullptr, 0);
  }

  void place(std::span<const u8> code) override {
    const u64 size = code.size();
    send(&size, sizeof size);
    send(code.data(), code.size());
  }
  void run(State& state) override {
    const u64 size = 0;
    send(&size, sizeof size);
    send(&state, sizeof state);
    for (usize got = 0; got < sizeof state;) {
      const ssize_t n = read(in_, reinterpret_cast<char*>(&state) + got, sizeof state - got);
      CHECK(n > 0);
      got += static_cast<usize>(n);
    }
  }

 private:
  void send(const void* data, usize size) {
    for (usize sent = 0; sent < size;) {
      const ssize_t n = write(out_, static_cast<const char*>(data) + sent, size - sent);
      CHECK(n > 0);
      sent += static_cast<usize>(n);
    }
  }

  pid_t child_;
  int in_, out_;
};

Store store_of(Reg r) { return r.is_vector() ? Store::V128 : Store::I64; }
Load load_of(Reg r) { return r.is_vector() ? Load::V128 : Load::I64; }

}  // namespace

std::unique_ptr<Executor> make_native_executor() { return std::make_unique<NativeExecutor>(); }
std::unique_ptr<Executor> make_remote_executor(const char* command) {
  return std::make_unique<RemoteExecutor>(command);
}

// More than any C convention wants kept.
template <typename F>
void Harness::each_saved(F f) const {
  const Target& t = masm_.target();
  RegSet saved = t.allocatable | RegSet::of(t.context, t.memory_base, t.memory_extent);
  for (i32 disp = 0; !saved.empty(); disp += 16) {
    f(saved.take_first(), Address{.base = t.sp, .disp = disp});
  }
}

template <typename F>
void Harness::each_value(F f) const {
  const Target& t = masm_.target();
  RegSet values = t.allocatable | RegSet::of(t.memory_base, t.memory_extent);
  while (!values.empty()) {
    const Reg r = values.take_first();
    const usize at = r.is_vector() ? offsetof(State, vectors) + 16 * usize{r.number()}
                                   : offsetof(State, ints) + 8 * usize{r.number()};
    f(r, Address{.base = t.context, .disp = static_cast<i32>(at)});
  }
}

void Harness::build(const Body& body) {
  const Target& t = masm_.target();
  const Reg first_c_argument = int_reg(t.return_address_bytes != 0 ? 7 : 0);  // rdi, x0
  masm_.reset();
  const Patch enter = masm_.enter_frame();
  each_saved([&](Reg r, Address slot) { masm_.store(store_of(r), slot, r); });
  masm_.move(Width::W64, t.context, first_c_argument);
  each_value([&](Reg r, Address slot) { masm_.load(load_of(r), r, slot); });
  Label exits[kExits], end;
  body(masm_, exits);
  masm_.bind(end);
  each_value([&](Reg r, Address slot) { masm_.store(store_of(r), slot, r); });
  each_saved([&](Reg r, Address slot) { masm_.load(load_of(r), r, slot); });
  const Patch leave = masm_.leave_frame();
  masm_.ret(0);
  for (usize i = 0; i < kExits; i++) {
    masm_.bind(exits[i]);
    const Address outcome{.base = t.context, .disp = offsetof(State, outcome)};
    masm_.store_imm(Store::I64, outcome, static_cast<i32>(i + 1));
    masm_.jump(end);
  }
  masm_.emit_constants();
  masm_.patch_frame(enter, kFrameBytes);
  masm_.patch_frame(leave, kFrameBytes);
  CHECK(masm_.ok() && masm_.code().size() <= Executor::kCodeBytesMax);
  executor_->place(masm_.code());
}

}  // namespace lr::jit
