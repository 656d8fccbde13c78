// The machine that instructions work on (specification section 4.4): a stack of values, one of
// labels, one of frames. Calls and blocks of the guest are entries of these, never frames of C++.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "spec-tests/interpreter/store.h"

namespace lr::interp {

// How a block is entered, and so what a branch to it or an exception inside of it does.
enum class Entry : u8 {
  Block,
  Loop,
  Handler,  // A try or try_table, whose body runs.
};

class Machine {
 public:
  explicit Machine(Store& store);

  // Runs to the end. `results` has room for them.
  Outcome invoke(FuncInst& func, std::span<const Value> args, std::span<Value> results);
  // The value of a constant expression.
  Outcome evaluate(ModuleInst& instance, const Code& code, Value& result);

  u64 fuel = 0;

  // -- What instructions do -----------------------------------------------------------------------

  Store& store() { return store_; }
  ModuleInst& instance() { return *frames_.back().instance; }
  const Code& code() { return *frames_.back().code; }
  Value& local(u32 index) { return locals_[index]; }

  // The stack of values. `top(n)` is the first of the n uppermost.
  Value* top(u32 count) { return top_ - count; }
  void drop(u32 count) { top_ -= count; }
  Value pop_value() { return *--top_; }
  void push_value(const Value& value) {
    if (top_ == limit_) return trap(Trap::StackExhausted);
    *top_++ = value;
  }
  template <typename T>
  T pop() {
    return pop_value().as<T>();
  }
  template <typename T>
  void push(T value) {
    push_value(Value::of(value));
  }
  // Puts a result into the place of `count` operands, at least one.
  template <typename T>
  void replace(u32 count, T result) {
    top_ -= count;
    *top_++ = Value::of(result);
  }
  template <typename T>
  void replace(u32 count, const OrTrap<T>& result) {
    if (result.trap != Trap::None) return trap(result.trap);
    replace(count, result.value);
  }

  // Ends the execution.
  void trap(Trap reason);
  void wait_for_ever() { end(Outcome::Kind::OutOfFuel); }
  // Work beyond that of one instruction. False if there is no fuel for it.
  bool charge(u64 work);

  void jump(u32 inst) { next_ = code().insts.data() + inst; }
  void enter_block(u32 block, Entry entry);
  void leave_block() { labels_.pop_back(); }
  void branch(u32 depth);

  void call(FuncInst& func);
  // Puts the callee's frame into the place of the caller's.
  void tail_call(FuncInst& func);
  void return_from_frame();

  void throw_exception(Exception* exception);
  // The exception that the legacy handler at this depth has caught.
  Exception* caught(u32 depth) { return label(depth).caught; }

 private:
  struct Label {
    Entry entry = Entry::Block;
    bool is_frame = false;        // The function itself.
    u32 arity = 0;                // Values that a branch takes along,
    u32 target = 0;               //   and where it goes.
    u32 block = 0;                // In Code::blocks.
    Value* height = nullptr;      // Of the stack of values, below what the block takes.
    Exception* caught = nullptr;  // In a legacy handler.
  };
  struct Frame {
    ModuleInst* instance = nullptr;
    const Code* code = nullptr;
    Value* locals = nullptr;
    const Inst* return_to = nullptr;  // In the frame below; meaningless in the lowest.
    usize labels = 0;                 // Below it.
  };

  Label& label(u32 depth) { return labels_[labels_.size() - 1 - depth]; }
  void push_frame(ModuleInst& instance, const Code& code);
  // Execution goes on behind the call, with these results on the stack or none.
  void pop_frame(u32 results);
  void call_host(FuncInst& func);
  void run();
  void end(Outcome::Kind kind);
  bool handle(usize at, Exception& exception);

  Store& store_;
  std::unique_ptr<Value[]> values_;
  Value* limit_;
  Value* top_;
  Value* locals_ = nullptr;     // Of the uppermost frame.
  const Inst* next_ = nullptr;  // The instruction to be executed.
  std::vector<Label> labels_;
  std::vector<Frame> frames_;
  bool is_running_ = false;
  Outcome outcome_;
};

}  // namespace lr::interp
